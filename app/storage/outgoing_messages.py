"""Messages to people: where to, which of the fixed texts, and what became of each.

Address and link are sealed, and wiped as soon as the message is over: a sign-in link is a secret.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    and_,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.due_work import unclaimed
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, values_of
from app.storage.engine.unit_of_work import UnitOfWork

# Written out, as for deliveries: a plan made for any value cannot use an index made for this one.
PENDING: Final[ColumnElement[str]] = literal_column("'pending'")


class OutgoingMessage(TenantRow):
    """A message as stored; ``address_sealed`` and ``link_sealed`` are None once it is over, and for notices."""

    __tablename__ = "outgoing_messages"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        clinic_foreign_key("patient_id", of="patients"),
        clinic_foreign_key("notification_id", of="notifications"),
        CheckConstraint("channel in ('email', 'push', 'gateway', 'slack', 'teams')", name="channel"),
        CheckConstraint("state in ('pending', 'sent', 'failed', 'cancelled')", name="state"),
        CheckConstraint("mode in ('test', 'live')", name="mode"),
        # By lane: a clinic's urgent ones of one channel, and so on.
        Index(
            "ix_outgoing_messages_due",
            "clinic_id",
            "urgent",
            "channel",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_outgoing_messages_too_late",
            "clinic_id",
            "not_after",
            postgresql_where=text("state = 'pending' AND not_after IS NOT NULL"),
        ),
        Index(
            "ix_outgoing_messages_urgent_failed",
            "clinic_id",
            "queued_at",
            postgresql_where=text("state = 'failed' AND urgent"),
        ),
        Index("ix_outgoing_messages_patient", "clinic_id", "patient_id"),
        # Of one cause, a channel is notified once.
        Index(
            "uq_outgoing_messages_cause",
            "clinic_id",
            "notice_channel_id",
            "notification_id",
            unique=True,
            postgresql_where=text("notice_channel_id IS NOT NULL"),
        ),
        Index(
            "ix_outgoing_messages_notice",
            "clinic_id",
            "notice_channel_id",
            "state",
            "sent_at",
            postgresql_where=text("notice_channel_id IS NOT NULL"),
        ),
        Index(
            "ix_outgoing_messages_notification",
            "clinic_id",
            "notification_id",
            postgresql_where=text("notification_id IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str]
    address_sealed: Mapped[bytes | None]
    wording: Mapped[str]
    # Someone waits for it: it has its own slots.
    urgent: Mapped[bool]
    locale: Mapped[str]
    link_sealed: Mapped[bytes | None]
    mode: Mapped[str]
    # Whom it is for, when that is a patient; None for staff.
    patient_id: Mapped[UUID | None]
    # What it is about, such as the reminder it carries.
    subject_id: Mapped[UUID | None]
    state: Mapped[str]
    queued_at: Mapped[datetime]
    # From then on it helps nobody: the link has expired, the quiet hours have begun.
    not_after: Mapped[datetime | None]
    attempts: Mapped[int]
    first_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime]
    # While a worker is sending; a worker that died lets go of it when this time has passed.
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    # Why the last attempt failed, as a code of ours.
    trouble: Mapped[str | None]
    # For a channel of the care team: which one, and what of; address and link are then not kept here.
    notice_channel_id: Mapped[UUID | None] = mapped_column(default=None)
    notification_id: Mapped[UUID | None] = mapped_column(default=None)


async def add(work: UnitOfWork, message: OutgoingMessage) -> None:
    """Keep a new message."""
    values = values_of(message)
    await work.execute(insert(OutgoingMessage).values(clinic_id=work.clinic_id, **values))


async def lock(work: UnitOfWork, message_id: UUID) -> OutgoingMessage | None:
    """Find a message and keep others off it until the transaction ends."""
    mine = _mine(work, message_id)
    await work.execute(select(OutgoingMessage.id).where(mine).with_for_update())
    row = (await work.execute(select(OutgoingMessage.__table__).where(mine))).one_or_none()
    return row and _message(row)


async def lock_due(
    work: UnitOfWork, *, channel: str, wording: str, now: datetime, limit: int
) -> list[OutgoingMessage]:
    """Find messages of one wording to persons that are due and that no worker has, and keep others off them."""
    found = await work.execute(
        select(OutgoingMessage.__table__)
        .where(
            *_due(work, channel, now),
            OutgoingMessage.urgent.is_(False),
            OutgoingMessage.wording == wording,
            OutgoingMessage.notice_channel_id.is_(None),
        )
        .order_by(OutgoingMessage.next_attempt_at, OutgoingMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_message(row) for row in found]


async def claim(work: UnitOfWork, message_ids: Sequence[UUID], *, now: datetime, until: datetime) -> None:
    """Take messages for sending, for a while; how it ended is what the audit log records."""
    await work.execute(
        update(OutgoingMessage)
        .where(work.owns(OutgoingMessage), OutgoingMessage.id.in_(message_ids))
        .values(
            claimed_until=until,
            attempts=OutgoingMessage.attempts + 1,
            first_attempt_at=func.coalesce(OutgoingMessage.first_attempt_at, now),
        ),
        unaudited="a step of an attempt; how it ended is in the log",
    )


async def keep_result(
    work: UnitOfWork,
    message_ids: Sequence[UUID],
    *,
    state: str,
    trouble: str | None,
    next_attempt_at: datetime,
    sent_at: datetime | None,
) -> None:
    """Keep how attempts ended that ended alike; address and link go when a message is over."""
    values: dict[str, Any] = {
        "state": state,
        "trouble": trouble,
        "next_attempt_at": next_attempt_at,
        "claimed_until": None,
        "sent_at": sent_at,
    }
    if state != "pending":
        values |= {"address_sealed": None, "link_sealed": None}
    await work.execute(
        update(OutgoingMessage)
        # What is over stays so, whatever a late second try says.
        .where(
            work.owns(OutgoingMessage),
            OutgoingMessage.id.in_(message_ids),
            OutgoingMessage.state == "pending",
        )
        .values(values)
    )


async def due_ids(work: UnitOfWork, *, urgent: bool, channel: str, now: datetime, limit: int) -> list[UUID]:
    """List messages of one lane that are due and that no worker holds, what waits longest first."""
    found = await work.execute(
        select(OutgoingMessage.id)
        .where(*_due(work, channel, now), OutgoingMessage.urgent.is_(urgent))
        .order_by(OutgoingMessage.next_attempt_at, OutgoingMessage.id)
        .limit(limit)
    )
    return list(found.scalars())


def _due(work: UnitOfWork, channel: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        work.owns(OutgoingMessage),
        OutgoingMessage.state == PENDING,
        OutgoingMessage.channel == channel,
        OutgoingMessage.next_attempt_at <= now,
        unclaimed(OutgoingMessage.claimed_until, now),
    )


async def cancel_too_late(work: UnitOfWork, *, now: datetime) -> list[UUID]:
    """End messages that help nobody any more and that no worker holds; address and link go. Gives which."""
    ended = await work.execute(
        update(OutgoingMessage)
        .where(
            work.owns(OutgoingMessage),
            OutgoingMessage.state == PENDING,
            OutgoingMessage.not_after <= now,
            unclaimed(OutgoingMessage.claimed_until, now),
        )
        .values(state="cancelled", trouble="too_late", address_sealed=None, link_sealed=None)
        .returning(OutgoingMessage.id)
    )
    return list(ended.scalars())


async def cancel_of_patient(
    work: UnitOfWork, patient_id: UUID, *, trouble: str, channel: str | None = None
) -> None:
    """End what waits for a patient, to whom nothing more is sent, over one channel or at all; address and link go.

    The care team's stays.
    """
    row = OutgoingMessage
    await work.execute(
        update(row)
        .where(
            work.owns(row),
            row.patient_id == patient_id,
            row.notice_channel_id.is_(None),
            row.state == PENDING,
            row.channel == channel if channel else true(),
        )
        .values(state="cancelled", trouble=trouble, address_sealed=None, link_sealed=None)
    )


async def safety_mail_failed(work: UnitOfWork, *, since: datetime) -> bool:
    """Say whether a mail about a safety event that was queued since then was given up."""
    found = await work.execute(
        select(
            exists().where(
                work.owns(OutgoingMessage),
                OutgoingMessage.state == literal_column("'failed'"),
                OutgoingMessage.urgent.is_(True),
                OutgoingMessage.queued_at >= since,
                OutgoingMessage.wording == "safety_unacknowledged",
            )
        )
    )
    return bool(found.scalar_one())


async def not_sent(work: UnitOfWork, *, since: datetime) -> dict[tuple[str, str], int]:
    """Count by channel and state what waits, and what failed since then."""
    failed_lately = and_(OutgoingMessage.state == "failed", OutgoingMessage.queued_at >= since)
    found = await work.execute(
        select(
            OutgoingMessage.channel,
            OutgoingMessage.state,
            func.count().label("how_many"),
        )
        .where(
            work.owns(OutgoingMessage),
            or_(OutgoingMessage.state == "pending", failed_lately),
        )
        .group_by(OutgoingMessage.channel, OutgoingMessage.state)
    )
    return {(row.channel, row.state): row.how_many for row in found}


def _mine(work: UnitOfWork, message_id: UUID) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a condition
    return and_(work.owns(OutgoingMessage), OutgoingMessage.id == message_id)


def _message(row: Any) -> OutgoingMessage:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    values.pop("clinic_id")
    return OutgoingMessage(**values)
