"""Making the record of a treatment true: what was entered is amended, voided or restored, always with a reason.

Nothing is lost: each version that is replaced is kept, with who, when and why. What follows from the record is worked
out again in the same transaction, as if the error had never been entered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any
from uuid import UUID

from app.care.alerts import bookings
from app.care.monitoring.corrections import (
    CorrectionEffects,
    EnteredInErrorError,
    NotEnteredInErrorError,
    believed_now,
    follow_correction,
    keep_version,
)
from app.care.patients.service import existing
from app.care.treatment.commands import (
    CourseExistsError,
    InfusionExistsError,
    let_course_begin,
    note_infusion,
    refuse_future,
)
from app.care.treatment.course_days import refuse_impossible, refuse_infusion
from app.care.treatment.queries import CourseView, course_of
from app.care.treatment.sessions import refuse_session, seal_note, unlikely_in_session
from app.care.treatment.unlikely import Unlikely, ask_about, unlikely_in
from app.clinical.check_ins import check_in_day
from app.clinical.course import Infusion, InfusionPhase, infusions_of_course
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import chosen_references, patient_states, record_versions, treatment
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordStatus, ReplacedVersion
from app.storage.treatment import StoredCourse, StoredInfusion
from app.web.etags import ChangedMeanwhileError


class InductionNeededError(RefusalError):
    """Boosters of this course rest on this infusion: without it they would come before any induction.

    Void or amend them first.
    """

    kind = RefusalKind.CONFLICT
    code = "boosters-without-induction"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionChange:
    """What is different about an infusion; what is not among ``changes`` stays."""

    changes: Mapping[str, Any]
    reason: str
    confirm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedInfusion:
    """An infusion after a correction, and what the correction changed."""

    stored: StoredInfusion
    status: RecordStatus
    effects: CorrectionEffects


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCourse:
    """A course after a correction, and what the correction changed."""

    stored: StoredCourse
    status: RecordStatus
    effects: CorrectionEffects


async def amend_infusion(
    work: Work, patient_id: UUID, infusion_id: UUID, change: InfusionChange, *, version: int
) -> CorrectedInfusion:
    """Change what an infusion says.

    Raises:
        NotFoundError: the patient has no such infusion.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        InfusionInFutureError, InfusionExistsError, CourseClosedError, BoosterBeforeInductionError,
        InductionNeededError: the record would be impossible.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    stored = await _infusion(work, patient_id, infusion_id, version=version)
    others = await _others(work, patient_id, infusion_id)
    rule_fields = {one.name for one in fields(Infusion)}
    infusion = replace(
        stored.infusion, **{name: value for name, value in change.changes.items() if name in rule_fields}
    )
    refuse_future(work, infusion.given_at)
    if any(one.given_at == infusion.given_at for one in others):
        raise InfusionExistsError("#/given_at")
    before = await believed_now(work, patient_id)
    await _undo_beside(work, patient_id, stored)
    new = replace(
        stored,
        infusion=infusion,
        dose_mg=change.changes.get("dose_mg", stored.dose_mg),
        session=change.changes.get("session", stored.session),
        note_sealed=seal_note(work, patient, infusion_id, change.changes["note"])
        if "note" in change.changes
        else stored.note_sealed,
        version=stored.version + 1,
        began_course_id=None,
        kept_booking_on=None,
        kept_booking_made_at=None,
    )
    confirmed = await _possible(work, patient, new, others, change.confirm)
    await _keep_version(work, patient, stored, Correction.AMENDED, change.reason)
    new = replace(new, began_course_id=await let_course_begin(work, patient, infusion))
    await treatment.replace_infusion(work, patient_id, await _with_booking(work, patient_id, new))
    note_infusion(work, patient_id, new, "amended", confirmed)
    effects = await follow_correction(
        work, before, kind="infusion", record_id=infusion_id, given_at=infusion.given_at
    )
    return CorrectedInfusion(stored=new, status=RecordStatus.ACTIVE, effects=effects)


