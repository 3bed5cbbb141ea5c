"""The evaluation of a patient, with the planned date of the next booster beside it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.monitoring.queries import evaluation_now
from app.care.monitoring.schemas import EvaluationReply
from app.care.treatment import queries
from app.context import Work
from app.web.schemas import LocaleTag

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["monitoring"])
ReadsSignals = Annotated[Work, work_for(Permission.SIGNALS_READ)]
ExplanationLocale = Annotated[LocaleTag, Query(description="English or Spanish; all others read English")]


@router.get("/evaluation", summary="Evaluate a patient")
async def read_evaluation(
    patient_id: UUID, work: ReadsSignals, locale: ExplanationLocale = "en"
) -> EvaluationReply:
    """Say what the patient's reports mean as of now; reading changes nothing."""
    planned = (await queries.taper_view(work, patient_id)).planned
    return EvaluationReply.of(await evaluation_now(work, patient_id, planned=planned, locale=locale))
