"""Programs that read by themselves: their public keys and scopes, and which of their assertions were spent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.api_keys import ApiKey
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class BackendClient(TenantRow):
    """A program as stored; ``jwks`` are public keys."""

    __tablename__ = "backend_clients"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    jwks: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class SpentAssertionRow(TenantRow):
    """What was shown once and opens nothing a second time; a digest."""

    __tablename__ = "spent_assertions"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    # From then on it would be refused as too old anyway.
    expires_at: Mapped[datetime]


async def add(work: UnitOfWork, client: BackendClient) -> None:
    """Keep a new program."""
    await work.execute(insert(BackendClient).values(clinic_id=work.clinic_id, **values_of(client)))


async def all_of_clinic(work: UnitOfWork) -> list[BackendClient]:
    """List the programs, oldest first, also the revoked ones."""
    return await work.all(BackendClient, _clients(work).order_by(BackendClient.id))


async def working(work: UnitOfWork, client_id: UUID) -> BackendClient | None:
    """Find a program that was not revoked."""
    return await work.one(
        BackendClient, _clients(work).where(BackendClient.id == client_id, BackendClient.revoked_at.is_(None))
    )


async def revoke(work: UnitOfWork, client_id: UUID) -> bool:
    """Let a program and all that it was given open nothing any more; says whether it did."""
    revoked = await work.execute(
        update(BackendClient)
        .where(
            work.owns(BackendClient),
            BackendClient.id == client_id,
            BackendClient.revoked_at.is_(None),
        )
        .values(revoked_at=work.real_now)
        .returning(BackendClient.id)
    )
    await work.execute(delete(ApiKey).where(work.owns(ApiKey), ApiKey.client_id == client_id))
    return revoked.one_or_none() is not None


async def spend(work: UnitOfWork, digest: bytes, *, expires_at: datetime) -> bool:
    """Note that this was shown; says whether it was the first time."""
    row = SpentAssertionRow
    await work.execute(
        delete(row).where(work.owns(row), row.expires_at <= work.real_now),
        unaudited="a digest of what opens nothing any more; what it opened is audited",
    )
    spent = await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, digest=digest, expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(row.digest),
        unaudited="a digest of what opens nothing any more; what it opened is audited",
    )
    return spent.one_or_none() is not None


def _clients(work: UnitOfWork) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a statement
    return select(*columns_of(BackendClient)).where(work.owns(BackendClient))
