"""What a signal, a safety event and a finding have in common as rows: one life, one set of statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import TenantRow, column_names
from app.storage.engine.statements import Owner, Ready
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

OPEN_STATES = ("open", "acknowledged", "snoozed")
"""The states of what nobody has closed."""


class Alert(TenantRow):
    """An alert as stored: the columns that every kind has."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    state: Mapped[str]
    acknowledged_at: Mapped[datetime | None] = mapped_column(default=None)
    acknowledged_by: Mapped[UUID | None] = mapped_column(default=None)
    # The member who takes care of it; null: nobody in particular.
    assignee_id: Mapped[UUID | None] = mapped_column(default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by: Mapped[UUID | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)
    # When it is escalated (next) unless someone acknowledges it before; null: not any more.
    escalate_at: Mapped[datetime | None] = mapped_column(default=None)
    # When it was escalated first.
    escalated_at: Mapped[datetime | None] = mapped_column(default=None)
    # The patient's, from the table of keys; it opens what is sealed about the alert.
    wrapped_key: bytes | None = field(default=None, repr=False)


AlertT = TypeVar("AlertT", bound=Alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTable(Generic[AlertT]):
    """The statements over one kind's table."""

    record: type[AlertT]

    @property
    def columns(self) -> tuple[str, ...]:
        """The record's columns; the key comes from elsewhere."""
        return column_names(self.record)

    def values(self, alert: AlertT) -> dict[str, Any]:
        """Give what is inserted for a new one."""
        return {name: getattr(alert, name) for name in self.columns}

    def select(self, work: Owner) -> Select[*tuple[Any, ...]]:
        """Select records of this clinic."""
        columns = [getattr(self.record, name) for name in self.columns]
        return select(*columns, wrapped_key_of(work, self.record.patient_id)).where(work.owns(self.record))

    async def read(self, work: UnitOfWork, statement: Select[*tuple[Any, ...]] | Ready) -> list[AlertT]:
        """Run a statement that was made from `select`."""
        return await work.all(self.record, statement)

    async def find(self, work: UnitOfWork, alert_id: UUID) -> AlertT | None:
        """Find one of this clinic."""
        found = await self.read(work, self.select(work).where(self.record.id == alert_id))
        return found[0] if found else None

    async def page(
        self,
        work: UnitOfWork,
        *,
        states: Sequence[str],
        patient_id: UUID | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> list[AlertT]:
        """List those in these states, oldest first."""
        row = self.record
        statement = self.select(work).where(row.state.in_(states)).order_by(row.id).limit(limit)
        if after is not None:
            statement = statement.where(row.id > after)
        if patient_id is not None:
            statement = statement.where(row.patient_id == patient_id)
        return await self.read(work, statement)

    async def due_to_escalate(self, work: UnitOfWork, *, now: datetime, limit: int) -> list[UUID]:
        """List those that should have been acknowledged by now, the one that waited longest first."""
        found = await work.execute(
            select(self.record.id)
            .where(
                work.owns(self.record),
                self.record.escalate_at <= now,
                self.record.state.in_(["open", "snoozed"]),
            )
            .order_by(self.record.escalate_at)
            .limit(limit)
        )
        return list(found.scalars())

    async def change(self, work: UnitOfWork, alert_id: UUID, **values: Any) -> None:  # noqa: ANN401 - columns
        """Change some columns of one whose patient's turn the caller holds; the version moves on."""
        await work.execute(
            update(self.record)
            .where(work.owns(self.record), self.record.id == alert_id)
            .values(version=self.record.version + 1, **values)
        )
