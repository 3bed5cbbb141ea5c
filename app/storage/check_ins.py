"""Check-ins: append-only; a correction supersedes, and what is taken back is marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    REAL,
    CheckConstraint,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Executable,
    ForeignKeyConstraint,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    Select,
    case,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.check_ins import CheckIn
from app.clinical.domains import REPORTED_NUMBERS
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.patient_states import this_turn

# A check-in day begins at four in the patient's zone, so UTC's date of the same moment is at most one day off.
_DAY_APART: Final = timedelta(days=1)


class CheckInRow(TenantRow):
    """One report. The phone chose its id, so it is unique for one patient, never alone.

    Ids are mostly of their moment, so the primary key has them before the patient: what is new in a clinic lies
    together. It refers to the patient's state, which the statement that adds a report has just written, so the
    patient's row stays as it is. A number in the sync is given in the patient's turn; one index serves it and days.
    """

    __tablename__ = "check_ins"
    __table_args__ = (
        PrimaryKeyConstraint("clinic_id", "id", "patient_id"),
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            [f"{CARE}.patient_states.clinic_id", f"{CARE}.patient_states.patient_id"],
        ),
        CheckConstraint("input_mode in ('radio', 'slider', 'import')", name="input_mode"),
        *(
            CheckConstraint(f"{name} between 0 and {number.highest}", name=name)
            for name, number in REPORTED_NUMBERS.items()
        ),
        Index("ix_check_ins_day_sync", "clinic_id", "patient_id", "check_in_day", "sync_sequence"),
        # An answer lies within a day of its report's day, unless the report came late.
        Index(
            "ix_check_ins_late_answers",
            "clinic_id",
            "patient_id",
            "evaluated_at",
            postgresql_where=text("late AND evaluated_at IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sync_sequence: Mapped[int]
    digest: Mapped[bytes]
    recorded_at: Mapped[datetime]
    time_zone: Mapped[str]
    check_in_day: Mapped[date]
    received_at: Mapped[datetime]
    late: Mapped[bool]
    mood: Mapped[float | None] = mapped_column(Numeric(4, 2, asdecimal=False))
    energy: Mapped[float | None] = mapped_column(Numeric(4, 2, asdecimal=False))
    sleep_quality: Mapped[float | None] = mapped_column(Numeric(4, 2, asdecimal=False))
    sleep_hours: Mapped[float | None] = mapped_column(Numeric(4, 2, asdecimal=False))
    asks_about_booster: Mapped[bool]
    self_harm_thoughts: Mapped[bool]
    input_mode: Mapped[str]
    # The phone's clock minus ours when it was sent: kept to be looked at, nothing is rewritten by it.
    clock_skew_seconds: Mapped[int | None]
    note_sealed: Mapped[bytes | None]
    supersedes: Mapped[UUID | None]
    superseded_by: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    # Withdrawn because the clinic had imported it in error, not because the patient took it back.
    entered_in_error: Mapped[bool] = mapped_column(server_default=text("false"))
    # The patient's turn in which it came, and in which it was taken back: what a decision knew of.
    turn: Mapped[int]
    withdrawn_turn: Mapped[int | None]
    # The rule's answer that this report caused, as it was given at the time; of several at once the latest has it.
    # Only what a trend draws and what cannot be made again: the level, the smoothed loss, the rule, the zone rules.
    evaluated_at: Mapped[datetime | None]
    level: Mapped[str | None]
    smoothed: Mapped[float | None] = mapped_column(REAL)
    rule_version: Mapped[str | None]
    zone_rules: Mapped[str | None]


OF_CHECK_IN: Final = (
    CheckInRow.id,
    CheckInRow.recorded_at,
    CheckInRow.time_zone,
    *(getattr(CheckInRow, name) for name in REPORTED_NUMBERS),
    CheckInRow.asks_about_booster,
    CheckInRow.self_harm_thoughts,
)
"""What a check-in says: all that a decision may rest on."""
_OF_ANSWER: Final = (
    CheckInRow.patient_id,
    CheckInRow.id,
    CheckInRow.evaluated_at,
    CheckInRow.level,
    CheckInRow.smoothed,
    case((~CheckInRow.late, CheckInRow.check_in_day)).label("day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckIn:
    """A check-in with what the server knows of it."""

    check_in: CheckIn
    check_in_day: date
    received_at: datetime
    late: bool
    input_mode: str
    note_sealed: bytes | None
    sync_sequence: int
    digest: bytes
    # Whose it is, and the patient's wrapped key, which travels with it to open its note.
    patient_id: UUID
    wrapped_key: bytes | None
    clock_skew_seconds: int | None = None
    supersedes: UUID | None = None
    superseded_by: UUID | None = None
    withdrawn_at: datetime | None = None
    entered_in_error: bool = False
    turn: int = 0
    withdrawn_turn: int | None = None


async def supersede(
    work: UnitOfWork,
    patient_id: UUID,
    check_in_id: UUID,
    *,
    by: UUID,
    sync_sequence: int,
) -> bool:
    """Mark a check-in as corrected by another, once; it moves to the end of the sync. Says whether it could be."""
    return await _mark(work, patient_id, check_in_id, superseded_by=by, sync_sequence=sync_sequence)


async def withdraw(
    work: UnitOfWork,
    patient_id: UUID,
    check_in_id: UUID,
    *,
    sync_sequence: int,
) -> bool:
    """Mark a check-in as taken back, once; it moves to the end of the sync. Says whether it could be."""
    return await _mark(
        work,
        patient_id,
        check_in_id,
        withdrawn_at=work.now,
        withdrawn_turn=this_turn(work, patient_id),
        sync_sequence=sync_sequence,
    )


async def set_entered_in_error(
    work: UnitOfWork, patient_id: UUID, check_in_id: UUID, *, is_error: bool, sync_sequence: int
) -> None:
    """Mark an imported check-in as entered in error, or as true after all; it moves to the end of the sync."""
    await work.execute(
        update(CheckInRow)
        .where(
            work.owns(CheckInRow),
            CheckInRow.patient_id == patient_id,
            CheckInRow.id == check_in_id,
        )
        .values(
            entered_in_error=is_error,
            withdrawn_at=work.now if is_error else None,
            withdrawn_turn=this_turn(work, patient_id) if is_error else None,
            sync_sequence=sync_sequence,
        )
    )


async def latest_first(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    with_errors: bool,
) -> list[StoredCheckIn]:
    """List the check-ins that stand, the latest first; with those taken back or entered in error, if wanted."""
    place = tuple_(CheckInRow.recorded_at, CheckInRow.id)
    statement = (
        _check_ins(work, patient_id)
        .where(CheckInRow.superseded_by.is_(None))
        .order_by(CheckInRow.recorded_at.desc(), CheckInRow.id.desc())
        .limit(limit)
    )
    if not with_errors:
        statement = statement.where(CheckInRow.withdrawn_at.is_(None))
    if after is not None:
        statement = statement.where(place < tuple_(*(literal(one) for one in after)))
    return [_stored(row) for row in await work.execute(statement)]


async def find(work: UnitOfWork, patient_id: UUID, check_in_id: UUID) -> StoredCheckIn | None:
    """Find one check-in of one patient, also a corrected or withdrawn one."""
    found = await work.execute(_check_ins(work, patient_id).where(CheckInRow.id == check_in_id))
    row = found.one_or_none()
    return row and _stored(row)


async def find_all(work: UnitOfWork, patient_id: UUID, ids: Sequence[UUID]) -> dict[UUID, StoredCheckIn]:
    """Find several check-ins of one patient by their ids."""
    found = await work.execute(_check_ins(work, patient_id).where(CheckInRow.id.in_(ids)))
    return {row.id: _stored(row) for row in found}


async def with_notes(work: UnitOfWork, patient_id: UUID, *, limit: int) -> list[StoredCheckIn]:
    """List a patient's reports that stand and carry a note, the latest first."""
    found = await work.execute(
        _check_ins(work, patient_id)
        .where(
            CheckInRow.note_sealed.is_not(None),
            CheckInRow.superseded_by.is_(None),
            CheckInRow.withdrawn_at.is_(None),
        )
        .order_by(CheckInRow.recorded_at.desc(), CheckInRow.id.desc())
        .limit(limit)
    )
    return [_stored(row) for row in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenNote:
    """A note of a report that stands, and the report's day."""

    on: date
    note_sealed: bytes


async def notes_of(
    work: UnitOfWork, reports: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], WrittenNote]:
    """Give the notes of these reports, each named by its patient and its id."""
    if not reports:
        return {}
    row = CheckInRow
    found = await work.execute(
        select(row.patient_id, row.id, row.check_in_day, row.note_sealed).where(
            work.owns(row),
            tuple_(row.patient_id, row.id).in_(reports),
            row.note_sealed.is_not(None),
        )
    )
    return {
        (one.patient_id, one.id): WrittenNote(on=one.check_in_day, note_sealed=one.note_sealed)
        for one in found
    }


