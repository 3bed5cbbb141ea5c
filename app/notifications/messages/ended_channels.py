"""A chat service says that an address is no more: nothing goes there any longer, and people hear of it."""

from datetime import datetime
from uuid import UUID

from app.context import AppContext
from app.foundation.audit import SYSTEM, AuditEvent
from app.notifications.messages.to_contacts import BOTH, tell_contacts
from app.notifications.messages.wording import worklist_link
from app.outbox import Wording
from app.storage import clinics, notice_channels, notices
from app.storage.engine.unit_of_work import UnitOfWork


async def end_channel(work: UnitOfWork, context: AppContext, channel_id: UUID, *, now: datetime) -> None:
    """End a channel, once, and write to both contacts."""
    audit = AuditEvent(
        at=now,
        actor=SYSTEM,
        action="notice_channel.ended",
        subject_kind="notice_channel",
        subject_id=channel_id,
    )
    profile = await clinics.profile(work)
    if not await notice_channels.end(work, channel_id, now=now, audit=audit) or profile is None:
        return
    await notices.cancel_all_to(work, channel_id, audit=audit)
    await tell_contacts(
        work,
        context.vault,
        BOTH,
        Wording.NOTICE_CHANNEL_ENDED,
        link=worklist_link(context.public_url),
        mode=profile.mode,
        now=now,
    )
