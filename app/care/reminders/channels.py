"""Over which of the chosen channels a reminder reaches its patient, and where it goes there."""

from collections.abc import Sequence
from uuid import UUID

from app.care.patients.contact import email_of
from app.care.patients.own_vault import vault_of
from app.care.patients.reminding import sms_number_of
from app.context import AppContext
from app.outbox import Channel
from app.storage.patients import PatientRecord
from app.storage.reminder_plans import ReminderPlan


def way_to(
    context: AppContext,
    clinic_id: UUID,
    patient: PatientRecord,
    plan: ReminderPlan,
    subscriptions: Sequence[UUID],
) -> tuple[Channel | None, Sequence[str]]:
    """Give the first channel that leads somewhere, and where: every device that gets pushes, else one address."""
    email = email_of(context.vault, clinic_id, patient)
    number = sms_number_of(vault_of(context.vault, clinic_id, patient), plan)
    leads_to = {
        Channel.PUSH: [str(one) for one in subscriptions],
        Channel.GATEWAY: [number] if number and context.gateway else [],
        Channel.EMAIL: [email] if email else [],
    }
    for name in plan.channels:
        if addresses := leads_to[Channel(name)]:
            return Channel(name), addresses
    return None, ()
