"""Whether reports speak about now: enough of them, not too long ago, by how often the patient is asked."""

from collections.abc import Sequence
from itertools import pairwise

from app.clinical.protocol import Protocol


def median_gap(days: Sequence[int], gaps_counted: int) -> float:
    """The median of the latest few distances between check-in days, in days; 0 with fewer than two days.

    Only the latest, because what matters is how often the patient is asked now.
    """
    latest = days[-gaps_counted - 1 :]
    gaps = sorted(later - earlier for earlier, later in pairwise(latest))
    if not gaps:
        return 0.0
    middle = len(gaps) // 2
    return float(gaps[middle]) if len(gaps) % 2 else (gaps[middle - 1] + gaps[middle]) / 2


def usual_gap(days: Sequence[int], protocol: Protocol) -> float:
    """The median of the last three gaps; rule 2.0 has none with fewer than four days."""
    if protocol.generation > 1 and len(days) <= protocol.gaps_counted:
        return 0.0
    return median_gap(days, protocol.gaps_counted)


def look_back_days(within: int, recent_days: Sequence[int], protocol: Protocol) -> float:
    """How far back counts: so many days or 3.5 times the patient's median gap, whichever is longer."""
    return max(float(within), protocol.median_gaps * usual_gap(recent_days, protocol))


def reached_within(days: Sequence[int], least: int, *, today: int, within: float) -> bool:
    """Whether `least` of the days lie within the last `within` days, today included."""
    return len(days) >= least and today - days[-least] < within
