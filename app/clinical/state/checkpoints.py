"""Checkpoints of a timeline, so that a change costs what came after it, and not the whole past.

One is kept at the end of each `DAYS_BETWEEN` days, the further back the fewer: a replay from the last one before a
change goes through at most twice what came after it. What a checkpoint was made of can be held against
what is known now, so that it serves only where it is what a replay from scratch would have come to by then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from math import inf
from typing import Final, NamedTuple

from app.clinical.check_ins import CheckIn
from app.clinical.history import ChosenReference, History
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.state.patient_state import PatientState, is_after
from app.clinical.state.timeline import Point, Timeline, points_of, timeline_through

DAYS_BETWEEN: Final = 28
"""How many days lie between two checkpoints of late: about the length of a month."""
_SECONDS: Final = DAYS_BETWEEN * 86_400
_DAYS_OF_TRAVEL: Final = 2
"""By so many days the day of a report may differ from that of another at the same moment, and one more."""


class Checkpoint(NamedTuple):
    """A timeline, and the time of the latest report or infusion that it was made of."""

    through: datetime
    timeline: Timeline


def period_of(moment: datetime) -> int:
    """The number of the stretch of `DAYS_BETWEEN` days that a moment is in."""
    return int(moment.timestamp() // _SECONDS)


def is_kept(period: int, newest: int) -> bool:
    """Whether the checkpoint at the end of a period is kept: all of the last 4, then 2 of each doubling.

    One that is not kept now is never wanted later.
    """
    return period % (1 << max(0, (newest - period).bit_length() - 2)) == 0


def through_of(state: PatientState) -> datetime | None:
    """The time of the latest report or infusion that a state was made of; None where there was none."""
    known = [at for at in (state.last_at, state.treatment.last_at) if at is not None]
    return datetime.fromtimestamp(max(known), UTC) if known else None


def can_begin_from(
    checkpoint: Checkpoint, chosen: ChosenReference | None, check_ins: Sequence[CheckIn], *, as_of: datetime
) -> bool:
    """Whether a replay with this chosen reference and these later check-ins, all of them, may begin there."""
    state = checkpoint.timeline.state
    if checkpoint.through > as_of:
        return False
    if chosen is not None:
        is_over = state.last_day > chosen.to_day.toordinal() and chosen.set_at <= as_of
        is_to_come = state.last_day < chosen.from_day.toordinal() - _DAYS_OF_TRAVEL
        if not is_over and not is_to_come:
            return False
    return all(is_after(state, check_in) for check_in in check_ins)


def replay_from(
    checkpoint: Checkpoint | None, history: History, *, as_of: datetime, protocol: Protocol = STANDARD
) -> tuple[Timeline, tuple[Checkpoint, ...]]:
    """The timeline of a history, whose check-ins are those after the checkpoint, and the checkpoints on the way.

    Without a checkpoint: from scratch.
    """
    since = checkpoint.timeline if checkpoint else None
    points = points_of(history, as_of=as_of, protocol=protocol, since=since)
    if checkpoint is not None:
        points[0] = points[0]._replace(at=checkpoint.through.timestamp())
    return timeline_through(points, since=since), _on_the_way(points, since)


def _on_the_way(points: Sequence[Point], since: Timeline | None) -> tuple[Checkpoint, ...]:
    """The states at the ends of periods, where all that came before was also earlier: not amid a journey."""
    latest = list(accumulate((point.at for point in points), max))
    earliest = list(accumulate((point.at for point in reversed(points)), min))[::-1]
    found = []
    for number in range(1, len(points) - 1):
        if latest[number] == -inf:
            continue
        period = int(latest[number] // _SECONDS)
        if period < earliest[number + 1] // _SECONDS and is_kept(period, int(latest[-1] // _SECONDS)):
            timeline = timeline_through(points[: number + 1], since=since)
            found.append(Checkpoint(datetime.fromtimestamp(latest[number], UTC), timeline))
    return tuple(found)
