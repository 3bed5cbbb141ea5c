"""A clinic's numbers as they are answered. Every share stands beside its two counts; null where there is nothing."""

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.care.insights.figures import SafetyNumbers, Share, SignalNumbers, Times
from app.care.insights.numbers import Insights, Step, Watched
from app.care.insights.outcomes import BenefitNumbers, InductionNumbers, ScaleNumbers
from app.web.schemas import ReplyBody


class ShareReply(ReplyBody):
    """So many of so many."""

    count: int
    of: int
    share: float | None = Field(description="count / of, 0 to 1; null of nothing")

    @classmethod
    def of_share(cls, share: Share) -> Self:
        """Read from the number."""
        return cls(count=share.count, of=share.of, share=share.share)


class TimesReply(ReplyBody):
    """How long something took, of so many."""

    count: int
    median: float | None
    ninetieth_percentile: float | None = Field(description="Nine of ten took no longer; by nearest rank")

    @classmethod
    def of_times(cls, times: Times) -> Self:
        """Read from the number."""
        return cls(count=times.count, median=times.median, ninetieth_percentile=times.ninetieth_percentile)


class WatchedReply(ReplyBody):
    """Over whom the rule watched."""

    patients: int = Field(description="With any day after induction, in a course that was going on")
    patient_years: float = Field(description="Those days, in years of 365.25")
    patient_days: int
    reporting: int = Field(description="Patients under care with any check-in in the period")

    @classmethod
    def of_watched(cls, watched: Watched) -> Self:
        """Read from the number."""
        return cls(
            patients=watched.patients,
            patient_years=round(watched.years, 4),
            patient_days=watched.days,
            reporting=watched.reporting,
        )


class SignalNumbersReply(ReplyBody):
    """The signals that were raised in the period, and what has become of them by now."""

    raised: int
    per_patient_year: float | None
    by_criterion: dict[str, int] = Field(description="By the criterion that each was raised on first")
    by_level: dict[str, int]
    waiting: int = Field(description="Nobody has acknowledged or closed it yet")
    acknowledged_in_time: ShareReply = Field(
        description="Of those acknowledged, or waiting longer than the clinic's limit"
    )
    hours_to_acknowledge: TimesReply
    escalated: int
    not_closed: int
    dispositions: dict[str, int]
    precision: ShareReply = Field(
        description="booster_given, booster_booked and other_treatment, of these and not_a_relapse and data_problem"
    )

    @classmethod
    def of_signals(cls, numbers: SignalNumbers, per_patient_year: float | None) -> Self:
        """Read from the numbers."""
        return cls(
            raised=numbers.raised,
            per_patient_year=per_patient_year,
            by_criterion=dict(numbers.by_criterion),
            by_level=dict(numbers.by_level),
            waiting=numbers.waiting,
            acknowledged_in_time=ShareReply.of_share(numbers.in_time),
            hours_to_acknowledge=TimesReply.of_times(numbers.hours),
            escalated=numbers.escalated,
            not_closed=numbers.not_closed,
            dispositions=dict(numbers.dispositions),
            precision=ShareReply.of_share(numbers.precision),
        )


class SafetyNumbersReply(ReplyBody):
    """The safety events that came in the period."""

    reported: int
    urgent: int
    waiting: int
    acknowledged_in_time: ShareReply
    minutes_to_acknowledge: TimesReply
    escalated: int

    @classmethod
    def of_safety(cls, numbers: SafetyNumbers) -> Self:
        """Read from the numbers."""
        return cls(
            reported=numbers.reported,
            urgent=numbers.urgent,
            waiting=numbers.waiting,
            acknowledged_in_time=ShareReply.of_share(numbers.in_time),
            minutes_to_acknowledge=TimesReply.of_times(numbers.minutes),
            escalated=numbers.escalated,
        )


class CheckInNumbersReply(ReplyBody):
    """Adherence."""

    patients: int = Field(description="Patients who were asked on any day")
    days_answered: ShareReply = Field(description="Of the days on which the plan of a steady patient asks")
    days_beside: int = Field(description="Days with a check-in that this plan did not ask for")


class ScaleNumbersReply(ReplyBody):
    """What inductions achieved on one scale."""

    scale: str
    categories: dict[str, int]
    not_known: int = Field(description="Totals, but none before treatment or none after induction")
    responded: ShareReply = Field(description="Response or remission")
    remitted: ShareReply | None = Field(description="Null for a scale without a remission level")

    @classmethod
    def of_scale(cls, numbers: ScaleNumbers) -> Self:
        """Read from the numbers."""
        return cls(
            scale=numbers.scale,
            categories=dict(numbers.categories),
            not_known=numbers.not_known,
            responded=ShareReply.of_share(numbers.responded),
            remitted=ShareReply.of_share(numbers.remitted) if numbers.remitted else None,
        )


