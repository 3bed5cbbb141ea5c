"""Notice channels: where people of the care team are notified by mail or chat. The address is sealed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, and_, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class NoticeChannel(TenantRow):
    """A channel as stored."""

    __tablename__ = "notice_channels"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("kind in ('email', 'slack', 'teams')", name="kind"),
        CheckConstraint("state in ('enabled', 'ended')", name="state"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    address_sealed: Mapped[bytes]
    events: Mapped[list[str]]
    locale: Mapped[str]
    # Ended: the chat service said that the address is no more.
    state: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # Only what concerns patients in whose care team this member is. Never of safety events.
    care_team: Mapped[UUID | None] = mapped_column(default=None)


async def add(work: UnitOfWork, channel: NoticeChannel) -> None:
    """Keep a new channel."""
    values = values_of(channel)
    await work.execute(insert(NoticeChannel).values(clinic_id=work.clinic_id, **values))


async def find(work: UnitOfWork, channel_id: UUID, *, lock: bool = False) -> NoticeChannel | None:
    """Find one channel of this clinic; locked, its messages take turns."""
    mine = _mine(work, channel_id)
    if lock:
        await work.execute(select(NoticeChannel.id).where(mine).with_for_update(key_share=True))
    row = (await work.execute(select(*columns_of(NoticeChannel)).where(mine))).one_or_none()
    return row and _channel(row)


async def all_of_clinic(work: UnitOfWork) -> list[NoticeChannel]:
    """List the clinic's channels, oldest first."""
    found = await work.execute(
        select(*columns_of(NoticeChannel)).where(work.owns(NoticeChannel)).order_by(NoticeChannel.id)
    )
    return [_channel(row) for row in found]


async def end(work: UnitOfWork, channel_id: UUID, *, now: datetime) -> bool:
    """Write there no more; says whether this is the first to say so."""
    return await work.changes(
        update(NoticeChannel)
        .where(_mine(work, channel_id), NoticeChannel.state == "enabled")
        .values(state="ended", ended_at=now)
    )


async def remove(work: UnitOfWork, channel_id: UUID) -> bool:
    """Forget a channel; says whether it was there."""
    return await work.changes(delete(NoticeChannel).where(_mine(work, channel_id)))


def _mine(work: UnitOfWork, channel_id: UUID) -> Any:  # noqa: ANN401 - SQLAlchemy's type of a condition
    return and_(work.owns(NoticeChannel), NoticeChannel.id == channel_id)


def _channel(row: Any) -> NoticeChannel:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    return NoticeChannel(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
