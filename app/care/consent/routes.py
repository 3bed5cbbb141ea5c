"""The patient's rights: consent, a copy of everything, erasure; by the patient, and by the clinic for them."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic_core import to_json

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.consent import commands, erasure, export
from app.care.consent.schemas import (
    ConsentGiving,
    ConsentReply,
    ConsentWithdrawal,
    ErasureDeclining,
    ErasureFilter,
    ErasureRequestList,
    ErasureRequestReply,
    ExportFormat,
    ExportReply,
)
from app.care.patients.access import PatientSignedIn, PatientWork
from app.context import Work
from app.web.dependencies import IfMatch, PageAsked
from app.web.headers import version_in, with_etag

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["patients' rights"], route_class=ClinicRoute)
EditsPatients = Annotated[Work, work_for(Permission.PATIENTS_EDIT)]
ReadsPatients = Annotated[Work, work_for(Permission.PATIENTS_READ)]
ServesRights = Annotated[Work, work_for(Permission.RIGHTS)]
CopiesPatient = Annotated[Work, work_for(Permission.RIGHTS, may_be_old=True)]
requests_router = APIRouter(prefix="/v1/erasure-requests", tags=["patients' rights"], route_class=ClinicRoute)
own_router = APIRouter(prefix="/v1/me", tags=["patient's own"])
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@own_router.get("/consent", summary="Read the consent text and one's answers")
async def read_own_consent(work: PatientWork, caller: PatientSignedIn) -> ConsentReply:
    """Give the current text in the patient's language, where the patient stands, and every answer so far."""
    return ConsentReply.of(await commands.read(work, caller.patient_id))


@own_router.post("/consent", summary="Give consent")
async def give_consent(body: ConsentGiving, work: PatientWork, caller: PatientSignedIn) -> ConsentReply:
    """Agree to the current text; a second time changes nothing, and after a withdrawal everything resumes."""
    view = await commands.give(work, caller.patient_id, version=body.version)
    return ConsentReply.of(view)


@own_router.post("/consent/withdraw", summary="Withdraw consent")
async def withdraw_consent(
    body: ConsentWithdrawal, work: PatientWork, caller: PatientSignedIn
) -> ConsentReply:
    """Stop: no more check-ins, reminders or evaluations. A statement of self-harm still gets help."""
    view = await commands.withdraw(work, caller.patient_id, reason=body.reason)
    return ConsentReply.of(view)


@router.get("/consent", summary="Read a patient's consent")
async def read_consent(patient_id: UUID, work: ReadsPatients) -> ConsentReply:
    """Say where a patient stands, with every answer so far."""
    return ConsentReply.of(await commands.read(work, patient_id))


@router.post("/consent/withdraw", summary="Record a withdrawal")
async def record_withdrawal(patient_id: UUID, body: ConsentWithdrawal, work: EditsPatients) -> ConsentReply:
    """Note that the patient said in person that they withdraw consent."""
    view = await commands.withdraw(work, patient_id, reason=body.reason)
    return ConsentReply.of(view)


@own_router.get("/export", summary="Get a copy of one's own data", response_model=ExportReply, responses=_CSV)
async def export_own(
    work: PatientWork,
    caller: PatientSignedIn,
    format: ExportFormat = ExportFormat.JSON,  # noqa: A002 - the parameter's name
) -> Response:
    """Give everything that is kept about the patient, or the check-ins alone as CSV."""
    return await _copy(work, caller.patient_id, format)


@router.get("/export", summary="Get a copy of a patient's data", response_model=ExportReply, responses=_CSV)
async def export_patient(
    patient_id: UUID,
    work: CopiesPatient,
    format: ExportFormat = ExportFormat.JSON,  # noqa: A002 - the parameter's name
) -> Response:
    """Give the same copy to staff, to hand it to a patient who has no device."""
    return await _copy(work, patient_id, format)


@own_router.post("/erasure-requests", status_code=201, summary="Ask to be erased")
async def ask_for_erasure(work: PatientWork, caller: PatientSignedIn) -> ErasureRequestReply:
    """Ask the clinic to erase everything about oneself; nothing is erased before someone there has approved."""
    asked = await erasure.ask(work, caller.patient_id)
    return ErasureRequestReply.of(asked)


@own_router.get("/erasure-requests", summary="Read one's own erasure requests")
async def list_own_erasure_requests(work: PatientWork, caller: PatientSignedIn) -> ErasureRequestList:
    """Say what was asked and what became of it."""
    found = await erasure.list_of_patient(work, caller.patient_id)
    return ErasureRequestList(items=[ErasureRequestReply.of(one) for one in found])


@router.post("/erasure-requests", status_code=201, summary="Record an erasure request")
async def record_erasure_request(patient_id: UUID, work: ServesRights) -> ErasureRequestReply:
    """Note that the patient asked in person to be erased."""
    asked = await erasure.ask(work, patient_id)
    return ErasureRequestReply.of(asked)


@requests_router.get("", summary="List erasure requests")
async def list_erasure_requests(
    work: ServesRights, page: PageAsked, state: ErasureFilter = ErasureFilter.OPEN
) -> ErasureRequestList:
    """List requests, oldest first."""
    listed = await erasure.list_requests(work, states=state.states, after=page.after, limit=page.limit)
    page.link_after([one.id for one in listed])
    return ErasureRequestList(items=[ErasureRequestReply.of(one) for one in listed])


@requests_router.post("/{request_id}/approve", summary="Erase a patient")
async def approve_erasure(
    request_id: UUID,
    work: ServesRights,
    response: Response,
    if_match: IfMatch = None,
) -> ErasureRequestReply:
    """Erase everything about the patient, for good; needs If-Match. Not while a safety event is open."""
    version = version_in(if_match)
    approved = await erasure.approve(work, request_id, version=version)
    return with_etag(response, approved.version, ErasureRequestReply.of(approved))


@requests_router.post("/{request_id}/decline", summary="Decline an erasure request")
async def decline_erasure(
    request_id: UUID,
    body: ErasureDeclining,
    work: ServesRights,
    response: Response,
    if_match: IfMatch = None,
) -> ErasureRequestReply:
    """Refuse a request, with a reason that the patient is shown; needs If-Match."""
    version = version_in(if_match)
    declined = await erasure.decline(work, request_id, reason=body.reason, version=version)
    return with_etag(response, declined.version, ErasureRequestReply.of(declined))


async def _copy(work: Work, patient_id: UUID, form: ExportFormat) -> Response:
    headers = {"content-disposition": f'attachment; filename="afterglow-export.{form.value}"'}
    if form is ExportFormat.CSV:
        written = await export.check_ins_csv(work, patient_id)
        return Response(written, media_type="text/csv; charset=utf-8", headers=headers)
    document = await export.copy_of(work, patient_id)
    return Response(to_json(document), media_type="application/json", headers=headers)
