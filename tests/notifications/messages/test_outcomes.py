"""When a message is tried again, decided as a value."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from app.notifications.messages.outcomes import Ending, Outcome, sequel
from app.outbox import Wording

START = datetime(2026, 11, 3, 18, tzinfo=UTC)


def attempts_at(wording: Wording, outcome: Outcome) -> list[datetime]:
    """Let every attempt end alike until nothing follows; gives when they were."""
    times = [START]
    while True:
        follows = sequel(outcome, wording, attempts=len(times), first_attempt_at=START, now=times[-1])
        if follows.state != "pending":
            return times
        times.append(follows.next_attempt_at)


NOT_TAKEN = Outcome(ending=Ending.NOT_TAKEN)


def test_an_urgent_message_is_tried_every_half_minute_for_an_hour_then_every_five_for_a_day() -> None:
    times = attempts_at(Wording.SAFETY_UNACKNOWLEDGED, NOT_TAKEN)
    waits = [after - before for before, after in pairwise(times)]
    assert waits[:120] == [timedelta(seconds=30)] * 120
    assert set(waits[120:]) == {timedelta(minutes=5)}
    assert timedelta(days=1) <= times[-1] - START < timedelta(days=1, minutes=6)


def test_any_other_is_tried_for_a_day_with_growing_waits() -> None:
    times = attempts_at(Wording.SIGNAL_UNACKNOWLEDGED, NOT_TAKEN)
    waits = [after - before for before, after in pairwise(times)]
    assert waits == sorted(waits)
    assert timedelta(hours=23) < times[-1] - START < timedelta(hours=25)


def test_a_wish_to_wait_is_heard_but_cannot_silence_an_urgent_message() -> None:
    asked = Outcome(ending=Ending.NOT_TAKEN, retry_after=timedelta(hours=2))
    ordinary, urgent = (
        sequel(asked, wording, attempts=1, first_attempt_at=START, now=START).next_attempt_at - START
        for wording in (Wording.CHECK_IN_DUE, Wording.SAFETY_UNACKNOWLEDGED)
    )
    assert (ordinary, urgent) == (timedelta(hours=2), timedelta(minutes=5))


def test_waits_can_be_shortened_for_tests_of_failure() -> None:
    follows = sequel(
        NOT_TAKEN, Wording.CHECK_IN_DUE, attempts=1, first_attempt_at=START, now=START, speedup=60
    )
    assert follows.next_attempt_at - START == timedelta(seconds=1)
