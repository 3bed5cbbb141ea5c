"""Making the record of a course and its chosen references true: amended, voided or restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from app.care.monitoring.corrections import (
    Correctable,
    CorrectionEffects,
    believed_now,
    follow_correction,
    own_turn,
)
from app.care.patients.plausibility import Unlikely, refuse_before_birth
from app.care.patients.queries import existing, existing_for_update
from app.care.treatment.commands import let_course_begin, refuse_not_made, refuse_window
from app.care.treatment.course_entry import CourseExistsError, ask_about_course
from app.care.treatment.plausibility import NotTakenOnError, refuse_impossible
from app.care.treatment.queries import CourseView, course_of
from app.clinical.check_ins import calendar_day
from app.clinical.course import Infusion, infusions_of_course
from app.clinical.history import ChosenReference
from app.context import Work
from app.foundation.errors import NotFoundError
from app.storage import chosen_references, courses, infusions
from app.storage.chosen_references import StoredReference
from app.storage.courses import StoredCourse
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordStatus

# A decision keeps the course that it knew with itself: no turn is needed to find it again.
COURSE: Final = Correctable(
    kind=RecordKind.COURSE,
    find=courses.find,
    plain=courses.content_of,
    read=courses.from_version,
    take_away=lambda work, one: courses.take_course_away(work, one.id),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCourse:
    """A course after a correction, and what the correction changed."""

    stored: StoredCourse
    status: RecordStatus
    effects: CorrectionEffects


async def amend_course(
    work: Work,
    patient_id: UUID,
    course_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    version: int,
    confirm: Sequence[str] = (),
) -> CorrectedCourse:
    """Change what is given of a course; None takes a day back.

    Raises:
        NotFoundError: the patient has no such course.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        CourseExistsError: another one starts on this day.
        NotTakenOnError: its patient was not taken on in maintenance.
        NeedsConfirmationError: it is likely another course that is on record; nobody has confirmed it.
        CourseDayInFutureError, CourseDayBeforeStartError, BeforeBirthError, InductionEndsBeforeInfusionError,
        CourseEndsBeforeInfusionError: the course would be impossible.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await COURSE.existing(work, patient_id, course_id, version=version)
    others = [one for one in await courses.stored_courses(work, patient_id) if one.id != course_id]
    before = await believed_now(work, patient_id)
    if "taken_on_at" in changes:
        if stored.course.taken_on_at is None:
            raise NotTakenOnError("#/taken_on_at")
        # The course begins with it, or with the first infusion that is known from before.
        changes = {"started_on": changes["taken_on_at"], **changes}
    _refuse_course(work, patient, stored, others, changes, await infusions.infusions(work, patient_id))
    confirmed: list[Unlikely] = []
    if changes.get("started_on", stored.declared_started_on) != stored.declared_started_on:
        confirmed = await ask_about_course(
            work, patient_id, changes["started_on"], confirm, besides=course_id
        )
    values = dict(changes)
    if "benefit_recorded_on" in changes:
        values["benefit_recorded_by"] = work.actor.id if changes["benefit_recorded_on"] else None
    if "started_on" in changes:
        values["declared_started_on"] = changes["started_on"]
    await COURSE.keep(work, patient, stored, Correction.AMENDED, reason)
    await courses.change_course(work, course_id, version=version, **values)
    if "started_on" in changes:
        await _begin_again(work, patient, course_id, alone=not others)
    for action in ("amended" if reason else "changed", *(f"confirmed_{one.value}" for one in confirmed)):
        work.audit(f"course.{action}", "course", course_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="course", record_id=course_id)
    now = await COURSE.existing(work, patient_id, course_id, version=None)
    return CorrectedCourse(stored=now, status=RecordStatus.ACTIVE, effects=effects)


