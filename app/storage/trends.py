"""What a trend is drawn from: reads between two days, each along an index. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, cast, func, select, union_all

from app.clinical.check_ins import CheckIn, check_in_day
from app.storage.check_ins import OF_CHECK_IN, CheckInRow, answer_before, answers, check_in_of
from app.storage.engine.rows import listed, one_of
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCheckIn:
    """A check-in that stands, and whether it came after its day was over; imported history never came late."""

    check_in: CheckIn
    late: bool


async def check_ins_between(
    work: UnitOfWork, patient_id: UUID, *, first: date, last: date
) -> Sequence[ReportedCheckIn]:
    """List the check-ins that stand and belong to these days, both included."""
    row = CheckInRow
    found = await work.execute(
        select(
            *OF_CHECK_IN,
            (row.late & (row.input_mode != "import")).label("late"),
        ).where(
            work.owns(row),
            row.patient_id == patient_id,
            row.check_in_day.between(first, last),
            row.superseded_by.is_(None),
            row.withdrawn_at.is_(None),
        )
    )
    return [
        ReportedCheckIn(
            check_in=check_in_of(one),
            late=one.late,
        )
        for one in found
    ]


async def note_days(work: UnitOfWork, patient_id: UUID, *, first: date, last: date) -> list[date]:
    """List the check-in days, both included, on which the patient wrote a note that stands, in order."""
    found = await work.execute(
        select(CheckInRow.check_in_day)
        .where(
            work.owns(CheckInRow),
            CheckInRow.patient_id == patient_id,
            CheckInRow.check_in_day.between(first, last),
            CheckInRow.note_sealed.is_not(None),
            CheckInRow.superseded_by.is_(None),
            CheckInRow.withdrawn_at.is_(None),
        )
        .distinct()
        .order_by(CheckInRow.check_in_day)
    )
    return list(found.scalars())


async def level_changes(
    work: UnitOfWork, patient_id: UUID, *, since: datetime, until: datetime, given_at: Sequence[datetime]
) -> list[tuple[datetime, str]]:
    """List the levels that were answered from one moment to another, oldest first, without repeats.

    The first is the one that stood at the beginning, if there was one. An infusion makes all levels
    before it past, so the first answer after each of them (`given_at`, in order) is no repeat.
    """
    # Plain ranges: a comparison with a subquery would not be let into the index past row-level security.
    before = answer_before(work, patient_id, since).subquery()
    last_before = select(before).order_by(before.c.evaluated_at.desc(), before.c.id.desc()).limit(1)
    within = answers(work, CheckInRow.patient_id == patient_id, since=since, until=until)
    answered = union_all(last_before.subquery().select(), within.subquery().select()).subquery()
    order = (answered.c.evaluated_at, answered.c.id)
    infused = func.width_bucket(answered.c.evaluated_at, cast(given_at, ARRAY(DateTime(timezone=True))))
    each = select(
        answered, func.lag(answered.c.level).over(partition_by=infused, order_by=order).label("before")
    ).subquery()
    found = await work.execute(
        select(each.c.evaluated_at, each.c.level)
        .where(each.c.level.is_distinct_from(each.c.before))
        .order_by(each.c.evaluated_at, each.c.id)
    )
    return [(changed.evaluated_at, changed.level) for changed in found]


async def shares_of(
    work: UnitOfWork, zones: Mapping[UUID, str], *, since: datetime
) -> dict[UUID, list[tuple[date, float]]]:
    """Give on which days answers since then said how much several patients had lost, and how much, oldest first.

    ``zones``: each patient's, by which the day of an answer to a late report goes.
    """
    one = answers(work, one_of(CheckInRow.patient_id, zones), since=since).subquery().c
    in_order = (one.evaluated_at, one.id)
    # A row a patient: what a list costs is mostly its rows.
    found = await work.execute(
        select(
            one.patient_id,
            listed(one.day, *in_order).label("days"),
            listed(one.evaluated_at, *in_order).filter(one.day.is_(None)).label("late"),
            listed(one.smoothed, *in_order).label("lost"),
        )
        .where(one.smoothed.is_not(None))
        .group_by(one.patient_id)
    )
    given = {}
    for row in found:
        days = row.days
        if row.late:
            late = iter(row.late)
            days = [day or check_in_day(next(late), zones[row.patient_id]) for day in days]
        given[row.patient_id] = list(zip(days, row.lost, strict=True))
    return given
