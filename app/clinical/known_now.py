"""What is known now: check-ins speak for as long as they are fresh, and silence is neither loss nor recovery."""

from enum import StrEnum

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
