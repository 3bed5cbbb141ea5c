"""Requests and replies about the clinic."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.clinics.service import Clinic
from app.web.schemas import ReplyBody, RequestBody, example

PhoneNumber = Annotated[str, Field(pattern=r"^\+?[0-9 ()./-]{3,30}$", examples=["+1 555 0100"])]


class ClinicReply(ReplyBody):
    """The clinic."""

    id: UUID
    name: str
    mode: Literal["test", "live"] = Field(description="In test mode everything works and says 'test'")
    crisis_phone: str | None

    @classmethod
    def of(cls, clinic: Clinic) -> "ClinicReply":
        """Make the reply."""
        return cls.model_validate(clinic, from_attributes=True)


class ClinicChange(RequestBody):
    """What to change; fields left out stay."""

    model_config = example(crisis_phone="+1 555 0100")

    # Kept as it is, and PostgreSQL's texts cannot hold a NUL; nobody's name holds a control character.
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    crisis_phone: PhoneNumber | None = None
