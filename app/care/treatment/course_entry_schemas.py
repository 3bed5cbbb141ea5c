"""What is sent to enter a course: one as planned, or that of a patient who was taken on in maintenance."""

from datetime import date
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from app.care.treatment.commands import PlannedCourse
from app.care.treatment.course_schemas import ProtocolCode
from app.care.treatment.infusion_schemas import Confirm, DoseMg, DosePerKg
from app.care.treatment.reference_schemas import ReferenceEntry
from app.care.treatment.taking_on import KnownInfusion, TakenOn
from app.clinical.course import DatePrecision, EarlierInfusions, Route
from app.foundation.errors import RefusalError
from app.web.schemas import Day, Moment, RequestBody, choice_of, example


class EitherTimeOrDayError(RefusalError, ValueError):
    """Please give the time of an infusion, or its day where the hour is not known; not both."""

    code = "either-time-or-day"


class PrecisionOfDayError(RefusalError, ValueError):
    """A day is known to the day or to the month; without a day the precision is unknown."""

    code = "precision-of-day"


class TakenOnWithoutDateError(RefusalError, ValueError):
    """Please say on which day the patient was taken on."""

    code = "taken-on-without-date"


class KnownInfusionEntry(RequestBody):
    """An infusion from before: its time, or its day where the hour is not known."""

    given_at: Moment | None = None
    given_on: Day | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None

    @model_validator(mode="after")
    def _is_given(self) -> "KnownInfusionEntry":
        if (self.given_at is None) == (self.given_on is None):
            raise EitherTimeOrDayError
        return self


class EarlierEntry(RequestBody):
    """Infusions from before that are known only as "about so many, last on …", beside those listed."""

    model_config = example(count=12, last_on="2026-08-01", precision="month")

    count: Annotated[int, Field(strict=True, ge=1, le=1000)]
    last_on: Day | None = None
    precision: Annotated[DatePrecision, choice_of(DatePrecision)] = Field(
        default=DatePrecision.UNKNOWN, description="How well the day of the last one is known"
    )

    @model_validator(mode="after")
    def _says_how_well(self) -> "EarlierEntry":
        if (self.last_on is None) != (self.precision is DatePrecision.UNKNOWN):
            raise PrecisionOfDayError
        return self


class TakenOnEntry(RequestBody):
    """How a patient joins in maintenance: no induction here; the reference is named now or later."""

    model_config = example(
        on="2026-11-02", earlier={"count": 12, "last_on": "2026-10-01", "precision": "month"}
    )

    on: Day | None = Field(default=None, description="Without it: the course's started_on")
    infusions: Annotated[list[KnownInfusionEntry], Field(max_length=500)] = Field(default=[])
    earlier: EarlierEntry | None = None
    reference: ReferenceEntry | None = Field(
        default=None, description="A stable period of at least 10 days with 7 check-in days; null: not yet"
    )
    confirm: Confirm = ()


class CourseEntry(RequestBody):
    """A course of treatment as planned, or of a patient who was taken on in maintenance."""

    model_config = example(protocol="standard", planned_infusions=6, started_on="2026-09-28")

    protocol: ProtocolCode = Field(description="The template that the series follows")
    planned_infusions: Annotated[int, Field(strict=True, ge=1, le=20)] | None = Field(
        default=None,
        description="How many induction infusions are planned; null when nobody said",
        examples=[6],
    )
    taken_on: TakenOnEntry | None = None
    # After what decides whether it is needed.
    started_on: Day | None = Field(
        default=None,
        validate_default=True,
        description="Needed, unless the patient was taken on",
        examples=["2026-09-28"],
    )

    @field_validator("started_on")
    @classmethod
    def _needed(cls, started_on: date | None, others: ValidationInfo) -> date | None:
        if started_on is None and others.data.get("taken_on", ...) is None:
            raise PydanticKnownError("missing")
        return started_on

    @model_validator(mode="after")
    def _begins(self) -> "CourseEntry":
        joining = self.taken_on
        if joining is not None and joining.on is None and self.started_on is None:
            raise TakenOnWithoutDateError
        return self

    def planned(self) -> PlannedCourse:
        """Take it as planned."""
        return PlannedCourse(
            protocol=self.protocol,
            planned_infusions=self.planned_infusions,
            started_on=self.started_on or date.max,
        )

    def joining(self) -> TakenOn | None:
        """Take it as how a patient joins in maintenance; None for a course as planned."""
        entry = self.taken_on
        if entry is None:
            return None
        earlier, reference = entry.earlier, entry.reference
        return TakenOn(
            protocol=self.protocol,
            on=entry.on or self.started_on or date.max,
            infusions=[KnownInfusion(**dict(one)) for one in entry.infusions],
            earlier=EarlierInfusions(**dict(earlier)) if earlier else None,
            reference=reference.chosen() if reference else None,
            confirm=entry.confirm,
        )