async def void_course(
    work: Work, patient_id: UUID, course_id: UUID, *, reason: str, version: int | None = None
) -> CorrectedCourse:
    """Take a course as entered in error; its infusions stay, and belong to the course before it, or to none.

    Raises:
        NotFoundError: the patient has no such course.
        EnteredInErrorError: it counts as entered in error already.
        ChangedMeanwhileError: the version is not the current one.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await COURSE.existing(work, patient_id, course_id, version=version)
    before = await believed_now(work, patient_id)
    await COURSE.void(work, patient, stored, reason)
    effects = await follow_correction(work, before, kind="course", record_id=course_id)
    voided = replace(stored, version=stored.version + 1)
    return CorrectedCourse(stored=voided, status=RecordStatus.ENTERED_IN_ERROR, effects=effects)


async def restore_course(
    work: Work, patient_id: UUID, course_id: UUID, *, reason: str | None = None
) -> CorrectedCourse:
    """Let a course count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such course.
        NotEnteredInErrorError: it does not count as entered in error.
        CourseExistsError: another one starts on this day by now.
        BeforeBirthError: the year of birth, which was entered meanwhile, is later.
    """
    patient = await existing_for_update(work, patient_id)
    stored, void_since = await COURSE.voided(work, patient_id, course_id)
    earlier = stored.course.earlier
    for day in (stored.course.started_on, earlier.last_on if earlier else None):
        if day is not None:
            refuse_before_birth(work, patient, day.year)
    others = await courses.stored_courses(work, patient_id)
    if any(one.course.started_on == stored.course.started_on for one in others):
        raise CourseExistsError("#/started_on")
    before = await believed_now(work, patient_id)
    voided = replace(stored, version=stored.version + 1)
    await COURSE.keep(work, patient, voided, Correction.RESTORED, reason, void_since=void_since)
    new = replace(stored, version=stored.version + 2)
    await courses.restore_course(work, patient_id, new)
    work.audit("course.restored", "course", course_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="course", record_id=course_id)
    return CorrectedCourse(stored=new, status=RecordStatus.ACTIVE, effects=effects)


def _refuse_course(
    work: Work,
    patient: PatientRecord,
    stored: StoredCourse,
    others: Sequence[StoredCourse],
    changes: Mapping[str, Any],
    every: Sequence[Infusion],
) -> None:
    """Refuse a course that cannot be, its days that are not changed among it."""
    for name, value in changes.items():
        if isinstance(value, date):
            refuse_before_birth(work, patient, value.year, pointer=f"#/{name}")
    zone, started_on = patient.time_zone, changes.get("started_on", stored.course.started_on)
    course = replace(stored.course, started_on=started_on)
    if any(one.course.started_on == started_on for one in others):
        raise CourseExistsError("#/started_on")
    days: dict[str, date | int | None] = dict(changes)
    if "started_on" in changes:
        kept = ("induction_ended_on", "reviewed_on", "ended_on", "stopped_on")
        days = {name: getattr(stored.course, name) for name in kept} | days
    given = infusions_of_course(course, every, time_zone=zone)
    refuse_impossible(course, given, days, today=calendar_day(work.now, zone), zone=zone)


async def _begin_again(work: Work, patient: PatientRecord, course_id: UUID, *, alone: bool) -> None:
    """Let a course whose first day was corrected begin earlier by the infusions that show it, as at their entry.

    Where there is another course, only by those that did so before: the others may be of that one.
    """
    every = await infusions.stored_infusions(work, patient.id)
    for one in every:
        if not alone and one.began_course_id != course_id:
            continue
        began = await let_course_begin(work, patient, one.infusion)
        if began != one.began_course_id:
            moved = replace(one, began_course_id=began)
            await infusions.replace_infusion(work, patient.id, moved, same_turn=True)


async def change_course(
    work: Work, patient_id: UUID, changes: Mapping[str, date | int | None], *, version: int
) -> CourseView:
    """Change what is given of the present course, as it goes on; None takes a day back.

    Raises:
        NotFoundError: there is no such patient, or no course.
        ChangedMeanwhileError: the version is not the current one.
        CourseDayInFutureError, CourseDayBeforeStartError, InductionEndsBeforeInfusionError,
        CourseEndsBeforeInfusionError: the course would be impossible.
    """
    patient = await existing(work, patient_id)
    present = await courses.current_course(work, patient_id)
    if present is None:
        raise NotFoundError
    await amend_course(work, patient_id, UUID(present.id), changes, reason=None, version=version)
    # Kept before the reply is made: what the rule makes of the course may fail, and the change must not be lost.
    await work.commit()
    view = await course_of(work, patient)
    if view is None:
        raise NotFoundError
    return view


REFERENCE: Final = Correctable(
    kind=RecordKind.CHOSEN_REFERENCE,
    find=chosen_references.find,
    noun="reference",
    plain=chosen_references.content_of,
    read=chosen_references.from_version,
    take_away=lambda work, one: chosen_references.take_away(work, one.id),
    known_from=own_turn,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedReference:
    """A chosen reference after a correction, and what the correction changed."""

    stored: StoredReference
    effects: CorrectionEffects


async def amend_reference(
    work: Work, patient_id: UUID, choice_id: UUID, changes: Mapping[str, date], *, reason: str, version: int
) -> CorrectedReference:
    """Change which days a clinician's choice names; when it was chosen stays.

    Raises:
        NotFoundError: the patient has no such reference.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        ReferenceWindowError: the window is none, or not over yet.
        ReferenceNotMadeError: its days make no reference.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await REFERENCE.existing(work, patient_id, choice_id, version=version)
    holds = (await chosen_references.all_of_patient(work, patient_id))[0].id == choice_id
    days = {"from_day": stored.from_day, "to_day": stored.to_day} | dict(changes)
    new = ChosenReference(**days, set_at=stored.set_at)
    refuse_window(work, patient, new, within="#")
    before = await believed_now(work, patient_id)
    await REFERENCE.keep(work, patient, stored, Correction.AMENDED, reason)
    await chosen_references.change_days(work, patient_id, choice_id, **days, version=stored.version + 1)
    work.audit("reference.amended", "chosen_reference", choice_id, patient_id=patient_id)
    if holds:
        await refuse_not_made(work, patient_id, new, within="#")
    effects = await follow_correction(work, before, kind="reference", record_id=choice_id)
    now = await REFERENCE.existing(work, patient_id, choice_id, version=None)
    return CorrectedReference(stored=now, effects=effects)