async def void_infusion(
    work: Work, patient_id: UUID, infusion_id: UUID, *, reason: str, version: int | None = None
) -> CorrectedInfusion:
    """Take an infusion as entered in error: everything is worked out as if it had never been there.

    Raises:
        NotFoundError: the patient has no such infusion.
        EnteredInErrorError: it counts as entered in error already.
        ChangedMeanwhileError: the version is not the current one.
        InductionNeededError: boosters of its course would stand without an induction.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    stored = await _infusion(work, patient_id, infusion_id, version=version)
    before = await believed_now(work, patient_id)
    await _undo_beside(work, patient_id, stored)
    await _refuse_lone_boosters(work, patient, await _others(work, patient_id, infusion_id))
    await _keep_version(work, patient, stored, Correction.VOIDED, reason)
    await treatment.take_infusion_away(work, infusion_id)
    note_infusion(work, patient_id, stored, "voided", ())
    effects = await follow_correction(work, before, kind="infusion", record_id=infusion_id)
    voided = replace(stored, version=stored.version + 1)
    return CorrectedInfusion(stored=voided, status=RecordStatus.ENTERED_IN_ERROR, effects=effects)


async def restore_infusion(
    work: Work, patient_id: UUID, infusion_id: UUID, *, reason: str | None = None
) -> CorrectedInfusion:
    """Let an infusion count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such infusion.
        NotEnteredInErrorError: it does not count as entered in error.
        InfusionExistsError, CourseClosedError, BoosterBeforeInductionError: it cannot stand beside the others.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    last = await record_versions.latest(work, patient_id, RecordKind.INFUSION, infusion_id)
    others = await _others(work, patient_id, infusion_id)
    if last is None or last.correction != Correction.VOIDED:
        await _infusion(work, patient_id, infusion_id, version=None)
        raise NotEnteredInErrorError
    stored = treatment.INFUSION_CONTENT.validate_python(last.content)
    infusion = stored.infusion
    if any(one.given_at == infusion.given_at for one in others):
        raise InfusionExistsError("#/given_at")
    course = await treatment.current_course(work, patient_id)
    refuse_infusion(course, others, infusion, zone=patient.time_zone)
    before = await believed_now(work, patient_id)
    voided = replace(stored, version=stored.version + 1, turn=last.replaced_in_turn)
    await _keep_version(work, patient, voided, Correction.RESTORED, reason, active=False)
    new = replace(stored, version=stored.version + 2)
    new = replace(new, began_course_id=await let_course_begin(work, patient, infusion))
    new = await _with_booking(work, patient_id, new)
    await treatment.add_infusion(work, patient_id, new)
    note_infusion(work, patient_id, new, "restored", ())
    effects = await follow_correction(
        work, before, kind="infusion", record_id=infusion_id, given_at=infusion.given_at
    )
    return CorrectedInfusion(stored=new, status=RecordStatus.ACTIVE, effects=effects)


async def _infusion(
    work: Work, patient_id: UUID, infusion_id: UUID, *, version: int | None
) -> StoredInfusion:
    every = await treatment.stored_infusions(work, patient_id)
    stored = next((one for one in every if one.id == infusion_id), None)
    if stored is None:
        last = await record_versions.latest(work, patient_id, RecordKind.INFUSION, infusion_id)
        raise NotFoundError if last is None else EnteredInErrorError
    if version is not None and stored.version != version:
        raise ChangedMeanwhileError("header/if-match")
    return stored


async def _others(work: Work, patient_id: UUID, infusion_id: UUID) -> list[Infusion]:
    every = await treatment.infusions(work, patient_id)
    return [one for one in every if one.id != str(infusion_id)]


