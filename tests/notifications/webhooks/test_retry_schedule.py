"""The retry schedule as one would say it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.webhooks.retry_schedule import (
    AttemptError,
    AttemptOutcome,
    DeliveryKind,
    Disable,
    Exhausted,
    RetryAt,
    SuccessNeedsNoRetryError,
    next_attempt,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def failure(
    error: AttemptError | None = AttemptError.HTTP_STATUS,
    *,
    status: int | None = 503,
    retry_after: timedelta | None = None,
) -> AttemptOutcome:
    return AttemptOutcome(error=error, status=status, retry_after=retry_after, duration=timedelta(seconds=1))


def after(
    attempts_made: int,
    *,
    kind: DeliveryKind = DeliveryKind.ORDINARY,
    elapsed: timedelta = timedelta(0),
    outcome: AttemptOutcome | None = None,
    jitter: float = 0.0,
    speedup: int = 1,
) -> timedelta | None:
    """Give the wait after a failed attempt, None when there is no next one."""
    decision = next_attempt(
        kind=kind,
        attempts_made=attempts_made,
        failed_at=START + elapsed,
        first_attempt_at=START,
        outcome=outcome or failure(),
        jitter=jitter,
        speedup=speedup,
    )
    return decision.at - (START + elapsed) if isinstance(decision, RetryAt) else None


def test_an_ordinary_delivery_has_ten_attempts_over_about_three_days() -> None:
    waits = [after(made) for made in range(1, 11)]
    assert waits == [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
        None,
    ]
    assert sum((wait for wait in waits if wait), timedelta(0)) == timedelta(
        days=3, hours=3, minutes=35, seconds=5
    )


def test_after_the_last_attempt_a_delivery_is_exhausted() -> None:
    decision = next_attempt(
        kind=DeliveryKind.ORDINARY,
        attempts_made=10,
        failed_at=START,
        first_attempt_at=START,
        outcome=failure(retry_after=timedelta(minutes=1)),
        jitter=0.0,
    )
    assert decision == Exhausted()


@pytest.mark.parametrize("kind", list(DeliveryKind))
def test_gone_disables_the_endpoint_at_once(kind: DeliveryKind) -> None:
    decision = next_attempt(
        kind=kind,
        attempts_made=1,
        failed_at=START,
        first_attempt_at=START,
        outcome=failure(AttemptError.GONE, status=410),
        jitter=0.0,
    )
    assert decision == Disable()


@pytest.mark.parametrize(
    "error",
    [error for error in AttemptError if error is not AttemptError.GONE],
    ids=lambda error: error.value,
)
def test_every_other_failure_is_tried_again(error: AttemptError) -> None:
    assert after(1, outcome=failure(error)) == timedelta(seconds=5)


def test_a_success_has_no_next_attempt() -> None:
    with pytest.raises(SuccessNeedsNoRetryError, match="failed attempt"):
        after(1, outcome=failure(None, status=204))


@given(st.integers(1, 9), st.floats(-1, 1))
def test_jitter_moves_an_ordinary_wait_by_a_tenth_at_most(made: int, jitter: float) -> None:
    plain, moved = after(made), after(made, jitter=jitter)
    assert plain is not None
    assert moved is not None
    assert abs(moved - plain) <= plain / 10 + timedelta(microseconds=1)


def test_retry_after_only_ever_makes_the_wait_longer() -> None:
    assert after(1, outcome=failure(retry_after=timedelta(minutes=2))) == timedelta(minutes=2)
    assert after(5, outcome=failure(retry_after=timedelta(minutes=2))) == timedelta(hours=5)
    assert after(1, outcome=failure(retry_after=timedelta(days=400))) == timedelta(hours=24)


def test_a_safety_message_is_tried_every_30_seconds_for_an_hour_then_every_5_minutes_for_a_day() -> None:
    at, made = timedelta(0), 0
    attempts: list[timedelta] = []
    while True:
        attempts.append(at)
        made += 1
        wait = after(made, kind=DeliveryKind.SAFETY, elapsed=at)
        if wait is None:
            break
        at += wait
    first_hour = [moment for moment in attempts if moment <= timedelta(hours=1)]
    assert first_hour == [timedelta(seconds=30) * number for number in range(121)]
    assert attempts[121:] == [timedelta(hours=1) + timedelta(minutes=5) * number for number in range(1, 289)]
    assert attempts[-1] == timedelta(hours=25)


def test_a_receiver_may_slow_a_safety_message_to_5_minutes_and_no_further() -> None:
    for asked, waited in [(10, 30), (60, 60), (300, 300), (86_400, 300)]:
        outcome = failure(retry_after=timedelta(seconds=asked))
        assert after(1, kind=DeliveryKind.SAFETY, outcome=outcome) == timedelta(seconds=waited)


def test_a_safety_message_outlives_a_worker_that_was_down_for_days() -> None:
    assert after(2, kind=DeliveryKind.SAFETY, elapsed=timedelta(days=3)) == timedelta(minutes=5)


def test_speedup_divides_every_wait() -> None:
    assert after(5, speedup=100) == timedelta(minutes=3)
    assert after(1, outcome=failure(retry_after=timedelta(minutes=2)), speedup=100) == timedelta(seconds=1.2)
    assert after(1, kind=DeliveryKind.SAFETY, speedup=100) == timedelta(seconds=0.3)
    after_36_seconds = after(121, kind=DeliveryKind.SAFETY, elapsed=timedelta(seconds=36), speedup=100)
    assert after_36_seconds == timedelta(seconds=3)
    assert after(409, kind=DeliveryKind.SAFETY, elapsed=timedelta(minutes=15), speedup=100) is None
