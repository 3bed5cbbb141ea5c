"""The clinic's API keys: only their digests are kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Executable, ForeignKeyConstraint, UniqueConstraint, delete, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class ApiKey(TenantRow):
    """A key as its clinic sees it."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "digest"),
        clinic_foreign_key("client_id", of="backend_clients"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    # Looked for, never read.
    digest: Mapped[bytes] = mapped_column(init=False, repr=False)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    # For minutes, to a program that showed its assertion; a key that a person made has neither.
    client_id: Mapped[UUID | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingKey:
    """A key that works: its id for the audit log, its scopes for what it may do."""

    id: UUID
    scopes: frozenset[str]


async def add(work: UnitOfWork, key: ApiKey, *, digest: bytes) -> None:
    """Keep a new key's digest."""
    await work.execute(insert(ApiKey).values(clinic_id=work.clinic_id, digest=digest, **values_of(key)))


async def add_for_client(work: UnitOfWork, key: ApiKey, *, digest: bytes) -> None:
    """Keep a program's new token, and forget those of its that have ended."""
    await work.execute(
        delete(ApiKey).where(
            work.owns(ApiKey),
            ApiKey.client_id == key.client_id,
            ApiKey.expires_at <= work.real_now,
        )
    )
    await add(work, key, digest=digest)


async def working_key(work: UnitOfWork, digest: bytes) -> WorkingKey | None:
    """Find the key with this digest, unless it is revoked."""
    row = (await work.execute(_working(digest, work.real_now))).one_or_none()
    return row and WorkingKey(id=row.id, scopes=frozenset(row.scopes))


@built_once
def _working(work: Owner, digest: bytes, now: datetime) -> Executable:
    return select(ApiKey.id, ApiKey.scopes).where(
        work.owns(ApiKey),
        ApiKey.digest == digest,
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )


async def all_of_clinic(work: UnitOfWork, *, lock: bool = False) -> list[ApiKey]:
    """List the keys that people made, oldest first, locked for a change if so wished."""
    statement = (
        select(*columns_of(ApiKey)).where(work.owns(ApiKey), ApiKey.client_id.is_(None)).order_by(ApiKey.id)
    )
    return await work.all(ApiKey, statement.with_for_update() if lock else statement)


async def revoke(work: UnitOfWork, key_id: UUID, *, now: datetime) -> None:
    """Let a key open nothing any more."""
    await work.execute(update(ApiKey).where(work.owns(ApiKey), ApiKey.id == key_id).values(revoked_at=now))
