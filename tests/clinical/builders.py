"""Patients for the tests: a course of six infusions, and one check-in an evening."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.clinical.answer import Evaluation
from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.episodes import NO_EPISODE, Episode, Move, MoveKind, moved, next_move
from app.clinical.evaluation import evaluate
from app.clinical.history import History
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import replay

ZONE = "America/New_York"
DAY_ZERO = date(2026, 3, 25)
"""The day of the last induction infusion in these tests."""
INFUSION_OFFSETS = (-10, -8, -6, -4, -2, 0)
COURSE = Course(id="course", protocol="standard", planned_infusions=6, started_on=date(2026, 3, 10))


def at(offset: int, hour: float = 22.0) -> datetime:
    """An hour (UTC; 22:00 is the evening in New York) of the day so many days after day 0."""
    midnight = datetime(DAY_ZERO.year, DAY_ZERO.month, DAY_ZERO.day, tzinfo=UTC)
    return midnight + timedelta(days=offset, hours=hour)


def on(offset: int) -> date:
    """The day so many days after day 0."""
    return DAY_ZERO + timedelta(days=offset)


def induction(offsets: Sequence[int] = INFUSION_OFFSETS) -> tuple[Infusion, ...]:
    """Induction infusions at noon in New York."""
    return tuple(
        Infusion(id=f"induction {offset}", given_at=at(offset, 16), phase=InfusionPhase.INDUCTION)
        for offset in offsets
    )


def booster(offset: int, hour: float = 16.0) -> Infusion:
    """One booster."""
    return Infusion(id=f"booster {offset}", given_at=at(offset, hour), phase=InfusionPhase.BOOSTER)


def report(
    offset: int,
    mood: float | None,
    energy: float | None = None,
    sleep_quality: float | None = None,
    *,
    hour: float = 22.0,
    time_zone: str = ZONE,
    asks: bool = False,
) -> CheckIn:
    """One check-in on a day counted from day 0."""
    return CheckIn(
        id=f"{offset} {hour}",
        recorded_at=at(offset, hour),
        time_zone=time_zone,
        mood=mood,
        energy=energy,
        sleep_quality=sleep_quality,
        asks_about_booster=asks,
    )


def same(offset: int, value: float, *, hour: float = 22.0) -> CheckIn:
    """One check-in with the same value on all three domains."""
    return report(offset, value, value, value, hour=hour)


def days(
    offsets: Iterable[int], value: float | Callable[[int], float], *, mood_only_after: float | None = None
) -> tuple[CheckIn, ...]:
    """One check-in a day; with `mood_only_after`, energy and sleep stay at that value."""
    made = []
    for offset in offsets:
        one = value(offset) if callable(value) else value
        other = one if mood_only_after is None else mood_only_after
        made.append(report(offset, one, other, other))
    return tuple(made)


BEFORE = days(range(-24, -10), 3)
WINDOW = days(range(1, 9), 8)


def history(
    *check_ins: CheckIn,
    infusions: Sequence[Infusion] | None = None,
    course: Course | None = COURSE,
    time_zone: str = ZONE,
) -> History:
    """A patient with these check-ins; six induction infusions unless others are given."""
    return History(
        time_zone=time_zone,
        course=course,
        infusions=tuple(induction() if infusions is None else infusions),
        check_ins=check_ins,
    )


@dataclass(frozen=True)
class Step:
    """What one check-in led to."""

    offset: int
    evaluation: Evaluation
    move: Move
    episode: Episode


def follow(patient: History, *, protocol: Protocol = STANDARD, from_offset: int = 1) -> list[Step]:
    """The patient followed check-in by check-in, as the service does it."""
    steps: list[Step] = []
    episode = NO_EPISODE
    later = sorted(
        (one for one in patient.check_ins if one.recorded_at >= at(from_offset, 0)),
        key=lambda one: one.recorded_at,
    )
    state = replay(patient, as_of=at(from_offset, 0), protocol=protocol)
    for check_in in later:
        now = check_in.recorded_at
        state = advance(state, check_in, protocol=protocol) or replay(patient, as_of=now, protocol=protocol)
        evaluation = evaluate(state, as_of=now, protocol=protocol)
        move = next_move(episode, evaluation, as_of=now, protocol=protocol)
        episode = moved(episode, move, on=evaluation.day)
        steps.append(Step((evaluation.day - DAY_ZERO).days, evaluation, move, episode))
    return steps


def raised(steps: Sequence[Step]) -> list[Step]:
    """The steps at which a signal was raised."""
    return [step for step in steps if step.move.kind is MoveKind.RAISE]
