"""When a failed delivery is tried again: decided here as a value, done elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.foundation.translations import say
from app.notifications.transport.guarded_transport import LONGEST_RETRY_AFTER

# The wait before each attempt: the first goes at once, the last about three days later.
ORDINARY_WAITS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ORDINARY_JITTER: Final = 0.1

SAFETY_FAST_WAIT: Final = timedelta(seconds=30)
SAFETY_FAST_FOR: Final = timedelta(hours=1)
SAFETY_SLOW_WAIT: Final = timedelta(minutes=5)
SAFETY_SLOW_FOR: Final = timedelta(hours=24)
# Time alone must not use up a safety message: our own worker may have been down for that day.
SAFETY_FEWEST_ATTEMPTS: Final = 120

# So many attempts in a row without an answer open an endpoint's circuit.
CIRCUIT_OPENS_AFTER: Final = 4
# How long until one delivery tries it, first and at the most.
FIRST_PROBE_AFTER: Final = timedelta(seconds=15)
LONGEST_PROBE_AFTER: Final = timedelta(minutes=5)


class DeliveryKind(StrEnum):
    """How hard we try: a safety message is tried often, anything else patiently."""

    ORDINARY = "ordinary"
    SAFETY = "safety"


class AttemptError(StrEnum):
    """Why an attempt failed."""

    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    ADDRESS_REFUSED = "address_refused"
    REDIRECT_REFUSED = "redirect_refused"
    GONE = "gone"
    HTTP_STATUS = "http_status"

    @property
    def sentence(self) -> str:
        """What the log of attempts says of it."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    AttemptError.TIMEOUT: say("No complete answer came within 15 seconds."),
    AttemptError.CONNECTION_FAILED: say(
        "No connection could be made, it broke off, or the answer was not HTTP."
    ),
    AttemptError.TLS_FAILED: say(
        "The certificate could not be verified for this name, or TLS not be agreed on."
    ),
    AttemptError.ADDRESS_REFUSED: say(
        "The address, and every one that its name stands for now, must be public HTTPS."
    ),
    AttemptError.REDIRECT_REFUSED: say("The answer was a redirect (3xx); none is followed."),
    AttemptError.GONE: say("The answer was 410; the endpoint is disabled."),
    AttemptError.HTTP_STATUS: say("The answer was an error status."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """How one HTTP call ended; nothing of the receiver's answer is kept but its status and its wish to wait.

    ``error`` is None exactly when the attempt succeeded, ``status`` is None when no answer arrived,
    ``retry_after`` counts from the end of the attempt.
    """

    error: AttemptError | None
    status: int | None
    retry_after: timedelta | None
    duration: timedelta

    @property
    def ok(self) -> bool:
        """Say whether the receiver took the message."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again, not before this moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Stop trying: the delivery is held, shown, and can be sent again by hand."""


@dataclass(frozen=True, slots=True)
class Disable:
    """Disable the endpoint: its receiver said that it is gone. Deliveries are held, never dropped."""


class SuccessNeedsNoRetryError(ValueError):
    """Only a failed attempt has a next one."""


def next_attempt(
    *,
    kind: DeliveryKind,
    attempts_made: int,
    failed_at: datetime,
    first_attempt_at: datetime,
    outcome: AttemptOutcome,
    jitter: float,
    speedup: int = 1,
) -> RetryAt | Exhausted | Disable:
    """Decide what follows a failed attempt.

    Args:
        kind: Ordinary: ten attempts over about three days. Safety: every 30 s for an hour, then every
            5 min for a day.
        attempts_made: Attempts so far, this one included: 1 or more.
        failed_at: When this attempt ended.
        first_attempt_at: When the first one began.
        outcome: How this attempt ended.
        jitter: From -1 to 1, drawn by the caller; moves an ordinary wait by up to a tenth either way.
        speedup: Divides every wait and window, so that days can be lived in minutes; 1 in real life.

    Raises:
        SuccessNeedsNoRetryError: the attempt did not fail.
    """
    if outcome.ok:
        raise SuccessNeedsNoRetryError(SuccessNeedsNoRetryError.__doc__)
    if outcome.error is AttemptError.GONE:
        return Disable()
    asked = min(outcome.retry_after or timedelta(0), LONGEST_RETRY_AFTER)
    if kind is DeliveryKind.SAFETY:
        wait = _safety_wait(attempts_made, (failed_at - first_attempt_at) * speedup, asked)
    else:
        wait = _ordinary_wait(attempts_made, jitter, asked)
    return Exhausted() if wait is None else RetryAt(failed_at + wait / speedup)


def _ordinary_wait(attempts_made: int, jitter: float, asked: timedelta) -> timedelta | None:
    if attempts_made >= len(ORDINARY_WAITS):
        return None
    return max(ORDINARY_WAITS[attempts_made] * (1 + ORDINARY_JITTER * jitter), asked)


def _safety_wait(attempts_made: int, elapsed: timedelta, asked: timedelta) -> timedelta | None:
    """Give the wait before the next safety attempt, or None when the day is over."""
    if elapsed < SAFETY_FAST_FOR:
        # A receiver may slow a safety message down to the slow pace, but never silence it.
        return max(SAFETY_FAST_WAIT, min(asked, SAFETY_SLOW_WAIT))
    if elapsed >= SAFETY_FAST_FOR + SAFETY_SLOW_FOR and attempts_made >= SAFETY_FEWEST_ATTEMPTS:
        return None
    return SAFETY_SLOW_WAIT


def circuit_opens(unanswered: int, *, speedup: int = 1) -> timedelta | None:
    """Say for how long an endpoint's circuit opens; None when it stays closed.

    Args:
        unanswered: How many attempts in a row got no answer in time.
        speedup: Divides the wait; 1 in real life.
    """
    if unanswered < CIRCUIT_OPENS_AFTER:
        return None
    # Twice as long each time; more than ten times doubled is the longest anyhow.
    times: int = 2 ** min(unanswered - CIRCUIT_OPENS_AFTER, 10)
    return min(FIRST_PROBE_AFTER * times, LONGEST_PROBE_AFTER) / speedup
