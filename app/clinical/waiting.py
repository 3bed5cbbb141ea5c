"""How long something may wait for someone: a clinic's limits, and what follows when nobody acknowledges.

The limits are a clinic's own choice about its service, within bounds that no clinic can leave. They decide
nothing about a patient's level; that a safety event is escalated at all, nobody can switch off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.clinical.number_notes import NumberNotes
from app.clinical.safety import Urgency

LIMIT_NOTES: Final[Mapping[str, NumberNotes]] = {
    notes.name: notes
    for notes in (
        NumberNotes(
            name="urgent_safety_minutes",
            value=30,
            unit="minutes",
            lowest=5,
            highest=60,
            reason="a patient's own statement, or the highest answers to a suicide item",
            source="choice",
        ),
        NumberNotes(
            name="safety_minutes",
            value=240,
            unit="minutes",
            lowest=15,
            highest=480,
            reason="any other safety event, on any day of the week",
            source="choice",
        ),
        NumberNotes(
            name="signal_hours",
            value=24,
            unit="hours",
            lowest=4,
            highest=96,
            reason="loss takes days, so a day may pass; the most is a long weekend",
            source="choice",
        ),
    )
}
"""Each limit with its standard value and safe bounds."""

ESCALATIONS_AT_THE_LIMIT: Final = 6
"""A safety event is escalated so many times one limit apart [choice], then more rarely, until someone acknowledges.

Three hours of an urgent event, a day of another: so many reminders in a row would teach people to overlook them.
"""

LATER_ESCALATIONS_APART: Final = timedelta(hours=4)
"""How far apart the escalations after those are, unless the limit is longer [choice]: each shift hears of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLimits:
    """A clinic's limits: minutes for safety events, hours for signals."""

    urgent_safety_minutes: int = int(LIMIT_NOTES["urgent_safety_minutes"].value)
    safety_minutes: int = int(LIMIT_NOTES["safety_minutes"].value)
    signal_hours: int = int(LIMIT_NOTES["signal_hours"].value)


STANDARD_LIMITS: Final = WaitingLimits()


def safety_wait(limits: WaitingLimits, urgency: Urgency) -> timedelta:
    """How long a safety event may wait before it is escalated, at any time of any day."""
    urgent = urgency is Urgency.URGENT
    return timedelta(minutes=limits.urgent_safety_minutes if urgent else limits.safety_minutes)


def signal_wait(limits: WaitingLimits) -> timedelta:
    """How long a signal may wait, from being raised or from the end of its snooze."""
    return timedelta(hours=limits.signal_hours)


def next_escalation(
    limits: WaitingLimits, urgency: Urgency, *, escalations: int, escalated_at: datetime
) -> datetime:
    """When a safety event that was escalated so many times is escalated again, unless someone acknowledges it."""
    wait = safety_wait(limits, urgency)
    if escalations >= ESCALATIONS_AT_THE_LIMIT:
        wait = max(wait, LATER_ESCALATIONS_APART)
    return escalated_at + wait