async def since(work: UnitOfWork, patient_id: UUID, *, sequence: int, limit: int) -> list[StoredCheckIn]:
    """List what changed after this point of the sync: new, corrected and withdrawn check-ins."""
    found = await work.execute(
        _check_ins(work, patient_id)
        .where(CheckInRow.sync_sequence > sequence)
        .order_by(CheckInRow.sync_sequence)
        .limit(limit)
    )
    return [_stored(row) for row in found]


async def current_history(
    work: UnitOfWork, patient_id: UUID, *, after: datetime | None = None
) -> tuple[CheckIn, ...]:
    """Give all check-ins that stand (neither corrected nor withdrawn), in the order they were recorded.

    ``after``: only those that were recorded after that moment.
    """
    return tuple(check_in_of(row) for row in await work.execute(_standing(patient_id, after)))


@built_once
def _standing(work: Owner, patient_id: UUID, after: datetime | None) -> Executable:
    statement = select(*OF_CHECK_IN).where(*_current(work, patient_id))
    if after is not None:
        statement = statement.where(CheckInRow.recorded_at > after)
    return statement.order_by(CheckInRow.recorded_at, CheckInRow.id)


async def current_through(
    work: UnitOfWork, patient_id: UUID, moments: Sequence[datetime], *, without: Sequence[UUID] = ()
) -> list[tuple[int, int]]:
    """Count the check-ins that stand and were recorded through each moment, with the latest number in the sync.

    Whatever becomes of a check-in gives it a new number, so two equal answers mean the same check-ins.

    Args:
        work: the transaction.
        patient_id: whose.
        moments: in ascending order.
        without: the ids of check-ins that are about to be corrected.
    """
    bounds = [one + timedelta(microseconds=1) for one in moments]
    place = func.width_bucket(CheckInRow.recorded_at, literal(bounds, ARRAY(DateTime(timezone=True))))
    found = await work.execute(
        select(
            place.label("place"),
            func.count().label("count"),
            func.max(CheckInRow.sync_sequence).label("latest"),
        )
        .where(*_current(work, patient_id), CheckInRow.id.not_in(without))
        .group_by(text("place"))
    )
    counted = {row.place: (row.count, row.latest) for row in found}
    each = [counted.get(number, (0, 0)) for number in range(len(moments))]
    return list(accumulate(each, lambda before, one: (before[0] + one[0], max(before[1], one[1]))))


