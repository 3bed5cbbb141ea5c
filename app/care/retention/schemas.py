"""Requests and replies about what is kept for how long, and legal holds."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from app.care.retention.queries import Hold, RetentionRules
from app.web.schemas import ReplyBody, RequestBody, example

# The stream of events reaches back 90 days.
_Months = Annotated[int | None, Field(ge=4, le=600, examples=[24])]
_YearsOfMonths = Annotated[int | None, Field(ge=12, le=600, examples=[120])]


class RetentionEntry(RequestBody):
    """For how many months each kind is kept; null or left out: it is kept."""

    model_config = example(deliveries_months=24, messages_months=24, archived_patients_months=None)

    deliveries_months: _Months = None
    messages_months: _Months = None
    archived_patients_months: _YearsOfMonths = None

    def rules(self) -> RetentionRules:
        """Give them as the service knows them."""
        return RetentionRules(**self.model_dump())


class RetentionReply(ReplyBody):
    """The clinic's rules."""

    deliveries_months: _Months
    messages_months: _Months
    archived_patients_months: _YearsOfMonths

    @classmethod
    def of(cls, rules: RetentionRules) -> Self:
        """Make the reply."""
        return cls(**asdict(rules))


class LegalHoldEntry(RequestBody):
    """What is to stay, and why: one patient, or without one all of the clinic."""

    model_config = example(patient_id=None, reason="Claim 17-204, letter of 2 May")

    patient_id: UUID | None = None
    reason: Annotated[str, Field(min_length=1, max_length=2000, examples=["Claim 17-204, letter of 2 May"])]


class LegalHoldReply(ReplyBody):
    """A hold: on whom, why, since when, by whom; and when it was lifted."""

    id: UUID
    patient_id: UUID | None
    reason: str = Field(examples=["Claim 17-204, letter of 2 May"])
    placed_at: datetime
    placed_by: UUID | None
    lifted_at: datetime | None
    lifted_by: UUID | None

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """Make the reply."""
        return cls(**asdict(hold))


class LegalHoldList(ReplyBody):
    """The clinic's holds, newest first."""

    items: list[LegalHoldReply]
