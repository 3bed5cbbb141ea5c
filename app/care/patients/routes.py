"""Patients for the clinic; enrolment, tokens and themselves for the patients."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import ClinicRoute, staff_work_for, work_for
from app.access.clinics.permissions import Permission
from app.care.patients import commands, corrections, devices, enrolment, magic_links, queries
from app.care.patients.access import PatientSignedIn, PatientWork
from app.care.patients.commands import register
from app.care.patients.schemas import (
    Archive,
    ContactFacts,
    DeviceList,
    DeviceReply,
    Enrolment,
    EnrolmentCodeReply,
    EnrolmentReply,
    OwnChange,
    OwnReply,
    PatientChange,
    PatientChangeList,
    PatientChangeReply,
    PatientList,
    PatientRegistration,
    PatientReply,
    Refresh,
    SignInLinkReply,
    TokensReply,
    Unarchive,
)
from app.context import Work
from app.foundation.tokens import TokenKind, read_token
from app.web.cross_origin import answers_for
from app.web.dependencies import ContextNeeded, IfMatch, PageAsked
from app.web.headers import etag_of, version_in, with_etag

router = APIRouter(prefix="/v1", tags=["patients"], route_class=ClinicRoute)

EditsPatients = Annotated[Work, work_for(Permission.PATIENTS_EDIT)]
ReadsPatients = Annotated[Work, work_for(Permission.PATIENTS_READ)]
ReachesPatients = Annotated[Work, staff_work_for(Permission.PATIENTS_CONTACT)]
own_router = APIRouter(prefix="/v1", tags=["patient's own"])


@router.post("/patients", status_code=201, summary="Register a patient")
async def register_patient(
    body: PatientRegistration, work: EditsPatients, response: Response
) -> PatientReply:
    """Register a patient under the clinic's own reference."""
    patient = await register(work, body.registration())
    return with_etag(response, patient.version, PatientReply.of(patient))


@router.get("/patients", summary="List patients")
async def list_patients(work: ReadsPatients, page: PageAsked) -> PatientList:
    """List patients in the order of their registration; follow the Link header."""
    listed = await queries.list_patients(work, after=page.after, limit=page.limit)
    page.link_after([one.id for one in listed])
    return PatientList(items=[PatientReply.of(patient) for patient in listed])


@router.get("/patients/{patient_id}", summary="Read a patient")
async def read_patient(patient_id: UUID, work: ReadsPatients, response: Response) -> PatientReply:
    """Give one patient, with an ETag for changing."""
    patient = await queries.read_patient(work, patient_id)
    return with_etag(response, patient.version, PatientReply.of(patient))


@router.patch("/patients/{patient_id}", summary="Change a patient")
async def change_patient(
    patient_id: UUID,
    body: PatientChange,
    work: EditsPatients,
    response: Response,
    if_match: IfMatch = None,
) -> PatientReply:
    """Change zone, language, e-mail or country, or the chart number with its reason; needs If-Match."""
    if body.external_ref is not None and body.reason is not None:
        version = version_in(if_match)
        renumbered = await corrections.change_chart_number(
            work, patient_id, body.external_ref, reason=body.reason, version=version
        )
        if_match = etag_of(renumbered.version)
    patient = await commands.change_patient(work, patient_id, body.change(), version=version_in(if_match))
    return with_etag(response, patient.version, PatientReply.of(patient))


@router.post("/patients/{patient_id}/enrolment-codes", status_code=201, summary="Issue an enrolment code")
async def issue_enrolment_code(patient_id: UUID, work: EditsPatients) -> EnrolmentCodeReply:
    """Make a one-time code with which the patient's device enrolls, good for 15 minutes."""
    issued = await enrolment.issue_code(work, patient_id)
    return EnrolmentCodeReply.model_validate(issued, from_attributes=True)


@router.post("/patients/{patient_id}/sign-in-links", status_code=201, summary="Make a sign-in link")
async def make_sign_in_link(patient_id: UUID, work: EditsPatients) -> SignInLinkReply:
    """Make a link with which the patient signs a browser in: once, within a day.

    Opening it does not spend it, for mail scanners open every link: the page behind it has a button.
    """
    return SignInLinkReply.of(await magic_links.make(work, patient_id))


@router.post("/patients/{patient_id}/archive", summary="Archive a patient")
async def archive_patient(
    patient_id: UUID, body: Archive, work: EditsPatients, response: Response
) -> PatientReply:
    """From now on nobody here reads the patient's reports: devices read, report no more, and say so with help.

    Reminders stop; a disclosure that still arrives is a safety event; open safety events stay open.
    """
    patient = await corrections.archive(work, patient_id, body.reason, note=body.note)
    return with_etag(response, patient.version, PatientReply.of(patient))


