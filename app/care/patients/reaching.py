"""How a patient is reached: over the first channel that they chose and that leads somewhere."""

from collections.abc import Sequence
from uuid import UUID

from app.care.patients.corrections import SENT_NOTHING, ArchivedError
from app.care.patients.queries import existing
from app.care.patients.reminder_choices import NumberState, number_state_of, plan_of, sms_number_of
from app.care.patients.sealed_fields import email_of, vault_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import push_subscriptions
from app.storage.patients import PatientRecord
from app.storage.reminder_plans import ReminderPlan


class PatientNotReachedError(RefusalError):
    """No push, text message or e-mail reaches this patient. Please call, and record the call."""

    kind = RefusalKind.CONFLICT
    code = "patient-not-reached"


def way_to(
    work: Work, patient: PatientRecord, plan: ReminderPlan, subscriptions: Sequence[UUID]
) -> tuple[Channel | None, Sequence[str]]:
    """Give the first channel that leads somewhere, and where: every device that gets pushes, else one address."""
    email = email_of(work, patient)
    confirmed = number_state_of(plan) is NumberState.CONFIRMED and work.context.gateway is not None
    number = sms_number_of(vault_of(work, patient), plan) if confirmed else None
    leads_to = {
        Channel.PUSH: [str(one) for one in subscriptions],
        Channel.GATEWAY: [number] if number else [],
        Channel.EMAIL: [email] if email else [],
    }
    for name in plan.channels:
        if addresses := leads_to[Channel(name)]:
            return Channel(name), addresses
    return None, ()


async def write_to_patient(work: Work, patient_id: UUID, wording: Wording) -> Channel:
    """Send a patient one of the fixed texts, which say nothing clinical; gives the channel.

    Raises:
        NotFoundError: the clinic has no such patient.
        ArchivedError: the patient died, or is nobody.
        PatientNotReachedError: no channel leads to them.
    """
    patient = await existing(work, patient_id)
    if patient.archived_reason in SENT_NOTHING:
        raise ArchivedError
    plan = await plan_of(work, patient_id)
    devices = (await push_subscriptions.ids_of_patients(work, [patient_id])).get(patient_id, ())
    channel, addresses = way_to(work, patient, plan, devices)
    if channel is None:
        raise PatientNotReachedError
    for to in addresses:
        message = NewMessage(
            channel=channel,
            to=to,
            wording=wording,
            locale=patient.locale,
            link=f"{work.public_url}/p/check-in",
            mode=patient.mode,
            patient_id=patient_id,
        )
        await queue_message(work, message, now=work.now)
    work.audit("message.queued", "patient", patient_id, patient_id=patient_id)
    return channel
