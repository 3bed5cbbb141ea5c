"""Replies to clinics' POSTs with an Idempotency-Key, kept for a day, so that a repetition gets the same one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

KEPT_FOR: Final = timedelta(hours=24)


class IdempotentReply(TenantRow):
    """One reply."""

    __tablename__ = "idempotent_replies"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_idempotent_replies_kept", "clinic_id", "kept_at"),
        Index("ix_idempotent_replies_patient", "clinic_id", "patient_id"),
        {"schema": CARE},
    )

    # A keyed fingerprint of the credential, the path and the key: none of them is kept.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    # About whom it is: what is erased with the patient.
    patient_id: Mapped[UUID | None]
    body_digest: Mapped[bytes]
    kept_at: Mapped[datetime]
    status: Mapped[int]
    # By the patient's key if it is about one.
    reply_sealed: Mapped[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """What is kept, with the key of the patient whom it is about."""

    body_digest: bytes
    status: int
    reply_sealed: bytes
    patient_id: UUID | None
    wrapped_key: bytes | None


async def find(work: UnitOfWork, reply_id: UUID) -> KeptReply | None:
    """Find the reply that is kept under a key; None: there is none, or its day is over."""
    row = IdempotentReply
    return await work.one(
        KeptReply,
        select(
            row.body_digest,
            row.status,
            row.reply_sealed,
            row.patient_id,
            wrapped_key_of(work, row.patient_id),
        ).where(work.owns(row), row.id == reply_id, row.kept_at > work.real_now - KEPT_FOR),
    )


async def keep(work: UnitOfWork, reply: IdempotentReply) -> bool:
    """Keep a reply; False where another request with its key has kept one. One that is about to is waited for."""
    row = IdempotentReply
    await work.execute(
        delete(row).where(work.owns(row), row.kept_at <= work.real_now - KEPT_FOR),
        unaudited="a copy of a reply whose day is over",
    )
    kept = await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, **values_of(reply))
        .on_conflict_do_nothing(index_elements=[row.clinic_id, row.id])
        .returning(row.id),
        unaudited="a copy of a reply; what it is about is in the log",
    )
    return kept.one_or_none() is not None