@router.post("/patients/{patient_id}/unarchive", summary="Unarchive a patient")
async def unarchive_patient(
    patient_id: UUID, body: Unarchive, work: EditsPatients, response: Response
) -> PatientReply:
    """Read the patient's reports again, from now on."""
    patient = await corrections.unarchive(work, patient_id, note=body.note)
    return with_etag(response, patient.version, PatientReply.of(patient))


@router.get("/patients/{patient_id}/changes", summary="List a patient's corrections")
async def list_patient_changes(patient_id: UUID, work: ReadsPatients) -> PatientChangeList:
    """List what staff changed about who a patient is: chart numbers, archiving, each with its reason."""
    found = await corrections.list_changes(work, patient_id)
    return PatientChangeList(
        items=[PatientChangeReply.model_validate(one, from_attributes=True) for one in found]
    )


@router.get("/patients/{patient_id}/contact", summary="Read how to reach a patient")
async def read_contact_facts(patient_id: UUID, work: ReachesPatients) -> ContactFacts:
    """Give name, telephone and the like, for staff who must reach someone; each look is in the audit log."""
    return ContactFacts.model_validate(await corrections.read_contact_facts(work, patient_id))


@router.put("/patients/{patient_id}/contact", summary="Keep how to reach a patient")
async def keep_contact_facts(patient_id: UUID, body: ContactFacts, work: ReachesPatients) -> ContactFacts:
    """Keep name, telephone and the like, in the place of what was there; sealed, and in no event, mail or log."""
    await corrections.keep_contact_facts(work, patient_id, body.model_dump(exclude_none=True))
    return body


@router.get("/patients/{patient_id}/devices", summary="List a patient's devices")
async def list_devices(patient_id: UUID, work: ReadsPatients) -> DeviceList:
    """List the phones and browsers that may speak for a patient."""
    found = await devices.list_devices(work, patient_id)
    return DeviceList(items=[DeviceReply.of(one) for one in found])


@router.delete(
    "/patients/{patient_id}/devices/{device_id}", status_code=204, summary="Revoke a patient's device"
)
async def revoke_device(patient_id: UUID, device_id: UUID, work: EditsPatients) -> None:
    """End a device that was lost: all of its tokens stop working at once."""
    await devices.revoke_device(work, patient_id, device_id)


@own_router.post("/enrolments", status_code=201, summary="Enrol a device")
async def enrol_device(body: Enrolment, context: ContextNeeded, request: Request) -> EnrolmentReply:
    """Exchange a code for the device's tokens. Who may: whoever holds the code."""
    address = request.client.host if request.client else "local"
    enrolled = await enrolment.enrol(
        context, code_text=body.code, device_name=body.device_name, address=address
    )
    answers_for(request, enrolled.tokens.access_token)
    return EnrolmentReply.of_enrolled(enrolled)


@own_router.post("/tokens/refresh", summary="Exchange a refresh token")
async def refresh_tokens(body: Refresh, context: ContextNeeded, request: Request) -> TokensReply:
    """Give the next pair of tokens. Who may: whoever holds the refresh token."""
    reference = read_token(body.refresh_token, TokenKind.DEVICE_REFRESH)
    issued = await devices.refresh(context, reference)
    answers_for(request, issued.access_token)
    return TokensReply.of(issued)


@own_router.get("/me", summary="Read oneself")
async def read_me(work: PatientWork, caller: PatientSignedIn) -> OwnReply:
    """Give what the service knows of how the patient is addressed, and asked."""
    patient = await queries.read_patient(work, caller.patient_id)
    reminders = await queries.reminders_of(work, caller.patient_id)
    return OwnReply.of_own(patient, reminders)


@own_router.patch("/me", summary="Change oneself")
async def change_me(body: OwnChange, work: PatientWork, caller: PatientSignedIn) -> OwnReply:
    """Change zone, language, e-mail or reminders from now on; past days do not move."""
    patient = await commands.change_patient(work, caller.patient_id, body.change(), version=None)
    reminders = await queries.reminders_of(work, caller.patient_id)
    return OwnReply.of_own(patient, reminders)


@own_router.get("/me/devices", summary="List one's devices")
async def list_own_devices(work: PatientWork, caller: PatientSignedIn) -> DeviceList:
    """List the phones and browsers that may speak for the patient."""
    found = await devices.list_devices(work, caller.patient_id)
    return DeviceList(items=[DeviceReply.of(one, asking=caller.device_id) for one in found])


@own_router.delete("/me/devices/{device_id}", status_code=204, summary="Revoke one's device")
async def revoke_own_device(device_id: UUID, work: PatientWork, caller: PatientSignedIn) -> None:
    """End a device, this one too: all of its tokens stop working at once."""
    await devices.revoke_device(work, caller.patient_id, device_id)
