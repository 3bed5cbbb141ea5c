"""A clinic's own numbers, in versions: added to, never changed, for each may have decided."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, ForeignKeyConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.course import InfusionPhase
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.infusions import InfusionRow


class StoredPolicy(TenantRow):
    """A version of a clinic's numbers."""

    __tablename__ = "clinic_policies"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Only those that differ from the service's own.
    numbers: Mapped[dict[str, Any]]
    # The name by which decisions name these numbers.
    rule: Mapped[str]
    effective_from: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]


async def versions(work: UnitOfWork) -> list[StoredPolicy]:
    """List all versions, latest first."""
    columns = columns_of(StoredPolicy)
    return await work.all(
        StoredPolicy, select(*columns).where(work.owns(StoredPolicy)).order_by(StoredPolicy.version.desc())
    )


async def active_numbers(work: UnitOfWork, *, now: datetime) -> dict[str, Any]:
    """Give the numbers that differ now; empty when the clinic never set any."""
    return dict((await work.execute(_active_numbers(now))).scalar_one_or_none() or {})


@built_once
def _active_numbers(work: Owner, now: datetime) -> Executable:
    return (
        select(StoredPolicy.numbers)
        .where(work.owns(StoredPolicy), StoredPolicy.effective_from <= now)
        .order_by(StoredPolicy.version.desc())
        .limit(1)
    )


async def add(work: UnitOfWork, policy: StoredPolicy) -> bool:
    """Keep a new version, unless its number is taken; says whether it was kept."""
    values = values_of(policy)
    added = await work.execute(
        insert(StoredPolicy)
        .values(clinic_id=work.clinic_id, **values)
        .on_conflict_do_nothing(index_elements=[StoredPolicy.clinic_id, StoredPolicy.version])
        .returning(StoredPolicy.version)
    )
    return added.one_or_none() is not None


async def count_inductions(work: UnitOfWork, *, given_before: datetime) -> int:
    """Count the clinic's patients with an induction infusion before a time: courses that can show what is usual."""
    found = await work.execute(
        select(func.count(InfusionRow.patient_id.distinct())).where(
            work.owns(InfusionRow),
            InfusionRow.phase == InfusionPhase.INDUCTION.value,
            InfusionRow.given_at < given_before,
        )
    )
    return int(found.scalar_one())
