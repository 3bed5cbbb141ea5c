"""Consent: asked, given and taken back by the patient; read, and taken back in the patient's name, by the clinic."""

from uuid import UUID

from fastapi import APIRouter

from app.clinics.access import PatientsKey
from app.consent import service
from app.consent.schemas import ConsentGiving, ConsentReply, ConsentWithdrawal
from app.patients.access import PatientSignedIn
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["patients' rights"])
own_router = APIRouter(prefix="/v1/me", tags=["patient's own"])


@own_router.get("/consent", summary="Read the consent text and one's answers")
async def read_own_consent(equipment: EquipmentNeeded, caller: PatientSignedIn) -> ConsentReply:
    """Give the text in force in the patient's language, where the patient stands, and every answer so far."""
    return ConsentReply.of(await service.read(equipment, caller.clinic_id, caller.patient_id))


@own_router.post("/consent", summary="Give consent")
async def give_consent(
    body: ConsentGiving, equipment: EquipmentNeeded, caller: PatientSignedIn
) -> ConsentReply:
    """Agree to the text in force; a second time changes nothing, and after a withdrawal everything resumes."""
    view = await service.give(
        equipment, caller.clinic_id, caller.patient_id, version=body.version, actor=caller.actor
    )
    return ConsentReply.of(view)


@own_router.post("/consent/withdraw", summary="Withdraw consent")
async def withdraw_consent(
    body: ConsentWithdrawal, equipment: EquipmentNeeded, caller: PatientSignedIn
) -> ConsentReply:
    """Stop: no more check-ins, reminders or evaluations. A statement of self-harm still gets help."""
    view = await service.withdraw(
        equipment, caller.clinic_id, caller.patient_id, reason=body.reason, actor=caller.actor
    )
    return ConsentReply.of(view)


@router.get("/consent", summary="Read a patient's consent")
async def read_consent(patient_id: UUID, equipment: EquipmentNeeded, caller: PatientsKey) -> ConsentReply:
    """Say where a patient stands, with every answer so far."""
    return ConsentReply.of(await service.read(equipment, caller.clinic_id, patient_id))


@router.post("/consent/withdraw", summary="Record a withdrawal")
async def record_withdrawal(
    patient_id: UUID, body: ConsentWithdrawal, equipment: EquipmentNeeded, caller: PatientsKey
) -> ConsentReply:
    """Note that the patient said in person that they withdraw consent."""
    view = await service.withdraw(
        equipment, caller.clinic_id, patient_id, reason=body.reason, actor=caller.actor
    )
    return ConsentReply.of(view)
