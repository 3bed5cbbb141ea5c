"""What was sent to the clinic's systems about something, row by row."""

from collections.abc import Sequence
from datetime import datetime

from app.pages.staff.signal_words import DELIVERY_STATES, EVENT_WORDS
from app.pages.staff.when import how_long, moment_in
from app.storage.notice_log import SentNotification


def notification_rows(
    sent: Sequence[SentNotification], time_zone: str, now: datetime
) -> list[dict[str, str]]:
    """Give each with where its delivery stands."""
    return [
        {
            "what": EVENT_WORDS.get(one.type, one.type),
            "at": moment_in(one.occurred_at, time_zone),
            "state": _state(one, time_zone, now),
        }
        for one in sent
    ]


def _state(one: SentNotification, time_zone: str, now: datetime) -> str:
    words = DELIVERY_STATES.get(one.state, "")
    if one.delivered_at is not None:
        return f"{words} {moment_in(one.delivered_at, time_zone)}"
    if one.state == "pending" and one.attempts_made and one.next_attempt_at:
        return f"{words}, tried {one.attempts_made} times, next {how_long(one.next_attempt_at, now)}"
    return words
