"""What a merge copies to the patient who stays, and how the copies are void again when it is taken back.

A cell is sealed with its patient's own key, so that whatever is copied is opened with one and sealed with the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from app.care.alerts import bookings
from app.care.assessments.corrections import FORM
from app.care.check_ins.commands import mark_superseded
from app.care.check_ins.corrections import mark_check_in
from app.care.check_ins.queries import current_check_in
from app.care.monitoring.history import snapshot_of
from app.care.patients.sealed_fields import vault_of
from app.care.treatment.circumstances import CIRCUMSTANCE, DETAIL_CELL, KnownCircumstance, circumstances_of
from app.care.treatment.course_corrections import COURSE, REFERENCE
from app.care.treatment.infusion_corrections import INFUSION, undo_beside
from app.care.treatment.sessions import NOTE_CELL
from app.context import Work
from app.foundation.ids import new_id
from app.storage import (
    appointments,
    assessments,
    care_teams,
    check_in_path,
    check_ins,
    chosen_references,
    circumstances,
    courses,
    infusions,
    patient_merges,
    patient_states,
    sleep_nights,
)
from app.storage.appointments import AppointmentState
from app.storage.care_teams import Assigned, Duty
from app.storage.check_ins import StoredCheckIn
from app.storage.patient_merges import PatientMerge
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction

_REPORT_NOTE_CELL: Final = {"table": "check_ins", "column": "note_sealed"}
_REASON_CELL: Final = {"table": "chosen_references", "column": "reason_sealed"}


async def copy_record(work: Work, giver: PatientRecord, taker: PatientRecord) -> dict[str, tuple[UUID, ...]]:
    """Copy all that is known and planned, and who is assigned; gives the ids of the copies by kind.

    What both have alike (an infusion or a form of the same moment, a course of the same first day, the same
    circumstance, the same planned for one day) is not doubled.
    """
    return {
        "check_ins": await _copy_check_ins(work, giver, taker),
        "courses": await _copy_courses(work, giver, taker),
        "infusions": await _copy_infusions(work, giver, taker),
        "assessments": await _copy_assessments(work, giver, taker),
        "references": await _copy_references(work, giver, taker),
        "circumstances": await _copy_circumstances(work, giver, taker),
        "appointments": await _copy_appointments(work, giver, taker),
        "sleep_nights": await _copy_nights(work, giver, taker),
        "care_team": await _join_care_teams(work, giver, taker),
    }


async def _copy_check_ins(
    work: Work, giver: PatientRecord, taker: PatientRecord, only: Iterable[UUID] | None = None
) -> tuple[UUID, ...]:
    current = [UUID(one.id) for one in await check_ins.current_history(work, giver.id)]
    wanted = current if only is None else [one for one in current if one in set(only)]
    found = await check_ins.find_all(work, giver.id, wanted)
    there = await check_ins.find_all(work, taker.id, wanted)
    for copied in there.values():
        # Copied by an earlier merge that was taken back; what staff amended it to was taken back too.
        earlier = await _current(work, taker, copied)
        if earlier.entered_in_error:
            await mark_check_in(work, taker, earlier, Correction.RESTORED, None)
    snapshot = await snapshot_of(work, taker.id, now=work.now)
    corrected = await check_ins.find_all(
        work, taker.id, [one.supersedes for one in found.values() if one.supersedes]
    )
    new = [
        replace(
            one,
            patient_id=taker.id,
            wrapped_key=taker.wrapped_key,
            # What it corrects may be here too.
            supersedes=one.supersedes if one.supersedes in corrected else None,
            note_sealed=_resealed(
                work,
                giver,
                taker,
                one.note_sealed,
                _REPORT_NOTE_CELL,
                UUID(one.check_in.id),
                UUID(one.check_in.id),
            ),
            sync_sequence=snapshot.sync_sequence + number,
        )
        for number, one in enumerate((found[key] for key in wanted if key not in there), start=1)
    ]
    if new:
        await check_in_path.record(work, snapshot, new, answer=None)
        await mark_superseded(work, snapshot, new)
    return tuple(wanted)


def _resealed(
    work: Work,
    giver: PatientRecord,
    taker: PatientRecord,
    sealed: bytes | None,
    cell: dict[str, str],
    was: UUID,
    now: UUID,
) -> bytes | None:
    if sealed is None:
        return None
    own, other = (vault_of(work, one) for one in (giver, taker))
    return other.seal(own.open(sealed, row_id=was, **cell), row_id=now, **cell)


async def _copy_courses(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    there = {one.course.started_on for one in await courses.stored_courses(work, taker.id)}
    copied = []
    for one in await courses.stored_courses(work, giver.id):
        if one.course.started_on in there:
            continue
        course_id = new_id()
        # The external id stays with the one that the other system knows.
        copy = replace(one, course=replace(one.course, id=str(course_id)), external_id=None, version=1)
        await courses.restore_course(work, taker.id, copy)
        work.audit("course.copied", "course", course_id, patient_id=taker.id)
        copied.append(course_id)
    return tuple(copied)


async def _copy_infusions(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    copied = []
    for one in await infusions.stored_infusions(work, giver.id):
        infusion_id = new_id()
        # The external id stays with the one that the other system knows.
        copy = replace(
            one,
            infusion=replace(one.infusion, id=str(infusion_id)),
            note_sealed=_resealed(work, giver, taker, one.note_sealed, NOTE_CELL, one.id, infusion_id),
            external_id=None,
            version=1,
            began_course_id=None,
            kept_booking_on=None,
            kept_booking_made_at=None,
            created_at=work.now,
        )
        if await infusions.add_infusion(work, taker.id, copy):
            work.audit("infusion.copied", "infusion", infusion_id, patient_id=taker.id)
            copied.append(infusion_id)
    return tuple(copied)


async def _copy_assessments(
    work: Work, giver: PatientRecord, taker: PatientRecord, only: Iterable[UUID] | None = None
) -> tuple[UUID, ...]:
    copied = []
    for one in await assessments.all_of_patient(work, giver.id):
        if only is not None and one.id not in set(only):
            continue
        copy = replace(one, id=new_id(), patient_id=taker.id, external_id=None, version=1)
        if await assessments.add(work, copy):
            work.audit("assessment.copied", "assessment", copy.id, patient_id=taker.id)
            copied.append(copy.id)
    return tuple(copied)


async def _copy_references(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    copied = []
    for one in await chosen_references.all_of_patient(work, giver.id):
        choice_id = new_id()
        sealed = _resealed(work, giver, taker, one.reason_sealed, _REASON_CELL, one.id, choice_id)
        await chosen_references.add(
            work, choice_id, taker.id, one.choice, reason_sealed=sealed or b"", set_by=one.set_by
        )
        work.audit("reference.copied", "chosen_reference", choice_id, patient_id=taker.id)
        copied.append(choice_id)
    return tuple(copied)


async def _copy_circumstances(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    there = await circumstances_of(work, taker)
    copied = []
    for one in await circumstances_of(work, giver):
        stored, copy_id = one.stored, new_id()
        if any(_said(other) == _said(one) for other in there):
            continue
        sealed = _resealed(work, giver, taker, stored.detail_sealed, DETAIL_CELL, stored.id, copy_id)
        copy = replace(stored, id=copy_id, detail_sealed=sealed, version=1)
        await circumstances.add(work, taker.id, copy)
        work.audit("circumstance.copied", "circumstance", copy_id, patient_id=taker.id)
        copied.append(copy_id)
    return tuple(copied)


def _said(one: KnownCircumstance) -> tuple[object, ...]:
    stored = one.stored
    values = (stored.severity, stored.months, stored.weight_kg, one.detail)
    return (stored.kind, stored.since, stored.until, *values)


async def _copy_appointments(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    """Copy what is still planned: what was kept is there as what was given."""
    there = {(one.kind, one.on) for one in await appointments.planned_of_patient(work, taker.id)}
    copied = []
    for one in await appointments.planned_of_patient(work, giver.id):
        if (one.kind, one.on) in there:
            continue
        copy = replace(one, id=new_id(), patient_id=taker.id, version=1)
        await appointments.add(work, copy)
        work.audit("appointment.copied", "appointment", copy.id, patient_id=taker.id)
        copied.append(copy.id)
    await bookings.follow(work, taker.id)
    return tuple(copied)


async def _copy_nights(
    work: Work, giver: PatientRecord, taker: PatientRecord, only: Iterable[UUID] | None = None
) -> tuple[UUID, ...]:
    """Copy nights under their own ids, with what became of them: one that both have is not doubled."""
    wanted = None if only is None else set(only)
    there = {one.id for one in await sleep_nights.every_night(work, taker.id)}
    copied = []
    for one in await sleep_nights.every_night(work, giver.id):
        if one.id in there or (wanted is not None and one.id not in wanted):
            continue
        await sleep_nights.bring(work, one, to=taker.id)
        work.audit("sleep_night.copied", "sleep_night", one.id, patient_id=taker.id)
        copied.append(one.id)
    return tuple(copied)


async def _return_nights(
    work: Work, merged: PatientMerge, duplicate: PatientRecord, target: PatientRecord, sent: set[UUID]
) -> None:
    """Give back the nights that came since the merge, and take the copies away.

    What the patient took back of the copies, or corrected by one that came since, is so there too.
    """
    brought = set(await _copy_nights(work, target, duplicate, only=sent)) | set(merged.copied.sleep_nights)
    for one in await sleep_nights.every_night(work, target.id):
        taken_back = one.id in brought and one.withdrawn_at is not None
        if taken_back and await sleep_nights.withdraw(work, duplicate.id, one.id):
            work.audit("sleep_night.withdrawn", "sleep_night", one.id, patient_id=duplicate.id)
        if one.id in brought and one.superseded_by in brought:
            await sleep_nights.supersede(work, duplicate.id, one.id, by=one.superseded_by)
    await sleep_nights.remove(work, target.id, brought)


async def _join_care_teams(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    """Assign the duplicate's members too; a duty that someone has already stays with them."""
    team = await care_teams.find(work, taker.id)
    assigned, taken = {one.member_id for one in team.members}, {one.duty for one in team.members}
    added = [
        Assigned(member_id=one.member_id, duty=Duty.MEMBER if one.duty in taken else one.duty)
        for one in (await care_teams.find(work, giver.id)).members
        if one.member_id not in assigned
    ]
    if added:
        await care_teams.write(work, taker.id, [*team.members, *added], version=team.version)
        work.audit("care_team.changed", "patient", taker.id)
    return tuple(one.member_id for one in added)


