"""Requests and replies about courses and infusions."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.commands import (
    ChosenDays,
    EnteredCourse,
    EnteredInfusion,
    GivenInfusion,
    PlannedCourse,
)
from app.care.treatment.corrections import CorrectedCourse, CorrectedInfusion, InfusionChange
from app.care.treatment.course_days import REMARKS, Remark
from app.care.treatment.queries import CourseView, Factors, TaperView, WrittenPlan
from app.care.treatment.session_schemas import SessionEntry, SessionNote, SessionReply
from app.clinical.course import TEMPLATES, InductionEndedBecause, Infusion, InfusionPhase, Phase, Route
from app.clinical.interval import PersonalInterval
from app.clinical.profiles import Boosters, Caution, Profile
from app.clinical.reference import Reference, ReferenceKind
from app.clinical.review import ResponseCategory, ReviewFinding, ReviewOption
from app.clinical.taper import TaperMove, TaperPlan, TaperStep
from app.foundation.errors import RefusalError
from app.storage.record_versions import RecordStatus
from app.storage.treatment import StoredCourse, StoredInfusion
from app.web.correction_schemas import ChangedReply, ExternalId, Reason, Source
from app.web.etags import etag_of
from app.web.schemas import Day, Moment, ReplyBody, RequestBody, choice_of, example

# What is more was never given to anybody: it is another unit, or a slip of the keyboard.
DosePerKg = Annotated[float, Field(strict=True, gt=0, le=15, allow_inf_nan=False)]
DoseMg = Annotated[float, Field(strict=True, gt=0, le=4500, allow_inf_nan=False)]
Confirm = Annotated[
    tuple[Annotated[str, Field(max_length=64)], ...],
    Field(max_length=20, description="Codes of a needs-confirmation problem that are right all the same"),
]
ProtocolCode = Annotated[str, choice_of(TEMPLATES), Field(examples=["standard"])]


class NeverEmptyError(RefusalError, ValueError):
    """This can be changed, and cannot be taken back."""

    code = "never-empty"


class CourseEntry(RequestBody):
    """A course of treatment as planned."""

    model_config = example(protocol="standard", planned_infusions=6, started_on="2026-09-28")

    protocol: ProtocolCode = Field(description="The template that the series follows")
    planned_infusions: Annotated[int, Field(strict=True, ge=1, le=20)] | None = Field(
        default=None,
        description="How many induction infusions are planned; null when nobody said",
        examples=[6],
    )
    started_on: Day = Field(examples=["2026-09-28"])

    def planned(self) -> PlannedCourse:
        """Take it as planned."""
        return PlannedCourse(**dict(self))


class CourseReply(ReplyBody):
    """A course and where it stands."""

    id: UUID
    protocol: str
    planned_infusions: int | None
    started_on: date
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
            phase=entered.phase,
        )


class InfusionEntry(RequestBody):
    """An infusion that was given."""

    model_config = example(
        given_at="2026-09-28T10:00:00+02:00", phase="induction", dose_mg_per_kg=0.5, route="iv"
    )

    given_at: Moment
    phase: Annotated[InfusionPhase, choice_of(InfusionPhase)]
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    session: SessionEntry | None = Field(default=None, description="How the session went")
    note: SessionNote | None = None
    external_id: ExternalId | None = Field(
        default=None,
        description="Your own id for it; sent again with the same content, it is the same infusion",
    )
    source: Source = Field(default="", description="Which of your systems the id is from")
    confirm: Confirm = ()

    def given(self) -> GivenInfusion:
        """Take it as given."""
        session = self.session.documented() if self.session else None
        return GivenInfusion(**(dict(self) | {"session": session}))


class InfusionAmendment(RequestBody):
    """What is different about an infusion; fields left out stay, null takes a value back."""

    model_config = example(phase="booster", reason="Entered as induction by mistake")

    given_at: Moment | None = None
    phase: Annotated[InfusionPhase, choice_of(InfusionPhase)] | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    session: SessionEntry | None = Field(default=None, description="In the place of what was documented")
    note: SessionNote | None = None
    reason: Reason
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_an_infusion(self) -> "InfusionAmendment":
        for name in ("given_at", "phase"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def change(self) -> InfusionChange:
        """Take what was named as the change, and nothing else."""
        named = self.model_fields_set - {"reason", "confirm"}
        changes = {name: getattr(self, name) for name in sorted(named)}
        if self.session is not None:
            changes["session"] = self.session.documented()
        return InfusionChange(changes=changes, reason=self.reason, confirm=self.confirm)


class RemarkReply(ReplyBody):
    """Something unusual about an infusion that was kept all the same."""

    code: Remark
    detail: str


class InfusionReply(ReplyBody):
    """An infusion."""

    id: UUID
    given_at: datetime
    phase: Literal["induction", "booster"]
    dose_mg_per_kg: float | None
    route: str | None

    @classmethod
    def of(cls, infusion: Infusion) -> "InfusionReply":
        """Make the reply."""
        return cls(
            id=UUID(infusion.id),
            given_at=infusion.given_at,
            phase=infusion.phase.value,
            dose_mg_per_kg=infusion.dose_mg_per_kg,
            route=infusion.route.value if infusion.route else None,
        )


class InfusionRecordReply(InfusionReply):
    """An infusion as it is on record, with its version."""

    dose_mg: float | None
    session: SessionReply | None = Field(description="How the session went; its notes are read one by one")
    external_id: str | None
    source: str
    status: RecordStatus
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of_stored(cls, stored: StoredInfusion, status: RecordStatus, **more: object) -> Self:
        """Make the reply."""
        fields: dict[str, Any] = {
            **dict(InfusionReply.of(stored.infusion)),
            "dose_mg": stored.dose_mg,
            "session": stored.session and SessionReply.of(stored.session),
            "external_id": stored.external_id,
            "source": stored.source,
            "status": status,
            "version": stored.version,
            "etag": etag_of(stored.version),
            **more,
        }
        return cls.model_validate(fields)


class EnteredInfusionReply(InfusionRecordReply):
    """An infusion as entered, and what is unusual about it."""

    remarks: list[RemarkReply]

    @classmethod
    def of_entered(cls, entered: EnteredInfusion) -> "EnteredInfusionReply":
        """Make the reply."""
        remarks = [RemarkReply(code=one, detail=REMARKS[one]) for one in entered.remarks]
        return cls.of_stored(entered.stored, entered.status, remarks=remarks)


class CorrectedInfusionReply(InfusionRecordReply):
    """An infusion after a correction, and what the correction changed."""

    changed: ChangedReply

    @classmethod
    def of_corrected(cls, corrected: CorrectedInfusion) -> "CorrectedInfusionReply":
        """Make the reply."""
        changed = ChangedReply.of(corrected.effects)
        return cls.of_stored(corrected.stored, corrected.status, changed=changed)


class InfusionList(ReplyBody):
    """Infusions, latest first; the Link header points to the next page."""

    items: list[InfusionRecordReply]


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
    reason: Reason

    @model_validator(mode="after")
    def _stays_a_course(self) -> "CourseAmendment":
        for name in ("protocol", "started_on"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Give what was named, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - {"reason"})}


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
        )
        fields: dict[str, Any] = {
            "id": course.id,
            **{name: getattr(course, name) for name in (*own, "ended_on")},
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


class FactorsEntry(RequestBody):
    """What the clinic knows of a patient; shown with every decision, decides nothing."""

    model_config = example(profile="severe_or_chronic", cautions=["urinary_symptoms"])

    profile: Annotated[Profile, choice_of(Profile)] | None = None
    cautions: Annotated[list[Annotated[Caution, choice_of(Caution)]], Field(max_length=20)]

    def factors(self, version: int) -> Factors:
        """Take them, as a change of this version."""
        return Factors(profile=self.profile, cautions=tuple(self.cautions), version=version)


class FactorsReply(ReplyBody):
    """A patient's profile and open cautions."""

    profile: Profile | None
    cautions: list[Caution]

    @classmethod
    def of(cls, factors: Factors) -> "FactorsReply":
        """Make the reply."""
        return cls(profile=factors.profile, cautions=list(factors.cautions))