async def void_reference(
    work: Work, patient_id: UUID, choice_id: UUID, *, reason: str, version: int | None = None
) -> CorrectionEffects:
    """Take a chosen reference as entered in error: the one before it holds again, or the one after induction.

    Raises:
        NotFoundError: the patient has no such reference.
        EnteredInErrorError: it counts as entered in error already.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await REFERENCE.existing(work, patient_id, choice_id, version=version)
    before = await believed_now(work, patient_id)
    await REFERENCE.void(work, patient, stored, reason)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)


async def restore_reference(
    work: Work, patient_id: UUID, choice_id: UUID, *, reason: str | None = None
) -> CorrectionEffects:
    """Let a chosen reference count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such reference.
        NotEnteredInErrorError: it does not count as entered in error.
    """
    patient = await existing_for_update(work, patient_id)
    stored, void_since = await REFERENCE.voided(work, patient_id, choice_id)
    before = await believed_now(work, patient_id)
    voided = replace(stored, version=stored.version + 1)
    await REFERENCE.keep(work, patient, voided, Correction.RESTORED, reason, void_since=void_since)
    await chosen_references.add(
        work,
        choice_id,
        patient_id,
        stored.choice,
        reason_sealed=stored.reason_sealed,
        set_by=stored.set_by,
        version=stored.version + 2,
    )
    work.audit("reference.restored", "chosen_reference", choice_id, patient_id=patient_id)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)
