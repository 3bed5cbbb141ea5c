"""Keeping what an EHR writes, by the same commands as the API under ``/v1``."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.care.assessments.commands import enter
from app.care.assessments.queries import list_scales
from app.care.patients.queries import existing
from app.care.treatment.commands import enter_infusion
from app.clinical.long_exposure import LONG_EXPOSURE
from app.context import Work
from app.foundation.errors import NotFoundError
from app.foundation.ids import resource_id
from app.interop.fhir.catalogue import BY_NAME
from app.interop.fhir.codes import Json
from app.interop.fhir.queries import of_subject
from app.interop.fhir.refusals import SubjectNotHereError
from app.interop.fhir.resource_type import subject_of
from app.interop.fhir.written import (
    ExternalIdentifier,
    in_fhirs_places,
    read_form,
    read_resource,
    read_session,
)
from app.storage import assessments, infusions

FORM: Final = "QuestionnaireResponse"
SESSION: Final = "Procedure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A resource as it is kept; not new: it was kept before."""

    resource: Json
    is_new: bool


async def create_form(
    work: Work, body: bytes, *, unless: ExternalIdentifier | None, base_url: str
) -> Created:
    """Keep a QuestionnaireResponse as a form; its suicide item acts whatever becomes of the rest.

    Raises:
        ResourceNotReadableError: it cannot be read, or not be kept so.
        SubjectNotHereError: the clinic has no such patient.
        and what `enter` raises, each at its element.
    """
    resource = read_resource(body, FORM)
    kept = unless and await assessments.by_external_id(
        work, source=unless.source, external_id=unless.external_id
    )
    if kept:
        return await _created(
            work, kept.patient_id, FORM, resource_id(kept.patient_id, kept.id), is_new=False
        )
    scales = {one.key: one for one in (*await list_scales(work), LONG_EXPOSURE)}
    written = read_form(resource, scales, base_url=base_url)
    await _require_patient(work, written.patient_id, FORM)
    with in_fhirs_places(FORM):
        entered = await enter(work, written.patient_id, written.form)
    stored = entered.stored
    kind, tag = (FORM, "") if stored.items else ("Observation", "t-")
    return await _created(
        work, stored.patient_id, kind, resource_id(stored.patient_id, stored.id, tag), is_new=entered.created
    )


async def create_session(
    work: Work, body: bytes, *, unless: ExternalIdentifier | None, base_url: str
) -> Created:
    """Keep a Procedure as an infusion.

    Raises:
        ResourceNotReadableError: it cannot be read, or not be kept so.
        SubjectNotHereError: the clinic has no such patient.
        and what `enter_infusion` raises, each at its element.
    """
    resource = read_resource(body, SESSION)
    kept = unless and await infusions.infusion_by_external_id(
        work, source=unless.source, external_id=unless.external_id
    )
    if kept:
        patient_id, stored = kept
        return await _created(work, patient_id, SESSION, resource_id(patient_id, stored.id), is_new=False)
    written = read_session(resource, base_url=base_url)
    await _require_patient(work, written.patient_id, SESSION)
    with in_fhirs_places(SESSION):
        entered = await enter_infusion(work, written.patient_id, written.given)
    made_id = resource_id(written.patient_id, entered.stored.id)
    return await _created(work, written.patient_id, SESSION, made_id, is_new=entered.created)


async def _require_patient(work: Work, patient_id: UUID, kind: str) -> None:
    try:
        await existing(work, patient_id)
    except NotFoundError:
        # Another clinic's patient as well as one whom there never was.
        raise SubjectNotHereError(f"{kind}.subject.reference") from None


async def _created(work: Work, patient_id: UUID, kind: str, made_id: str, *, is_new: bool) -> Created:
    subject = await subject_of(work, await existing(work, patient_id))
    found = await of_subject(work, BY_NAME[kind], subject)
    return Created(resource=next(one for one in found if one["id"] == made_id), is_new=is_new)
