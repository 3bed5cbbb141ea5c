"""Making the record of infusions true: what was entered is amended, voided or restored, always with a reason.

Nothing is lost: each version that is replaced is kept, with who, when and why. What follows from the record is worked
out again in the same transaction, as if the error had never been entered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from uuid import UUID

from app.care.alerts import bookings
from app.care.monitoring.corrections import (
    Correctable,
    CorrectionEffects,
    believed_now,
    follow_correction,
    own_turn,
)
from app.care.patients.plausibility import Unlikely, ask_about, refuse_before_birth, refuse_impossible_time
from app.care.patients.queries import existing_for_update
from app.care.treatment.commands import InfusionExistsError, let_course_begin, note_infusion, refuse_future
from app.care.treatment.plausibility import refuse_infusion, unlikely_in
from app.care.treatment.sessions import refuse_session, seal_note, unlikely_in_session
from app.clinical.course import Course, Infusion, InfusionPhase, infusions_of_course
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import courses, infusions
from app.storage.infusions import StoredInfusion
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordStatus


class InductionNeededError(RefusalError):
    """Boosters of this course rest on this infusion: without it they would come before any induction.

    Void or amend them first.
    """

    kind = RefusalKind.CONFLICT
    code = "boosters-without-induction"


INFUSION: Final = Correctable(
    kind=RecordKind.INFUSION,
    find=infusions.find,
    plain=infusions.content_of,
    read=infusions.from_version,
    take_away=lambda work, one: infusions.take_infusion_away(work, one.id),
    known_from=own_turn,
)


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


async def amend_infusion(
    work: Work, patient_id: UUID, infusion_id: UUID, change: InfusionChange, *, version: int
) -> CorrectedInfusion:
    """Change what an infusion says.

    Raises:
        NotFoundError: the patient has no such infusion.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        InfusionInFutureError, TimeSkippedError, BeforeBirthError, InfusionExistsError, CourseClosedError,
        BoosterBeforeInductionError, InductionNeededError: the record would be impossible.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await INFUSION.existing(work, patient_id, infusion_id, version=version)
    others = await _others(work, patient_id, infusion_id)
    rule_fields = {one.name for one in fields(Infusion)}
    infusion = replace(
        stored.infusion, **{name: value for name, value in change.changes.items() if name in rule_fields}
    )
    refuse_future(work, infusion.given_at)
    if "given_at" in change.changes:
        refuse_impossible_time(work, patient, infusion.given_at, pointer="#/given_at")
    if any(one.given_at == infusion.given_at for one in others):
        raise InfusionExistsError("#/given_at")
    before = await believed_now(work, patient_id)
    await undo_beside(work, patient_id, stored)
    new = replace(
        stored,
        infusion=infusion,
        dose_mg=change.changes.get("dose_mg", stored.dose_mg),
        session=change.changes.get("session", stored.session),
        note_sealed=seal_note(work, patient, infusion_id, change.changes["note"])
        if "note" in change.changes
        else stored.note_sealed,
        version=stored.version + 1,
        day_only=stored.day_only and infusion.given_at == stored.infusion.given_at,
        began_course_id=None,
        kept_booking_on=None,
        kept_booking_made_at=None,
    )
    declared = await courses.current_course(work, patient_id)
    new = replace(new, began_course_id=await let_course_begin(work, patient, infusion))
    confirmed = await _possible(work, patient, new, others, change.confirm, declared=declared)
    await INFUSION.keep(work, patient, stored, Correction.AMENDED, change.reason)
    await infusions.replace_infusion(work, patient_id, await _with_booking(work, patient_id, new))
    note_infusion(work, patient_id, new, "amended", confirmed)
    effects = await follow_correction(work, before, kind="infusion", record_id=infusion_id)
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
    patient = await existing_for_update(work, patient_id)
    stored = await INFUSION.existing(work, patient_id, infusion_id, version=version)
    before = await believed_now(work, patient_id)
    await undo_beside(work, patient_id, stored)
    await _refuse_lone_boosters(work, patient, await _others(work, patient_id, infusion_id))
    await INFUSION.void(work, patient, stored, reason)
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
        BeforeBirthError: the year of birth, which was entered meanwhile, is later.
    """
    patient = await existing_for_update(work, patient_id)
    stored, void_since = await INFUSION.voided(work, patient_id, infusion_id)
    others, infusion = await _others(work, patient_id, infusion_id), stored.infusion
    refuse_before_birth(work, patient, infusion.given_at.year)
    if any(one.given_at == infusion.given_at for one in others):
        raise InfusionExistsError("#/given_at")
    before = await believed_now(work, patient_id)
    began = await let_course_begin(work, patient, infusion)
    course = await courses.current_course(work, patient_id)
    refuse_infusion(course, others, infusion, zone=patient.time_zone)
    voided = replace(stored, version=stored.version + 1, turn=void_since)
    await INFUSION.keep(work, patient, voided, Correction.RESTORED, reason, void_since=void_since)
    new = replace(stored, version=stored.version + 2, began_course_id=began)
    new = await _with_booking(work, patient_id, new)
    await infusions.add_infusion(work, patient_id, new)
    note_infusion(work, patient_id, new, "restored", ())
    effects = await follow_correction(work, before, kind="infusion", record_id=infusion_id)
    return CorrectedInfusion(stored=new, status=RecordStatus.ACTIVE, effects=effects)


async def _others(work: Work, patient_id: UUID, infusion_id: UUID) -> list[Infusion]:
    every = await infusions.infusions(work, patient_id)
    return [one for one in every if one.id != str(infusion_id)]


async def _possible(
    work: Work,
    patient: PatientRecord,
    new: StoredInfusion,
    others: Sequence[Infusion],
    confirm: Sequence[str],
    *,
    declared: Course | None,
) -> list[Unlikely]:
    """Refuse what cannot be, ask about what is unlikely; gives what was confirmed.

    ``declared``: the present course as it was before this infusion let it begin earlier.
    """
    course, zone = await courses.current_course(work, patient.id), patient.time_zone
    refuse_infusion(course, others, new.infusion, zone=zone)
    await _refuse_lone_boosters(work, patient, [*others, new.infusion])
    unlikely = unlikely_in(
        new.infusion, dose_mg=new.dose_mg, course=declared, others=others, now=work.now, zone=zone
    )
    given_at = new.infusion.given_at
    refuse_session(new.session, given_at=given_at, route=new.infusion.route, now=work.now, zone=zone)
    unlikely += unlikely_in_session(new.session, given_at=given_at)
    ask_about(unlikely, confirm)
    return unlikely


async def _refuse_lone_boosters(work: Work, patient: PatientRecord, given: Sequence[Infusion]) -> None:
    """Refuse boosters of the present course, or of no course, that would come before any induction infusion."""
    course, zone = await courses.current_course(work, patient.id), patient.time_zone
    series = infusions_of_course(course, given, time_zone=zone)
    taken_on = course is not None and course.taken_on_at is not None
    if series and series[0].phase is InfusionPhase.BOOSTER and not taken_on:
        raise InductionNeededError


async def undo_beside(work: Work, patient_id: UUID, stored: StoredInfusion) -> None:
    """Undo what an infusion did beside being one: it let its course begin earlier, and took a booking's place."""
    if stored.began_course_id is not None:
        await _begin_as_declared(work, patient_id, stored)
    await bookings.plan_again(work, patient_id, stored.id)
    if stored.kept_booking_on is not None and stored.kept_booking_made_at is not None:
        booking = BookedBooster(on=stored.kept_booking_on, made_at=stored.kept_booking_made_at)
        await bookings.give_back(work, patient_id, booking)


async def _begin_as_declared(work: Work, patient_id: UUID, without: StoredInfusion) -> None:
    """Let a course begin when staff said, or with the first of the other infusions that let it begin earlier."""
    if without.began_course_id is None:
        return
    course = await courses.find(work, patient_id, without.began_course_id)
    if course is None:
        return
    zone = without.infusion.time_zone or "UTC"
    days = [
        one.infusion.day(zone)
        for one in await infusions.stored_infusions(work, patient_id)
        if one.id != without.id and one.began_course_id == without.began_course_id
    ]
    started_on = min([course.declared_started_on, *days])
    await courses.begin_on(work, without.began_course_id, started_on=started_on)
    work.audit("course.began_as_declared", "course", without.began_course_id, patient_id=patient_id)


async def _with_booking(work: Work, patient_id: UUID, new: StoredInfusion) -> StoredInfusion:
    """Let an infusion take the place of a booking, if it is the booster that was booked."""
    booking = await bookings.keep_by_infusion(work, patient_id, given_at=new.infusion.given_at)
    if booking is None:
        return new
    return replace(new, kept_booking_on=booking.on, kept_booking_made_at=booking.made_at)
