"""Levels, and the criteria for them: each a level with coded reasons and the numbers they used."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from app.clinical.words import quick


@quick
class Level(StrEnum):
    """What a patient's reports say, mildest first: a greater level is a worse one."""

    NO_REFERENCE = "no_reference"
    STEADY = "steady"
    WATCH = "watch"
    CONSIDER_BOOSTER = "consider_booster"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for no reference."""
        return _RANKS[self]

    def __lt__(self, other: str) -> bool:
        return _RANKS[self] < _RANKS[other]

    def __le__(self, other: str) -> bool:
        return _RANKS[self] <= _RANKS[other]

    def __gt__(self, other: str) -> bool:
        return _RANKS[self] > _RANKS[other]

    def __ge__(self, other: str) -> bool:
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final[dict[str, int]] = {level: rank for rank, level in enumerate(Level)}


@quick
class CriterionName(StrEnum):
    """On what criterion a level rests."""

    GAIN_LOST = "gain_lost"
    SCALE_RELAPSE = "scale_relapse"
    ONE_DOMAIN = "one_domain"
    PATIENT_ASKS = "patient_asks"


@quick
class ReasonCode(StrEnum):
    """What a rule found. The numbers that each carries are named beside it."""

    # Criterion A, and C in part
    REFERENCE_MISSING = "reference_missing"  # because, n_days, days_needed, until
    NO_GAIN = "no_gain"  # mean_gain
    BELOW_WATCH = "below_watch"  # smoothed, threshold
    WATCH_REACHED = "watch_reached"  # smoothed, threshold
    STILL_WATCHING = "still_watching"  # smoothed, threshold (of steady), days (needed below it)
    LOST_ENOUGH = "lost_enough"  # smoothed, threshold
    GAIN_TOO_SMALL = "gain_too_small"  # mean_gain, least
    TOO_FEW_RECENT_DAYS = "too_few_recent_days"  # have, needed, within_days
    LAST_DAYS_BETTER = "last_days_better"  # last_day, day_before, each_day
    # Criterion C
    DOMAIN_LOST_ENOUGH = "domain_lost_enough"  # domain, smoothed, threshold
    DOMAIN_WATCH_REACHED = "domain_watch_reached"  # domain, smoothed, threshold
    DOMAIN_STILL_WATCHING = "domain_still_watching"  # domain, smoothed, threshold, days
    ASK_SCALE = "ask_scale"  # scale
    # Criterion B: the codes of `relapse`, with total, threshold, on, count, days
    TOTALS = "totals"  # code, scale, total, threshold, on, count, days
    # Criterion D
    ASKED = "asked"  # on
    # What is said with every level
    ASSUMED_BASELINE = "assumed_baseline"  # threshold
    FALLING_REFERENCE = "falling_reference"  # n_days
    DOMAIN_OFF = "domain_off"  # domain, n_days, days_needed
    BOOSTER_DID_NOT_HOLD = "booster_did_not_hold"  # booster_on, days
    COUNTERFACTUAL = "counterfactual"  # domain, report, last_days
    NO_COUNTERFACTUAL = "no_counterfactual"
    # Why no signal is raised
    INDUCTION_RUNNING = "induction_running"  # until
    WITHIN_A_DAY_OF_INFUSION = "within_a_day_of_infusion"  # hours, needed
    COURSE_CLOSED = "course_closed"  # on
    SIGNAL_OPEN = "signal_open"  # since
    SIGNAL_SNOOZED = "signal_snoozed"  # until
    BOOSTER_BOOKED = "booster_booked"  # on, until
    CLOSED_RECENTLY = "closed_recently"  # on, until
    BELOW_CONSIDER = "below_consider"
    # Why a move is made
    FIRST_AT_CONSIDER = "first_at_consider"
    CONSENT_GIVEN_AGAIN = "consent_given_again"
    STEADY_SINCE_CLOSING = "steady_since_closing"  # on
    INFUSION_SINCE_CLOSING = "infusion_since_closing"  # on
    STILL_AT_CONSIDER = "still_at_consider"  # closed_on, days
    NEW_CRITERION = "new_criterion"  # criteria
    ROSE_AGAIN = "rose_again"  # steady_on
    STEADY_NOW = "steady_now"  # on


Fact = tuple[str, float | int | str | date | None]


class Reason(NamedTuple):
    """A coded reason with the numbers it used, as (name, value) pairs. Prose is made from these alone."""

    code: ReasonCode
    facts: tuple[Fact, ...] = ()

    def fact(self, name: str) -> float | int | str | date | None:
        """The value of one of its numbers.

        Raises:
            KeyError: when this reason carries no such number.
        """
        for fact, value in self.facts:
            if fact == name:
                return value
        raise KeyError(name)


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
