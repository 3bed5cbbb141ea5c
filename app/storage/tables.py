"""All tables, so that the migrations can be compared with them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from sqlalchemy import MetaData

import app.storage
from app.storage.engine import audit  # noqa: F401 - the audit log's table is the engine's own
from app.storage.engine.rows import Row

for _noun in iter_modules(app.storage.__path__, "app.storage."):
    if not _noun.ispkg and _noun.name != __name__:
        import_module(_noun.name)

METADATA: Final[MetaData] = Row.metadata
