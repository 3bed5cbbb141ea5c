"""Making the record of forms true: what the clinic entered is amended, voided or restored, always with a reason.

What a patient answered stays as it was answered; safety events are never touched, whatever becomes of a form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from app.care.alerts.finding_commands import FindingCode, end_findings
from app.care.assessments.commands import (
    Form,
    ask_about_double,
    raise_if_it_stands_out,
    refuse_time,
    report_item,
    scored,
)
from app.care.assessments.queries import Assessment, meaning_of
from app.care.assessments.refusals import AssessmentExistsError, PatientsOwnFormError, ScaleNotKnownError
from app.care.monitoring.corrections import Correctable, CorrectionEffects, believed_now, follow_correction
from app.care.patients.plausibility import refuse_before_birth, refuse_impossible_time
from app.care.patients.queries import existing_for_update
from app.context import Work
from app.storage import assessments, record_versions
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordStatus


async def _known_from(work: Work, patient_id: UUID, stored: StoredAssessment) -> int:
    return await assessments.turn_of(work, patient_id, stored.id)


FORM: Final = Correctable(
    kind=RecordKind.ASSESSMENT,
    find=assessments.find,
    plain=record_versions.content_of,
    read=assessments.from_version,
    take_away=lambda work, one: assessments.take_away(work, one.patient_id, one.id),
    known_from=_known_from,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedAssessment:
    """A form after a correction, and what the correction changed."""

    assessment: Assessment
    effects: CorrectionEffects


async def amend_assessment(
    work: Work,
    patient_id: UUID,
    assessment_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str,
    version: int,
    confirm: Sequence[str] = (),
) -> CorrectedAssessment:
    """Change what a form that the clinic entered says: when it was taken, its items or its total.

    Raises:
        NotFoundError: the patient has no such form.
        PatientsOwnFormError: the patient answered it.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        FormRefusedError, AssessmentInFutureError, TimeSkippedError, BeforeBirthError, AssessmentExistsError: it
            cannot be kept like this.
        NeedsConfirmationError: it is likely another form that is on record; nobody has confirmed it.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await _entered_by_clinic(work, patient_id, assessment_id, version=version)
    scale = await assessments.find_scale(work, stored.scale)
    if scale is None:
        raise ScaleNotKnownError("#/scale")
    form = _amended(stored, changes)
    refuse_time(form, work.now)
    if "taken_at" in changes:
        refuse_impossible_time(work, patient, form.taken_at, pointer="#/taken_at")
    new = replace(
        scored(work, patient, scale, form),
        id=stored.id,
        time_zone=stored.time_zone,
        received_at=stored.received_at,
        version=stored.version + 1,
    )
    other = await assessments.at_moment(work, patient_id, scale=new.scale, taken_at=new.taken_at)
    if other is not None and other.id != new.id:
        raise AssessmentExistsError("#/taken_at")
    if (new.taken_at, new.total) != (stored.taken_at, stored.total):
        await ask_about_double(work, new, confirm)
    before = await believed_now(work, patient_id)
    await FORM.keep(work, patient, stored, Correction.AMENDED, reason)
    await assessments.replace(work, new)
    work.audit("assessment.amended", "assessment", new.id, patient_id=patient_id)
    event_id = await report_item(work, patient, new)
    effects = await follow_correction(work, before, kind="assessment", record_id=new.id)
    await raise_if_it_stands_out(work, patient, new)
    return await _corrected(work, patient, new, RecordStatus.ACTIVE, effects, event_id)


async def void_assessment(
    work: Work, patient_id: UUID, assessment_id: UUID, *, reason: str, version: int | None = None
) -> CorrectedAssessment:
    """Take a form as entered in error: everything is worked out as if it had never been there.

    Raises:
        NotFoundError: the patient has no such form.
        PatientsOwnFormError: the patient answered it.
        EnteredInErrorError: it counts as entered in error already.
        ChangedMeanwhileError: the version is not the current one.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await _entered_by_clinic(work, patient_id, assessment_id, version=version)
    before = await believed_now(work, patient_id)
    await FORM.void(work, patient, stored, reason)
    await end_findings(work, patient_id, [FindingCode.LONG_EXPOSURE], source_id=stored.id)
    effects = await follow_correction(work, before, kind="assessment", record_id=stored.id)
    voided = replace(stored, version=stored.version + 1)
    return await _corrected(work, patient, voided, RecordStatus.ENTERED_IN_ERROR, effects)


async def restore_assessment(
    work: Work, patient_id: UUID, assessment_id: UUID, *, reason: str | None = None
) -> CorrectedAssessment:
    """Let a form count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such form.
        NotEnteredInErrorError: it does not count as entered in error.
        AssessmentExistsError: another form of this scale is kept at this very time by now.
        BeforeBirthError: the year of birth, which was entered meanwhile, is later.
    """
    patient = await existing_for_update(work, patient_id)
    stored, void_since = await FORM.voided(work, patient_id, assessment_id)
    refuse_before_birth(work, patient, stored.taken_at.year)
    before = await believed_now(work, patient_id)
    voided = replace(stored, version=stored.version + 1)
    await FORM.keep(work, patient, voided, Correction.RESTORED, reason, void_since=void_since)
    new = replace(stored, version=stored.version + 2)
    if not await assessments.add(work, new):
        raise AssessmentExistsError
    work.audit("assessment.restored", "assessment", new.id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="assessment", record_id=new.id)
    return await _corrected(work, patient, new, RecordStatus.ACTIVE, effects)


async def _entered_by_clinic(
    work: Work, patient_id: UUID, assessment_id: UUID, *, version: int | None
) -> StoredAssessment:
    stored = await FORM.existing(work, patient_id, assessment_id, version=None)
    if stored.entered_by == "patient":
        raise PatientsOwnFormError
    return await FORM.existing(work, patient_id, assessment_id, version=version)


def _amended(stored: StoredAssessment, changes: Mapping[str, Any]) -> Form:
    """Take the form as it should have been sent; with new items a total that is not named follows from them."""
    items = {int(number): answer for number, answer in (stored.items or {}).items()} or None
    renewed = "items" in changes
    return Form(
        scale=stored.scale,
        taken_at=changes.get("taken_at", stored.taken_at),
        items=changes["items"] if renewed else (None if "total" in changes else items),
        total=changes.get("total", None if renewed or items else stored.total),
        external_id=stored.external_id,
        source=stored.source,
    )


async def _corrected(
    work: Work,
    patient: PatientRecord,
    stored: StoredAssessment,
    status: RecordStatus,
    effects: CorrectionEffects,
    event_id: UUID | None = None,
) -> CorrectedAssessment:
    (meant,) = await meaning_of(work, patient, [stored])
    return CorrectedAssessment(
        assessment=replace(meant, status=status, safety_event_id=event_id), effects=effects
    )
