"""Keeping completed forms: scored here, their safety item first of all, then what they say of the benefit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.care.alerts.finding_commands import FindingCode, end_findings, raise_finding
from app.care.alerts.safety_reports import SafetyReport, SafetySource, is_late_entry, report
from app.care.assessments.queries import Assessment, meaning_of
from app.care.assessments.questionnaires import WORDINGS
from app.care.assessments.refusals import (
    AssessmentConflictError,
    AssessmentExistsError,
    AssessmentInFutureError,
    AssessmentTooOldError,
    QuestionnaireNotOfferedError,
    ScaleExistsError,
    ScaleNotKnownError,
    form_refused,
    scales_refused,
)
from app.care.monitoring import effects
from app.care.monitoring.corrections import ExternalIdTakenError
from app.care.patients.consent_status import ConsentStatus, ConsentWithdrawnError, consent_status_of
from app.care.patients.corrections import refuse_archived
from app.care.patients.plausibility import Unlikely, ask_about, refuse_impossible_time
from app.care.patients.queries import existing
from app.clinical.answer import exposure_on
from app.clinical.check_ins import check_in_day
from app.clinical.long_exposure import LONG_EXPOSURE, TOPICS, items_that_stand_out
from app.clinical.safety import Urgency, from_items, from_total
from app.clinical.scales import CustomProblemCode, CustomScaleProblem, Scale, read_custom_scales, score_form
from app.context import Work
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import assessments, clinics, patient_states, schedules
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord
from app.storage.record_versions import RecordKind, kept_under


async def report_item(work: Work, patient: PatientRecord, stored: StoredAssessment) -> UUID | None:
    """Report what a form that is kept says of the suicide item, by its answer or by its total; gives the event."""
    items: dict[str, Any] = stored.items or {}
    answers = {int(number): answer for number, answer in items.items()}
    trigger = from_items(stored.scale, answers) or from_total(stored.scale, stored.total, answers)
    if trigger is None:
        return None
    said = SafetyReport(
        patient_id=patient.id,
        mode=patient.mode,
        source=SafetySource.ASSESSMENT,
        source_id=stored.id,
        urgent=trigger.urgency is Urgency.URGENT,
        received_at=work.real_now,
        actor=work.actor,
        late_entry=stored.entered_by == "clinic" and is_late_entry(stored.taken_at, work.now),
    )
    return await report(work, said)


async def raise_if_it_stands_out(work: Work, patient: PatientRecord, stored: StoredAssessment) -> None:
    """Put a form with an answer for review on the worklist; the caller holds the patient's turn.

    The finding names what was asked about and not what was answered: that is on the patient's page.
    """
    if stored.scale != LONG_EXPOSURE.key:
        return
    answers = {int(number): answer for number, answer in (stored.items or {}).items()}
    items = items_that_stand_out(answers)
    if not items:
        await end_findings(work, patient.id, [FindingCode.LONG_EXPOSURE], source_id=stored.id)
        return
    today = check_in_day(work.now, patient.time_zone)
    given = (await schedules.of_patients(work, [patient.id])).get(patient.id, ())
    days = sorted(day.toordinal() for day in given if day <= today)
    exposure = exposure_on(days, today.toordinal(), total=len(days))
    await raise_finding(
        work,
        FindingCode.LONG_EXPOSURE,
        patient.id,
        mode=patient.mode,
        on=today,
        source_id=stored.id,
        facts={
            "topics": list(dict.fromkeys(TOPICS[item] for item in items)),
            "answered_on": check_in_day(stored.taken_at, stored.time_zone).isoformat(),
            "infusions": exposure.total,
            "in_30_days": exposure.in_30_days,
            "in_90_days": exposure.in_90_days,
            "in_365_days": exposure.in_365_days,
            "last_infusion_on": exposure.last_on.isoformat() if exposure.last_on else None,
        },
    )


# A clinic's clock may be a little ahead of ours; more than this is a mistake.
_AHEAD: Final = timedelta(minutes=10)
# Further back the phone's memory is not to be trusted, as with check-ins.
_MOST_DAYS_BACK: Final = timedelta(days=30)
# Within it, the same total of a scale is likely the same sheet of paper.
_A_DAY: Final = timedelta(days=1)
_LARGEST: Final = 1_000_000
_LONGEST_NAME: Final = 200
_MOST_DAYS_APART: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as sent: answers by item number, a stated total, or both.

    A patient's own has an id that the phone chose, and the zone that the patient was in.
    """

    scale: str
    taken_at: datetime
    items: Mapping[int, int | None] | None
    total: float | None = None
    id: UUID | None = None
    time_zone: str | None = None
    external_id: str | None = None
    source: str = ""
    confirm: tuple[str, ...] = ()

    @property
    def by_patient(self) -> bool:
        """Whether the patient answered it here."""
        return self.id is not None


