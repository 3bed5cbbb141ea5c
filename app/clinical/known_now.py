"""What is known now: whether reports speak about now, and for how long they do."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from app.clinical.answering import Answering, Share
from app.clinical.fast_enums import quick
from app.clinical.protocol import Protocol


@quick
class Known(StrEnum):
    """Whether check-ins speak about now."""

    FRESH = "fresh"
    NO_REPORT_SINCE_INFUSION = "no_report_since_infusion"
    STALE = "stale"


def what_is_known(
    last_report: int | None, infusion: int | None, today: int, *, asked_daily: bool, protocol: Protocol
) -> Known:
    """Unknown when the last countable report is more than 7 days ago, 9 when asked 2 or 3 times a week.

    Until the first report after an infusion the level is that before it, for four days; on the fifth it is
    unknown.

    Args:
        last_report: the day number of the last countable check-in day.
        infusion: that of the last infusion.
        today: that of now.
        asked_daily: whether a check-in is asked for every day.
        protocol: the numbers.
    """
    if infusion is not None and (last_report is None or last_report <= infusion):
        awaited = today - infusion <= protocol.fresh_days_after_infusion
        return Known.NO_REPORT_SINCE_INFUSION if awaited else Known.STALE
    within = protocol.fresh_days_daily if asked_daily else protocol.fresh_days_sparse
    return Known.STALE if last_report is None or today - last_report > within else Known.FRESH


def was_observed(
    answering: Answering | None, last_report: int | None, ended_on: int, protocol: Protocol
) -> bool:
    """Half of a stretch's asked days were answered, and its end was not silent for more than 10 days."""
    if answering is None or last_report is None:
        return False
    share = Share(answering.answered_since, answering.asked_since).share
    enough = share is None or share >= protocol.observed_share - 1e-9
    return enough and ended_on - last_report <= protocol.observed_gap_days


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