async def return_reports(
    work: Work, merged: PatientMerge, duplicate: PatientRecord, target: PatientRecord, reason: str
) -> None:
    """Give back what the moved devices sent since the merge: it counts for the duplicate, and no longer here.

    What the patient took back of the copies is taken back there too.
    """
    sent = await patient_merges.sent_since(work, merged.copied.devices, since=merged.merged_at)
    await _return_nights(work, merged, duplicate, target, sent)
    await _copy_check_ins(work, target, duplicate, only=sent)
    await _copy_assessments(work, target, duplicate, only=sent)
    await _void_check_ins(work, target, sent, reason)
    await _void_assessments(work, target, sent, reason)
    copies = await check_ins.find_all(work, target.id, _listed(merged.copied.check_ins))
    for check_in_id, one in copies.items():
        if one.withdrawn_at is not None and not one.entered_in_error:
            number = await patient_states.next_sync_sequence(work, duplicate.id)
            await check_ins.withdraw(work, duplicate.id, check_in_id, sync_sequence=number)
            work.audit("check_in.withdrawn", "check_in", check_in_id, patient_id=duplicate.id)


async def void_copies(work: Work, merged: PatientMerge, target: PatientRecord, reason: str) -> None:
    """Take the copies as entered in error; one that staff voided meanwhile stays so."""
    content = merged.copied
    await _void_check_ins(work, target, content.check_ins, reason)
    await _void_assessments(work, target, content.assessments, reason)
    for one in await infusions.stored_infusions(work, target.id):
        if one.id in content.infusions:
            await undo_beside(work, target.id, one)
            await INFUSION.void(work, target, one, reason)
    for course in await courses.stored_courses(work, target.id):
        if course.id in content.courses:
            await COURSE.void(work, target, course, reason)
    for choice in await chosen_references.all_of_patient(work, target.id):
        if choice.id in content.references:
            await REFERENCE.void(work, target, choice, reason)
    for changed in await circumstances.of_patient(work, target.id):
        if changed.id in content.circumstances:
            await CIRCUMSTANCE.void(work, target, changed, reason)
    await _take_appointments_back(work, target, content.appointments)
    await _part_care_teams(work, target, content.care_team)


