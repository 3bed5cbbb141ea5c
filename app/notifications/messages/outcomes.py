"""How one attempt to send ended, and when the next one comes: values, decided apart from being done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.outbox import Wording

# The wait after each failed attempt; the last attempt is about a day after the first.
_ORDINARY_WAITS: Final = tuple(timedelta(minutes=n) for n in (1, 5, 15, 30, 60, 120, 240, 480, 490))
_URGENT_FAST_WAIT: Final = timedelta(seconds=30)
_URGENT_FAST_FOR: Final = timedelta(hours=1)
_URGENT_SLOW_WAIT: Final = timedelta(minutes=5)
_URGENT_FOR: Final = timedelta(days=1)
# Time alone must not use up an urgent message: our own worker may have been down for that day.
_URGENT_FEWEST_ATTEMPTS: Final = 120


class Ending(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    NOT_TAKEN = "not_taken"
    """Certainly not taken; it may go better later."""
    UNCLEAR = "unclear"
    """Perhaps taken: the connection broke after everything had been handed over."""
    REFUSED = "refused"
    """Not taken, and never will be."""
    GONE = "gone"
    """The address is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An attempt that is over; ``trouble`` is a code of ours, never anybody's words."""

    ending: Ending
    trouble: str | None = None
    retry_after: timedelta | None = None


SENT: Final = Outcome(ending=Ending.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequel:
    """What follows for the message: its state, and when it is tried again while it is pending."""

    state: str
    next_attempt_at: datetime


def sequel(
    outcome: Outcome,
    wording: Wording,
    *,
    attempts: int,
    first_attempt_at: datetime,
    now: datetime,
    speedup: int = 1,
) -> Sequel:
    """Decide what follows an attempt.

    What may have been taken is sent again, except a reminder: better one too few than asked twice.

    Args:
        outcome: How the attempt ended.
        wording: Which message; urgent ones are tried every 30 s for an hour, then every 5 min for a day.
        attempts: Attempts so far, this one included.
        first_attempt_at: When the first one began.
        now: When this one ended.
        speedup: Divides every wait and window; 1 in real life.
    """
    if outcome.ending is Ending.SENT:
        return Sequel(state="sent", next_attempt_at=now)
    if outcome.ending is Ending.GONE:
        return Sequel(state="cancelled", next_attempt_at=now)
    given_up = outcome.ending is Ending.REFUSED or (outcome.ending is Ending.UNCLEAR and wording.is_reminder)
    wait = None if given_up else _wait(wording, attempts, (now - first_attempt_at) * speedup)
    if wait is None:
        return Sequel(state="failed", next_attempt_at=now)
    asked = min(outcome.retry_after or timedelta(0), _URGENT_SLOW_WAIT if wording.is_urgent else _URGENT_FOR)
    return Sequel(state="pending", next_attempt_at=now + max(wait, asked) / speedup)


def _wait(wording: Wording, attempts: int, elapsed: timedelta) -> timedelta | None:
    if not wording.is_urgent:
        return _ORDINARY_WAITS[attempts - 1] if attempts <= len(_ORDINARY_WAITS) else None
    if elapsed < _URGENT_FAST_FOR:
        return _URGENT_FAST_WAIT
    return None if elapsed >= _URGENT_FOR and attempts >= _URGENT_FEWEST_ATTEMPTS else _URGENT_SLOW_WAIT
