"""Requests and replies about what else changed for a patient."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.circumstances import GivenCircumstance, KnownCircumstance
from app.storage.circumstances import CircumstanceKind, Severity
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import Confirm, NeverEmptyError, Reason
from app.web.headers import etag_of
from app.web.schemas import Day, ReplyBody, RequestBody, choice_of, example

# Nobody's weight lies outside, in kilograms.
WeightKg = Annotated[float, Field(strict=True, ge=20, le=400, allow_inf_nan=False)]
Months = Annotated[int, Field(strict=True, ge=0, le=1200, description="How long the illness had lasted")]
Detail = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
Kind = Annotated[CircumstanceKind, choice_of(CircumstanceKind)]


class CircumstanceEntry(RequestBody):
    """Something that changed: a factor of the patient's, or another therapy."""

    model_config = example(kind="antidepressant_changed", since="2026-11-03", detail="Sertraline 100 mg")

    kind: Kind
    since: Day = Field(description="The day from which it holds")
    until: Day | None = Field(default=None, description="Its last day, if it is over")
    severity: Annotated[Severity, choice_of(Severity)] | None = Field(
        default=None, description="Of the kind `severity` only"
    )
    months: Months | None = Field(default=None, description="Of the kind `illness_duration` only")
    weight_kg: WeightKg | None = Field(default=None, description="Of the kind `weight` only")
    detail: Detail | None = Field(default=None, description="What it is in words; kept sealed")
    confirm: Confirm = ()

    def given(self) -> GivenCircumstance:
        """Take it as given."""
        return GivenCircumstance(**dict(self))


class CircumstanceAmendment(RequestBody):
    """What is different about it; fields left out stay, null takes a value back."""

    model_config = example(since="2026-11-10", reason="Started a week later")

    kind: Kind | None = None
    since: Day | None = None
    until: Day | None = None
    severity: Annotated[Severity, choice_of(Severity)] | None = None
    months: Months | None = None
    weight_kg: WeightKg | None = None
    detail: Detail | None = None
    reason: Reason
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_one(self) -> "CircumstanceAmendment":
        for name in ("kind", "since"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Take what was named as the change, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - {"reason", "confirm"})}


class CircumstanceReply(ReplyBody):
    """Something that changed. It is shown beside the trend and decides nothing."""

    id: UUID
    kind: CircumstanceKind
    since: date
    until: date | None
    severity: Severity | None
    months: int | None
    weight_kg: float | None
    detail: str | None
    status: RecordStatus
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of(cls, known: KnownCircumstance) -> "CircumstanceReply":
        """Make the reply."""
        stored = known.stored
        named = {name: getattr(stored, name) for name in ("id", "kind", "since", "until", "severity")}
        return cls(
            **named,
            months=stored.months,
            weight_kg=stored.weight_kg,
            detail=known.detail,
            status=known.status,
            version=stored.version,
            etag=etag_of(stored.version),
        )


class CircumstanceList(ReplyBody):
    """What else changed for a patient, latest first."""

    items: list[CircumstanceReply]
