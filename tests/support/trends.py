"""Trends to draw: the story of one patient, and the odd ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from app.chart.trend import Band, InfusionMark, LevelSpan, TotalMark, Trend, TrendDay
from app.clinical.check_ins import CheckInDay
from app.clinical.course import InfusionPhase
from app.clinical.domains import PerDomain
from app.clinical.levels import Level

LAST = date(2026, 11, 3)
Values = PerDomain[float | None]
BASELINE = Band(
    values=PerDomain(2.9, 3.1, 4.8),
    spread=PerDomain(1.1, 1.2, 1.4),
    days=PerDomain(9, 9, 8),
    from_day=date(2026, 7, 20),
    to_day=date(2026, 8, 1),
)
REFERENCE = Band(
    values=PerDomain(8.0, 7.2, 7.5),
    spread=PerDomain(1.1, 1.2, 1.4),
    days=PerDomain(7, 7, 7),
    from_day=date(2026, 8, 14),
    to_day=date(2026, 8, 21),
)


def on(days_ago: int) -> date:
    """The day so many days before the last."""
    return LAST - timedelta(days=days_ago)


def day(
    days_ago: int, mood: float | None, energy: float | None = None, sleep: float | None = None
) -> TrendDay:
    """One check-in day."""
    return TrendDay(means=CheckInDay(day=on(days_ago), values=PerDomain(mood, energy, sleep)))


def trend(length: int, days: Sequence[TrendDay] = (), **more: object) -> Trend:
    """A trend of so many days up to the last."""
    return Trend(first_day=on(length - 1), last_day=LAST, days=days, **more)  # type: ignore[arg-type] # fields of Trend


def daily(
    length: int, value: Callable[[int], float], *, missing: float = 0.2, seed: int = 1
) -> list[TrendDay]:
    """Check-ins around a course of the mood, with noise and gaps, oldest first."""
    random = Random(seed)  # noqa: S311 - for pictures
    made = []
    for ago in reversed(range(length)):
        if random.random() < missing:
            continue
        level = value(ago)
        mood, energy, sleep = (
            min(10.0, max(0.0, round(level + shift + random.gauss(0, 0.8)))) for shift in (0.3, -0.4, 0.1)
        )
        means = CheckInDay(day=on(ago), values=PerDomain(mood, energy, sleep), sleep_hours=7.25)
        made.append(TrendDay(means=means))
    return made


def fading(ago: int) -> float:
    """Before treatment 3, after induction 8, and the benefit of it fading from 30 days ago."""
    if ago > 92:
        return 3.0
    if ago > 80:
        return 3.0 + (92 - ago) * 0.4
    return 8.0 if ago > 30 else 8.0 - (30 - ago) * 0.14


def story(length: int = 92) -> Trend:
    """A clinician's patient: induction, one booster, a benefit that fades, levels and totals."""
    days = [
        TrendDay(
            means=replace(one.means, sleep_hours=7.5),
            acute=(LAST - one.day).days in {90, 88, 86, 84, 82, 80, 38},
            late=(LAST - one.day).days in {60, 61, 12},
        )
        for one in daily(length, fading)
    ]
    inductions = [
        InfusionMark(day=on(ago), phase=InfusionPhase.INDUCTION) for ago in (90, 88, 86, 84, 82, 80)
    ]
    levels = (
        LevelSpan(first_day=on(91), last_day=on(72), level=Level.NO_REFERENCE),
        LevelSpan(first_day=on(71), last_day=on(16), level=Level.STEADY),
        LevelSpan(first_day=on(15), last_day=on(5), level=Level.WATCH),
        LevelSpan(first_day=on(4), last_day=on(0), level=Level.CONSIDER_BOOSTER),
    )
    totals = (
        TotalMark(day=on(91), scale="PHQ-9", total=19),
        TotalMark(day=on(75), scale="PHQ-9", total=6),
        TotalMark(day=on(30), scale="PHQ-9", total=5),
        TotalMark(day=on(2), scale="PHQ-9", total=13),
        TotalMark(day=on(74), scale="MADRS", total=9),
    )
    return trend(
        length,
        days,
        baseline=BASELINE,
        reference=REFERENCE,
        infusions=[*inductions, InfusionMark(day=on(38), phase=InfusionPhase.BOOSTER)],
        levels=levels,
        totals=totals,
    )


def maintained(length: int) -> Trend:
    """Years of a patient with a booster every six weeks, whose scores rise and fall with them."""
    boosters = [InfusionMark(day=on(ago), phase=InfusionPhase.BOOSTER) for ago in range(length - 60, 0, -42)]
    six = [InfusionMark(day=on(length - 10 - 2 * one), phase=InfusionPhase.INDUCTION) for one in range(6)]
    return trend(
        length,
        daily(length, lambda ago: 8.2 - 2.2 * ((length - 60 - ago) % 42) / 42),
        baseline=BASELINE,
        reference=REFERENCE,
        infusions=sorted([*six, *boosters], key=lambda one: one.day),
        levels=[
            LevelSpan(first_day=on(ago), last_day=on(max(ago - 27, 0)), level=Level.STEADY)
            if (ago // 28) % 2
            else LevelSpan(first_day=on(ago), last_day=on(max(ago - 27, 0)), level=Level.WATCH)
            for ago in range(length - 60, 27, -28)
        ],
    )
