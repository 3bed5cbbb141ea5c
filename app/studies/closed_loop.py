"""What it is worth: a clinic whose boosters depend on what is noticed, over a year (specification, section 9.5).

Benefits last as long as they last, check-ins are answered or not, and each policy decides when boosters are given.
The same patients, with the same noise and the same luck, under every policy. All of it is simulated: the clinic's
own numbers replace it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from app.clinical.domains import PerDomain
from app.clinical.episodes import Disposition
from app.clinical.history import History
from app.clinical.interval import learned_interval
from app.clinical.protocol import STANDARD, Protocol
from app.studies.backtest import RuleRun, run_of
from app.studies.cohort_plan import REFERENCE_COHORT
from app.studies.policies import Policy
from app.studies.simulated_patient import (
    CHECK_IN_HOUR,
    ReportedDays,
    at,
    drawn_truth,
    history_before,
    infusion_on,
)

FOLLOWED_DAYS: Final = 365
MEDIAN_DAYS: Final = 30.0
BETWEEN_PATIENTS, WITHIN_PATIENT = 0.9, 0.3
TREND: Final = ((0.96, 0.2), (1.0, 0.6), (1.04, 0.2))
"""What each further infusion does to the duration of the benefit, and how many patients are like that."""
LONGEST_DAYS: Final = 400.0
RESTORES_FULLY, RESTORES_PARTLY = 0.8, 0.12
PARTLY: Final = (0.3, 0.8)
RESTORED_OVER_DAYS: Final = 2.0
RAMP_DAYS, DEPTH = (2.0, 14.0), (0.7, 1.1)
HALF: Final = 0.5
WELL_BELOW: Final = 0.25
"""Given while well: less than a quarter of the gain was truly lost."""
LEAST_APART: Final = 14
LEAST_APART_OF_PLAN: Final = 1
PLAN: Final = replace(REFERENCE_COHORT, followed_days=FOLLOWED_DAYS, share_never=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOfCare:
    """One patient's year under one policy.

    Attributes:
        days_below_half: days on which more than half of the gain was truly lost, passing dips apart.
        boosters: how many were given; `while_well` of them while less than a quarter was lost.
        booster_failures: signals within 14 days of a booster that had fully worked.
    """

    days_below_half: int
    boosters: int
    while_well: int
    booster_failures: int
    boosters_that_worked: int


class Benefit:
    """The benefit as it truly is, from one infusion to the next."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._median = MEDIAN_DAYS * random.lognormvariate(0.0, BETWEEN_PATIENTS)
        self._trend = random.choices([one for one, _ in TREND], [share for _, share in TREND])[0]
        self._given_on, self._had_lost, self._rest = 0, 0.0, 0.0
        self._onset, self._ramp, self._depth = self._drawn(0)
        self.worked = True

    def lost(self, day: float) -> float:
        """The share of the gain that is truly lost on a day."""
        recovering = max(0.0, 1.0 - (day - self._given_on) / RESTORED_OVER_DAYS)
        losing = min(1.0, max(0.0, (day - self._onset) / self._ramp))
        back = (self._had_lost - self._rest) * recovering
        return self._rest + back + (self._depth - self._rest) * losing

    def booster(self, day: int) -> None:
        """A booster: it restores fully, in part, or not at all."""
        luck, part = self._random.random(), self._random.uniform(*PARTLY)
        lost = self.lost(day)
        self.worked = luck < RESTORES_FULLY
        kept = (self._given_on, self._had_lost, self._rest, self._onset, self._ramp, self._depth)
        self._median *= self._trend
        self._given_on, self._had_lost = day, lost
        self._rest = 0.0 if self.worked else lost * (1.0 - part)
        self._onset, self._ramp, self._depth = self._drawn(day)
        if luck >= RESTORES_FULLY + RESTORES_PARTLY:
            self._given_on, self._had_lost, self._rest, self._onset, self._ramp, self._depth = kept

    def _drawn(self, day: int) -> tuple[float, float, float]:
        """Until when the benefit that begins now lasts, over how many days it is lost, and how much of it."""
        lasts = min(LONGEST_DAYS, self._median * self._random.lognormvariate(0.0, WITHIN_PATIENT))
        ramp, depth = self._random.uniform(*RAMP_DAYS), self._random.uniform(*DEPTH)
        return day + lasts, ramp, max(self._rest, depth)


