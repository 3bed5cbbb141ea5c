"""How long something may wait for someone."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clinical.safety import Urgency
from app.clinical.waiting import (
    ESCALATIONS_AT_THE_LIMIT,
    LIMIT_NOTES,
    STANDARD_LIMITS,
    WaitingLimits,
    next_escalation,
    safety_wait,
    signal_wait,
)

SUNDAY_NIGHT = datetime(2026, 11, 1, 23, 50, tzinfo=UTC)
OWN = WaitingLimits(urgent_safety_minutes=10, safety_minutes=60, signal_hours=8)

# limits, urgency, how long it may wait
WAITS = [
    (STANDARD_LIMITS, Urgency.URGENT, timedelta(minutes=30)),
    (STANDARD_LIMITS, Urgency.PROMPT, timedelta(hours=4)),
    (OWN, Urgency.URGENT, timedelta(minutes=10)),
    (OWN, Urgency.PROMPT, timedelta(hours=1)),
]


@pytest.mark.parametrize(("limits", "urgency", "wait"), WAITS)
def test_a_safety_event_may_wait_as_long_as_the_clinic_said(
    limits: WaitingLimits, urgency: Urgency, wait: timedelta
) -> None:
    assert safety_wait(limits, urgency) == wait


def test_a_signal_may_wait_a_day_or_as_long_as_the_clinic_said() -> None:
    assert signal_wait(STANDARD_LIMITS) == timedelta(hours=24)
    assert signal_wait(OWN) == timedelta(hours=8)


def test_an_event_that_nobody_acknowledges_is_escalated_six_times_one_limit_apart_and_then_every_four_hours() -> (
    None
):
    times = [SUNDAY_NIGHT + safety_wait(STANDARD_LIMITS, Urgency.URGENT)]
    while len(times) < 9:
        times.append(
            next_escalation(STANDARD_LIMITS, Urgency.URGENT, escalations=len(times), escalated_at=times[-1])
        )

    assert ESCALATIONS_AT_THE_LIMIT == 6
    assert times[:6] == [SUNDAY_NIGHT + timedelta(minutes=30 * number) for number in range(1, 7)]
    assert times[6:] == [times[5] + timedelta(hours=4 * number) for number in range(1, 4)]


def test_a_longer_limit_is_kept_by_later_escalations_too() -> None:
    limits = WaitingLimits(safety_minutes=480)
    after = next_escalation(limits, Urgency.PROMPT, escalations=6, escalated_at=SUNDAY_NIGHT)
    assert after == SUNDAY_NIGHT + timedelta(hours=8)


def test_every_limit_has_bounds_around_its_standard_value() -> None:
    for name, notes in LIMIT_NOTES.items():
        assert notes.lowest < getattr(STANDARD_LIMITS, name) == notes.value < notes.highest


def test_no_limit_lets_an_urgent_event_wait_longer_than_any_other() -> None:
    assert LIMIT_NOTES["urgent_safety_minutes"].value < LIMIT_NOTES["safety_minutes"].value
    assert LIMIT_NOTES["urgent_safety_minutes"].highest <= 60
