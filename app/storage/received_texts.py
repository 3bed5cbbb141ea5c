"""Text messages that patients sent: added once each, and never changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class ReceivedText(TenantRow):
    """A text message as stored."""

    __tablename__ = "received_texts"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("word in ('stop', 'start')", name="word"),
        Index("ix_received_texts_patient", "clinic_id", "patient_id", "received_at"),
        {"schema": CARE},
    )

    # Made of the gateway's own id, so that the same message is taken once.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    # What it asks of us rather than of the clinic; null: it is for the clinic.
    word: Mapped[str | None]
    text_sealed: Mapped[bytes]
    received_at: Mapped[datetime]


async def add(work: UnitOfWork, received: ReceivedText) -> bool:
    """Keep a message, unless it came before; says whether it is new."""
    added = await work.execute(
        insert(ReceivedText)
        .values(clinic_id=work.clinic_id, **values_of(received))
        .on_conflict_do_nothing(index_elements=[ReceivedText.clinic_id, ReceivedText.id])
        .returning(ReceivedText.id)
    )
    return added.one_or_none() is not None


async def latest_of(
    work: UnitOfWork, patient_id: UUID, *, limit: int, until: datetime | None = None
) -> list[ReceivedText]:
    """List a patient's messages, the latest first; with ``until`` those that had come by then."""
    row = ReceivedText
    statement = select(*columns_of(row)).where(work.owns(row), row.patient_id == patient_id)
    if until is not None:
        statement = statement.where(row.received_at <= until)
    return await work.all(
        ReceivedText, statement.order_by(row.received_at.desc(), row.id.desc()).limit(limit)
    )


async def find_many(work: UnitOfWork, named: Sequence[tuple[UUID, UUID]]) -> dict[UUID, ReceivedText]:
    """Find these messages, each named by its patient and its id."""
    if not named:
        return {}
    row = ReceivedText
    found = await work.execute(
        select(*columns_of(row)).where(work.owns(row), tuple_(row.patient_id, row.id).in_(named))
    )
    return {one.id: ReceivedText(**one._mapping) for one in found}  # noqa: SLF001 - SQLAlchemy's documented name for it


async def count_since(work: UnitOfWork, patient_id: UUID, *, since: datetime) -> int:
    """Count a patient's messages since then."""
    row = ReceivedText
    found = await work.execute(
        select(func.count()).where(work.owns(row), row.patient_id == patient_id, row.received_at > since)
    )
    return int(found.scalar_one())
