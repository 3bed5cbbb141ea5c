"""Completed forms and scales, for the clinic; questionnaires, for the patients."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.assessments import commands, corrections, queries
from app.care.assessments.corrections import CorrectedAssessment
from app.care.assessments.questionnaires import all_questionnaires, questionnaire
from app.care.assessments.schemas import (
    AssessmentAmendment,
    AssessmentEntry,
    AssessmentList,
    AssessmentReply,
    CorrectedAssessmentReply,
    OwnFormEntry,
    OwnFormReply,
    QuestionnaireList,
    QuestionnaireReply,
    ScaleList,
    ScaleReply,
    ScalesEntry,
)
from app.care.patients.access import PatientSignedIn, PatientWork
from app.care.patients.crisis_help import help_for_caller
from app.context import Work
from app.notifications.messages.crisis_help import CrisisHelpReply
from app.storage import clinics
from app.web.correction_schemas import ChangedReply, Include, Restoration, Void
from app.web.dependencies import IfMatch, PageAsked
from app.web.headers import version_if_sent, version_in, with_etag
from app.web.problems import Problem

router = APIRouter(
    prefix="/v1/patients/{patient_id}/assessments", tags=["assessments"], route_class=ClinicRoute
)
scales_router = APIRouter(prefix="/v1/scales", tags=["assessments"], route_class=ClinicRoute)

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayRecord = Annotated[Work, work_for(Permission.TREATMENT_RECORD)]
MayDecide = Annotated[Work, work_for(Permission.TREATMENT_DECIDE)]


@router.post(
    "",
    status_code=201,
    summary="Enter an assessment",
    responses={200: {"model": AssessmentReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def enter_assessment(
    patient_id: UUID,
    body: AssessmentEntry,
    work: MayRecord,
    response: Response,
) -> AssessmentReply:
    """Keep a completed form; its total is what its items add up to, and a stated one that differs is refused.

    An answered suicide item acts whatever becomes of the form: the reply, or the problem, then names the
    safety event. What is likely on record already answers 409 `needs-confirmation`.
    """
    entered = await commands.enter(work, patient_id, body.form())
    response.status_code = 201 if entered.created else 200
    return AssessmentReply.of(entered)


@router.get("", summary="List assessments")
async def list_assessments(
    patient_id: UUID, work: MayRead, page: PageAsked, include: Include = None
) -> AssessmentList:
    """List a patient's completed forms, those that were completed last first, each with its ETag."""
    listed = await queries.list_of_patient(
        work, patient_id, with_errors=include is not None, after=page.after, limit=page.limit
    )
    page.link_after([one.stored.id for one in listed])
    return AssessmentList(items=[AssessmentReply.of(one) for one in listed])


@router.patch("/{assessment_id}", summary="Amend an assessment")
async def amend_assessment(
    patient_id: UUID,
    assessment_id: UUID,
    body: AssessmentAmendment,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedAssessmentReply:
    """Change what the clinic entered wrongly, with a reason; needs If-Match. A patient's own form stays as it is."""
    corrected = await corrections.amend_assessment(
        work,
        patient_id,
        assessment_id,
        body.changes(),
        reason=body.reason,
        version=version_in(if_match),
        confirm=body.confirm,
    )
    return _corrected(corrected, response)


@router.post("/{assessment_id}/void", summary="Void an assessment")
async def void_assessment(
    patient_id: UUID,
    assessment_id: UUID,
    body: Void,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedAssessmentReply:
    """Take it as entered in error. A safety event that its answers made stays, with its times."""
    corrected = await corrections.void_assessment(
        work, patient_id, assessment_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return _corrected(corrected, response)


@router.post("/{assessment_id}/restore", summary="Restore an assessment")
async def restore_assessment(
    patient_id: UUID,
    assessment_id: UUID,
    work: MayRecord,
    response: Response,
    body: Restoration | None = None,
) -> CorrectedAssessmentReply:
    """Let a form count again that was voided."""
    corrected = await corrections.restore_assessment(
        work, patient_id, assessment_id, reason=body.reason if body else None
    )
    return _corrected(corrected, response)


def _corrected(corrected: CorrectedAssessment, response: Response) -> CorrectedAssessmentReply:
    return with_etag(
        response,
        corrected.assessment.stored.version,
        CorrectedAssessmentReply.of(corrected.assessment, changed=ChangedReply.of(corrected.effects)),
    )


@scales_router.post("", status_code=201, summary="Add scales of one's own")
async def add_scales(body: ScalesEntry, work: MayDecide) -> ScaleList:
    """Keep scales that the clinic describes itself, all of them or none; either direction."""
    added = await commands.add_scales(work, body.scales)
    return ScaleList(items=[ScaleReply.of(scale) for scale in added])


@scales_router.get("", summary="List scales")
async def list_scales(work: MayRead) -> ScaleList:
    """List the validated scales and the clinic's own."""
    found = await queries.list_scales(work)
    return ScaleList(items=[ScaleReply.of(scale) for scale in found])


own_router = APIRouter(prefix="/v1/assessments", tags=["questionnaires"])
questionnaires_router = APIRouter(prefix="/v1/questionnaires", tags=["questionnaires"])

Language = Annotated[
    str | None, Query(max_length=35, description="Left out: the patient's own", examples=["es-US"])
]


@own_router.put(
    "/{assessment_id}",
    status_code=201,
    summary="Send a questionnaire",
    responses={200: {"model": OwnFormReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def put_assessment(
    assessment_id: UUID,
    body: OwnFormEntry,
    caller: PatientSignedIn,
    work: PatientWork,
    response: Response,
) -> OwnFormReply:
    """Keep an answered questionnaire under the id that the phone chose (a UUIDv7); sending it again changes nothing.

    An answer that points to self-harm adds `crisis_help` to the reply, to be shown at once, also when the form
    is refused because other items are missing.
    """
    kept = await commands.enter(work, caller.patient_id, body.form(assessment_id))
    response.status_code = 201 if kept.created else 200
    if kept.safety_event_id is None:
        return OwnFormReply.of(kept, None)
    return OwnFormReply.of(kept, CrisisHelpReply.of(help_for_caller(caller)))


@questionnaires_router.get("", summary="List questionnaires")
async def list_questionnaires(
    caller: PatientSignedIn, work: PatientWork, locale: Language = None
) -> QuestionnaireList:
    """List what the patient may answer, word for word."""
    clinic = await clinics.profile(work)
    found = all_questionnaires(
        locale=locale or caller.locale, long_exposure=clinic is not None and clinic.asks_long_exposure
    )
    return QuestionnaireList(items=[QuestionnaireReply.of(one) for one in found])


@questionnaires_router.get("/{key}", summary="Read a questionnaire")
async def read_questionnaire(
    key: str, caller: PatientSignedIn, locale: Language = None
) -> QuestionnaireReply:
    """Give a questionnaire, `phq-9`, `gad-7` or `long-exposure`, word for word, with its copyright line."""
    return QuestionnaireReply.of(questionnaire(key, locale=locale or caller.locale))
