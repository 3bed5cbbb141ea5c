"""When a booster is given: what each policy of the closed loop notices, and how soon it acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import mean
from typing import Final

from app.clinical.protocol import RULE_1, STANDARD, Protocol

CALLS_AFTER_DAYS: Final = 21.0
CALLS_AFTER_SIGMA: Final = 0.7
NEVER_CALLS: Final = 0.25
VISIT_EVERY_DAYS: Final = 84
TOTAL_EVERY_DAYS: Final = 28
TOTAL_DONE: Final = 0.8
TOTAL_OVER_DAYS: Final = 14
TOTAL_ERROR_SD: Final = 0.2
FOLLOWED: Final = 0.85
"""The share of signals that lead to a booster."""
HALF: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When boosters are given.

    Attributes:
        every_days: at a fixed interval; None otherwise.
        phones, totals: whether the patient has to phone, or staff ask for a PHQ-9 every 28 days.
        rule: the rule whose signals are followed; None without check-ins.
        days_to_booster: from the call, the visit, the total or the signal to the booster: however a loss is
            noticed, an appointment takes as long.
        learns: whether the next booster is booked for the learned interval.
    """

    every_days: int | None = None
    phones: bool = False
    totals: bool = False
    rule: Protocol | None = None
    days_to_booster: int = 5
    learns: bool = False

    def deciding(self, random: Random) -> "Deciding":
        """What this policy decides for one patient."""
        return Deciding(self, random)


def _learning(factor: float) -> Protocol:
    return replace(STANDARD, learned_factor=factor, learned_factor_monthly=factor)


POLICIES: Final[Mapping[str, Policy]] = {
    "(b) the patient phones": Policy(phones=True),
    "(b) the same, booster on the same day": Policy(phones=True, days_to_booster=0),
    "(c) PHQ-9 by staff every 28 days": Policy(totals=True),
    "(a) fixed every 28 days": Policy(every_days=28),
    "(a) fixed every 42 days": Policy(every_days=42),
    "(a) fixed every 56 days": Policy(every_days=56),
    "(d) signals of rule 1.0, booster 5 days after": Policy(rule=RULE_1),
    "(d) signals of rule 2.0, booster 5 days after": Policy(rule=STANDARD),
    "(d) signals of rule 2.0, booster 2 days after": Policy(rule=STANDARD, days_to_booster=2),
    "(e) signals and learned interval, as offered": Policy(rule=STANDARD, learns=True),
    "(e) signals and learned interval, x 1.6": Policy(rule=_learning(1.6), learns=True),
    "(e) signals and learned interval, x 1.3": Policy(rule=_learning(1.3), learns=True),
}
"""The policies of table 9.5."""


class Deciding:
    """What a policy decides for one patient, day by day."""

    def __init__(self, policy: Policy, random: Random) -> None:
        self._policy, self._random = policy, random
        self._calls = random.random() >= NEVER_CALLS
        self._booked: int | None = None
        self._calls_on: int | None = None
        self._decided_on: int | None = None

    def wants_on(self, day: int, last: int, losses: Sequence[float]) -> bool:
        """Whether a booster is wanted on a day; `losses` are the true ones through the day before."""
        policy = self._policy
        if policy.every_days:
            return day - last >= policy.every_days
        if self._booked is None and self._noticed(day, losses):
            self._book(day + policy.days_to_booster)
        return self._booked is not None and day >= self._booked

    def given(self, day: int, learned: int | None) -> None:
        """A booster was given; with a learned interval the next one is booked at once."""
        self._calls_on = None
        self._booked = day + learned if self._policy.learns and learned is not None else None

    def raised(self, day: int) -> bool:
        """Whether the signal of a day is followed; its booster is booked then."""
        self._decided_on = day
        if self._random.random() >= FOLLOWED:
            return False
        self._book(day + self._policy.days_to_booster)
        return True

    def still_open(self, day: int, last: int) -> None:
        """A signal that stands while the loss goes on: decided once for each booster, and again after two weeks."""
        decided = self._decided_on
        if self._booked is None and (decided is None or decided < last or day - decided >= TOTAL_OVER_DAYS):
            self.raised(day)

    def _book(self, day: int) -> None:
        self._booked = day if self._booked is None else min(self._booked, day)

    def _noticed(self, day: int, losses: Sequence[float]) -> bool:
        """Whether a call, a visit or a total shows the loss on a day; signals are noticed in `raised`."""
        if self._policy.phones:
            return self._phoned(day, losses)
        return self._policy.totals and self._total_shows_it(day, losses)

    def _phoned(self, day: int, losses: Sequence[float]) -> bool:
        lost = losses[-1] >= HALF
        if day % VISIT_EVERY_DAYS == 0:
            return lost
        if not lost:
            self._calls_on = None
        elif self._calls_on is None:
            wait = CALLS_AFTER_DAYS * self._random.lognormvariate(0.0, CALLS_AFTER_SIGMA)
            self._calls_on = day + round(wait)
        return lost and self._calls and self._calls_on is not None and day >= self._calls_on

    def _total_shows_it(self, day: int, losses: Sequence[float]) -> bool:
        if day % TOTAL_EVERY_DAYS or self._random.random() >= TOTAL_DONE:
            return False
        measured = mean(losses[-TOTAL_OVER_DAYS:]) + self._random.gauss(0.0, TOTAL_ERROR_SD)
        return measured >= HALF