async def enter(work: Work, patient_id: UUID, form: Form) -> Assessment:
    """Keep a form; sent again it changes nothing.

    Raises:
        NotFoundError: the clinic has no such patient.
        AssessmentInFutureError: it was not completed yet.
        AssessmentTooOldError: a patient's own, and more than 30 days old.
        TimeSkippedError, BeforeBirthError: the clinic's own, at a time that cannot be.
        NeedsConfirmationError: the clinic's own, and likely on record already; nobody has confirmed it.
        QuestionnaireNotOfferedError: a patient's own, of a scale whose wording is not shipped or not asked here.
        ScaleNotKnownError: there is no such scale.
        FormRefusedError: incomplete, impossible, or its totals contradict each other.
        ConsentWithdrawnError: a patient's own, and new, after the patient withdrew consent.
        NobodyReadsReportsError: a patient's own, and new, of one who was archived.
        AssessmentConflictError: another form is kept under the id that the phone chose.
        AssessmentExistsError: another form of this scale was completed at this very time.
        ExternalIdTakenError: another content is kept under its external id.
    """
    refuse_time(form, work.now)
    await _refuse_not_asked(work, form)
    patient = await existing(work, patient_id)
    if not form.by_patient:
        refuse_impossible_time(work, patient, form.taken_at, pointer="#/taken_at")
    await patient_states.lock(work, patient_id)
    scale = await assessments.find_scale(work, form.scale)
    if scale is None:
        raise ScaleNotKnownError("#/scale")
    stored, created = await _kept(work, scored(work, patient, scale, form), form.confirm)
    event_id = await report_item(work, patient, stored)
    if created:
        about = About(
            patient_id=patient_id,
            mode=patient.mode,
            subject="assessment",
            subject_id=stored.id,
            url=f"{work.public_url}/v1/patients/{patient_id}/assessments",
        )
        await notify_of_patient(work, EventType.ASSESSMENT_RECORDED, about, now=work.now)
        await effects.evaluate_or_later(work, patient_id)
        await raise_if_it_stands_out(work, patient, stored)
    try:
        async with work.attempt():
            (kept,) = await meaning_of(work, patient, [stored])
    except Exception:
        # It is kept all the same: a mistake of ours in what it means must not lose an answer to item 9.
        await work.commit()
        raise
    return replace(kept, created=created, safety_event_id=event_id)


async def _refuse_not_asked(work: Work, form: Form) -> None:
    """Refuse a patient's own form of a scale whose wording is not shipped, or that the clinic does not ask."""
    if not form.by_patient:
        return
    if form.scale not in WORDINGS:
        raise QuestionnaireNotOfferedError("#/scale")
    clinic = await clinics.profile(work) if form.scale == LONG_EXPOSURE.key else None
    if clinic is not None and not clinic.asks_long_exposure:
        raise QuestionnaireNotOfferedError("#/scale")


def refuse_time(form: Form, now: datetime) -> None:
    """Refuse a time that nobody can mean, and say ours: a phone's clock may be a year off."""
    if form.taken_at > now + _AHEAD:
        raise AssessmentInFutureError("#/taken_at").with_extensions(server_time=now.isoformat())
    if form.by_patient and form.taken_at < now - _MOST_DAYS_BACK:
        raise AssessmentTooOldError("#/taken_at").with_extensions(server_time=now.isoformat())


def scored(work: Work, patient: PatientRecord, scale: Scale, form: Form) -> StoredAssessment:
    """Score a form: its total is what its items add up to.

    Raises:
        FormRefusedError: incomplete, impossible, or its totals contradict each other.
    """
    scored = score_form(scale, items=form.items, stated_total=form.total, by_patient=form.by_patient)
    if scored.score is None:
        raise form_refused(scored.problems)
    items = {str(number): answer for number, answer in sorted((form.items or {}).items())}
    said: list[object] = [scale.key, scored.score.total, items]
    if form.by_patient:
        said += [form.taken_at.astimezone(UTC).isoformat(), form.time_zone]
    return StoredAssessment(
        id=form.id or new_id(),
        patient_id=patient.id,
        entered_by="patient" if form.by_patient else "clinic",
        scale=scale.key,
        taken_at=form.taken_at,
        time_zone=form.time_zone or patient.time_zone,
        total=scored.score.total,
        items=items or None,
        received_at=work.now,
        external_id=form.external_id,
        source=form.source,
        digest=work.vault.digest(b"assessment", patient.id.bytes, json.dumps(said, sort_keys=True).encode()),
    )