class Year:
    """One patient's year under one policy, day by day."""

    def __init__(self, policy: Policy, name: str, seed: str) -> None:
        self._policy = policy
        people, care = (Random(f"{seed} {what}") for what in ("people", "care"))  # noqa: S311 - must repeat, guards nothing
        person = drawn_truth(PLAN, people)
        self._benefit = Benefit(Random(f"{seed} benefit"))  # noqa: S311 - likewise
        self._days = ReportedDays(PLAN, person, people)
        self._deciding = policy.deciding(care)
        self._history = replace(history_before(PLAN, name), check_ins=tuple(self._days.before()))
        self._run = _started(self._history, policy.rule) if policy.rule else None
        self._given: list[int] = []
        self._losses: list[float] = [0.0]
        self._well = self._failures = self._worked = 0

    def lived(self) -> YearOfCare:
        """The whole year."""
        below = 0
        for day in range(1, FOLLOWED_DAYS + 1):
            if self._wants_booster(day):
                self._give(day)
            lost = self._benefit.lost(day)
            self._losses.append(lost)
            below += lost >= HALF
            self._report(day, lost)
        return YearOfCare(
            days_below_half=below,
            boosters=len(self._given),
            while_well=self._well,
            booster_failures=self._failures,
            boosters_that_worked=self._worked,
        )

    def _wants_booster(self, day: int) -> bool:
        last = self._given[-1] if self._given else 0
        apart = LEAST_APART_OF_PLAN if self._policy.every_days else LEAST_APART
        return self._deciding.wants_on(day, last, self._losses) and day - last >= apart

    def _give(self, day: int) -> None:
        self._well += self._benefit.lost(day) < WELL_BELOW
        if self._run is not None:
            infusion = infusion_on(day, len(PLAN.infusion_days) + len(self._given) + 1)
            self._run.take_infusion(infusion)
        self._benefit.booster(day)
        self._worked += self._benefit.worked
        self._given.append(day)
        self._deciding.given(day, self._learned() if self._run else None)

    def _learned(self) -> int | None:
        """The interval that the stretch which this booster ended speaks for."""
        state = self._run.state if self._run else None
        stretches = state.boosters.stretches if state else ()
        if not stretches:
            return None
        stretch = stretches[-1]
        rule = self._policy.rule or STANDARD
        return learned_interval(stretch.to_day - stretch.from_day, stretch, protocol=rule)

    def _report(self, day: int, lost: float) -> None:
        if self._run is None:
            return
        check_in = self._days.on(day, PerDomain(lost, lost, lost))
        if check_in is None:
            return
        before = len(self._run.signals)
        self._run.take_check_in(check_in)
        last = self._given[-1] if self._given else None
        if len(self._run.signals) > before:
            soon = last is not None and day - last <= LEAST_APART
            self._failures += soon and self._benefit.worked and lost < HALF
            if not self._deciding.raised(day):
                self._run.close(disposition=Disposition.WATCHFUL_WAITING, at=at(day, CHECK_IN_HOUR))
        elif self._run.is_waiting and _considers(self._run):
            self._deciding.still_open(day, last or 0)


def _considers(run: RuleRun) -> bool:
    return run.state is not None and run.state.loss is not None and run.state.loss.considered_on is not None


def _started(history: History, rule: Protocol) -> RuleRun:
    run = run_of(history, protocol=rule)
    for check_in in history.check_ins:
        run.take_check_in(check_in)
    for infusion in history.infusions:
        run.take_infusion(infusion)
    return run


def years(policy: Policy, seed: int, first: int, past_last: int) -> Iterator[YearOfCare]:
    """The years of the patients numbered from `first` up to and without `past_last`."""
    for number in range(first, past_last):
        yield Year(policy, f"{seed}-{number:05d}", f"afterglow closed loop {seed} {number}").lived()
