"""Requests and replies about courses: as planned, as they stand, and the induction review."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.commands import (
    EnteredCourse,
)
from app.care.treatment.course_corrections import CorrectedCourse
from app.care.treatment.infusion_schemas import InfusionReply, NeverEmptyError
from app.care.treatment.queries import CourseView
from app.clinical.course import TEMPLATES, DatePrecision, InductionEndedBecause, Phase
from app.clinical.profiles import Boosters, Profile
from app.clinical.review import ResponseCategory, ReviewFinding, ReviewOption
from app.storage.record_versions import RecordStatus
from app.storage.treatment import StoredCourse
from app.web.correction_schemas import ChangedReply, Reason
from app.web.etags import etag_of
from app.web.schemas import Day, ReplyBody, RequestBody, choice_of, example

ProtocolCode = Annotated[str, choice_of(TEMPLATES), Field(examples=["standard"])]


class CourseReply(ReplyBody):
    """A course and where it stands."""

    id: UUID
    protocol: str
    planned_infusions: int | None
    started_on: date
    taken_on_at: date | None
    phase: Phase

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

    @model_validator(mode="after")
    def _stays_a_course(self) -> "CourseAmendment":
        for name in ("protocol", "started_on", "taken_on_at"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Give what was named, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - {"reason"})}


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
