"""How a patient is asked for check-ins, and the days on which nobody is."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.care.monitoring.schedule import schedules_of
from app.care.patients.queries import existing
from app.care.patients.reaching import way_to
from app.care.patients.reminder_choices import ReminderChoices, choices_of, plan_of
from app.care.patients.sealed_fields import vault_of
from app.context import Work
from app.outbox import Channel
from app.storage import push_subscriptions, reminders
from app.storage.reminders import Reminder

_LATEST: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderState:
    """How a patient is asked, and when they were.

    Attributes:
        choices: what the patient chose.
        reached_by: the chosen channel over which the next reminder goes; None when none leads to the patient.
        overdue: no check-in for longer than the plan allows; silence, never worsening.
        next_look_at: when we look next whether something is due.
        latest: when the patient was asked, latest first.
    """

    choices: ReminderChoices
    reached_by: Channel | None
    overdue: bool
    next_due_on: date | None
    last_check_in_on: date | None
    next_look_at: datetime
    latest: tuple[Reminder, ...]


async def read_state(work: Work, patient_id: UUID) -> ReminderState:
    """Give how a patient is asked.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    plan = await plan_of(work, patient_id)
    schedule = (await schedules_of(work, work.context, [patient_id], now=work.now))[patient_id]
    subscriptions = await push_subscriptions.ids_of_patients(work, [patient_id])
    latest = await reminders.latest(work, patient_id, limit=_LATEST)
    work.record_access("reminders", patient_id=patient_id)
    devices = subscriptions.get(patient_id, ())
    reached_by, _ = way_to(work, patient, plan, devices)
    return ReminderState(
        choices=choices_of(vault_of(work, patient), plan),
        reached_by=reached_by,
        overdue=schedule.overdue,
        next_due_on=schedule.next_due_on,
        last_check_in_on=schedule.last_check_in_on,
        next_look_at=plan.next_look_at,
        latest=tuple(latest),
    )


async def read_days(work: Work) -> tuple[date, ...]:
    """Give the days on which the clinic lets nobody be reminded."""
    return await reminders.all_of_clinic(work)