async def _take_appointments_back(work: Work, target: PatientRecord, copied: tuple[UUID, ...]) -> None:
    """Take the copies away; one that was kept meanwhile stays with what was given."""
    for one in await appointments.of_patient(work, target.id):
        if one.id in copied and one.state is not AppointmentState.KEPT:
            await appointments.take_away(work, one.id)
            work.audit("appointment.taken_back", "appointment", one.id, patient_id=target.id)
    await bookings.follow(work, target.id)


async def _part_care_teams(work: Work, target: PatientRecord, added: tuple[UUID, ...]) -> None:
    team = await care_teams.find(work, target.id)
    left = [one for one in team.members if one.member_id not in added]
    if len(left) < len(team.members):
        await care_teams.write(work, target.id, left, version=team.version)
        work.audit("care_team.changed", "patient", target.id)


async def _void_assessments(work: Work, patient: PatientRecord, ids: Iterable[UUID], reason: str) -> None:
    wanted = set(ids)
    for one in await assessments.all_of_patient(work, patient.id):
        if one.id in wanted:
            await FORM.void(work, patient, one, reason)


async def _void_check_ins(work: Work, patient: PatientRecord, ids: Iterable[UUID], reason: str) -> None:
    found = await check_ins.find_all(work, patient.id, _listed(ids))
    for copied in found.values():
        one = await _current(work, patient, copied)
        if one.withdrawn_at is None:
            await mark_check_in(work, patient, one, Correction.VOIDED, reason)


async def _current(work: Work, patient: PatientRecord, copied: StoredCheckIn) -> StoredCheckIn:
    """What stands in the place of a copy: staff may have amended it."""
    if copied.superseded_by is None:
        return copied
    return await current_check_in(work, patient.id, UUID(copied.check_in.id)) or copied


def _listed(ids: Iterable[UUID]) -> Sequence[UUID]:
    return list(ids)