def _current(work: Owner, patient_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        work.owns(CheckInRow),
        CheckInRow.patient_id == patient_id,
        CheckInRow.superseded_by.is_(None),
        CheckInRow.withdrawn_at.is_(None),
    )


async def current_between(
    work: UnitOfWork, patient_id: UUID, *, first: datetime, last: datetime
) -> tuple[CheckIn, ...]:
    """Give the check-ins that stand and were recorded between two moments."""
    found = await work.execute(
        select(*OF_CHECK_IN).where(*_current(work, patient_id), CheckInRow.recorded_at.between(first, last))
    )
    return tuple(check_in_of(row) for row in found)


def answers(
    work: UnitOfWork, whose: ColumnElement[bool], *, since: datetime, until: datetime | None = None
) -> CompoundSelect[*tuple[Any, ...]]:
    """Select the answers of some patients from one moment to another: patient, report, moment, level, smoothed loss.

    And the report's day, null where it came late: the answer is of its own moment then. Read along two indexes: by
    the reports' days, and for late reports by the answers' moments.
    """
    row = CheckInRow
    found = select(*_OF_ANSWER).where(work.owns(row), whose, row.evaluated_at >= since)
    on_the_day = found.where(~row.late, row.check_in_day >= since.date() - _DAY_APART)
    late = found.where(row.late)
    if until is not None:
        on_the_day = on_the_day.where(row.check_in_day <= until.date() + _DAY_APART)
        on_the_day, late = (one.where(row.evaluated_at < until) for one in (on_the_day, late))
    return union_all(on_the_day, late)


