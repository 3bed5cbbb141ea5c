"""Requests and replies about the reference that a clinician chooses."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.care.treatment.commands import (
    ChosenDays,
)
from app.clinical.reference import Reference, ReferenceKind
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import Reason
from app.web.schemas import Day, ReplyBody, RequestBody, example


class ProposalAcceptance(RequestBody):
    """Why the proposed days are taken as the reference."""

    model_config = example(reason="Stable at work and at home all along")

    reason: Reason


class ChosenReferenceReply(ReplyBody):
    """A reference that a clinician chose; its reason stays sealed."""

    id: UUID
    from_day: date
    to_day: date
    set_at: datetime
    status: RecordStatus


class ChosenReferenceList(ReplyBody):
    """Chosen references, latest first."""

    items: list[ChosenReferenceReply]


class ReferenceEntry(RequestBody):
    """The check-in days to take as the new reference, first and last included, and why."""

    model_config = example(**{"from": "2026-10-20", "to": "2026-10-27", "reason": "Stable on a new dose"})

    from_day: Day = Field(alias="from")
    to_day: Day = Field(alias="to")
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]

    def chosen(self) -> ChosenDays:
        """Take them as chosen."""
        return ChosenDays(**dict(self))


class ReferenceReply(ReplyBody):
    """The reference as it is now."""

    kind: ReferenceKind
    n_days: int
    from_day: date
    to_day: date
    mean_gain: float = Field(description="What there is to lose, in points")

    @classmethod
    def of(cls, reference: Reference) -> "ReferenceReply":
        """Make the reply."""
        return cls.model_validate(reference, from_attributes=True)