async def _possible(
    work: Work,
    patient: PatientRecord,
    new: StoredInfusion,
    others: Sequence[Infusion],
    confirm: Sequence[str],
) -> list[Unlikely]:
    """Refuse what cannot be, ask about what is unlikely; gives what was confirmed."""
    course, zone = await treatment.current_course(work, patient.id), patient.time_zone
    refuse_infusion(course, others, new.infusion, zone=zone)
    await _refuse_lone_boosters(work, patient, [*others, new.infusion])
    unlikely = unlikely_in(
        new.infusion, dose_mg=new.dose_mg, course=course, others=others, now=work.now, zone=zone
    )
    given_at = new.infusion.given_at
    refuse_session(new.session, given_at=given_at, route=new.infusion.route, now=work.now)
    unlikely += unlikely_in_session(new.session, given_at=given_at)
    ask_about(unlikely, confirm)
    return unlikely


async def _refuse_lone_boosters(work: Work, patient: PatientRecord, given: Sequence[Infusion]) -> None:
    """Refuse boosters of the present course, or of no course, that would come before any induction infusion."""
    course, zone = await treatment.current_course(work, patient.id), patient.time_zone
    series = infusions_of_course(course, given, time_zone=zone)
    if series and series[0].phase is InfusionPhase.BOOSTER:
        raise InductionNeededError


async def _undo_beside(work: Work, patient_id: UUID, stored: StoredInfusion) -> None:
    """Undo what an infusion did beside being one: it let its course begin earlier, and took a booking's place."""
    if stored.began_course_id is not None:
        await _begin_as_declared(work, patient_id, stored)
    if stored.kept_booking_on is not None and stored.kept_booking_made_at is not None:
        booking = BookedBooster(on=stored.kept_booking_on, made_at=stored.kept_booking_made_at)
        await bookings.give_back(work, patient_id, booking, now=work.now)


async def _begin_as_declared(work: Work, patient_id: UUID, without: StoredInfusion) -> None:
    """Let a course begin when staff said, or with the first of the other infusions that let it begin earlier."""
    courses = await treatment.stored_courses(work, patient_id)
    course = next((one for one in courses if UUID(one.course.id) == without.began_course_id), None)
    if course is None or without.began_course_id is None:
        return
    zone = without.infusion.time_zone or "UTC"
    days = [
        one.infusion.day(zone)
        for one in await treatment.stored_infusions(work, patient_id)
        if one.id != without.id and one.began_course_id == without.began_course_id
    ]
    started_on = min([course.declared_started_on, *days])
    await treatment.begin_on(work, without.began_course_id, started_on=started_on)
    work.audit("course.began_as_declared", "course", without.began_course_id, patient_id=patient_id)


async def _with_booking(work: Work, patient_id: UUID, new: StoredInfusion) -> StoredInfusion:
    """Let an infusion take the place of a booking, if it is the booster that was booked."""
    booking = await bookings.keep_by_infusion(work, patient_id, given_at=new.infusion.given_at, now=work.now)
    if booking is None:
        return new
    return replace(new, kept_booking_on=booking.on, kept_booking_made_at=booking.made_at)


async def _keep_version(
    work: Work,
    patient: PatientRecord,
    stored: StoredInfusion,
    correction: Correction,
    reason: str | None,
    *,
    active: bool = True,
) -> None:
    replaced = ReplacedVersion(
        kind=RecordKind.INFUSION,
        record_id=stored.id,
        version=stored.version,
        content=treatment.INFUSION_CONTENT.dump_python(stored, mode="json"),
        known_from_turn=stored.turn,
        active=active,
    )
    await keep_version(work, patient, replaced, correction, reason)


