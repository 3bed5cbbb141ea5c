"""Until when a signal is snoozed that is to come back on a day: that day's morning, where the patient is."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.alerts.views import existing
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.storage import patients

_MORNING: Final = time(8)


async def morning_of(context: AppContext, clinic_id: UUID, signal_id: UUID, day: date) -> datetime:
    """Give that morning; of the last day that a snooze may reach, the end of its time, if that is earlier.

    Raises:
        NotFoundError: the clinic has no such signal.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await existing(work, signal_id)
        patient = await patients.find(work, signal.patient_id)
        policy = await policy_in_force(work, context, now=now)
    if patient is None:
        raise NotFoundError
    zone = zone_of(patient.time_zone)
    morning = datetime.combine(day, _MORNING, zone)
    last = (now + timedelta(days=policy.snooze_longest_days)).astimezone(zone)
    return min(morning, last) if day == last.date() else morning
