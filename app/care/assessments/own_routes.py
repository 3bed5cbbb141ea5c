"""Questionnaires for the patients: their wording, and their own answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.care.assessments import commands
from app.care.assessments.own_schemas import OwnFormEntry, OwnFormReply, QuestionnaireList, QuestionnaireReply
from app.care.assessments.questionnaires import all_questionnaires, questionnaire
from app.care.patients.access import PatientSignedIn, PatientWork
from app.care.patients.crisis import help_for_caller
from app.notifications.messages.help_reply import CrisisHelpReply
from app.storage import clinics
from app.web.problems import Problem

router = APIRouter(prefix="/v1/assessments", tags=["questionnaires"])
questionnaires_router = APIRouter(prefix="/v1/questionnaires", tags=["questionnaires"])

Language = Annotated[
    str | None, Query(max_length=35, description="Left out: the patient's own", examples=["es-US"])
]


@router.put(
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
