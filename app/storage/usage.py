"""How much a clinic uses, counted in one statement. Nothing is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, func, select

from app.storage.check_ins import CheckInRow
from app.storage.deliveries import DeliveryRow, Notification
from app.storage.devices import DeviceRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage
from app.storage.patients import PatientRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What there is, and what came and went since a moment.

    Attributes:
        patients: in care.
        archived: no longer in care.
        devices: phones and browsers that may report.
        check_ins: received since then.
        messages: sent to patients and staff since then.
        deliveries: to the clinic's systems, of what happened since then.
    """

    patients: int
    archived: int
    devices: int
    check_ins: int
    messages: int
    deliveries: int


async def usage(work: UnitOfWork, *, since: datetime) -> Usage:
    """Count what a clinic has, and what it used since then."""
    of_deliveries = (Notification.clinic_id == DeliveryRow.clinic_id) & (
        Notification.id == DeliveryRow.notification_id
    )
    found = await work.execute(
        select(
            _count(work, PatientRow, PatientRow.archived_at.is_(None)).label("patients"),
            _count(work, PatientRow, PatientRow.archived_at.is_not(None)).label("archived"),
            _count(work, DeviceRow, DeviceRow.revoked_at.is_(None)).label("devices"),
            _count(work, CheckInRow, CheckInRow.received_at >= since).label("check_ins"),
            _count(work, OutgoingMessage, OutgoingMessage.sent_at >= since).label("messages"),
            select(func.count())
            .select_from(DeliveryRow)
            .join(Notification, of_deliveries)
            .where(work.owns(DeliveryRow), Notification.occurred_at >= since)
            .scalar_subquery()
            .label("deliveries"),
        )
    )
    return Usage(**found.one()._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


def _count(work: UnitOfWork, row: Any, condition: Any) -> ScalarSelect[int]:  # noqa: ANN401 - mapped classes share no type
    return select(func.count()).select_from(row).where(work.owns(row), condition).scalar_subquery()
