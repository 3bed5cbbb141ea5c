"""Cells sealed with the service's own keys: found by the id of the key that sealed them, to be sealed again.

They are read from the mapped tables themselves, so that a new column that is sealed is among them without a list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Table, and_, func, select, update

from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork

_SUFFIX: Final = "_sealed"
_WRAPPED: Final = "wrapped_key"
# Sealed under the column's name without its ending, since before that became the habit.
_SHORT_NAMES: Final = frozenset({"staff_members"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column whose cells are sealed; ``name`` is what its cells are bound to beside table, clinic and row."""

    table: Table
    column: Column[Any]
    name: str

    @property
    def row_id(self) -> Column[Any]:
        """The column whose value binds a cell to its row."""
        columns = self.table.c
        for name in ("id", "patient_id"):
            if name in columns:
                return columns[name]
        return columns["clinic_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCell:
    """One sealed cell and where it stands."""

    row_id: UUID
    sealed: bytes


def sealed_columns() -> Iterator[SealedColumn]:
    """Name every column of the tenants' tables that holds sealed cells."""
    tables = [mapper.local_table for mapper in TenantRow.registry.mappers]
    for table in sorted((one for one in tables if isinstance(one, Table)), key=lambda one: one.name):
        for column in table.columns if table.schema == CARE else ():
            if column.name.endswith(_SUFFIX) or column.name == _WRAPPED:
                short = column.name.removesuffix(_SUFFIX)
                yield SealedColumn(
                    table=table,
                    column=column,
                    name=short if table.name in _SHORT_NAMES else column.name,
                )


async def may_replace(work: UnitOfWork, where: SealedColumn) -> bool:
    """Say whether this role may change these cells: the application only adds to some tables."""
    found = await work.execute(
        select(func.has_column_privilege(f"{CARE}.{where.table.name}", where.column.name, "UPDATE"))
    )
    return bool(found.scalar_one())


async def sealed_otherwise(
    work: UnitOfWork, where: SealedColumn, *, head: bytes, kind: bytes, limit: int
) -> list[SealedCell]:
    """Find cells that begin with ``kind``, the service's own format, and not with the active key's ``head``."""
    column, row_id = where.column, where.row_id
    found = await work.execute(
        select(row_id.label("row_id"), column.label("sealed"))
        .where(
            where.table.c.clinic_id == work.clinic_id,
            func.substring(column, 1, len(kind)) == kind,
            func.substring(column, 1, len(head)) != head,
        )
        .order_by(row_id)
        .limit(limit)
    )
    return [SealedCell(row_id=row.row_id, sealed=row.sealed) for row in found]


async def replace(work: UnitOfWork, where: SealedColumn, cell: SealedCell, resealed: bytes) -> None:
    """Put the same content in again under another key, unless the cell was changed meanwhile."""
    await work.execute(
        update(where.table)
        .where(
            and_(
                where.table.c.clinic_id == work.clinic_id,
                where.row_id == cell.row_id,
                where.column == cell.sealed,
            )
        )
        .values({where.column.name: resealed})
    )


async def count_by_key(work: UnitOfWork, *, kind: bytes, head_length: int) -> dict[bytes, int]:
    """Count this clinic's sealed cells by the head that names their key."""
    counted: dict[bytes, int] = {}
    for where in sealed_columns():
        head = func.substring(where.column, 1, head_length).label("head")
        found = await work.execute(
            select(head, func.count().label("cells"))
            .where(
                where.table.c.clinic_id == work.clinic_id,
                func.substring(where.column, 1, len(kind)) == kind,
            )
            .group_by(head)
        )
        for row in found:
            counted[bytes(row.head)] = counted.get(bytes(row.head), 0) + row.cells
    return counted
