"""Notices to one channel of the care team take turns, and those that came together go as one.

A burst must not teach anybody to look away: what is not urgent goes at most once in five minutes, and then
stands for all that waits. What is urgent goes at once, always, and by itself.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.outbox import BUNDLED, Wording
from app.storage import notice_channels, notices
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notices import OtherNotice
from app.storage.outgoing_messages import OutgoingMessage

ONCE_IN: Final = timedelta(minutes=5)


async def lock_for_update(work: UnitOfWork, message_id: UUID) -> None:
    """Keep others off the channel that a notice goes to until the transaction ends.

    Before the message itself is locked, and so by everybody in the same order.
    """
    channel_id = await notices.channel_of(work, message_id)
    if channel_id is not None:
        await notice_channels.find(work, channel_id, lock=True)


async def waits_until(work: UnitOfWork, message: OutgoingMessage, *, now: datetime) -> datetime | None:
    """Say how long a notice has to wait for its channel's turn; None when it may go now."""
    if message.notice_channel_id is None or not Wording(message.wording).is_bundled:
        return None
    others = await _others(work, message, message.notice_channel_id, sent_after=now - ONCE_IN)
    until = max((_busy_until(other) for other in others), default=now)
    return until if until > now else None


async def waiting_along(work: UnitOfWork, message: OutgoingMessage, channel_id: UUID) -> list[OtherNotice]:
    """List the notices that wait for the same channel and that this one can stand for."""
    if not Wording(message.wording).is_bundled:
        return []
    others = await _others(work, message, channel_id, sent_after=message.queued_at)
    return [other for other in others if other.state == "pending"]


def _busy_until(other: OtherNotice) -> datetime:
    """A channel is busy while another is sent, until another is tried again, and a while after it went."""
    if other.sent_at is not None:
        return other.sent_at + ONCE_IN
    if other.claimed_until is not None:
        return other.claimed_until
    return (
        other.next_attempt_at if other.attempts else datetime.min.replace(tzinfo=other.next_attempt_at.tzinfo)
    )


async def _others(
    work: UnitOfWork, message: OutgoingMessage, channel_id: UUID, *, sent_after: datetime
) -> list[OtherNotice]:
    wordings = [wording.value for wording in BUNDLED]
    return await notices.others(work, message.id, channel_id, wordings=wordings, sent_after=sent_after)
