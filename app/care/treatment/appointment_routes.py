"""What is planned with patients, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.treatment import appointments
from app.care.treatment.appointment_schemas import (
    AppointmentChange,
    AppointmentEntry,
    AppointmentList,
    AppointmentReply,
    GivenAsPlanned,
)
from app.care.treatment.infusion_schemas import EnteredInfusionReply
from app.context import Work
from app.web.dependencies import IfMatch
from app.web.headers import version_if_sent, version_in, with_etag
from app.web.problems import Problem

router = APIRouter(
    prefix="/v1/patients/{patient_id}/appointments", tags=["treatment"], route_class=ClinicRoute
)
list_router = APIRouter(prefix="/v1/appointments", tags=["treatment"])

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayRecord = Annotated[Work, work_for(Permission.TREATMENT_RECORD)]


@list_router.get("", summary="List the next days' appointments")
async def list_planned_appointments(
    work: MayRead, days: Annotated[int, Query(ge=1, le=92, description="How many days, from today")] = 14
) -> AppointmentList:
    """List what the clinic has planned, from today on, in the order of the days."""
    found = await appointments.list_planned(work, days=days)
    return AppointmentList(items=[AppointmentReply.of(one) for one in found])


@router.get("", summary="List a patient's appointments")
async def list_appointments(
    patient_id: UUID,
    work: MayRead,
    past: Annotated[bool, Query(description="Also what was kept or canceled")] = False,
) -> AppointmentList:
    """List what is planned with a patient, in the order of the days."""
    found = await appointments.list_appointments(work, patient_id, with_past=past)
    return AppointmentList(items=[AppointmentReply.of(one) for one in found])


@router.post("", status_code=201, summary="Plan an appointment", responses={409: {"model": Problem}})
async def plan_appointment(
    patient_id: UUID, body: AppointmentEntry, work: MayRecord, response: Response
) -> AppointmentReply:
    """Plan an infusion or a visit. The next planned booster is the booked one, which holds signals back."""
    made = await appointments.plan(work, patient_id, body.planned())
    return with_etag(response, made.version, AppointmentReply.of(made))


@router.patch("/{appointment_id}", summary="Change an appointment")
async def change_appointment(
    patient_id: UUID,
    appointment_id: UUID,
    body: AppointmentChange,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> AppointmentReply:
    """Move an appointment or change what is planned; needs If-Match."""
    changed = await appointments.change(
        work,
        patient_id,
        appointment_id,
        body.changes(),
        version=version_in(if_match),
        confirm=body.confirm,
    )
    return with_etag(response, changed.version, AppointmentReply.of(changed))


@router.post("/{appointment_id}/cancel", summary="Cancel an appointment")
async def cancel_appointment(
    patient_id: UUID,
    appointment_id: UUID,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> AppointmentReply:
    """Cancel an appointment; it stays on record."""
    canceled = await appointments.cancel(work, patient_id, appointment_id, version=version_if_sent(if_match))
    return with_etag(response, canceled.version, AppointmentReply.of(canceled))


@router.post("/{appointment_id}/give", status_code=201, summary="Enter a planned infusion as given")
async def confirm_appointment_given(
    patient_id: UUID,
    appointment_id: UUID,
    body: GivenAsPlanned,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> EnteredInfusionReply:
    """Enter the infusion with the dose and route that were planned; the appointment is kept by it."""
    entered = await appointments.confirm_given(
        work,
        patient_id,
        appointment_id,
        given_at=body.given_at,
        confirm=body.confirm,
        version=version_if_sent(if_match),
    )
    return with_etag(response, entered.stored.version, EnteredInfusionReply.of_entered(entered))
