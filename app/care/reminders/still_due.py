"""Asked just before a reminder is sent: has it been answered, is it still wanted?"""

from datetime import datetime

from app.care.monitoring.schedule import schedules_of
from app.care.patients.reminding import times_of
from app.care.reminders.deciding import wanted
from app.context import AppContext
from app.storage import patient_states, patients, reminder_plans, reminders
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage


class StillDue:
    """Knows whether a reminder that waits is still worth sending."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def __call__(self, work: UnitOfWork, message: OutgoingMessage, now: datetime) -> bool:
        """Say no once it was answered or asks for nothing any more: course, consent, archiving, day, quiet hours."""
        if message.subject_id is None:
            return False
        reminder = await reminders.find(work, message.subject_id)
        plan = None if reminder is None else await reminder_plans.find(work, reminder.patient_id)
        if reminder is None or plan is None:
            return False
        patient_id = reminder.patient_id
        schedule = (await schedules_of(work, self._context, [patient_id], now=now)).get(patient_id)
        patient = await patients.find(work, patient_id)
        withdrawn = bool(await patient_states.withdrawn_among(work, [patient_id]))
        return (
            schedule is not None
            and patient is not None
            and patient.archived_at is None
            and schedule.today == reminder.check_in_day
            and wanted(schedule, withdrawn=withdrawn)
            and not times_of(plan).forbid(now, schedule.time_zone)
        )
