"""The systems that a clinic is connected to, and whom of its staff they know by which name."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class ConnectedSystem(TenantRow):
    """A service where the clinic's staff sign in, or its EHR; only from its issuer anything is believed."""

    __tablename__ = "connected_systems"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("kind in ('sign_in', 'ehr')", name="kind"),
        Index(
            "uq_connected_systems_issuer",
            "clinic_id",
            "kind",
            "issuer",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    secret_sealed: Mapped[bytes | None]
    # Further hosts that it may name, and which of its groups have which role.
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None] = mapped_column(default=None)
    # Our own key pair, by which we show an EHR who we are.
    key_sealed: Mapped[bytes | None] = mapped_column(default=None)
    # What was changed there before is read, all of it.
    read_until: Mapped[datetime | None] = mapped_column(default=None)


class StaffIdentity(TenantRow):
    """Someone whom a system has named; without ``staff_id`` nobody has said yet who of the staff it is."""

    __tablename__ = "staff_identities"
    __table_args__ = (
        clinic_foreign_key("system_id", of="connected_systems"),
        clinic_foreign_key("staff_id", of="staff_members"),
        UniqueConstraint("clinic_id", "system_id", "subject_digest"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    system_id: Mapped[UUID]
    subject_digest: Mapped[bytes]
    # As the system calls the person, so that an owner knows whom to link.
    label_sealed: Mapped[bytes]
    staff_id: Mapped[UUID | None]
    seen_at: Mapped[datetime]
    linked_by: Mapped[UUID | None] = mapped_column(default=None)
    linked_at: Mapped[datetime | None] = mapped_column(default=None)


async def add(work: UnitOfWork, system: ConnectedSystem) -> bool:
    """Keep a new system, unless one of this kind and issuer is there; says whether it was kept."""
    added = await work.execute(
        insert(ConnectedSystem)
        .values(clinic_id=work.clinic_id, **values_of(system))
        .on_conflict_do_nothing()
        .returning(ConnectedSystem.id)
    )
    return added.one_or_none() is not None


async def all_of_clinic(work: UnitOfWork) -> list[ConnectedSystem]:
    """List the systems, oldest first, without those that were removed."""
    return await work.all(ConnectedSystem, _systems(work).order_by(ConnectedSystem.id))


async def find(work: UnitOfWork, system_id: UUID) -> ConnectedSystem | None:
    """Find a system that was not removed."""
    return await work.one(ConnectedSystem, _systems(work).where(ConnectedSystem.id == system_id))


async def of_kind(work: UnitOfWork, kind: str, *, issuer: str | None = None) -> ConnectedSystem | None:
    """Find the clinic's first system of a kind, and of this issuer where one is named."""
    statement = _systems(work).where(ConnectedSystem.kind == kind)
    if issuer is not None:
        statement = statement.where(ConnectedSystem.issuer == issuer)
    return await work.one(ConnectedSystem, statement.order_by(ConnectedSystem.id).limit(1))


async def remove(work: UnitOfWork, system_id: UUID) -> bool:
    """Let nobody come in by a system any more; says whether it was there."""
    removed = await work.execute(
        update(ConnectedSystem)
        .where(
            work.owns(ConnectedSystem),
            ConnectedSystem.id == system_id,
            ConnectedSystem.removed_at.is_(None),
        )
        .values(removed_at=work.real_now)
        .returning(ConnectedSystem.id)
    )
    return removed.one_or_none() is not None


async def note_read(work: UnitOfWork, system: ConnectedSystem, *, until: datetime | None, said: str) -> None:
    """Note what a reading did, and up to when the system is read without leaving anything."""
    await work.execute(
        update(ConnectedSystem)
        .where(work.owns(ConnectedSystem), ConnectedSystem.id == system.id)
        .values(
            read_until=until or system.read_until,
            settings={**system.settings, "last_read": {"at": work.real_now.isoformat(), "said": said}},
        )
    )


async def note_identity(work: UnitOfWork, identity: StaffIdentity) -> StaffIdentity:
    """Keep that a system named someone, and give what is known: whom it is linked to."""
    row = StaffIdentity
    kept = await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, **values_of(identity))
        .on_conflict_do_update(
            index_elements=[row.clinic_id, row.system_id, row.subject_digest], set_={"seen_at": work.real_now}
        )
        .returning(*columns_of(row))
    )
    return row(**kept.one()._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def identities(work: UnitOfWork) -> list[StaffIdentity]:
    """List whom the systems have named, oldest first."""
    return await work.all(
        StaffIdentity,
        select(*columns_of(StaffIdentity)).where(work.owns(StaffIdentity)).order_by(StaffIdentity.id),
    )


async def link(work: UnitOfWork, identity_id: UUID, staff_id: UUID | None) -> bool:
    """Say who of the staff it is, or that it is nobody; says whether it was there."""
    changed = await work.execute(
        update(StaffIdentity)
        .where(work.owns(StaffIdentity), StaffIdentity.id == identity_id)
        .values(
            staff_id=staff_id,
            linked_by=work.actor.id if staff_id else None,
            linked_at=work.real_now if staff_id else None,
        )
        .returning(StaffIdentity.id)
    )
    return changed.one_or_none() is not None


def _systems(work: UnitOfWork) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a statement
    return select(*columns_of(ConnectedSystem)).where(
        work.owns(ConnectedSystem), ConnectedSystem.removed_at.is_(None)
    )