async def amend_course(
    work: Work,
    patient_id: UUID,
    course_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    version: int,
) -> CorrectedCourse:
    """Change what is given of a course; None takes a day back.

    Raises:
        NotFoundError: the patient has no such course.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        CourseExistsError: another one starts on this day.
        CourseDayInFutureError, CourseDayBeforeStartError, InductionEndsBeforeInfusionError,
        CourseEndsBeforeInfusionError: the course would be impossible.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    stored, others = await _course(work, patient_id, course_id, version=version)
    before = await believed_now(work, patient_id)
    _refuse_course(work, patient, stored, others, changes, await treatment.infusions(work, patient_id))
    values = dict(changes)
    if "benefit_recorded_on" in changes:
        values["benefit_recorded_by"] = work.actor.id if changes["benefit_recorded_on"] else None
    if "started_on" in changes:
        values["declared_started_on"] = changes["started_on"]
    await _keep_course_version(work, patient, stored, Correction.AMENDED, reason)
    await treatment.change_course(work, course_id, version=version, **values)
    if "started_on" in changes:
        await _begin_again(work, patient, course_id, alone=not others)
    work.audit("course.amended" if reason else "course.changed", "course", course_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="course", record_id=course_id)
    (now, _) = await _course(work, patient_id, course_id, version=None)
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
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    stored, _ = await _course(work, patient_id, course_id, version=version)
    before = await believed_now(work, patient_id)
    await _keep_course_version(work, patient, stored, Correction.VOIDED, reason)
    await treatment.take_course_away(work, course_id)
    work.audit("course.voided", "course", course_id, patient_id=patient_id)
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
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    last = await record_versions.latest(work, patient_id, RecordKind.COURSE, course_id)
    if last is None or last.correction != Correction.VOIDED:
        await _course(work, patient_id, course_id, version=None)
        raise NotEnteredInErrorError
    stored = treatment.COURSE_CONTENT.validate_python(last.content)
    others = await treatment.stored_courses(work, patient_id)
    if any(one.course.started_on == stored.course.started_on for one in others):
        raise CourseExistsError("#/started_on")
    before = await believed_now(work, patient_id)
    voided = replace(stored, version=stored.version + 1)
    await _keep_course_version(work, patient, voided, Correction.RESTORED, reason, active=False)
    new = replace(stored, version=stored.version + 2)
    await treatment.restore_course(work, patient_id, new)
    work.audit("course.restored", "course", course_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="course", record_id=course_id)
    return CorrectedCourse(stored=new, status=RecordStatus.ACTIVE, effects=effects)


async def void_reference(work: Work, patient_id: UUID, choice_id: UUID, *, reason: str) -> CorrectionEffects:
    """Take a chosen reference as entered in error: the one before it holds again, or the one after induction.

    Raises:
        NotFoundError: the patient has no such reference.
        EnteredInErrorError: it counts as entered in error already.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    every = await chosen_references.all_of_patient(work, patient_id)
    stored = next((one for one in every if one.id == choice_id), None)
    last = await record_versions.latest(work, patient_id, RecordKind.CHOSEN_REFERENCE, choice_id)
    if stored is None:
        raise NotFoundError if last is None else EnteredInErrorError
    before = await believed_now(work, patient_id)
    replaced = ReplacedVersion(
        kind=RecordKind.CHOSEN_REFERENCE,
        record_id=choice_id,
        version=(last.version if last else 0) + 1,
        content=chosen_references.content_of(stored),
        known_from_turn=stored.turn,
    )
    await keep_version(work, patient, replaced, Correction.VOIDED, reason)
    await chosen_references.take_away(work, choice_id)
    work.audit("reference.voided", "chosen_reference", choice_id, patient_id=patient_id)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)