async def _kept(work: Work, new: StoredAssessment, confirmed: Sequence[str]) -> tuple[StoredAssessment, bool]:
    """Keep it, or find the one that was kept before."""
    if new.external_id is not None:
        kept = await _under_external_id(work, new)
        if kept is not None:
            return kept, False
    same_id = await assessments.find(work, new.patient_id, new.id)
    if same_id is not None:
        if same_id.digest != new.digest:
            raise AssessmentConflictError("#/id")
        return same_id, False
    if new.entered_by == "patient":
        await refuse_archived(work, new.patient_id)
        if await consent_status_of(work, new.patient_id) is ConsentStatus.WITHDRAWN:
            raise ConsentWithdrawnError
    else:
        await ask_about_double(work, new, confirmed)
    if await assessments.add(work, new):
        work.audit("assessment.entered", "assessment", new.id, patient_id=new.patient_id)
        return new, True
    earlier = await assessments.at_moment(work, new.patient_id, scale=new.scale, taken_at=new.taken_at)
    # A patient's own is known by its id: under another one it is another form.
    if earlier is None or earlier.digest != new.digest or new.entered_by == "patient":
        raise AssessmentExistsError("#/taken_at")
    return earlier, False


async def ask_about_double(work: Work, new: StoredAssessment, confirmed: Sequence[str]) -> None:
    """Ask whether a form is the one of this scale that is on record with the same total within a day."""
    near = await assessments.between(
        work, new.patient_id, scale=new.scale, first=new.taken_at - _A_DAY, last=new.taken_at + _A_DAY
    )
    others = [one for one in near if one.id != new.id and one.taken_at != new.taken_at]
    if any(one.total == new.total for one in others):
        ask_about([Unlikely.SAME_FORM], confirmed)
        work.audit("assessment.confirmed_same_form", "assessment", new.id, patient_id=new.patient_id)


async def _under_external_id(work: Work, new: StoredAssessment) -> StoredAssessment | None:
    """Find what is kept under the same external id.

    Raises:
        ExternalIdTakenError: it says something else, or counts as entered in error.
    """
    find, read = assessments.by_external_id, assessments.from_version
    source, external_id = new.source, new.external_id or ""
    found = await kept_under(work, RecordKind.ASSESSMENT, find, read, source=source, external_id=external_id)
    if found is None:
        return None
    kept, _ = found
    same = (kept.patient_id, kept.digest, kept.taken_at) == (new.patient_id, new.digest, new.taken_at)
    if not same:
        raise ExternalIdTakenError.kept_as(kept.id, kept.version)
    return kept


async def add_scales(work: Work, definitions: Mapping[str, Any]) -> list[Scale]:
    """Keep scales in their JSON form, all of them or none; sent again they change nothing.

    Raises:
        ScaleRefusedError: one of them is not a scale.
        ScaleExistsError: one key holds another scale already.
    """
    read = read_custom_scales(definitions)
    problems = (*read.problems, *(one for scale in read.scales.values() for one in _beyond_reason(scale)))
    if problems:
        raise scales_refused(problems)
    for _ in await assessments.add_scales(work, definitions):
        work.audit("scale.added", "clinic", work.clinic_id)
    kept = read_custom_scales(await assessments.own_scales(work)).scales
    if any(kept[key] != scale for key, scale in read.scales.items()):
        raise ScaleExistsError("#/scales")
    return list(read.scales.values())


def _beyond_reason(scale: Scale) -> list[CustomScaleProblem]:
    """What no scale of any questionnaire has, and what no database could keep."""
    wrong = {
        "name": len(scale.name) > _LONGEST_NAME or not scale.name.isprintable(),
        "minimum": abs(scale.minimum) > _LARGEST,
        "maximum": abs(scale.maximum) > _LARGEST,
        "days_apart": (scale.days_apart or 0) > _MOST_DAYS_APART,
    }
    return [
        CustomScaleProblem(scale=scale.key, field=field, code=CustomProblemCode.WRONG_KIND)
        for field, is_wrong in wrong.items()
        if is_wrong
    ]
