"""Where a device gets its pushes: one subscription a device, its address sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Select, UniqueConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.devices import DeviceRow
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, one_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class PushSubscription(TenantRow):
    """A subscription as stored."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        clinic_foreign_key("device_id", of="devices"),
        UniqueConstraint("clinic_id", "device_id"),
        CheckConstraint("kind in ('web', 'app')", name="kind"),
        Index("ix_push_subscriptions_patient", "clinic_id", "patient_id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    device_id: Mapped[UUID]
    # A browser's own push service, or an app's token for the operator's gateway.
    kind: Mapped[str]
    address_sealed: Mapped[bytes]
    made_at: Mapped[datetime]


async def put(work: UnitOfWork, subscription: PushSubscription) -> None:
    """Keep a device's subscription in place of the one before: a push service may move a browser."""
    values = values_of(subscription)
    await work.execute(
        insert(PushSubscription)
        .values(clinic_id=work.clinic_id, **values)
        .on_conflict_do_update(
            index_elements=[PushSubscription.clinic_id, PushSubscription.device_id], set_=values
        )
    )


async def find(work: UnitOfWork, subscription_id: UUID) -> PushSubscription | None:
    """Find a subscription of a device that may still speak for its patient."""
    row = (await work.execute(_working(work).where(PushSubscription.id == subscription_id))).one_or_none()
    return row and _subscription(row)


async def ids_of_patients(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Give, by patient, the subscriptions of their devices."""
    found = await work.execute(_working(work).where(one_of(PushSubscription.patient_id, patient_ids)))
    by_patient: dict[UUID, list[UUID]] = {}
    for row in found:
        by_patient.setdefault(row.patient_id, []).append(row.id)
    return by_patient


async def remove(work: UnitOfWork, subscription_id: UUID) -> None:
    """Forget a subscription that its push service says is gone."""
    await work.execute(
        delete(PushSubscription).where(work.owns(PushSubscription), PushSubscription.id == subscription_id)
    )


async def remove_of_device(work: UnitOfWork, device_id: UUID) -> None:
    """Forget a device's subscription, if it has one."""
    await work.execute(
        delete(PushSubscription).where(work.owns(PushSubscription), PushSubscription.device_id == device_id)
    )


def _working(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    return (
        select(
            PushSubscription.id,
            PushSubscription.patient_id,
            PushSubscription.device_id,
            PushSubscription.kind,
            PushSubscription.address_sealed,
            PushSubscription.made_at,
        )
        .join(
            DeviceRow,
            (DeviceRow.clinic_id == PushSubscription.clinic_id)
            & (DeviceRow.id == PushSubscription.device_id),
        )
        .where(work.owns(PushSubscription), DeviceRow.revoked_at.is_(None))
    )


def _subscription(row: Any) -> PushSubscription:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    return PushSubscription(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
