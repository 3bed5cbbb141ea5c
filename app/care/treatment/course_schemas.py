"""Requests and replies about courses: as planned, as they stand, and the induction review."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from app.care.treatment.course_corrections import CorrectedCourse
from app.care.treatment.course_entry import EnteredCourse, PlannedCourse
from app.care.treatment.infusion_schemas import DoseMg, DosePerKg, InfusionReply
from app.care.treatment.maintenance_schemas import ReferenceEntry
from app.care.treatment.queries import CourseView
from app.care.treatment.taking_on import KnownInfusion, TakenOn
from app.care.treatment.template_schemas import TemplateReply
from app.clinical.course import (
    OWN_PROTOCOL,
    TEMPLATES,
    DatePrecision,
    EarlierInfusions,
    InductionEndedBecause,
    Phase,
    Route,
)
from app.clinical.profiles import Boosters, Profile
from app.clinical.review import ResponseCategory, ReviewFinding, ReviewOption
from app.foundation.errors import RefusalError
from app.storage.courses import StoredCourse
from app.storage.protocol_templates import OwnTemplate
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import ChangedReply, Confirm, ExternalId, NeverEmptyError, Reason, Source
from app.web.headers import etag_of
from app.web.schemas import Day, Moment, ReplyBody, RequestBody, choice_of, example

ProtocolCode = Annotated[str, choice_of(TEMPLATES), Field(examples=["standard"])]


def started_with(template: OwnTemplate | None) -> TemplateReply | None:
    """Describe the clinic's own template that a course was started with, if it was with one."""
    return None if template is None else TemplateReply.of(template)


class CourseReply(ReplyBody):
    """A course and where it stands."""

    id: UUID
    protocol: str
    planned_infusions: int | None
    started_on: date
    taken_on_at: date | None
    phase: Phase
    external_id: str | None
    source: str
    template: TemplateReply | None = Field(
        description="The clinic's own template that it was started with, as it was then"
    )

    @classmethod
    def of(cls, entered: EnteredCourse) -> "CourseReply":
        """Make the reply."""
        course = entered.course
        return cls(
            id=UUID(course.id),
            protocol=course.protocol,
            planned_infusions=course.planned_infusions,
            started_on=course.started_on,
            taken_on_at=course.taken_on_at,
            phase=entered.phase,
            external_id=entered.external_id,
            source=entered.source,
            template=started_with(entered.template),
        )


class TotalReply(ReplyBody):
    """A total and when it was taken, by the patient's clock."""

    taken_at: datetime
    total: float


class ScaleResponse(ReplyBody):
    """The response after induction on one scale, with the two totals that it is made of."""

    scale: str
    category: ResponseCategory | None
    improvement: float | None = Field(description="Share of the severity before treatment that is gone")
    baseline: TotalReply | None
    after: TotalReply | None
    because: str | None = Field(description="Why the response is not known")


class EarlyResponseReply(ReplyBody):
    """Whether the patient had responded hours after the first infusion. For information; never "stop"."""

    scale: str
    responded: bool | None
    improvement: float | None
    hours_after: float | None
    sensitivity: float
    specificity: float
    source: str


class ExpectedSessionsReply(ReplyBody):
    """How many sessions the sources name for this profile."""

    profile: Profile
    fewest: int | None
    most: int | None
    boosters: Boosters
    source: str


class ReviewReply(ReplyBody):
    """The induction review: is it due, on what, and what the sources name when the response is not enough."""

    due: bool
    due_since: date | None
    finding: ReviewFinding
    options: list[ReviewOption]
    responses: list[ScaleResponse]


class CurrentCourseReply(CourseReply):
    """The present course as it stands; its infusions are in the order in which they were given."""

    induction_over_on: date | None = Field(description="May lie ahead: then nothing further is assumed")
    induction_over_because: InductionEndedBecause | None
    induction_ended_on: date | None
    reviewed_on: date | None
    benefit_recorded_on: date | None
    stopped_on: date | None
    ended_on: date | None
    infusions: list[InfusionReply]
    review: ReviewReply
    early_response: list[EarlyResponseReply]
    expected_sessions: ExpectedSessionsReply | None
    fits_profile: bool | None

    @classmethod
    def of_view(cls, view: CourseView) -> "CurrentCourseReply":
        """Make the reply."""
        course, end = view.stored.course, view.induction_end
        return cls.model_validate(
            {
                "id": course.id,
                "protocol": course.protocol,
                "planned_infusions": course.planned_infusions,
                "started_on": course.started_on,
                "taken_on_at": course.taken_on_at,
                "phase": view.phase,
                "external_id": view.stored.external_id,
                "source": view.stored.source,
                "template": started_with(view.stored.template),
                "induction_over_on": end and end.on,
                "induction_over_because": end and end.because,
                "induction_ended_on": course.induction_ended_on,
                "reviewed_on": course.reviewed_on,
                "benefit_recorded_on": view.stored.benefit and view.stored.benefit.recorded_on,
                "stopped_on": course.stopped_on,
                "ended_on": course.ended_on,
                "infusions": [InfusionReply.of(one) for one in view.infusions],
                "review": view.review,
                "early_response": view.early,
                "expected_sessions": view.expected,
                "fits_profile": view.fits_profile,
            },
            from_attributes=True,
        )


