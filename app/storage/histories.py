"""What a stored decision knew: every input names the patient's turn that wrote it, so it can still be read.

Turns, not times: two requests that overlap may carry their times in another order than they took effect.
What staff may change afterwards (the course, the cautions) is kept with the signal itself.
"""

from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import aliased

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion
from app.clinical.history import History
from app.storage import (
    assessments,
    care_plans,
    check_ins,
    chosen_references,
    circumstances,
    courses,
    infusions,
    record_versions,
)
from app.storage.care_plans import PlanKind
from app.storage.check_ins import CheckInRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.record_versions import RecordKind

_COURSE: Final = TypeAdapter(Course | None)


class Known(NamedTuple):
    """What a decision knows beside reports, infusions and totals: the patient's course, open cautions, the turn."""

    turn: int
    course: Course | None
    cautions: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Give it as JSON, without the turn, which is a separate column."""
        return {"course": _COURSE.dump_python(self.course, mode="json"), "cautions": list(self.cautions)}


async def known_now(work: UnitOfWork, patient_id: UUID, *, turn: int) -> Known:
    """Give what is known in this turn, which the caller holds."""
    factors = await care_plans.find(work, patient_id, PlanKind.FACTORS)
    return Known(
        turn=turn,
        course=await courses.current_course(work, patient_id),
        cautions=tuple(factors.content["cautions"]) if factors.content else (),
    )


async def first_day_on_record(work: UnitOfWork, patient_id: UUID, *, time_zone: str) -> date | None:
    """Give the first day that anything on record says something of; None: nothing is on record.

    What was corrected, withdrawn or entered in error says nothing.
    """
    stands = (CheckInRow.superseded_by.is_(None), CheckInRow.withdrawn_at.is_(None))
    firsts: list[ColumnElement[Any]] = [
        func.date(func.timezone(time_zone, _first(work, patient_id, row, dated, *which)))
        for row, dated, which in (
            (infusions.InfusionRow, infusions.InfusionRow.given_at, ()),
            (assessments.StoredAssessment, assessments.StoredAssessment.taken_at, ()),
            (CheckInRow, CheckInRow.recorded_at, stands),
        )
    ]
    firsts += [
        _first(work, patient_id, row, day)
        for row, day in (
            (courses.CourseRow, courses.CourseRow.started_on),
            (courses.CourseRow, courses.CourseRow.earlier_last_on),
            (circumstances.CircumstanceRow, circumstances.CircumstanceRow.since),
        )
    ]
    # "least" passes over what is null.
    found: date | None = (await work.execute(select(func.least(*firsts)))).scalar_one()
    return found


def _first(
    work: UnitOfWork,
    patient_id: UUID,
    row: Any,  # noqa: ANN401 - any table
    dated: Any,  # noqa: ANN401 - a column of it
    *which: ColumnElement[bool],
) -> ScalarSelect[Any]:
    mine = (work.owns(row), row.patient_id == patient_id)
    return select(func.min(dated)).where(*mine, *which).scalar_subquery()


async def history_known(
    work: UnitOfWork, patient_id: UUID, *, turn: int, known: dict[str, Any], time_zone: str
) -> History:
    """Give the history as a decision knew it.

    Args:
        work: the transaction.
        patient_id: whose.
        turn: the turn that decided; what came later is left out, what was corrected or withdrawn later counts.
        known: what was kept with the decision (see `Known`).
        time_zone: the patient's zone then; only the present one is stored.
    """
    return History(
        time_zone=time_zone,
        course=_COURSE.validate_python(known["course"]),
        infusions=await _infusions_known(work, patient_id, turn=turn),
        check_ins=await _check_ins_known(work, patient_id, turn=turn),
        chosen_reference=await chosen_references.known_in(work, patient_id, turn=turn),
        assessments=await assessments.totals_of_patient(
            work,
            patient_id,
            up_to_turn=turn,
            also=await _assessments_replaced(work, patient_id, turn=turn),
        ),
    )


async def _infusions_known(work: UnitOfWork, patient_id: UUID, *, turn: int) -> tuple[Infusion, ...]:
    """The infusions as they were believed in that turn, also those that were corrected since."""
    now = await infusions.infusions(work, patient_id, up_to_turn=turn)
    replaced = await record_versions.believed_in(work, patient_id, RecordKind.INFUSION, turn=turn)
    then = [infusions.from_version(one).infusion for one in replaced]
    return tuple(sorted((*now, *then), key=lambda one: (one.given_at.timestamp(), one.id)))


async def _assessments_replaced(
    work: UnitOfWork, patient_id: UUID, *, turn: int
) -> list[assessments.StoredAssessment]:
    replaced = await record_versions.believed_in(work, patient_id, RecordKind.ASSESSMENT, turn=turn)
    return [assessments.from_version(one) for one in replaced]


async def _check_ins_known(work: UnitOfWork, patient_id: UUID, *, turn: int) -> tuple[CheckIn, ...]:
    """Of all check-ins that ever came, those that stood in that turn."""
    later = aliased(CheckInRow)
    mine = (work.owns(CheckInRow), CheckInRow.patient_id == patient_id)
    corrected = (
        select(later.id)
        .where(
            later.clinic_id == CheckInRow.clinic_id,
            later.patient_id == CheckInRow.patient_id,
            later.id == CheckInRow.superseded_by,
            later.turn <= turn,
        )
        .exists()
    )
    stands = or_(CheckInRow.withdrawn_turn.is_(None), CheckInRow.withdrawn_turn > turn)
    found = await work.execute(
        select(CheckInRow.id).where(*mine, CheckInRow.turn <= turn, stands, ~corrected)
    )
    void_then = await record_versions.void_spans(work, patient_id, RecordKind.CHECK_IN, turn=turn)
    stood = await check_ins.find_all(
        work, patient_id, [one for one in found.scalars() if one not in void_then]
    )
    return tuple(one.check_in for one in stood.values())
