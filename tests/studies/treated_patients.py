"""Patients for the tests of studies: a standard series, a baseline of 3, and whatever is reported after."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.history import History
from app.studies.patients import Outcome, StudyPatient

DAY_ZERO = datetime(2026, 3, 2, tzinfo=UTC)
ZONE = "+00:00"


@dataclass(frozen=True, slots=True)
class GivenPatients:
    """Patients that are already at hand, as a source of them."""

    given: tuple[StudyPatient, ...]

    @property
    def size(self) -> int:
        return len(self.given)

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        return iter(self.given[first:past_last])


def on(day: int, hour: int = 20) -> datetime:
    return DAY_ZERO + timedelta(days=day, hours=hour)


def calendar_day(day: int) -> date:
    return on(day).date()


def infusion(day: int, phase: InfusionPhase = InfusionPhase.INDUCTION) -> Infusion:
    return Infusion(id=f"{day + 100:04d}", given_at=on(day, 10), phase=phase, time_zone=ZONE)


def check_in(day: int, level: float) -> CheckIn:
    return CheckIn(
        id=f"{day + 1000:05d}",
        recorded_at=on(day),
        time_zone=ZONE,
        mood=level,
        energy=level,
        sleep_quality=level,
    )


def patient(
    levels: Mapping[int, float],
    *,
    name: str = "p",
    boosters: Iterable[int] = (),
    lost_on: int | None = None,
    outcome_known: bool = True,
    ends: int | None = None,
) -> StudyPatient:
    """Baseline 3 on days -20 to -12, induction on days -10 to 0, then the given level on each day."""
    induction = tuple(infusion(day) for day in (-10, -8, -6, -4, -2, 0))
    before = tuple(check_in(day, 3) for day in range(-20, -11))
    after = tuple(check_in(day, level) for day, level in levels.items())
    outcome = Outcome(None if lost_on is None else calendar_day(lost_on))
    return StudyPatient(
        name=name,
        history=History(
            time_zone=ZONE,
            course=Course(id=name, protocol="standard", planned_infusions=6, started_on=calendar_day(-10)),
            infusions=(*induction, *(infusion(day, InfusionPhase.BOOSTER) for day in boosters)),
            check_ins=(*before, *after),
        ),
        ends_at=None if ends is None else on(ends),
        outcome=outcome if outcome_known else None,
    )


def without_baseline(one: StudyPatient) -> StudyPatient:
    later = tuple(entry for entry in one.history.check_ins if entry.recorded_at > DAY_ZERO)
    return replace(one, history=replace(one.history, check_ins=later))


def steady(until: int, level: float = 8) -> dict[int, float]:
    return dict.fromkeys(range(1, until + 1), level)


def falling_to(level: float, *, at: int, until: int) -> dict[int, float]:
    """Level 8 before the day `at`, the given one from then on."""
    return {day: 8.0 if day < at else level for day in range(1, until + 1)}
