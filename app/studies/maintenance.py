"""How the rule does across boosters: where they hold, where the benefit is lost in spite of them, or wears off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from os import cpu_count
from random import Random
from typing import Final

from app.clinical.protocol import PUBLISHED, Protocol
from app.studies.cohort_plan import REFERENCE_COHORT
from app.studies.onset_figures import Figures, OnsetCounts, rate_with_error, share_with_error
from app.studies.patients import StudyPatient
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.side_by_side import seen_by_rules
from app.studies.simulated_patient import (
    CHECK_IN_HOUR,
    ReportedDays,
    SimulatedPatient,
    Truth,
    at,
    drawn_truth,
    history_before,
    infusion_on,
)

FOLLOWED_DAYS: Final = 250
ONSET_DAYS: Final = (20.0, 190.0)
DEPTH: Final = (0.6, 1.1)
DOES_NOTHING: Final = 0.6
"""The share of patients in whom boosters do nothing once the benefit is being lost."""
TAKES_BACK: Final = (0.3, 0.7)
TAKEN_BACK_DAYS: Final = (2.0, 4.0)
RETURNS_OVER_DAYS: Final = (1.0, 3.0)
RESTORES_FOR: Final = (0.15, 0.6)
"""For so much of the interval a booster restores the benefit, per patient, give or take a day."""


class Course(StrEnum):
    """What becomes of the benefit."""

    HOLDS = "holds"
    IN_SPITE = "in spite"
    WEARS_OFF = "wears off"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterPlan:
    """When boosters are given: steps of (interval in days, how often; None for good), and how punctual they are.

    Attributes:
        lateness: days by which each may be early (below 0) or late.
        infusion_days: of induction, counted back from the last.
    """

    steps: tuple[tuple[int, int | None], ...]
    lateness: tuple[int, int] = (-1, 2)
    infusion_days: tuple[int, ...] = REFERENCE_COHORT.infusion_days

    def days(self, random: Random) -> tuple[int, ...]:
        """The days of the boosters of one patient."""
        planned, days = 0, []
        for interval, count in self.steps:
            given = 0
            while planned + interval <= FOLLOWED_DAYS and (count is None or given < count):
                planned, given = planned + interval, given + 1
                days.append(planned + random.randint(*self.lateness))
        return tuple(days)


BOOSTER_PLANS: Final[Mapping[str, BoosterPlan]] = {
    "weekly": BoosterPlan(steps=((7, None),), lateness=(0, 1)),
    "every 14 days": BoosterPlan(steps=((14, None),)),
    "every 28 days": BoosterPlan(steps=((28, None),)),
    "taper": BoosterPlan(steps=((7, 4), (14, 4), (28, None))),
    "esketamine-like": BoosterPlan(
        steps=((7, 4), (14, None)), infusion_days=(-25, -22, -18, -15, -11, -8, -4, 0)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LostInSpite(Truth):
    """The benefit is lost although boosters are given; some of them take back a part for a while.

    `taken_back` are (day, share taken back, days that it lasts, days over which it returns) of the boosters.
    """

    taken_back: tuple[tuple[int, float, float, float], ...]

    def share_lost(self, day: float) -> float:
        """The share that is truly lost on a day."""
        # By name: a dataclass with slots is a new class, which `super()` without arguments does not know.
        lost = Truth.share_lost(self, day)
        for given_on, share, lasts, over in reversed(self.taken_back):
            if given_on <= day:
                gone = min(1.0, max(0.0, (day - given_on - lasts) / over))
                return lost * (1.0 - share * (1.0 - gone))
        return lost


@dataclass(frozen=True, slots=True, kw_only=True)
class WornOff(Truth):
    """From one booster on each restores the benefit only for a part of its interval.

    `worn_off` are (day of the booster, day on which it has worn off, days of the ramp).
    """

    worn_off: tuple[tuple[int, float, float], ...]

    def share_lost(self, day: float) -> float:
        """The share that is truly lost on a day."""
        for given_on, until, ramp in reversed(self.worn_off):
            if given_on <= day:
                return self.depth * min(1.0, max(0.0, (day - until) / ramp))
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceCohort:
    """So many patients of one plan of boosters and one course of the benefit; the seed settles all of them."""

    boosters: BoosterPlan
    course: Course
    size: int = 500
    seed: int = 1

    def with_truth(self, first: int, past_last: int) -> Iterator[SimulatedPatient]:
        """The patients numbered from `first` up to and without `past_last`, with the truth about them."""
        for number in range(first, min(past_last, self.size)):
            # The boosters have no say in who is drawn: the same people under every plan.
            random = Random(f"afterglow maintenance {self.seed} {self.course} {number}")  # noqa: S311 - must repeat, guards nothing
            yield _patient(self.boosters, self.course, f"{self.seed}-{number:05d}", random)


def _patient(boosters: BoosterPlan, course: Course, name: str, random: Random) -> SimulatedPatient:
    plan = replace(
        REFERENCE_COHORT, followed_days=FOLLOWED_DAYS, share_never=1.0, infusion_days=boosters.infusion_days
    )
    person, given_on = drawn_truth(plan, random), boosters.days(random)
    truth = _truth(course, person, given_on, random)
    days = ReportedDays(plan, truth, random)
    before = history_before(plan, name)
    first = len(plan.infusion_days) + 1
    given = tuple(infusion_on(day, number) for number, day in enumerate(given_on, start=first))
    history = replace(
        before,
        infusions=(*before.infusions, *given),
        check_ins=(*days.before(), *days.after(truth.shares_lost)),
    )
    patient = StudyPatient(name=name, history=history, ends_at=at(FOLLOWED_DAYS, CHECK_IN_HOUR))
    return SimulatedPatient(patient=patient, truth=truth, counted=True)


def _truth(course: Course, person: Truth, given_on: tuple[int, ...], random: Random) -> Truth:
    if course is Course.HOLDS:
        return person
    return (_in_spite if course is Course.IN_SPITE else _wears_off)(person, given_on, random)


def _in_spite(person: Truth, given_on: tuple[int, ...], random: Random) -> Truth:
    onset, depth = random.uniform(*ONSET_DAYS), random.uniform(*DEPTH)
    helped = random.random() >= DOES_NOTHING
    taken_back = tuple(
        (
            day,
            random.uniform(*TAKES_BACK),
            random.uniform(*TAKEN_BACK_DAYS),
            random.uniform(*RETURNS_OVER_DAYS),
        )
        for day in given_on
        if helped
    )
    return LostInSpite(
        before=person.before,
        gain=person.gain,
        noise_sd=person.noise_sd,
        carry_over=person.carry_over,
        ramp_days=person.ramp_days,
        onset=onset,
        depth=depth,
        taken_back=taken_back,
    )


def _wears_off(person: Truth, given_on: tuple[int, ...], random: Random) -> Truth:
    begins, depth = random.uniform(*ONSET_DAYS), random.uniform(*DEPTH)
    part = random.uniform(*RESTORES_FOR)
    worn_off = []
    for number, day in enumerate(given_on):
        after = given_on[number + 1] if number + 1 < len(given_on) else FOLLOWED_DAYS
        lasts = max(0.0, part * (after - day) + random.uniform(-1.0, 1.0))
        ramp = random.uniform(*RETURNS_OVER_DAYS)
        if day >= begins:
            worn_off.append((day, day + lasts, ramp))
    onset = worn_off[0][1] if worn_off else None
    return WornOff(
        before=person.before,
        gain=person.gain,
        noise_sd=person.noise_sd,
        carry_over=person.carry_over,
        ramp_days=person.ramp_days,
        onset=onset,
        depth=depth,
        worn_off=tuple(worn_off),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceFigures:
    """One plan of boosters: by course of the benefit and version of the rule, the figures seed by seed."""

    plan: str
    figures: Mapping[Course, Mapping[str, tuple[Figures, ...]]]


def maintenance(
    *,
    patients: int,
    seeds: Sequence[int],
    rules: Sequence[Protocol] = PUBLISHED,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> tuple[MaintenanceFigures, ...]:
    """Run the rules over the same patients of every plan of boosters; `patients` are of each seed and course."""
    at_once = processes or cpu_count() or 1
    return tuple(
        MaintenanceFigures(
            plan=name,
            figures={
                course: _by_rule(name, course, patients, seeds, rules, at_once, watch) for course in Course
            },
        )
        for name in BOOSTER_PLANS
    )


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds) * len(BOOSTER_PLANS) * len(Course)


def _by_rule(
    plan: str,
    course: Course,
    patients: int,
    seeds: Sequence[int],
    rules: Sequence[Protocol],
    processes: int,
    watch: Watch,
) -> dict[str, tuple[Figures, ...]]:
    found: dict[str, list[Figures]] = {rule.version: [] for rule in rules}
    for seed in seeds:
        cohort = MaintenanceCohort(boosters=BOOSTER_PLANS[plan], course=course, size=patients, seed=seed)
        counts = [OnsetCounts(FOLLOWED_DAYS) for _ in rules]
        seen = in_processes(partial(seen_by_rules, cohort, tuple(rules)), patients, processes=processes)
        for onset, by_rule in watch(seen):
            for count, one in zip(counts, by_rule, strict=True):
                if one is not None and not (course is Course.WEARS_OFF and onset is None):
                    count.add(onset, one[0], rule_on=one[1])
        for rule, count in zip(rules, counts, strict=True):
            found[rule.version].append(count.figures())
    return {version: tuple(figures) for version, figures in found.items()}


HEADER: Final = (
    "boosters",
    "rule",
    "holds: false a year",
    "in spite: 14 days %",
    "in spite: 40 days %",
    "wears off: 28 days %",
    "notices a year, in spite",
)


def maintenance_table(found: Sequence[MaintenanceFigures]) -> Table:
    """Table 9.3: a row for each plan and rule, each figure with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for one in found:
        for number, version in enumerate(one.figures[Course.HOLDS]):
            holds, spite, wears = (one.figures[course][version] for course in Course)
            rows.append(
                (
                    "" if number else one.plan,
                    version,
                    rate_with_error([each.false_a_year for each in holds]),
                    share_with_error([each.strict for each in spite]),
                    share_with_error([each.late for each in spite]),
                    share_with_error([each.in_28 for each in wears]),
                    rate_with_error([each.notices_a_year for each in spite]),
                )
            )
    return rows
