"""One simulated patient: who it is, what is lost when, and what is reported on which day.

Days are counted from the last induction infusion (day 0). Nothing here knows the rule.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from random import Random
from typing import Final

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.domains import HIGHEST, LOWEST, PerDomain
from app.clinical.history import History
from app.studies.cohort_plan import CohortPlan
from app.studies.patients import Outcome, StudyPatient

DAY_ZERO: Final = datetime(2026, 3, 2, tzinfo=UTC)
"""The day of every simulated patient's last induction infusion; no rule looks at the calendar."""
ZONE: Final = "+00:00"
DAY_STARTS_AT: Final = "04:00:00+00:00"
"""As the start of a day is written in a file."""
INFUSION_HOUR: Final = 10
CHECK_IN_HOUR: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a detector that knew everything would know.

    Attributes:
        before, gain: the true level before treatment and what induction added, in points.
        noise_sd: the true within-person spread, in points.
        carry_over: the AR(1) coefficient of the noise.
        onset: until when nothing has been lost, in days and fractions; None when nothing ever is.
        others_follow: so many days later energy and sleep begin to be lost; 0 when all are lost at once.
        ramp_days, depth: how long the loss takes, and the share of the gain that it takes.
    """

    before: PerDomain[float]
    gain: PerDomain[float]
    noise_sd: PerDomain[float]
    carry_over: float
    onset: float | None
    ramp_days: float
    depth: float
    others_follow: float = 0.0

    def share_lost(self, day: float) -> float:
        """The share of mood's gain that is truly lost on a day, passing dips apart."""
        if self.onset is None:
            return 0.0
        return self.depth * min(1.0, max(0.0, (day - self.onset) / self.ramp_days))

    def shares_lost(self, day: float) -> PerDomain[float]:
        """The share of each domain's gain that is truly lost on a day."""
        others = self.share_lost(day - self.others_follow)
        return PerDomain(self.share_lost(day), others, others)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPatient:
    """A patient with the truth behind the reports; `counted` says whether its outcome is evaluated."""

    patient: StudyPatient
    truth: Truth
    counted: bool


def simulated(plan: CohortPlan, *, name: str, random: Random) -> SimulatedPatient:
    """One patient of a population; the same random numbers give the same patient."""
    truth = drawn_truth(plan, random)
    counted = truth.onset is None or plan.counted_after < truth.onset < plan.counted_before
    days = ReportedDays(plan, truth, random)
    lost_on = None if truth.onset is None else (DAY_ZERO + timedelta(days=int(truth.onset))).date()
    history = replace(history_before(plan, name), check_ins=(*days.before(), *days.after(truth.shares_lost)))
    return SimulatedPatient(
        patient=StudyPatient(
            name=name,
            history=history,
            ends_at=at(plan.followed_days, CHECK_IN_HOUR),
            outcome=Outcome(lost_on) if counted else None,
        ),
        truth=truth,
        counted=counted,
    )


def history_before(plan: CohortPlan, name: str) -> History:
    """The course and its induction, without any check-in."""
    return History(
        time_zone=ZONE,
        course=Course(
            id=name,
            protocol="standard",
            planned_infusions=len(plan.infusion_days),
            started_on=(DAY_ZERO + timedelta(days=plan.infusion_days[0])).date(),
        ),
        infusions=tuple(
            infusion_on(day, number, InfusionPhase.INDUCTION)
            for number, day in enumerate(plan.infusion_days, start=1)
        ),
    )


def infusion_on(day: int, number: int, phase: InfusionPhase = InfusionPhase.BOOSTER) -> Infusion:
    """The infusion of a day; `number` makes its id."""
    return Infusion(id=str(number), given_at=at(day, INFUSION_HOUR), phase=phase, time_zone=ZONE)


def at(day: int, hour: int) -> datetime:
    """An hour of a day, counted from the last induction infusion."""
    return DAY_ZERO + timedelta(days=day, hours=hour)


def drawn_truth(plan: CohortPlan, random: Random) -> Truth:
    """Who a patient of this population is."""
    factor = random.uniform(*plan.gain_factor)
    gain = PerDomain(*(factor * random.gauss(mean, plan.gain_sd) for mean in plan.gain_mean))
    # Drawn only where a plan has such patients, so that the others stay who they were.
    if plan.share_without_gain and random.random() < plan.share_without_gain:
        gain = PerDomain(*(random.gauss(*plan.gain_without) for _ in plan.gain_mean))
    mood_first = plan.share_mood_first > 0 and random.random() < plan.share_mood_first
    return Truth(
        before=PerDomain(*map(random.gauss, plan.before_mean, plan.before_sd)),
        gain=gain,
        others_follow=random.uniform(*plan.others_follow_days) if mood_first else 0.0,
        noise_sd=PerDomain(*(sd * random.lognormvariate(0.0, plan.noise_sigma) for sd in plan.noise_sd)),
        carry_over=random.uniform(*plan.carry_over),
        onset=None if random.random() < plan.share_never else plan.onset.drawn(random),
        ramp_days=random.uniform(*plan.ramp_days),
        depth=random.uniform(*plan.ramp_depth),
    )


