"""What else changed for a patient, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.treatment import circumstances
from app.care.treatment.circumstance_schemas import (
    CircumstanceAmendment,
    CircumstanceEntry,
    CircumstanceList,
    CircumstanceReply,
)
from app.context import Work
from app.web.correction_schemas import Include, Restoration, Void
from app.web.dependencies import IfMatch
from app.web.headers import version_if_sent, version_in, with_etag
from app.web.problems import Problem

router = APIRouter(
    prefix="/v1/patients/{patient_id}/circumstances", tags=["treatment"], route_class=ClinicRoute
)

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayRecord = Annotated[Work, work_for(Permission.TREATMENT_RECORD)]


@router.get("", summary="List what else changed")
async def list_circumstances(patient_id: UUID, work: MayRead, include: Include = None) -> CircumstanceList:
    """List factors and other therapies with their days, latest first; they are shown, and decide nothing."""
    found = await circumstances.list_circumstances(work, patient_id, with_errors=include is not None)
    return CircumstanceList(items=[CircumstanceReply.of(one) for one in found])


@router.post("", status_code=201, summary="Enter what else changed", responses={409: {"model": Problem}})
async def enter_circumstance(
    patient_id: UUID, body: CircumstanceEntry, work: MayRecord, response: Response
) -> CircumstanceReply:
    """Keep a factor or another therapy with its day. What is unlikely answers 409 `needs-confirmation`."""
    known = await circumstances.enter_circumstance(work, patient_id, body.given())
    return with_etag(response, known.stored.version, CircumstanceReply.of(known))


@router.patch("/{circumstance_id}", summary="Amend what else changed")
async def amend_circumstance(
    patient_id: UUID,
    circumstance_id: UUID,
    body: CircumstanceAmendment,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CircumstanceReply:
    """Change what was entered wrongly, with a reason; needs If-Match. The earlier version is kept."""
    known = await circumstances.amend_circumstance(
        work,
        patient_id,
        circumstance_id,
        body.changes(),
        reason=body.reason,
        version=version_in(if_match),
        confirm=body.confirm,
    )
    return with_etag(response, known.stored.version, CircumstanceReply.of(known))


@router.post("/{circumstance_id}/void", summary="Void what else changed")
async def void_circumstance(
    patient_id: UUID,
    circumstance_id: UUID,
    body: Void,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CircumstanceReply:
    """Take it as entered in error; a restore undoes that."""
    known = await circumstances.void_circumstance(
        work, patient_id, circumstance_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return with_etag(response, known.stored.version, CircumstanceReply.of(known))


@router.post("/{circumstance_id}/restore", summary="Restore what else changed")
async def restore_circumstance(
    patient_id: UUID,
    circumstance_id: UUID,
    work: MayRecord,
    response: Response,
    body: Restoration | None = None,
) -> CircumstanceReply:
    """Let it count again."""
    reason = body.reason if body else None
    known = await circumstances.restore_circumstance(work, patient_id, circumstance_id, reason=reason)
    return with_etag(response, known.stored.version, CircumstanceReply.of(known))
