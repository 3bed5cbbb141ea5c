"""One row a patient that moves with every report: counters, the rule's state, the latest answer.

Its version is what makes two reports of one patient take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Index,
    ScalarSelect,
    column,
    false,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, one_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class PatientStateRow(TenantRow):
    """Where one patient stands."""

    __tablename__ = "patient_states"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        Index(
            "ix_patient_states_announced",
            "clinic_id",
            "patient_id",
            postgresql_where=text("announced <> '{}'"),
        ),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    sync_sequence: Mapped[int]
    event_sequence: Mapped[int]
    packed_state: Mapped[bytes | None]
    # Whether a low report has made check-ins daily, by that state.
    burst: Mapped[bool] = mapped_column(server_default=false())
    level: Mapped[str]
    # The conditions that hold and that were announced to the clinic; each is announced once while it lasts.
    announced: Mapped[list[str]]
    evaluated_at: Mapped[datetime | None]
    # The day of the next booked booster, whether or not there is a signal, and when it was booked.
    booster_booked_for: Mapped[date | None]
    booster_booked_at: Mapped[datetime | None]
    # The latest answer from `consents`, where the check-in path's one read finds it.
    consent_version: Mapped[str | None]
    consent_withdrawn_at: Mapped[datetime | None]
    # Earlier memories to go on from when something later is changed, the earliest first; beside the row, since they
    # change once a month.
    checkpoints: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConsent:
    """The text that was last agreed to, and since when consent is withdrawn."""

    version: str | None
    withdrawn_at: datetime | None


_SYNC_PLACE: Final = text("""
    SELECT s.sync_sequence,
           left(md5(concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
                                   (SELECT timeline_id FROM pg_control_checkpoint()),
                                   (SELECT oid FROM pg_database WHERE datname = current_database()))), 8) AS epoch
      FROM care.patient_states s WHERE s.clinic_id = :clinic_id AND s.patient_id = :patient_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The counters and the rule's state; ``packed_state`` is None when it must be made again from history."""

    version: int
    sync_sequence: int
    packed_state: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedBooster:
    """The day of the next booster, and when it was booked."""

    on: date
    made_at: datetime


async def lock(work: UnitOfWork, patient_id: UUID) -> StoredState | None:
    """Take this patient's turn: nobody else writes for the patient until the transaction ends.

    The state is read by a statement after the locking one: reading in it gave a stale row.
    """
    await work.execute(_locked(patient_id))
    row = (await work.execute(_state(patient_id))).one_or_none()
    return row and StoredState(
        version=row.version, sync_sequence=row.sync_sequence, packed_state=row.packed_state
    )


@built_once
def _locked(work: Owner, patient_id: UUID) -> Executable:
    return select(PatientStateRow.version).where(*_is(work, patient_id)).with_for_update()


@built_once
def _state(work: Owner, patient_id: UUID) -> Executable:
    row = PatientStateRow
    return select(row.version, row.sync_sequence, row.packed_state).where(*_is(work, patient_id))


