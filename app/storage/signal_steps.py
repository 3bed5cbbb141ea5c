"""What was done to a signal, step by step: when, by whom, until when, with what, in whose words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Select, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.foundation.ids import new_id
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class SignalStepRow(TenantRow):
    """One step in the life of a signal. The application adds them and never changes one."""

    __tablename__ = "signal_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        ForeignKeyConstraint(["clinic_id", "signal_id"], [f"{CARE}.signals.clinic_id", f"{CARE}.signals.id"]),
        Index("ix_signal_steps_signal", "clinic_id", "signal_id", "at", "id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    signal_id: Mapped[UUID]
    # As on the audit trail, such as signal.snoozed.
    action: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    # Until when it was snoozed; with what it was closed.
    until: Mapped[datetime | None]
    disposition: Mapped[str | None]
    # A reason or a note, in somebody's own words.
    words_sealed: Mapped[bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetails:
    """What a step carries beside its line of the trail; its id seals the words."""

    id: UUID
    until: datetime | None = None
    disposition: str | None = None
    words_sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStep:
    """A step as stored."""

    id: UUID
    signal_id: UUID
    action: str
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    until: datetime | None
    disposition: str | None
    words_sealed: bytes | None


_COLUMNS: Final = tuple(SignalStep.__dataclass_fields__)


async def keep(work: UnitOfWork, *, details: StepDetails | None = None, audit: AuditEvent) -> None:
    """Keep what a line of the trail says about a signal; the caller adds the line itself."""
    said = details or StepDetails(id=new_id())
    await work.execute(
        insert(SignalStepRow).values(
            clinic_id=work.clinic_id,
            id=said.id,
            patient_id=audit.patient_id,
            signal_id=audit.subject_id,
            action=audit.action,
            at=audit.at,
            actor_kind=audit.actor.kind.value,
            actor_id=audit.actor.id,
            until=said.until,
            disposition=said.disposition,
            words_sealed=said.words_sealed,
        )
    )


async def of_signal(work: UnitOfWork, signal_id: UUID) -> list[SignalStep]:
    """List a signal's steps, oldest first."""
    statement = _steps(work).where(SignalStepRow.signal_id == signal_id)
    found = await work.execute(statement.order_by(SignalStepRow.at, SignalStepRow.id))
    return [SignalStep(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def latest_of(work: UnitOfWork, signal_ids: Sequence[UUID]) -> dict[UUID, SignalStep]:
    """Give the latest step of each of several signals."""
    row = SignalStepRow
    statement = (
        _steps(work)
        .where(row.signal_id.in_(signal_ids))
        .ext(distinct_on(row.signal_id))
        .order_by(row.signal_id, row.at.desc(), row.id.desc())
    )
    found = await work.execute(statement)
    return {one.signal_id: SignalStep(**one._mapping) for one in found}  # noqa: SLF001 - same


def _steps(work: UnitOfWork) -> Select[*tuple[object, ...]]:
    columns = [getattr(SignalStepRow, name) for name in _COLUMNS]
    return select(*columns).where(SignalStepRow.clinic_id == work.clinic_id)
