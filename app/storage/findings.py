"""Findings: what else about a patient waits for the care team, each as long as it holds or until it is closed."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.alerts import Alert, AlertTable
from app.storage.engine.rows import CARE, clinic_foreign_key, columns_of
from app.storage.engine.unit_of_work import UnitOfWork


class Finding(Alert):
    """A finding as stored."""

    __tablename__ = "findings"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("state in ('open', 'acknowledged', 'closed')", name="state"),
        # What holds about a patient holds once; what came in (a note, a request) is one each.
        Index(
            "uq_findings_one_open",
            "clinic_id",
            "patient_id",
            "code",
            unique=True,
            postgresql_where=text("state <> 'closed' AND source_id IS NULL"),
        ),
        Index(
            "uq_findings_source",
            "clinic_id",
            "patient_id",
            "code",
            "source_id",
            unique=True,
            postgresql_where=text("source_id IS NOT NULL"),
        ),
        Index("ix_findings_open", "clinic_id", "id", postgresql_where=text("state <> 'closed'")),
        Index("ix_findings_patient", "clinic_id", "patient_id", "raised_at"),
        Index(
            "ix_findings_escalate",
            "clinic_id",
            "escalate_at",
            postgresql_where=text("escalate_at IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    code: Mapped[str]
    # The report or request that it is about; null: something that holds, not something that came in.
    source_id: Mapped[UUID | None] = mapped_column(default=None)
    raised_at: Mapped[datetime]
    # The patient's check-in day then.
    raised_on: Mapped[date]
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    # The numbers of a rule's finding, by name.
    facts: Mapped[dict[str, Any]]
    outcome: Mapped[str | None] = mapped_column(default=None)


TABLE: Final = AlertTable(record=Finding)


async def add(work: UnitOfWork, finding: Finding) -> bool:
    """Keep a finding, unless the same is open already or its source made one before; says whether it is new."""
    added = await work.execute(
        insert(Finding)
        .values(clinic_id=work.clinic_id, **TABLE.values(finding))
        .on_conflict_do_nothing()
        .returning(Finding.id)
    )
    return added.one_or_none() is not None


async def open_of_patient(
    work: UnitOfWork, patient_id: UUID, *, codes: Collection[str] | None = None
) -> list[Finding]:
    """List a patient's findings that nobody has closed, oldest first; of these codes, or all."""
    statement = TABLE.select(work).where(Finding.patient_id == patient_id, Finding.state != "closed")
    if codes is not None:
        statement = statement.where(Finding.code.in_(codes))
    return await TABLE.read(work, statement.order_by(Finding.id))


async def end(
    work: UnitOfWork, patient_id: UUID, *, codes: Collection[str], outcome: str, source_id: UUID | None = None
) -> list[Finding]:
    """Close a patient's open findings of these codes, because what they say no longer holds; gives them as closed."""
    row = Finding
    statement = update(row).where(
        work.owns(row),
        row.patient_id == patient_id,
        row.state != "closed",
        row.code.in_(codes),
    )
    if source_id is not None:
        statement = statement.where(row.source_id == source_id)
    return await work.all(
        Finding,
        statement.values(
            state="closed",
            closed_at=work.now,
            outcome=outcome,
            escalate_at=None,
            version=row.version + 1,
        ).returning(*columns_of(row)),
    )


async def raised_since(
    work: UnitOfWork, *, codes: Collection[str], since: datetime, other_than: UUID
) -> bool:
    """Say whether another finding of these codes was raised since then."""
    row = Finding
    found = await work.execute(
        select(
            exists().where(
                work.owns(row),
                row.state != "closed",
                row.code.in_(codes),
                row.raised_at > since,
                row.id != other_than,
            )
        )
    )
    return bool(found.scalar_one())
