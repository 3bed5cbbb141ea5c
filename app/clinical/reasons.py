"""Reasons: what a rule found, one small class each, with the numbers it used. Prose is made from these alone.

Days are dates, shares are fractions of the gain, reports and gains are points from 0 to 10.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import ClassVar, Final, NamedTuple

from app.clinical.levels import CriterionName, Level
from app.clinical.reason_codes import ReasonCode

Fact = float | int | str | date | None


@dataclass(frozen=True, slots=True)
class Reason:
    """What a rule found, with the numbers it used as fields."""

    code: ClassVar[ReasonCode]

    @property
    def facts(self) -> tuple[tuple[str, Fact], ...]:
        """Its numbers by name, in their order."""
        return tuple((one.name, getattr(self, one.name)) for one in fields(self))


# Criterion A, and C in part


@dataclass(frozen=True, slots=True)
class ReferenceMissing(Reason):
    """Check-ins have no reference. Who was taken on has the day of that, and the days that are proposed."""

    code: ClassVar[ReasonCode] = ReasonCode.REFERENCE_MISSING
    because: str
    n_days: int
    days_needed: int
    until: date | None
    taken_on: date | None = None
    proposed_from: date | None = None
    proposed_to: date | None = None


@dataclass(frozen=True, slots=True)
class NoGain(Reason):
    """No improvement was measured, so nothing can be lost."""

    code: ClassVar[ReasonCode] = ReasonCode.NO_GAIN
    mean_gain: float


@dataclass(frozen=True, slots=True)
class BelowWatch(Reason):
    """Less has been lost than watch needs."""

    code: ClassVar[ReasonCode] = ReasonCode.BELOW_WATCH
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class WatchReached(Reason):
    """As much has been lost as watch needs."""

    code: ClassVar[ReasonCode] = ReasonCode.WATCH_REACHED
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class StillWatching(Reason):
    """Watch was reached; it is steady again below the threshold on so many days."""

    code: ClassVar[ReasonCode] = ReasonCode.STILL_WATCHING
    smoothed: float
    threshold: float
    days: int


@dataclass(frozen=True, slots=True)
class LostEnough(Reason):
    """As much has been lost as consider needs."""

    code: ClassVar[ReasonCode] = ReasonCode.LOST_ENOUGH
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class GainTooSmall(Reason):
    """Too little was gained for a loss to stand out (rule 1.0)."""

    code: ClassVar[ReasonCode] = ReasonCode.GAIN_TOO_SMALL
    mean_gain: float
    least: float


@dataclass(frozen=True, slots=True)
class TooFewRecentDays(Reason):
    """Too few reports speak about now."""

    code: ClassVar[ReasonCode] = ReasonCode.TOO_FEW_RECENT_DAYS
    have: int
    needed: int
    within_days: float


@dataclass(frozen=True, slots=True)
class LastDaysBetter(Reason):
    """One of the last two check-in days is better."""

    code: ClassVar[ReasonCode] = ReasonCode.LAST_DAYS_BETTER
    last_day: float | None
    day_before: float | None
    each_day: float


# Criterion C


@dataclass(frozen=True, slots=True)
class DomainLostEnough(Reason):
    """Mood alone has lost as much as consider needs."""

    code: ClassVar[ReasonCode] = ReasonCode.DOMAIN_LOST_ENOUGH
    domain: str
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class DomainWatchReached(Reason):
    """One domain alone has lost as much as watch needs."""

    code: ClassVar[ReasonCode] = ReasonCode.DOMAIN_WATCH_REACHED
    domain: str
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class DomainStillWatching(Reason):
    """One domain alone has not become steady again."""

    code: ClassVar[ReasonCode] = ReasonCode.DOMAIN_STILL_WATCHING
    domain: str
    smoothed: float
    threshold: float


@dataclass(frozen=True, slots=True)
class AskScale(Reason):
    """A validated scale is requested."""

    code: ClassVar[ReasonCode] = ReasonCode.ASK_SCALE
    scale: str


# Criterion B


@dataclass(frozen=True, slots=True)
class Totals(Reason):
    """What the totals of a scale say."""

    code: ClassVar[ReasonCode] = ReasonCode.TOTALS
    says: str
    scale: str
    total: float | None
    threshold: float | None
    on: date | None
    count: int | None
    days: int | None


# Criterion D


@dataclass(frozen=True, slots=True)
class Asked(Reason):
    """The patient asked about a booster."""

    code: ClassVar[ReasonCode] = ReasonCode.ASKED
    on: date


# What is known now


@dataclass(frozen=True, slots=True)
class LastKnown(Reason):
    """The last report is too old to speak about now."""

    code: ClassVar[ReasonCode] = ReasonCode.LAST_KNOWN
    level: str
    on: date
    days: int


@dataclass(frozen=True, slots=True)
class NoReportSinceInfusion(Reason):
    """No report since the infusion: the level is that before it."""

    code: ClassVar[ReasonCode] = ReasonCode.NO_REPORT_SINCE_INFUSION
    infusion_on: date
    days: int


# What is said with every level


@dataclass(frozen=True, slots=True)
class AssumedBaseline(Reason):
    """The level before treatment is assumed."""

    code: ClassVar[ReasonCode] = ReasonCode.ASSUMED_BASELINE
    threshold: float


@dataclass(frozen=True, slots=True)
class SmallGain(Reason):
    """The gain is small, so more of it must be lost."""

    code: ClassVar[ReasonCode] = ReasonCode.SMALL_GAIN
    mean_gain: float
    threshold: float


@dataclass(frozen=True, slots=True)
class FallingReference(Reason):
    """Loss began inside the reference window."""

    code: ClassVar[ReasonCode] = ReasonCode.FALLING_REFERENCE
    n_days: int


@dataclass(frozen=True, slots=True)
class DomainOff(Reason):
    """One domain has too few days to count."""

    code: ClassVar[ReasonCode] = ReasonCode.DOMAIN_OFF
    domain: str
    n_days: int
    days_needed: int


@dataclass(frozen=True, slots=True)
class BoosterDidNotHold(Reason):
    """Consider again soon after a booster."""

    code: ClassVar[ReasonCode] = ReasonCode.BOOSTER_DID_NOT_HOLD
    booster_on: date
    days: int


@dataclass(frozen=True, slots=True)
class Recurs(Reason):
    """Earlier losses recovered without an infusion."""

    code: ClassVar[ReasonCode] = ReasonCode.RECURS
    times: int
    shortest: int
    longest: int
    apart: int | None


@dataclass(frozen=True, slots=True)
class AnsweringFell(Reason):
    """Fewer of the asked days are answered than before."""

    code: ClassVar[ReasonCode] = ReasonCode.ANSWERING_FELL
    answered: int
    asked: int
    answered_before: int
    asked_before: int


@dataclass(frozen=True, slots=True)
class Counterfactual(Reason):
    """The smallest report that would have kept it below consider."""

    code: ClassVar[ReasonCode] = ReasonCode.COUNTERFACTUAL
    domain: str
    report: int
    last_days: int


@dataclass(frozen=True, slots=True)
class NoCounterfactual(Reason):
    """No other single answer would have."""

    code: ClassVar[ReasonCode] = ReasonCode.NO_COUNTERFACTUAL


# Why no signal is raised


@dataclass(frozen=True, slots=True)
class InductionRunning(Reason):
    """Induction is running."""

    code: ClassVar[ReasonCode] = ReasonCode.INDUCTION_RUNNING
    until: date | None


@dataclass(frozen=True, slots=True)
class WithinADayOfInfusion(Reason):
    """Acute effects of an infusion."""

    code: ClassVar[ReasonCode] = ReasonCode.WITHIN_A_DAY_OF_INFUSION
    hours: float
    needed: int


@dataclass(frozen=True, slots=True)
class CourseClosed(Reason):
    """The course is over."""

    code: ClassVar[ReasonCode] = ReasonCode.COURSE_CLOSED
    on: date


@dataclass(frozen=True, slots=True)
class SignalOpen(Reason):
    """A signal is open."""

    code: ClassVar[ReasonCode] = ReasonCode.SIGNAL_OPEN
    since: date | None


@dataclass(frozen=True, slots=True)
class SignalSnoozed(Reason):
    """The signal is snoozed; which day its end falls on is for whoever shows it."""

    code: ClassVar[ReasonCode] = ReasonCode.SIGNAL_SNOOZED
    until: datetime


@dataclass(frozen=True, slots=True)
class BoosterBooked(Reason):
    """A booster is booked."""

    code: ClassVar[ReasonCode] = ReasonCode.BOOSTER_BOOKED
    on: date
    until: date


@dataclass(frozen=True, slots=True)
class ClosedRecently(Reason):
    """A signal was closed recently."""

    code: ClassVar[ReasonCode] = ReasonCode.CLOSED_RECENTLY
    on: date
    until: date


@dataclass(frozen=True, slots=True)
class BelowConsider(Reason):
    """The level is below consider."""

    code: ClassVar[ReasonCode] = ReasonCode.BELOW_CONSIDER


@dataclass(frozen=True, slots=True)
class MoodElevated(Reason):
    """Mood was elevated: no signal so soon after."""

    code: ClassVar[ReasonCode] = ReasonCode.MOOD_ELEVATED
    on: date
    until: date


@dataclass(frozen=True, slots=True)
class ScaleDisagrees(Reason):
    """A total says well: the signal waits for a repeat."""

    code: ClassVar[ReasonCode] = ReasonCode.SCALE_DISAGREES
    scale: str
    total: float
    on: date
    until: date


# Why a move is made


@dataclass(frozen=True, slots=True)
class FirstAtConsider(Reason):
    """The first signal."""

    code: ClassVar[ReasonCode] = ReasonCode.FIRST_AT_CONSIDER


@dataclass(frozen=True, slots=True)
class ConsentGivenAgain(Reason):
    """Consent was given again."""

    code: ClassVar[ReasonCode] = ReasonCode.CONSENT_GIVEN_AGAIN


@dataclass(frozen=True, slots=True)
class SteadySinceClosing(Reason):
    """It was steady since the last signal was closed."""

    code: ClassVar[ReasonCode] = ReasonCode.STEADY_SINCE_CLOSING
    on: date


@dataclass(frozen=True, slots=True)
class InfusionSinceClosing(Reason):
    """An infusion was given since."""

    code: ClassVar[ReasonCode] = ReasonCode.INFUSION_SINCE_CLOSING
    on: date


@dataclass(frozen=True, slots=True)
class StillAtConsider(Reason):
    """Still at consider so long after closing."""

    code: ClassVar[ReasonCode] = ReasonCode.STILL_AT_CONSIDER
    closed_on: date
    days: int


@dataclass(frozen=True, slots=True)
class NewCriterion(Reason):
    """Another criterion speaks too."""

    code: ClassVar[ReasonCode] = ReasonCode.NEW_CRITERION
    criteria: str


@dataclass(frozen=True, slots=True)
class RoseAgain(Reason):
    """It rose again after it had become steady."""

    code: ClassVar[ReasonCode] = ReasonCode.ROSE_AGAIN
    steady_on: date


@dataclass(frozen=True, slots=True)
class SteadyNow(Reason):
    """It became steady."""

    code: ClassVar[ReasonCode] = ReasonCode.STEADY_NOW
    on: date


REASONS: Final[dict[ReasonCode, type[Reason]]] = {one.code: one for one in Reason.__subclasses__()}
"""Each reason's class by its code."""


class Criterion(NamedTuple):
    """One criterion with its level and why.

    Attributes:
        since: the day on which it left steady; None while it has not.
        subject: which scale or domain it speaks about, where there are several.
    """

    name: CriterionName
    level: Level
    reasons: tuple[Reason, ...]
    since: date | None = None
    subject: str | None = None


def worst_level(criteria: Sequence[Criterion]) -> Level:
    """The level of the worst of some criteria."""
    level = criteria[0].level
    for criterion in criteria:
        if criterion.level is not level and criterion.level > level:
            level = criterion.level
    return level
