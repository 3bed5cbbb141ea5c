"""What the clinic sees and says of reminders: how a patient is asked, and days on which nobody is."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.care.monitoring.schedule import schedules_of
from app.care.patients.own_vault import vault_of
from app.care.patients.reminding import ReminderChoices, change_choices, choices_of, plan_of
from app.care.patients.service import existing
from app.care.reminders.channels import way_to
from app.context import AppContext
from app.foundation.audit import SYSTEM, Actor, AuditEvent
from app.notifications.messages.unsubscribing import UnsubscribeLinkNotValidError, read_link
from app.outbox import Channel
from app.storage import days_without_reminders, outgoing_messages, push_subscriptions, reminders
from app.storage.access_records import record_access
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


async def read_state(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor
) -> ReminderState:
    """Give how a patient is asked.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        plan = await plan_of(work, patient_id)
        schedule = (await schedules_of(work, context, [patient_id], now=now))[patient_id]
        subscriptions = await push_subscriptions.ids_of_patients(work, [patient_id])
        latest = await reminders.latest(work, patient_id, limit=_LATEST)
        await record_access(work, "reminders", now=now, actor=actor, patient_id=patient_id)
    devices = subscriptions.get(patient_id, ())
    reached_by, _ = way_to(context, clinic_id, patient, plan, devices)
    return ReminderState(
        choices=choices_of(vault_of(context.vault, clinic_id, patient), plan),
        reached_by=reached_by,
        overdue=schedule.overdue,
        next_due_on=schedule.next_due_on,
        last_check_in_on=schedule.last_check_in_on,
        next_look_at=plan.next_look_at,
        latest=tuple(latest),
    )


async def read_days(context: AppContext, clinic_id: UUID) -> tuple[date, ...]:
    """Give the days on which the clinic lets nobody be reminded."""
    async with context.database.work(clinic_id) as work:
        return await days_without_reminders.all_of_clinic(work)


async def write_days(
    context: AppContext, clinic_id: UUID, days: set[date], *, actor: Actor
) -> tuple[date, ...]:
    """Let these be the days on which nobody is reminded, by each patient's own calendar, and no others."""
    audit = AuditEvent(
        at=context.clock.now(),
        actor=actor,
        action="clinic.days_without_reminders",
        subject_kind="clinic",
        subject_id=clinic_id,
    )
    async with context.database.work(clinic_id) as work:
        await days_without_reminders.replace_all(work, days, audit=audit)
        kept = await days_without_reminders.all_of_clinic(work)
        await work.commit()
    return kept


async def unsubscribe(context: AppContext, token: str) -> None:
    """Send one patient no more reminders by mail; the same again changes nothing.

    Raises:
        UnsubscribeLinkNotValidError: the token came with no mail of ours, or its patient is gone.
    """
    link, now = read_link(context.vault, token), context.clock.now()
    async with context.database.work(link.clinic_id) as work:
        message = await outgoing_messages.lock(work, link.message_id)
        if message is None or message.patient_id is None:
            raise UnsubscribeLinkNotValidError
        patient = await existing(work, message.patient_id)
        plan = await plan_of(work, patient.id)
        own = vault_of(context.vault, link.clinic_id, patient)
        choices = choices_of(own, plan)
        others = tuple(one for one in choices.channels if one is not Channel.EMAIL)
        await change_choices(
            work,
            own,
            plan,
            replace(choices, channels=others),
            time_zone=patient.time_zone,
            now=now,
            actor=SYSTEM,
        )
        await work.commit()
