"""Being reminded: where pushes go, how to stop, what the clinic sees, days on which nobody is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.patients import sms_numbers
from app.care.patients.access import PatientSignedIn, PatientWork
from app.care.patients.caller import PatientCaller
from app.care.reminders import commands, queries
from app.care.reminders.schemas import (
    AppPushToken,
    DaysWithoutReminders,
    DaysWithoutRemindersReply,
    NumberCode,
    PushKeyReply,
    PushSubscriptionEntry,
    ReminderStateReply,
)
from app.context import Work
from app.notifications.messages import web_push
from app.notifications.messages.web_push import AppAddress, PushAddress, public_push_key
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/v1", tags=["patients"])
ChangesClinic = Annotated[Work, work_for(Permission.CLINIC_CHANGE)]
ReadsClinic = Annotated[Work, work_for(Permission.CLINIC_READ)]
ReadsPatients = Annotated[Work, work_for(Permission.PATIENTS_READ)]
own_router = APIRouter(prefix="/v1", tags=["patient's own"])


@router.get("/patients/{patient_id}/reminders", summary="Read how a patient is reminded")
async def read_reminders(patient_id: UUID, work: ReadsPatients) -> ReminderStateReply:
    """Say what the patient chose, what reaches them, and when they were asked."""
    return ReminderStateReply.of(await queries.read_state(work, patient_id))


@router.get("/clinic/days-without-reminders", summary="Read days without reminders")
async def read_days_without_reminders(work: ReadsClinic) -> DaysWithoutRemindersReply:
    """List the days on which nobody is reminded."""
    return DaysWithoutRemindersReply(days=list(await queries.read_days(work)))


@router.put("/clinic/days-without-reminders", summary="Set days without reminders")
async def write_days_without_reminders(
    body: DaysWithoutReminders, work: ChangesClinic
) -> DaysWithoutRemindersReply:
    """Let nobody be reminded on these days, the clinic's holidays say; they replace those of before."""
    days = await commands.write_days(work, set(body.days))
    return DaysWithoutRemindersReply(days=list(days))


@own_router.post("/unsubscribe/{token}", status_code=204, summary="Stop reminders by mail")
async def stop_reminders_by_mail(token: Annotated[str, Path(max_length=100)], context: ContextNeeded) -> None:
    """Send no more reminders by mail: what a mail's own button calls. Who may: whoever got the mail."""
    await commands.unsubscribe(context, token)


@own_router.post("/me/sms-number/codes", status_code=204, summary="Have a code sent to the own number")
async def send_number_code(work: PatientWork, caller: PatientSignedIn) -> None:
    """Text a code to the number in `reminders`, good for ten minutes; text messages go to a confirmed number only."""
    await sms_numbers.send_code(work, caller.patient_id)


@own_router.post("/me/sms-number/confirmation", status_code=204, summary="Confirm the own number")
async def confirm_number(body: NumberCode, work: PatientWork, caller: PatientSignedIn) -> None:
    """Confirm the number with the code that was sent there; five tries a code."""
    await sms_numbers.confirm(work, caller.patient_id, body.code)


@own_router.get("/push-key", summary="Read the push key")
async def read_push_key(context: ContextNeeded) -> PushKeyReply:
    """Give the public key that a browser subscribes to pushes with. Who may: anybody, it is public."""
    return PushKeyReply(public_key=public_push_key(context.vault))


@own_router.put("/me/push-subscription", status_code=204, summary="Get pushes in this browser")
async def put_push_subscription(
    body: PushSubscriptionEntry, work: PatientWork, caller: PatientSignedIn
) -> None:
    """Have this browser get pushes, at this address and no longer at the one before."""
    await _subscribe(work, caller, body.address())


@own_router.put("/me/app-push-token", status_code=204, summary="Get pushes in this app")
async def put_app_push_token(body: AppPushToken, work: PatientWork, caller: PatientSignedIn) -> None:
    """Have this app get pushes through the operator's gateway, under this token and no longer the one before."""
    await _subscribe(work, caller, AppAddress(token=body.token))


async def _subscribe(work: Work, caller: PatientCaller, address: PushAddress) -> None:
    await web_push.subscribe(work, address, patient_id=caller.patient_id, device_id=caller.device_id)


@own_router.delete("/me/push-subscription", status_code=204, summary="Get no more pushes on this device")
async def delete_push_subscription(work: PatientWork, caller: PatientSignedIn) -> None:
    """Let this device get no more pushes; the same again changes nothing."""
    await web_push.unsubscribe(work, patient_id=caller.patient_id, device_id=caller.device_id)