class CourseChange(RequestBody):
    """What to change of the present course; fields left out stay, null takes a day back."""

    model_config = example(reviewed_on="2026-10-20", benefit_recorded_on="2026-10-20")

    planned_infusions: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None
    induction_ended_on: Day | None = None
    reviewed_on: Day | None = None
    benefit_recorded_on: Day | None = Field(
        default=None, description="A benefit that a clinician saw and the scales did not show"
    )
    ended_on: Day | None = None
    stopped_on: Day | None = None

    def changes(self) -> dict[str, date | int | None]:
        """Give what was named, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class CourseAmendment(CourseChange):
    """What was entered wrongly of a course, and why it is changed; fields left out stay, null takes a day back."""

    model_config = example(started_on="2026-09-28", reason="The year was mistyped")

    protocol: ProtocolCode | None = None
    started_on: Day | None = None
    taken_on_at: Day | None = None
    reason: Reason
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_a_course(self) -> "CourseAmendment":
        for name in ("protocol", "started_on", "taken_on_at"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Give what was named, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - {"reason", "confirm"})}


class EarlierReply(ReplyBody):
    """Infusions from before the patient was taken on, known only as "about so many, last on …"."""

    count: int
    last_on: date | None
    precision: DatePrecision


class CourseRecordReply(ReplyBody):
    """A course as it is on record, with its version."""

    id: UUID
    protocol: str
    planned_infusions: int | None
    started_on: date
    induction_ended_on: date | None
    reviewed_on: date | None
    benefit_recorded_on: date | None
    stopped_on: date | None
    ended_on: date | None
    taken_on_at: date | None
    earlier: EarlierReply | None = Field(description="Counted as exposure, about")
    external_id: str | None
    source: str
    template: TemplateReply | None = Field(
        description="The clinic's own template that it was started with, as it was then"
    )
    status: RecordStatus
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of_stored(cls, stored: StoredCourse, status: RecordStatus, **more: object) -> Self:
        """Make the reply."""
        course = stored.course
        own = (
            "protocol",
            "planned_infusions",
            "started_on",
            "induction_ended_on",
            "reviewed_on",
            "stopped_on",
            "taken_on_at",
        )
        fields: dict[str, Any] = {
            "id": course.id,
            **{name: getattr(course, name) for name in (*own, "ended_on")},
            "earlier": course.earlier and EarlierReply.model_validate(course.earlier, from_attributes=True),
            "benefit_recorded_on": stored.benefit and stored.benefit.recorded_on,
            "external_id": stored.external_id,
            "source": stored.source,
            "template": started_with(stored.template),
            "status": status,
            "version": stored.version,
            "etag": etag_of(stored.version),
            **more,
        }
        return cls.model_validate(fields)


class CorrectedCourseReply(CourseRecordReply):
    """A course after a correction, and what the correction changed."""

    changed: ChangedReply

    @classmethod
    def of_corrected(cls, corrected: CorrectedCourse) -> "CorrectedCourseReply":
        """Make the reply."""
        changed = ChangedReply.of(corrected.effects)
        return cls.of_stored(corrected.stored, corrected.status, changed=changed)


class CourseList(ReplyBody):
    """Courses, latest first."""

    items: list[CourseRecordReply]


class EitherTimeOrDayError(RefusalError, ValueError):
    """Please give the time of an infusion, or its day where the hour is not known; not both."""

    code = "either-time-or-day"


class PrecisionOfDayError(RefusalError, ValueError):
    """A day is known to the day or to the month; without a day the precision is unknown."""

    code = "precision-of-day"


class EitherTemplateError(RefusalError, ValueError):
    """A course follows one template: a protocol, or one of the clinic's own."""

    code = "either-template"


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

    template_id: UUID | None = Field(
        default=None,
        description="One of the clinic's own templates, in place of `protocol`: its infusions are planned at once,"
        " unless the patient is taken on, whose induction is over",
    )
    protocol: ProtocolCode | None = Field(
        default=None,
        validate_default=True,
        description="The template that the series follows; needed, unless there is a `template_id`",
    )
    planned_infusions: Annotated[int, Field(strict=True, ge=1, le=20)] | None = Field(
        default=None,
        description="How many induction infusions are planned; null when nobody said",
        examples=[6],
    )
    taken_on: TakenOnEntry | None = None
    external_id: ExternalId | None = Field(
        default=None,
        description="Your own id for it; sent again with the same content, it is the same course",
    )
    source: Source = Field(default="", description="Which of your systems the id is from")
    confirm: Confirm = ()
    # After what decides whether it is needed.
    started_on: Day | None = Field(
        default=None,
        validate_default=True,
        description="Needed, unless the patient was taken on",
        examples=["2026-09-28"],
    )

    @field_validator("protocol")
    @classmethod
    def _one_template(cls, protocol: str | None, others: ValidationInfo) -> str | None:
        if protocol is None and others.data.get("template_id", ...) is None:
            raise PydanticKnownError("missing")
        return protocol

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
        if self.template_id is not None and self.protocol not in {None, OWN_PROTOCOL}:
            raise EitherTemplateError
        return self

    def planned(self) -> PlannedCourse:
        """Take it as planned."""
        return PlannedCourse(
            protocol=self.protocol or OWN_PROTOCOL,
            planned_infusions=self.planned_infusions,
            started_on=self.started_on or date.max,
            external_id=self.external_id,
            source=self.source,
            confirm=self.confirm,
        )

    def joining(self) -> TakenOn | None:
        """Take it as how a patient joins in maintenance; None for a course as planned."""
        entry = self.taken_on
        if entry is None:
            return None
        earlier, reference = entry.earlier, entry.reference
        return TakenOn(
            protocol=self.protocol or OWN_PROTOCOL,
            on=entry.on or self.started_on or date.max,
            infusions=[KnownInfusion(**dict(one)) for one in entry.infusions],
            earlier=EarlierInfusions(**dict(earlier)) if earlier else None,
            reference=reference.chosen() if reference else None,
            external_id=self.external_id,
            source=self.source,
            confirm=(*entry.confirm, *self.confirm),
        )