class ReportedDays:
    """What a patient would report on each day: every day has its noise and its dips, answered or not.

    All of it is drawn at once, so that what is asked, lost or given later moves no other patient and no other day.
    """

    def __init__(self, plan: CohortPlan, truth: Truth, random: Random) -> None:
        self._plan, self._truth = plan, truth
        self._first = plan.infusion_days[0] - plan.days_before
        self._dips = _dips(plan, random)
        self._silent = _silent_days(plan, random)
        noise = _Noise(plan, truth, random)
        self._drawn = [(noise.next(), random.random()) for _ in range(self._first, plan.followed_days + 1)]

    def before(self) -> Iterator[CheckIn]:
        """The check-ins before treatment."""
        for day in range(self._first, self._plan.infusion_days[0]):
            noise, luck = self._drawn[day - self._first]
            if luck < self._plan.answered_before:
                yield self._check_in(day, PerDomain(1.0, 1.0, 1.0), noise)

    def after(self, shares_lost: Callable[[float], PerDomain[float]]) -> Iterator[CheckIn]:
        """The check-ins after induction, asked for as the plan of the population says."""
        for day in range(1, self._plan.followed_days + 1):
            if _is_asked(self._plan, day):
                check_in = self.on(day, shares_lost(day))
                if check_in is not None:
                    yield check_in

    def on(self, day: int, shares: PerDomain[float], *, dips: bool = True) -> CheckIn | None:
        """The check-in of a day on which one is asked for, if it is answered; `shares` are those truly lost.

        With `dips` false a passing dip of that day takes nothing: the level is what it is said to be.
        """
        noise, luck = self._drawn[day - self._first]
        if luck >= 1.0 - self._plan.missing or day in self._silent:
            return None
        dip = self._dips.get(day, 0.0) if dips else 0.0
        return self._check_in(day, PerDomain(*(share + dip for share in shares)), noise)

    def _check_in(self, day: int, shares: PerDomain[float], noise: tuple[float, float, float]) -> CheckIn:
        truth = self._truth
        levels = (
            before + gain * (1.0 - share) + one
            for before, gain, share, one in zip(truth.before, truth.gain, shares, noise, strict=True)
        )
        return _check_in(day, PerDomain(*map(_reported, levels)))


def _is_asked(plan: CohortPlan, day: int) -> bool:
    return day <= plan.daily_until or (day - plan.daily_until) % 7 in plan.asked_on


def _reported(level: float) -> float:
    """What can be answered: a whole number from 0 to 10."""
    return float(min(HIGHEST, max(LOWEST, round(level))))


def _check_in(day: int, values: PerDomain[float]) -> CheckIn:
    return CheckIn(
        id=f"{day + 1000}",
        recorded_at=at(day, CHECK_IN_HOUR),
        time_zone=ZONE,
        mood=values.mood,
        energy=values.energy,
        sleep_quality=values.sleep_quality,
    )


def _dips(plan: CohortPlan, random: Random) -> dict[int, float]:
    """The days after induction on which a share of the gain is missing for a while, and how much."""
    dips: dict[int, float] = {}
    if not plan.dip_every:
        return dips
    for day in range(1, plan.followed_days + 1):
        if day not in dips and random.random() < 1.0 / plan.dip_every:
            length, depth = random.randint(*plan.dip_days), random.uniform(*plan.dip_depth)
            dips.update(dict.fromkeys(range(day, day + length), depth))
    return dips


def _silent_days(plan: CohortPlan, random: Random) -> set[int]:
    """The days within the one or two stretches without any check-in that some patients have."""
    silent: set[int] = set()
    if random.random() >= plan.share_with_gaps:
        return silent
    for _ in range(random.randint(1, plan.most_gaps)):
        start = random.randint(1, plan.followed_days)
        silent.update(range(start, start + random.randint(*plan.gap_days)))
    return silent


class _Noise:
    """Correlated noise that carries over from day to day and keeps its spread: AR(1) per domain."""

    def __init__(self, plan: CohortPlan, truth: Truth, random: Random) -> None:
        self._random = random
        self._sd = truth.noise_sd
        self._carry = truth.carry_over
        self._fresh = sqrt(1.0 - truth.carry_over**2)
        self._mixing = _mixing(*plan.noise_correlation)
        self._now = self._drawn()

    def next(self) -> tuple[float, float, float]:
        """The noise of the next day, in points."""
        a, b, c = (
            self._carry * now + self._fresh * drawn
            for now, drawn in zip(self._now, self._drawn(), strict=True)
        )
        self._now = (a, b, c)
        return a * self._sd.mood, b * self._sd.energy, c * self._sd.sleep_quality

    def _drawn(self) -> tuple[float, float, float]:
        gauss = self._random.gauss
        x, y, z = gauss(), gauss(), gauss()
        (energy_mood, energy_own), (sleep_mood, sleep_energy, sleep_own) = self._mixing
        return x, energy_mood * x + energy_own * y, sleep_mood * x + sleep_energy * y + sleep_own * z


def _mixing(
    mood_energy: float, mood_sleep: float, energy_sleep: float
) -> tuple[tuple[float, float], tuple[float, float, float]]:
    """How independent draws are mixed to have these correlations (Cholesky)."""
    energy_own = sqrt(1.0 - mood_energy**2)
    sleep_energy = (energy_sleep - mood_energy * mood_sleep) / energy_own
    sleep_own = sqrt(1.0 - mood_sleep**2 - sleep_energy**2)
    return (mood_energy, energy_own), (mood_sleep, sleep_energy, sleep_own)