def _is(work: Owner, patient_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return work.owns(PatientStateRow), PatientStateRow.patient_id == patient_id


async def lock_unless_busy(work: UnitOfWork, patient_ids: Sequence[UUID]) -> list[UUID]:
    """Take the turns of those of these patients for whom nobody else is writing now; gives whose were taken.

    It waits for nobody, so that whoever holds other rows may ask for several turns.
    """
    row = PatientStateRow
    found = await work.execute(
        select(row.patient_id)
        .where(work.owns(row), one_of(row.patient_id, patient_ids))
        .with_for_update(skip_locked=True)
    )
    return list(found.scalars())


def this_turn(work: Owner, patient_id: UUID) -> ScalarSelect[int]:
    """Give the number of the turn that is being taken, for rows that a decision may rest on.

    The version counts turns. It moves after the rows of a turn are written, so theirs is the next one; a
    decision knows of every row whose turn is not after its own.
    """
    return select(PatientStateRow.version + 1).where(*_is(work, patient_id)).scalar_subquery()


async def keep_answer(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    packed_state: bytes | None,
    burst: bool,
    level: str,
    announced: list[str],
    now: datetime,
) -> None:
    """Replace the rule's state and latest answer, outside of the check-in path; the caller holds the lock."""
    await work.execute(
        _answered(
            patient_id,
            packed_state=packed_state,
            burst=burst,
            level=level,
            announced=announced,
            evaluated_at=now,
        ),
        unaudited="the rule's own state; what it rests on and what it raises are in the log",
    )


@built_once
def _answered(work: Owner, /, patient_id: UUID, **values: Any) -> Executable:  # noqa: ANN401 - columns
    turns = PatientStateRow.version + 1
    return update(PatientStateRow).where(*_is(work, patient_id)).values(version=turns, **values)


async def checkpoints(work: UnitOfWork, patient_id: UUID) -> list[dict[str, Any]]:
    """Give the checkpoints of the rule's state that are kept, the earliest first."""
    return (await work.execute(_checkpoints(patient_id))).scalar_one_or_none() or []


@built_once
def _checkpoints(work: Owner, patient_id: UUID) -> Executable:
    return select(PatientStateRow.checkpoints).where(*_is(work, patient_id))


async def keep_checkpoints(
    work: UnitOfWork, patient_id: UUID, made: list[dict[str, Any]], *, beside: Sequence[int]
) -> None:
    """Keep further checkpoints of the rule's state, the earliest first; the caller holds the patient's turn.

    ``beside``: the periods of those that stay; the others go.
    """
    kept = func.coalesce(PatientStateRow.checkpoints, literal([], JSONB))
    one = func.jsonb_array_elements(kept).table_valued(column("value", JSONB)).c.value
    staying = (
        select(func.jsonb_agg(one)).where(one["period"].as_integer().in_(beside)).correlate(PatientStateRow)
    )
    await work.execute(
        update(PatientStateRow)
        .where(work.owns(PatientStateRow), PatientStateRow.patient_id == patient_id)
        .values(
            checkpoints=func.coalesce(staying.scalar_subquery(), literal([], JSONB)).op("||")(
                literal(made, JSONB)
            )
        ),
        unaudited="the rule's own state, made again from what is in the log",
    )


async def book_booster(work: UnitOfWork, patient_id: UUID, *, on: date | None, now: datetime) -> None:
    """Note the day of the next booked booster, or that there is none; the caller holds the lock."""
    await work.execute(
        update(PatientStateRow)
        .where(work.owns(PatientStateRow), PatientStateRow.patient_id == patient_id)
        .values(
            version=PatientStateRow.version + 1, booster_booked_for=on, booster_booked_at=now if on else None
        )
    )


async def withdrawn_among(work: UnitOfWork, patient_ids: Sequence[UUID]) -> set[UUID]:
    """Say which of these patients have withdrawn their consent."""
    row = PatientStateRow
    found = await work.execute(
        select(row.patient_id).where(
            work.owns(row),
            one_of(row.patient_id, patient_ids),
            row.consent_withdrawn_at.is_not(None),
        )
    )
    return set(found.scalars())


async def quiet_among(work: UnitOfWork, patient_ids: Sequence[UUID], *, since: datetime) -> dict[UUID, str]:
    """Give those of these patients whose latest answer was made before then, with the level that it gave.

    Not those who withdrew consent: they are not evaluated.
    """
    row = PatientStateRow
    found = await work.execute(
        select(row.patient_id, row.level).where(
            work.owns(row),
            one_of(row.patient_id, patient_ids),
            row.evaluated_at <= since,
            row.consent_withdrawn_at.is_(None),
        )
    )
    return {one.patient_id: one.level for one in found}


async def consent_of(work: UnitOfWork, patient_id: UUID) -> KeptConsent | None:
    """Give what a patient last answered; None when there is no such patient."""
    found = await work.execute(
        select(PatientStateRow.consent_version, PatientStateRow.consent_withdrawn_at).where(
            work.owns(PatientStateRow), PatientStateRow.patient_id == patient_id
        )
    )
    row = found.one_or_none()
    return row and KeptConsent(version=row.consent_version, withdrawn_at=row.consent_withdrawn_at)


async def booked_booster(work: UnitOfWork, patient_id: UUID) -> BookedBooster | None:
    """Give the booster that is booked."""
    row = (await work.execute(_booking(patient_id))).one_or_none()
    if row is None or row.booster_booked_for is None:
        return None
    return BookedBooster(on=row.booster_booked_for, made_at=row.booster_booked_at)


@built_once
def _booking(work: Owner, patient_id: UUID) -> Executable:
    row = PatientStateRow
    return select(row.booster_booked_for, row.booster_booked_at).where(*_is(work, patient_id))


async def forget_state(work: UnitOfWork, patient_id: UUID) -> None:
    """Drop the rule's state, so that the next look makes it again from history; the caller holds the lock."""
    await work.execute(
        update(PatientStateRow)
        .where(work.owns(PatientStateRow), PatientStateRow.patient_id == patient_id)
        .values(version=PatientStateRow.version + 1, packed_state=None),
        unaudited="the rule's own state, made again from what is in the log",
    )


async def sync_place(work: UnitOfWork, patient_id: UUID) -> tuple[str, int]:
    """Give the epoch and the patient's latest number in the sync.

    The epoch is this database's own: another one after a restore into another server or database, and after
    recovery to an earlier point in time, which begins a new timeline.
    """
    found = await work.execute(_SYNC_PLACE, {"clinic_id": work.clinic_id, "patient_id": patient_id})
    row = found.one()
    return row.epoch, row.sync_sequence


async def next_event_sequence(work: UnitOfWork, patient_id: UUID) -> int:
    """Give the next number in the patient's sequence of outgoing events."""
    return int((await work.execute(_next_event(patient_id), unaudited="a counter")).scalar_one())


async def next_sync_sequence(work: UnitOfWork, patient_id: UUID) -> int:
    """Give the next number in the patient's sync; the caller holds the patient's turn."""
    return int((await work.execute(_next_in_sync(patient_id), unaudited="a counter")).scalar_one())


@built_once
def _next_event(work: Owner, patient_id: UUID) -> Executable:
    return _counting(work, patient_id, PatientStateRow.event_sequence)


@built_once
def _next_in_sync(work: Owner, patient_id: UUID) -> Executable:
    return _counting(work, patient_id, PatientStateRow.sync_sequence)


def _counting(work: Owner, patient_id: UUID, counter: InstrumentedAttribute[int]) -> ReturningUpdate[Any]:
    counted = update(PatientStateRow).where(*_is(work, patient_id)).values({counter: counter + 1})
    return counted.returning(counter)
