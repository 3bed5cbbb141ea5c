"""What calls about signals and safety events are asked with."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query

IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag that was read, so that nobody's change is lost; left out, it is not looked at"
    ),
]
OnlyPatient = Annotated[UUID | None, Query(description="Only this patient's")]
