"""Simulated patients in maintenance: boosters by plan, and a benefit that holds, is lost in spite, or wears off.

The people, their noise, dips and missing check-ins are those of the reference cohort; they are followed for 250
days from the last induction infusion (specification, section 9.3).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

from app.studies.cohort_plan import REFERENCE_COHORT
from app.studies.patients import StudyPatient
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
