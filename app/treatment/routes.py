"""Courses and infusions, for the clinic."""

from uuid import UUID

from fastapi import APIRouter

from app.clinics.access import TreatmentKey
from app.treatment import service
from app.treatment.schemas import CourseEntry, CourseReply, InfusionEntry, InfusionReply
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["treatment"])


@router.post("/courses", status_code=201, summary="Enter a course")
async def enter_course(
    patient_id: UUID, body: CourseEntry, equipment: EquipmentNeeded, caller: TreatmentKey
) -> CourseReply:
    """Enter a course of treatment as planned."""
    entered = await service.enter_course(
        equipment,
        caller.clinic_id,
        patient_id,
        protocol=body.protocol,
        planned_infusions=body.planned_infusions,
        started_on=body.started_on,
        actor=caller.actor,
    )
    return CourseReply.of(entered)


@router.post("/infusions", status_code=201, summary="Enter an infusion")
async def enter_infusion(
    patient_id: UUID, body: InfusionEntry, equipment: EquipmentNeeded, caller: TreatmentKey
) -> InfusionReply:
    """Enter an infusion that was given; it closes an open signal as "booster given"."""
    infusion = await service.enter_infusion(
        equipment,
        caller.clinic_id,
        patient_id,
        given_at=body.given_at,
        phase=body.phase,
        dose_mg_per_kg=body.dose_mg_per_kg,
        route=body.route,
        actor=caller.actor,
    )
    return InfusionReply.of(infusion)
