"""Setting the days on which nobody is reminded, and ending reminders by mail from a link in one."""

from dataclasses import replace
from datetime import date

from app.care.patients.queries import existing
from app.care.patients.reminder_choices import change_choices, choices_of, plan_of
from app.care.patients.sealed_fields import vault_of
from app.context import AppContext, Work
from app.notifications.messages.mail import UnsubscribeLinkNotValidError, read_link
from app.outbox import Channel
from app.storage import outgoing_messages, patient_merges, reminders


async def write_days(work: Work, days: set[date]) -> tuple[date, ...]:
    """Let these be the days on which nobody is reminded, by each patient's own calendar, and no others."""
    await reminders.replace_all(work, days)
    work.audit("clinic.days_without_reminders", "clinic", work.clinic_id)
    return await reminders.all_of_clinic(work)


async def unsubscribe(context: AppContext, token: str) -> None:
    """Send one patient no more reminders by mail; the same again changes nothing.

    Raises:
        UnsubscribeLinkNotValidError: the token came with no mail of ours, or its patient is gone.
    """
    link = read_link(context.vault, token)
    async with context.work(link.clinic_id) as work:
        patient_id = link.patient_id
        if link.message_id is not None:
            message = await outgoing_messages.lock(work, link.message_id)
            patient_id = message.patient_id if message else None
        if patient_id is None:
            raise UnsubscribeLinkNotValidError
        # Mails to a duplicate reach whoever it was merged into.
        while merged := await patient_merges.holding(work, patient_id):
            patient_id = merged.into_id
        patient = await existing(work, patient_id)
        plan = await plan_of(work, patient.id, lock=True)
        own = vault_of(work, patient)
        choices = choices_of(own, plan)
        others = tuple(one for one in choices.channels if one is not Channel.EMAIL)
        await change_choices(
            work,
            own,
            plan,
            replace(choices, channels=others),
            time_zone=patient.time_zone,
        )
