"""How long a clinic keeps what, and the legal holds on what has to stay however old it is."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

_STANDING: Final = text("lifted_at IS NULL")
# Archived for longer than the clinic keeps them, by real time, or in a clinic that was closed so long ago; not one of
# whom something is open, nor a duplicate, which goes with the patient whom it was merged into.
_ARCHIVED_LONG_AGO: Final = """
    SELECT p.id FROM care.patients p
      JOIN care.retention_rules r ON r.clinic_id = p.clinic_id AND r.kind = 'archived_patients'
      JOIN front_desk.clinics c ON c.id = p.clinic_id
     WHERE p.clinic_id = :clinic_id
       AND least(p.archived_at, c.closed_at) < CAST(:now AS timestamptz) - make_interval(months => r.months::integer)
       AND NOT EXISTS (SELECT FROM care.legal_holds h WHERE h.clinic_id = p.clinic_id AND h.lifted_at IS NULL
                          AND (h.patient_id IS NULL OR h.patient_id = p.id
                               OR h.patient_id IN (SELECT m.patient_id FROM care.patient_merges m
                                                    WHERE m.clinic_id = p.clinic_id AND m.into_id = p.id)))
       AND NOT EXISTS (SELECT FROM care.safety_events s
                        WHERE s.clinic_id = p.clinic_id AND s.patient_id = p.id AND s.state <> 'closed')
       AND NOT EXISTS (SELECT FROM care.signals s
                        WHERE s.clinic_id = p.clinic_id AND s.patient_id = p.id AND s.state <> 'closed')
       AND NOT EXISTS (SELECT FROM care.findings f
                        WHERE f.clinic_id = p.clinic_id AND f.patient_id = p.id AND f.state <> 'closed')
       AND NOT EXISTS (SELECT FROM care.erasure_requests q
                        WHERE q.clinic_id = p.clinic_id AND q.patient_id = p.id AND q.state = 'open')
       AND NOT EXISTS (SELECT FROM care.patient_transfers t
                        WHERE t.clinic_id = p.clinic_id AND t.patient_id = p.id AND t.state = 'started')
       AND NOT EXISTS (SELECT FROM care.patient_merges m
                        WHERE m.clinic_id = p.clinic_id AND m.patient_id = p.id AND m.unmerged_at IS NULL)
"""
_ALL_ARCHIVED_LONG_AGO: Final = text(
    f"{_ARCHIVED_LONG_AGO} ORDER BY least(p.archived_at, c.closed_at), p.id LIMIT :most"
)
# Whoever takes the patient up again, or merges them, waits or has done it.
_STILL_ARCHIVED_LONG_AGO: Final = text(f"{_ARCHIVED_LONG_AGO} AND p.id = :patient_id FOR NO KEY UPDATE OF p")


class RetentionRuleRow(TenantRow):
    """For how many months one kind is kept."""

    __tablename__ = "retention_rules"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("kind in ('deliveries', 'messages', 'archived_patients')", name="kind"),
        CheckConstraint("months between 4 and 600", name="months"),
        {"schema": CARE},
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    months: Mapped[int]


class LegalHold(TenantRow):
    """Why something stays: about one patient, or (None) all of the clinic; until it is lifted."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_legal_holds_patient", "clinic_id", "patient_id", postgresql_where=_STANDING),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID | None]
    # By the patient's key if it is about one.
    reason_sealed: Mapped[bytes]
    placed_at: Mapped[datetime]
    placed_by: Mapped[UUID | None]
    lifted_at: Mapped[datetime | None] = mapped_column(default=None)
    lifted_by: Mapped[UUID | None] = mapped_column(default=None)
    wrapped_key: bytes | None = field(default=None, repr=False)


async def rules(work: UnitOfWork) -> dict[str, int]:
    """Give the clinic's months by kind; a kind that is missing is kept."""
    found = await work.execute(
        select(RetentionRuleRow.kind, RetentionRuleRow.months).where(work.owns(RetentionRuleRow))
    )
    return {row.kind: row.months for row in found}


async def replace_rules(work: UnitOfWork, months: Mapping[str, int]) -> None:
    """Let these be the clinic's months, and no others."""
    await work.execute(delete(RetentionRuleRow).where(work.owns(RetentionRuleRow)))
    if months:
        rows = [{"clinic_id": work.clinic_id, "kind": kind, "months": one} for kind, one in months.items()]
        await work.execute(insert(RetentionRuleRow), rows)


async def add_hold(work: UnitOfWork, hold: LegalHold) -> None:
    """Keep a new hold."""
    await work.execute(insert(LegalHold).values(clinic_id=work.clinic_id, **values_of(hold)))


async def holds(work: UnitOfWork) -> list[LegalHold]:
    """List the clinic's holds, also the lifted ones, newest first."""
    row = LegalHold
    return await work.all(
        LegalHold,
        select(*columns_of(row), wrapped_key_of(work, row.patient_id))
        .where(work.owns(row))
        .order_by(row.id.desc()),
    )


async def lift(work: UnitOfWork, hold_id: UUID, *, by: UUID | None) -> UUID | None:
    """Lift a hold; gives the hold's id, None: there is none of this id that holds."""
    row = LegalHold
    lifted = await work.execute(
        update(row)
        .where(work.owns(row), row.id == hold_id, row.lifted_at.is_(None))
        .values(lifted_at=work.real_now, lifted_by=by)
        .returning(row.id)
    )
    return lifted.scalar_one_or_none()


async def is_held(work: UnitOfWork, patient_ids: Sequence[UUID]) -> bool:
    """Say whether one of these patients, or the clinic, is under a hold."""
    row = LegalHold
    held = exists().where(
        work.owns(row),
        row.lifted_at.is_(None),
        or_(row.patient_id.is_(None), row.patient_id.in_(patient_ids)),
    )
    return bool((await work.execute(select(held))).scalar_one())


async def remove_old(work: UnitOfWork, kind: str, *, most: int) -> int:
    """Remove up to so many of a kind that are older than the clinic keeps them; gives how many.

    A function of the owner's does it (migration 0085): it looks itself what the rule is, and what has to stay.
    """
    return int((await work.execute(select(func.care.remove_old(kind, most)))).scalar_one())


async def archived_long_ago(work: UnitOfWork, *, now: datetime, most: int) -> list[UUID]:
    """List patients who were archived for longer than the clinic keeps them, and of whom nothing has to stay."""
    found = await work.execute(
        _ALL_ARCHIVED_LONG_AGO, {"clinic_id": work.clinic_id, "now": now, "most": most}
    )
    return list(found.scalars())


async def is_archived_long_ago(work: UnitOfWork, patient_id: UUID, *, now: datetime) -> bool:
    """Say whether that is so of a patient whose turn the caller has; it stays so until the transaction ends."""
    found = await work.execute(
        _STILL_ARCHIVED_LONG_AGO, {"clinic_id": work.clinic_id, "now": now, "patient_id": patient_id}
    )
    return found.scalar_one_or_none() is not None
