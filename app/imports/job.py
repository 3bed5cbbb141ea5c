"""What a worker needs to know of imports before there is one."""

from typing import Final

WORK_ON_IMPORT: Final = "work_on_import"
