"""What routes ask for."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request

from app.web.equipment import Equipment


async def equipment_of(request: Request) -> Equipment:
    """Give the process's equipment to a route.

    Async, though it waits for nothing: FastAPI sends plain functions to a thread, which costs more than
    the whole check-in's validation.
    """
    equipment: Equipment = request.app.state.equipment
    return equipment


EquipmentNeeded = Annotated[Equipment, Depends(equipment_of)]
IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag that was read, so that nobody's change is lost; "
        "left out where the operation does not need it, it is not looked at"
    ),
]
OnlyPatient = Annotated[UUID | None, Query(description="Only this patient's")]


def bearer_token(request: Request) -> str:
    """Give the bearer token as sent, or an empty text, which is never a valid one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
