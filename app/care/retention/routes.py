"""How long what is kept, and legal holds."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.retention import commands, queries
from app.care.retention.schemas import (
    LegalHoldEntry,
    LegalHoldList,
    LegalHoldReply,
    RetentionEntry,
    RetentionReply,
)
from app.context import Work

router = APIRouter(prefix="/v1", tags=["patients' rights"], route_class=ClinicRoute)
ReadsClinic = Annotated[Work, work_for(Permission.CLINIC_READ)]
ServesRights = Annotated[Work, work_for(Permission.RIGHTS)]


@router.get("/clinic/retention", summary="Read how long what is kept")
async def read_retention(work: ReadsClinic) -> RetentionReply:
    """Give the months for which each kind is kept; null: it is kept."""
    return RetentionReply.of(await queries.read_rules(work))


@router.put("/clinic/retention", summary="Set how long what is kept")
async def write_retention(body: RetentionEntry, work: ServesRights) -> RetentionReply:
    """Have what is older removed within the hour; these rules replace those of before.

    What has to stay does: under a legal hold, and while a safety event, a signal or a finding of the patient is open.
    """
    return RetentionReply.of(await commands.write_rules(work, body.rules()))


@router.get("/legal-holds", summary="List legal holds")
async def list_legal_holds(work: ServesRights) -> LegalHoldList:
    """List the clinic's holds, also those that were lifted, newest first."""
    return LegalHoldList(items=[LegalHoldReply.of(one) for one in await queries.list_holds(work)])


@router.post("/legal-holds", status_code=201, summary="Place a legal hold")
async def place_legal_hold(body: LegalHoldEntry, work: ServesRights) -> LegalHoldReply:
    """Keep all about a patient, or of the clinic, whatever its age is; nobody under it can be erased."""
    return LegalHoldReply.of(await commands.place_hold(work, patient_id=body.patient_id, reason=body.reason))


@router.post("/legal-holds/{hold_id}/lift", summary="Lift a legal hold")
async def lift_legal_hold(hold_id: UUID, work: ServesRights) -> LegalHoldReply:
    """Let ages count again; what is too old goes within the hour."""
    return LegalHoldReply.of(await commands.lift_hold(work, hold_id))
