"""Until when a signal is snoozed that is to come back on a day: that day's morning, where the patient is."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.alerts.signals.life import SIGNAL
from app.clinical.check_ins import zone_of
from app.context import Work
from app.foundation.errors import NotFoundError
from app.storage import patients

_MORNING: Final = time(8)


async def moment_of(work: Work, signal_id: UUID, until: datetime | date) -> datetime:
    """Give a time as it is, and of a day its morning where the patient is.

    Of the last day that a snooze may reach it is the end of that time, if that is earlier than the morning.

    Raises:
        NotFoundError: the clinic has no such signal.
    """
    if isinstance(until, datetime):
        return until
    signal = await SIGNAL.existing(work, signal_id)
    patient = await patients.find(work, signal.patient_id)
    policy = await policy_in_force(work, work.context, now=work.now)
    if patient is None:
        raise NotFoundError
    zone = zone_of(patient.time_zone)
    morning = datetime.combine(until, _MORNING, zone)
    last = (work.now + timedelta(days=policy.snooze_longest_days)).astimezone(zone)
    return min(morning, last) if until == last.date() else morning