class InductionNumbersReply(ReplyBody):
    """Series that ended in the period."""

    ended: int
    reviewed: int
    benefit_recorded: int
    not_measured: int = Field(description="No scale with a total before treatment and one after induction")
    scales: list[ScaleNumbersReply]

    @classmethod
    def of_inductions(cls, numbers: InductionNumbers) -> Self:
        """Read from the numbers."""
        return cls(
            ended=numbers.ended,
            reviewed=numbers.reviewed,
            benefit_recorded=numbers.benefit_recorded,
            not_measured=numbers.not_measured,
            scales=[ScaleNumbersReply.of_scale(one) for one in numbers.scales],
        )


class BenefitWeekReply(ReplyBody):
    """Benefits that ended, or were last seen, in one week of theirs: week 1 is days 0 to 6."""

    week: int
    lost: int
    censored: int


class BenefitGroupReply(ReplyBody):
    """Benefits that began in one way: after induction or a booster, by a route, in courses of a protocol."""

    by: str = Field(description="What is alike: `phase`, `route` or `protocol`")
    group: str = Field(description="Which; `not_recorded` where nobody said")
    begun: int
    lost: int
    censored: int
    median_days: int | None


class BenefitNumbersReply(ReplyBody):
    """Benefits that began in the period: from an infusion to the loss, or as long as they were seen."""

    begun: int
    lost: int
    censored: int = Field(description="Not lost when the next infusion came, or when last seen")
    median_days: int | None = Field(
        description="By Kaplan and Meier, so with the censored ones; null while more than half still go on"
    )
    weeks: list[BenefitWeekReply]
    groups: list[BenefitGroupReply] = Field(description="The same by phase, route and protocol")

    @classmethod
    def of_benefits(cls, numbers: BenefitNumbers) -> Self:
        """Read from the numbers."""
        weeks = [
            BenefitWeekReply(week=one.week, lost=one.lost, censored=one.censored) for one in numbers.weeks
        ]
        return cls(
            begun=numbers.begun,
            lost=numbers.lost,
            censored=numbers.censored,
            median_days=numbers.median_days,
            weeks=weeks,
            groups=[
                BenefitGroupReply(
                    by=one.by,
                    group=one.group,
                    begun=one.begun,
                    lost=one.lost,
                    censored=one.censored,
                    median_days=one.median_days,
                )
                for one in numbers.groups
            ],
        )


class StepReply(ReplyBody):
    """A week of the period, or four weeks of one of more than 120 days: what was raised and due in it."""

    begins: date
    raised: int
    acknowledged_in_time: ShareReply
    precision: ShareReply
    safety_in_time: ShareReply
    days_answered: ShareReply
    days_below_half: ShareReply

    @classmethod
    def of_step(cls, step: Step) -> Self:
        """Read from the numbers."""
        return cls(
            begins=step.begins,
            raised=step.raised,
            acknowledged_in_time=ShareReply.of_share(step.in_time),
            precision=ShareReply.of_share(step.precision),
            safety_in_time=ShareReply.of_share(step.safety_in_time),
            days_answered=ShareReply.of_share(step.answered),
            days_below_half=ShareReply.of_share(step.below_half),
        )


class UndeliveredReply(ReplyBody):
    """Deliveries of the period's events that are undelivered now."""

    held: int
    exhausted: int
    safety: int = Field(description="Of both, those of safety events")


class InsightsReply(ReplyBody):
    """A clinic's numbers; the day `from` is in the period, the day `to` is not."""

    first: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    computed_at: datetime
    mode: str = Field(description="Whose numbers: patients registered in this mode, the clinic's own")
    watched: WatchedReply
    signals: SignalNumbersReply
    safety: SafetyNumbersReply
    check_ins: CheckInNumbersReply
    inductions: InductionNumbersReply
    benefits: BenefitNumbersReply
    days_below_half: ShareReply = Field(
        description="Of the days watched, those with half of the gain lost: from a loss to the next infusion"
    )
    over_time: list[StepReply]
    undelivered: UndeliveredReply

    @classmethod
    def of(cls, found: Insights) -> Self:
        """Read from the numbers."""
        out = found.undelivered
        return cls(
            first=found.period.first,
            end=found.period.end,
            computed_at=found.computed_at,
            mode=found.mode,
            watched=WatchedReply.of_watched(found.watched),
            signals=SignalNumbersReply.of_signals(found.signals, found.per_patient_year),
            safety=SafetyNumbersReply.of_safety(found.safety),
            check_ins=CheckInNumbersReply(
                patients=found.check_ins.patients,
                days_answered=ShareReply.of_share(found.check_ins.answered),
                days_beside=found.check_ins.beside,
            ),
            inductions=InductionNumbersReply.of_inductions(found.inductions),
            benefits=BenefitNumbersReply.of_benefits(found.benefits),
            days_below_half=ShareReply.of_share(found.below_half),
            over_time=[StepReply.of_step(one) for one in found.steps],
            undelivered=UndeliveredReply(held=out.held, exhausted=out.exhausted, safety=out.safety),
        )