class BookedBooster(RequestBody):
    """The day of the next booster."""

    model_config = example(on="2026-11-12")

    on: Day


class BookedBoosterReply(ReplyBody):
    """The day of the next booster; null when none is booked."""

    on: date | None


class TaperStepEntry(RequestBody):
    """Boosters every so many days, so many times; null: until somebody changes it (last step only)."""

    interval_days: Annotated[int, Field(strict=True, ge=-1000, le=1000)]
    count: Annotated[int, Field(strict=True, ge=-1000, le=1000)] | None = None


class TaperPlanEntry(RequestBody):
    """A taper plan, with the interval that applies now and the day from which it does."""

    model_config = example(
        steps=[{"interval_days": 14, "count": 2}, {"interval_days": 28, "count": None}], interval_days=14
    )

    steps: Annotated[list[TaperStepEntry], Field(max_length=20)]
    interval_days: Annotated[int, Field(strict=True, ge=1, le=365)]
    since: Day | None = None

    def written(self, version: int) -> WrittenPlan:
        """Take it, as a change of this version."""
        steps = tuple(TaperStep(interval_days=one.interval_days, count=one.count) for one in self.steps)
        return WrittenPlan(
            plan=TaperPlan(steps=steps), interval_days=self.interval_days, since=self.since, version=version
        )


class TaperStepReply(ReplyBody):
    """Boosters every so many days, so many times."""

    interval_days: int
    count: int | None


class BenefitReply(ReplyBody):
    """One stretch of benefit; with `lost` false it lasted at least so long."""

    from_day: date
    days: int
    lost: bool


class TaperReasonReply(ReplyBody):
    """One reason, with the numbers it used."""

    code: str
    days: list[int]
    interval_days: int | None
    counts: list[int]


class TaperSuggestionReply(ReplyBody):
    """What is suggested to the clinician for the next interval; null: no fixed interval, as needed."""

    move: TaperMove
    interval_days: int | None
    reasons: list[TaperReasonReply]


class TaperReply(ReplyBody):
    """The taper plan and what is suggested."""

    steps: list[TaperStepReply]
    interval_days: int
    since: date | None
    written: bool = Field(description="False: nobody has written one, these are the sources' steps")
    at_interval: list[BenefitReply]
    suggestion: TaperSuggestionReply

    @classmethod
    def of(cls, view: TaperView) -> "TaperReply":
        """Make the reply."""
        fields: dict[str, Any] = {
            "steps": view.written.plan.steps,
            "interval_days": view.written.interval_days,
            "since": view.written.since,
            "written": view.written.version > 0,
            "at_interval": view.at_interval,
            "suggestion": view.suggestion,
        }
        return cls.model_validate(fields, from_attributes=True)


class IntervalReply(ReplyBody):
    """What this patient's benefits have lasted, in days, and the days within which most would end."""

    past: list[BenefitReply]
    typical_days: int
    shortest_days: int
    longest_days: int
    population_only: bool = Field(description="Nothing of this patient's own is known yet")

    @classmethod
    def of(cls, interval: PersonalInterval) -> "IntervalReply":
        """Make the reply."""
        return cls.model_validate(interval, from_attributes=True)


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