async def restore_reference(
    work: Work, patient_id: UUID, choice_id: UUID, *, reason: str | None = None
) -> CorrectionEffects:
    """Let a chosen reference count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such reference.
        NotEnteredInErrorError: it does not count as entered in error.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    last = await record_versions.latest(work, patient_id, RecordKind.CHOSEN_REFERENCE, choice_id)
    if last is None or last.correction != Correction.VOIDED:
        every = await chosen_references.all_of_patient(work, patient_id)
        raise NotEnteredInErrorError if any(one.id == choice_id for one in every) else NotFoundError
    before = await believed_now(work, patient_id)
    stored = chosen_references.from_content(last.content)
    replaced = ReplacedVersion(
        kind=RecordKind.CHOSEN_REFERENCE,
        record_id=choice_id,
        version=last.version + 1,
        content=last.content,
        known_from_turn=last.replaced_in_turn,
        active=False,
    )
    await keep_version(work, patient, replaced, Correction.RESTORED, reason)
    await chosen_references.add(
        work, choice_id, patient_id, stored.choice, reason_sealed=stored.reason_sealed, set_by=stored.set_by
    )
    work.audit("reference.restored", "chosen_reference", choice_id, patient_id=patient_id)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)


async def _course(
    work: Work, patient_id: UUID, course_id: UUID, *, version: int | None
) -> tuple[StoredCourse, list[StoredCourse]]:
    every = await treatment.stored_courses(work, patient_id)
    stored = next((one for one in every if one.course.id == str(course_id)), None)
    if stored is None:
        last = await record_versions.latest(work, patient_id, RecordKind.COURSE, course_id)
        raise NotFoundError if last is None else EnteredInErrorError
    if version is not None and stored.version != version:
        raise ChangedMeanwhileError("header/if-match")
    return stored, [one for one in every if one is not stored]


def _refuse_course(
    work: Work,
    patient: PatientRecord,
    stored: StoredCourse,
    others: Sequence[StoredCourse],
    changes: Mapping[str, Any],
    every: Sequence[Infusion],
) -> None:
    """Refuse a course that cannot be, its days that are not changed among it."""
    zone, started_on = patient.time_zone, changes.get("started_on", stored.course.started_on)
    course = replace(stored.course, started_on=started_on)
    if any(one.course.started_on == started_on for one in others):
        raise CourseExistsError("#/started_on")
    days: dict[str, date | int | None] = dict(changes)
    if "started_on" in changes:
        kept = ("induction_ended_on", "reviewed_on", "ended_on", "stopped_on")
        days = {name: getattr(stored.course, name) for name in kept} | days
    given = infusions_of_course(course, every, time_zone=zone)
    refuse_impossible(course, given, days, today=check_in_day(work.now, zone), zone=zone)


async def _begin_again(work: Work, patient: PatientRecord, course_id: UUID, *, alone: bool) -> None:
    """Let a course whose first day was corrected begin earlier by the infusions that show it, as at their entry.

    Where there is another course, only by those that did so before: the others may be of that one.
    """
    every = await treatment.stored_infusions(work, patient.id)
    for one in every:
        if not alone and one.began_course_id != course_id:
            continue
        began = await let_course_begin(work, patient, one.infusion)
        if began != one.began_course_id:
            moved = replace(one, began_course_id=began)
            await treatment.replace_infusion(work, patient.id, moved, same_turn=True)


async def _keep_course_version(
    work: Work,
    patient: PatientRecord,
    stored: StoredCourse,
    correction: Correction,
    reason: str | None,
    *,
    active: bool = True,
) -> None:
    # A decision keeps the course that it knew with itself: no turn is needed to find it again.
    replaced = ReplacedVersion(
        kind=RecordKind.COURSE,
        record_id=UUID(stored.course.id),
        version=stored.version,
        content=treatment.COURSE_CONTENT.dump_python(stored, mode="json"),
        known_from_turn=None,
        active=active,
    )
    await keep_version(work, patient, replaced, correction, reason)


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
    present = await treatment.current_course(work, patient_id)
    if present is None:
        raise NotFoundError
    await amend_course(work, patient_id, UUID(present.id), changes, reason=None, version=version)
    # Kept before the reply is made: what the rule makes of the course may fail, and the change must not be lost.
    await work.commit()
    view = await course_of(work, patient)
    if view is None:
        raise NotFoundError
    return view
