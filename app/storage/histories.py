"""What was known about a patient at an earlier moment: nothing is overwritten, so it can still be read."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion
from app.clinical.history import History
from app.storage import assessments, check_ins, chosen_references, treatment
from app.storage.check_ins import StoredCheckIn
from app.storage.treatment import CourseRow, InfusionRow
from app.storage.unit_of_work import UnitOfWork


async def history_known_at(
    work: UnitOfWork, patient_id: UUID, moment: datetime, *, day: date, time_zone: str
) -> History:
    """Give the history as it was known at a moment.

    Args:
        work: the transaction.
        patient_id: whose.
        moment: what was received or entered later is left out, and what was corrected or withdrawn later counts.
        day: the moment's check-in day; days of a course after it had not been entered then.
        time_zone: the patient's zone then; only the present one is stored.
    """
    return History(
        time_zone=time_zone,
        course=await _course_known_at(work, patient_id, moment, day=day),
        infusions=await _infusions_known_at(work, patient_id, moment),
        check_ins=check_ins_known_at(await check_ins.all_of_patient(work, patient_id), moment),
        chosen_reference=await chosen_references.known_at(work, patient_id, moment),
        assessments=await assessments.totals_of_patient(work, patient_id, received_by=moment),
    )


def check_ins_known_at(stored: Sequence[StoredCheckIn], moment: datetime) -> tuple[CheckIn, ...]:
    """Of all check-ins that ever came, those that stood at a moment."""
    known = [one for one in stored if one.received_at <= moment]
    came = {one.check_in.id for one in known}
    return tuple(
        one.check_in
        for one in known
        if not (one.superseded_by and str(one.superseded_by) in came)
        and not (one.withdrawn_at and one.withdrawn_at <= moment)
    )


async def _infusions_known_at(work: UnitOfWork, patient_id: UUID, moment: datetime) -> tuple[Infusion, ...]:
    found = await work.execute(
        select(InfusionRow.id).where(
            InfusionRow.clinic_id == work.clinic_id,
            InfusionRow.patient_id == patient_id,
            InfusionRow.created_at <= moment,
        )
    )
    entered = {str(one) for one in found.scalars()}
    return tuple(one for one in await treatment.infusions(work, patient_id) if one.id in entered)


async def _course_known_at(
    work: UnitOfWork, patient_id: UUID, moment: datetime, *, day: date
) -> Course | None:
    columns = [getattr(CourseRow, one.name) for one in fields(Course)]
    found = await work.execute(
        select(*columns)
        .where(
            CourseRow.clinic_id == work.clinic_id,
            CourseRow.patient_id == patient_id,
            CourseRow.created_at <= moment,
        )
        .order_by(CourseRow.started_on.desc(), CourseRow.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return row and Course(
        id=str(row.id),
        protocol=row.protocol,
        planned_infusions=row.planned_infusions,
        started_on=row.started_on,
        induction_ended_on=_by(day, row.induction_ended_on),
        reviewed_on=_by(day, row.reviewed_on),
        ended_on=_by(day, row.ended_on),
        stopped_on=_by(day, row.stopped_on),
    )


def _by(day: date, entered: date | None) -> date | None:
    return entered if entered is not None and entered <= day else None
