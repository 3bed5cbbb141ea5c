"""The clinic's API keys: only their digests are kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class ApiKeyRow(TenantRow):
    """One key."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "digest"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[bytes]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key that works: its id for the trail, its scopes for what it may do."""

    id: UUID
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """A key as its clinic sees it."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


async def add(
    work: UnitOfWork,
    *,
    id: UUID,  # noqa: A002 - the column's name
    name: str,
    digest: bytes,
    scopes: list[str],
    now: datetime,
) -> None:
    """Keep a new key's digest."""
    await work.execute(
        insert(ApiKeyRow).values(
            clinic_id=work.clinic_id,
            id=id,
            name=name,
            digest=digest,
            scopes=scopes,
            created_at=now,
            revoked_at=None,
        )
    )


async def working_key(work: UnitOfWork, digest: bytes) -> ApiKey | None:
    """Find the key with this digest, unless it is revoked."""
    found = await work.execute(
        select(ApiKeyRow.id, ApiKeyRow.scopes).where(
            ApiKeyRow.clinic_id == work.clinic_id,
            ApiKeyRow.digest == digest,
            ApiKeyRow.revoked_at.is_(None),
        )
    )
    row = found.one_or_none()
    return row and ApiKey(id=row.id, scopes=frozenset(row.scopes))


async def all_of_clinic(work: UnitOfWork, *, lock: bool = False) -> list[KeptKey]:
    """List the clinic's keys, oldest first, locked for a change if so wished."""
    columns = [getattr(ApiKeyRow, name) for name in KeptKey.__dataclass_fields__]
    statement = select(*columns).where(ApiKeyRow.clinic_id == work.clinic_id).order_by(ApiKeyRow.id)
    found = await work.execute(statement.with_for_update() if lock else statement)
    return [KeptKey(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def revoke(work: UnitOfWork, key_id: UUID, *, now: datetime) -> None:
    """Let a key open nothing any more."""
    await work.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.clinic_id == work.clinic_id, ApiKeyRow.id == key_id)
        .values(revoked_at=now)
    )