def answer_before(work: UnitOfWork, patient_id: UUID, moment: datetime) -> CompoundSelect[*tuple[Any, ...]]:
    """Select a patient's last answer before a moment: of reports on their day and of late ones, so up to two rows."""
    row = CheckInRow
    found = (
        select(*_OF_ANSWER)
        .where(work.owns(row), row.patient_id == patient_id, row.evaluated_at < moment)
        .limit(1)
    )
    on_the_day = found.where(~row.late, row.check_in_day <= moment.date() + _DAY_APART)
    return union_all(
        on_the_day.order_by(row.check_in_day.desc(), row.evaluated_at.desc(), row.id.desc())
        .subquery()
        .select(),
        found.where(row.late).order_by(row.evaluated_at.desc(), row.id.desc()).subquery().select(),
    )


async def _mark(
    work: UnitOfWork,
    patient_id: UUID,
    check_in_id: UUID,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    return await work.changes(
        update(CheckInRow)
        .where(
            work.owns(CheckInRow),
            CheckInRow.patient_id == patient_id,
            CheckInRow.id == check_in_id,
            CheckInRow.superseded_by.is_(None),
            CheckInRow.withdrawn_at.is_(None),
        )
        .values(**values)
    )


def _check_ins(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[Any, ...]]:
    return select(*CheckInRow.__table__.columns, wrapped_key_of(work, patient_id)).where(
        work.owns(CheckInRow), CheckInRow.patient_id == patient_id
    )


def check_in_of(row: Any) -> CheckIn:  # noqa: ANN401 - a row of columns
    """Give what a check-in says, from a row with the columns of ``OF_CHECK_IN``."""
    return CheckIn(
        id=str(row.id),
        recorded_at=row.recorded_at,
        time_zone=row.time_zone,
        asks_about_booster=row.asks_about_booster,
        self_harm_thoughts=row.self_harm_thoughts,
        **{name: getattr(row, name) for name in REPORTED_NUMBERS},
    )


def _stored(row: Any) -> StoredCheckIn:  # noqa: ANN401 - same
    return StoredCheckIn(
        check_in=check_in_of(row),
        check_in_day=row.check_in_day,
        received_at=row.received_at,
        late=row.late,
        input_mode=row.input_mode,
        note_sealed=row.note_sealed,
        sync_sequence=row.sync_sequence,
        digest=row.digest,
        clock_skew_seconds=row.clock_skew_seconds,
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        withdrawn_at=row.withdrawn_at,
        entered_in_error=row.entered_in_error,
        turn=row.turn,
        withdrawn_turn=row.withdrawn_turn,
        patient_id=row.patient_id,
        wrapped_key=row.wrapped_key,
    )
