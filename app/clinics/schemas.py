"""Requests and replies about the clinic."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.clinics.policy import PolicyView
from app.clinics.service import Clinic
from app.web.schemas import Moment, ReplyBody, RequestBody, example

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


class PolicyEntry(RequestBody):
    """The numbers in which the clinic differs, by name; all others are the service's own."""

    model_config = example(numbers={"consider_at": 0.6}, effective_from="2026-12-01T00:00:00-05:00")

    numbers: Annotated[dict[str, Any], Field(max_length=200)]
    effective_from: Moment | None = Field(default=None, description="Null: from now on")


class NumberReply(ReplyBody):
    """One number that decides, with its unit, reason and source; it may be set from lowest to highest.

    Where these meet, no clinic can change it; where choices are named, it is one of them.
    """

    name: str
    value: float
    unit: str
    lowest: float
    highest: float
    reason: str
    source: str
    choices: list[int]


class PolicyVersionReply(ReplyBody):
    """One version of the clinic's numbers; `rule` is how decisions name it."""

    version: int
    numbers: dict[str, float]
    rule: str
    effective_from: datetime
    created_at: datetime
    created_by: UUID | None


class PolicyReply(ReplyBody):
    """What the clinic decides with now, and every version there ever was."""

    version: int = Field(description="0: the service's own numbers")
    rule: str
    numbers: list[NumberReply]
    versions: list[PolicyVersionReply]

    @classmethod
    def of(cls, view: PolicyView) -> "PolicyReply":
        """Make the reply."""
        return cls.model_validate(view, from_attributes=True)
