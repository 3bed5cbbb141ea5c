"""Being reminded: where pushes go."""

from fastapi import APIRouter

from app.messages import push_subscriptions
from app.messages.push_subscriptions import AppAddress, PushAddress
from app.messages.web_push import public_push_key
from app.patients.access import PatientSignedIn
from app.patients.caller import PatientCaller
from app.reminders.schemas import AppPushToken, PushKeyReply, PushSubscriptionEntry
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment

own_router = APIRouter(prefix="/v1", tags=["patient's own"])


@own_router.get("/push-key", summary="Read the push key")
async def read_push_key(equipment: EquipmentNeeded) -> PushKeyReply:
    """Give the public key that a browser subscribes to pushes with. Who may: anybody, it is public."""
    return PushKeyReply(public_key=public_push_key(equipment.vault))


@own_router.put("/me/push-subscription", status_code=204, summary="Get pushes in this browser")
async def put_push_subscription(
    body: PushSubscriptionEntry, equipment: EquipmentNeeded, caller: PatientSignedIn
) -> None:
    """Have this browser get pushes, at this address and no longer at the one before."""
    await _subscribe(equipment, caller, body.address())


@own_router.put("/me/app-push-token", status_code=204, summary="Get pushes in this app")
async def put_app_push_token(body: AppPushToken, equipment: EquipmentNeeded, caller: PatientSignedIn) -> None:
    """Have this app get pushes through the operator's gateway, under this token and no longer the one before."""
    await _subscribe(equipment, caller, AppAddress(token=body.token))


async def _subscribe(equipment: Equipment, caller: PatientCaller, address: PushAddress) -> None:
    await push_subscriptions.subscribe(
        equipment,
        caller.clinic_id,
        address,
        patient_id=caller.patient_id,
        device_id=caller.device_id,
        actor=caller.actor,
    )


@own_router.delete("/me/push-subscription", status_code=204, summary="Get no more pushes on this device")
async def delete_push_subscription(equipment: EquipmentNeeded, caller: PatientSignedIn) -> None:
    """Let this device get no more pushes; the same again changes nothing."""
    await push_subscriptions.unsubscribe(
        equipment,
        caller.clinic_id,
        patient_id=caller.patient_id,
        device_id=caller.device_id,
        actor=caller.actor,
    )
