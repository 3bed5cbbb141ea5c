"""Requests and replies about maintenance: factors, the booster, the taper plan, the interval, a chosen reference."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from app.care.treatment.commands import ChosenDays
from app.care.treatment.course_corrections import CorrectedReference
from app.care.treatment.queries import Factors, TaperView, WrittenPlan
from app.clinical.interval import LearnedInterval, NotOffered, PersonalInterval
from app.clinical.profiles import Caution, Profile
from app.clinical.reference import ReferenceKind
from app.clinical.taper import TaperMove, TaperPlan, TaperStep
from app.storage.chosen_references import StoredReference
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import ChangedReply, Reason
from app.web.headers import etag_of
from app.web.schemas import Day, RecordReply, ReplyBody, RequestBody, choice_of, example


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
    """Boosters every so many days, so many times; null: until someone changes it (last step only)."""

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
    """One stretch of benefit: it lasted at least `days`, and a lost one not as long as `at_most_days`."""

    from_day: date
    days: int
    lost: bool
    course_started_on: date | None
    route: str | None
    dose_mg_per_kg: float | None
    at_most_days: int | None = Field(description="The first low day of a loss, in days; null: not lost")
    observed: bool = Field(
        description="False: too few check-ins to say that it held or that it was lost (`not_observed`)"
    )


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


class PlannedDateReply(ReplyBody):
    """The day of the next booster by the taper plan, and how it was reached; a clinician books it or another."""

    on: date
    since: date = Field(description="The day of the last infusion, from which it is counted")
    interval_days: int
    step: int | None = Field(
        description="The step of the plan that has this interval, from 1; null: none has"
    )
    steps: int
    benefits: list[BenefitReply] = Field(
        description="The finished benefits at the present interval that were looked at, oldest first"
    )


class TaperReply(ReplyBody):
    """The taper plan and what is suggested."""

    steps: list[TaperStepReply]
    interval_days: int
    since: date | None
    written: bool = Field(description="False: nobody has written one, these are the sources' steps")
    at_interval: list[BenefitReply]
    suggestion: TaperSuggestionReply
    planned: PlannedDateReply | None = Field(
        description="Null: boosters as needed, induction still running, or no course in treatment"
    )

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
            "planned": view.planned,
        }
        return cls.model_validate(fields, from_attributes=True)


class LearnedIntervalReply(ReplyBody):
    """The next interval that the latest stretch speaks for, offered beside the plan; a clinician decides.

    Lost after n days: a booster for day n, never under 14. Held: 1.3 times as long, 1.6 times once monthly, at most
    120 days.
    """

    days: int | None = Field(description="From the last booster to the next; null: none is offered")
    from_stretch: BenefitReply | None
    not_offered: list[NotOffered] = Field(description="Why none is offered")


class IntervalReply(ReplyBody):
    """What this patient's benefits have lasted, in days, and the days within which most would end."""

    past: list[BenefitReply]
    typical_days: int
    shortest_days: int
    longest_days: int
    population_only: bool = Field(description="Nothing of this patient's own is known yet")
    learned: LearnedIntervalReply

    @classmethod
    def of(cls, interval: PersonalInterval, learned: LearnedInterval) -> "IntervalReply":
        """Make the reply."""
        fields = {name: getattr(interval, name) for name in PersonalInterval.__dataclass_fields__}
        return cls.model_validate({**fields, "learned": learned}, from_attributes=True)


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
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of_stored(cls, stored: StoredReference, status: RecordStatus, **more: object) -> Self:
        """Make the reply."""
        own = {name: getattr(stored, name) for name in ("id", "from_day", "to_day", "set_at", "version")}
        return cls.model_validate({**own, "status": status, "etag": etag_of(stored.version), **more})


class CorrectedReferenceReply(ChosenReferenceReply):
    """A chosen reference after a correction, and what the correction changed."""

    changed: ChangedReply

    @classmethod
    def of_corrected(cls, corrected: CorrectedReference) -> "CorrectedReferenceReply":
        """Make the reply."""
        changed = ChangedReply.of(corrected.effects)
        return cls.of_stored(corrected.stored, RecordStatus.ACTIVE, changed=changed)


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


class ReferenceAmendment(RequestBody):
    """Which days a chosen reference should have named; a day that is left out stays."""

    model_config = example(**{"from": "2026-10-21", "reason": "The week was mistyped"})

    from_day: Day | None = Field(default=None, alias="from")
    to_day: Day | None = Field(default=None, alias="to")
    reason: Reason

    def changes(self) -> dict[str, date]:
        """Give what was named, and nothing else."""
        named = {"from_day": self.from_day, "to_day": self.to_day}
        return {name: day for name, day in named.items() if day is not None}


class ReferenceReply(RecordReply):
    """The reference as it is now."""

    kind: ReferenceKind
    n_days: int
    from_day: date
    to_day: date
    mean_gain: float = Field(description="What there is to lose, in points")
