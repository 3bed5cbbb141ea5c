"""Replies to clinics' POSTs with an Idempotency-Key, kept for a day, so that a repetition gets the same one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of

KEPT_FOR: Final = timedelta(hours=24)
# A request that was cut off in the middle, by a killed process, may be sent again after so long.
_CUT_OFF_AFTER: Final = timedelta(minutes=1)


class IdempotentReplyRow(TenantRow):
    """One reply; without a status the request is still being carried out."""

    __tablename__ = "idempotent_replies"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_idempotent_replies_claimed", "clinic_id", "claimed_at"),
        Index("ix_idempotent_replies_patient", "clinic_id", "patient_id"),
        {"schema": CARE},
    )

    # A keyed fingerprint of the credential, the path and the key: none of them is kept.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    # About whom it is: what is erased with the patient.
    patient_id: Mapped[UUID | None]
    body_digest: Mapped[bytes]
    claimed_at: Mapped[datetime]
    status: Mapped[int | None]
    reply_sealed: Mapped[bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """What is kept; no status: the request is still being carried out. The patient's key seals what is about one."""

    body_digest: bytes
    status: int | None
    reply_sealed: bytes | None
    patient_id: UUID | None
    wrapped_key: bytes | None


async def claim(work: UnitOfWork, reply_id: UUID, *, body_digest: bytes) -> KeptReply | None:
    """Claim a key for a request; gives what is kept under it already, None when the claim is ours."""
    row, now = IdempotentReplyRow, work.real_now
    await work.execute(
        delete(row).where(row.clinic_id == work.clinic_id, row.claimed_at <= now - KEPT_FOR),
        unaudited="a copy of a reply whose day is over",
    )
    claimed = await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, id=reply_id, body_digest=body_digest, claimed_at=now)
        .on_conflict_do_update(
            index_elements=[row.clinic_id, row.id],
            set_={"body_digest": body_digest, "claimed_at": now},
            where=and_(row.status.is_(None), row.claimed_at <= now - _CUT_OFF_AFTER),
        )
        .returning(row.id),
        unaudited="what the request itself does is in the log",
    )
    if claimed.one_or_none() is not None:
        return None
    found = await work.execute(
        select(
            row.body_digest,
            row.status,
            row.reply_sealed,
            row.patient_id,
            wrapped_key_of(work, row.patient_id),
        ).where(row.clinic_id == work.clinic_id, row.id == reply_id)
    )
    return KeptReply(**found.one()._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def keep(
    work: UnitOfWork, reply_id: UUID, *, status: int, reply_sealed: bytes, patient_id: UUID | None
) -> None:
    """Keep the reply under the key that was claimed for it."""
    row = IdempotentReplyRow
    await work.execute(
        update(row)
        .where(row.clinic_id == work.clinic_id, row.id == reply_id)
        .values(status=status, reply_sealed=reply_sealed, patient_id=patient_id),
        unaudited="a copy of a reply; what it is about is in the log",
    )


async def give_up(work: UnitOfWork, reply_id: UUID) -> None:
    """Let go of a claim whose request failed: it may be sent again as it is."""
    row = IdempotentReplyRow
    await work.execute(
        delete(row).where(row.clinic_id == work.clinic_id, row.id == reply_id, row.status.is_(None)),
        unaudited="a claim on a key; nothing was done",
    )
