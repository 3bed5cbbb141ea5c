"""What it is worth: a clinic whose boosters depend on what is noticed, over a year (specification, section 9.5).

Benefits last as long as they last, check-ins are answered or not, and each policy decides when boosters are given.
The same patients, with the same noise and the same luck, under every policy. All of it is simulated: the clinic's
own numbers replace it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import cpu_count
from random import Random
from statistics import mean
from typing import Final

from app.clinical.domains import PerDomain
from app.clinical.episodes import Disposition
from app.clinical.history import History
from app.clinical.interval import learned_interval
from app.clinical.protocol import RULE_1, STANDARD, Protocol
from app.studies.backtest import RuleRun, run_of
from app.studies.cohort_plan import REFERENCE_COHORT
from app.studies.measures import DAYS_A_YEAR
from app.studies.onset_figures import days_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.simulated_patient import (
    CHECK_IN_HOUR,
    ReportedDays,
    at,
    drawn_truth,
    history_before,
    infusion_on,
)

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


WORST: Final = 0.9
MONTHS_OF_LOSS: Final = 120
SCALE: Final = DAYS_A_YEAR / FOLLOWED_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """One policy on one seed, a patient-year.

    Attributes:
        days_below_half: days below half the gain.
        boosters: how many; `while_well` of them while less than a quarter was lost.
        worst_tenth: days that nine patients in ten stay below; `over_120` is the share with more than 120.
        soon_false: signals within 14 days, per booster that had fully worked.
    """

    days_below_half: float
    boosters: float
    while_well: float
    worst_tenth: float
    over_120: float
    soon_false: float


def outcome(
    *,
    patients: int,
    seeds: Sequence[int],
    policies: Mapping[str, Policy] = POLICIES,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> dict[str, tuple[Worth, ...]]:
    """Every policy over the same patients, `patients` of each seed; the figures seed by seed."""
    at_once = processes or cpu_count() or 1
    return {
        name: tuple(
            _worth(list(watch(in_processes(partial(_lived, name, seed), patients, processes=at_once))))
            for seed in seeds
        )
        for name in policies
    }


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patient-years a study of this size lives."""
    return patients * len(seeds) * len(POLICIES)


def _lived(policy: str, seed: int, numbers: tuple[int, int]) -> list[YearOfCare]:
    return list(years(POLICIES[policy], seed, *numbers))


def _worth(lived: Sequence[YearOfCare]) -> Worth:
    n, below = len(lived), sorted(one.days_below_half for one in lived)
    worked = sum(one.boosters_that_worked for one in lived)
    return Worth(
        days_below_half=sum(below) / n * SCALE,
        boosters=sum(one.boosters for one in lived) / n * SCALE,
        while_well=sum(one.while_well for one in lived) / n * SCALE,
        worst_tenth=below[int(WORST * n)] * SCALE,
        over_120=sum(days > MONTHS_OF_LOSS for days in below) / n,
        soon_false=sum(one.booster_failures for one in lived) / worked if worked else 0.0,
    )


HEADER: Final = (
    "policy",
    "days a patient-year below half the gain",
    "fewer than (b)",
    "infusions a year",
    "given while well",
    "p90 of patients",
    "over 120 days %",
    "false soon after a booster %",
)


def outcome_table(found: Mapping[str, Sequence[Worth]]) -> Table:
    """A row for each policy, each figure with its standard error over seeds; the difference is paired by seed."""
    against = next(iter(found.values()))
    rows: list[Sequence[str]] = [HEADER]
    for name, worth in found.items():
        fewer = [b.days_below_half - one.days_below_half for one, b in zip(worth, against, strict=True)]
        rows.append(
            (
                name,
                days_with_error([one.days_below_half for one in worth]),
                "" if worth is against else days_with_error(fewer),
                days_with_error([one.boosters for one in worth]),
                days_with_error([one.while_well for one in worth]),
                days_with_error([one.worst_tenth for one in worth]),
                share_with_error([one.over_120 for one in worth]),
                share_with_error([one.soon_false for one in worth]) if POLICIES[name].rule else "",
            )
        )
    return rows
