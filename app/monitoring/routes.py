"""The evaluation, for the care team."""

from uuid import UUID

from fastapi import APIRouter

from app.clinics.access import SignalsKey
from app.monitoring import service
from app.monitoring.schemas import EvaluationReply
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["monitoring"])


@router.get("/evaluation", summary="Evaluate a patient")
async def read_evaluation(
    patient_id: UUID, equipment: EquipmentNeeded, caller: SignalsKey
) -> EvaluationReply:
    """Say what the patient's reports mean as of now; reading changes nothing."""
    return EvaluationReply.of(await service.evaluation_now(equipment, caller.clinic_id, patient_id))
