"""A chat service says that an address is no more: nothing goes there any longer, and people hear of it."""

from uuid import UUID

from app.context import Work
from app.notifications.messages.to_contacts import BOTH, notify_contacts
from app.notifications.messages.wording import worklist_link
from app.outbox import Wording
from app.storage import clinics, notice_channels, notices


async def end_channel(work: Work, channel_id: UUID) -> None:
    """End a channel, once, and write to both contacts."""
    profile = await clinics.profile(work)
    if not await notice_channels.end(work, channel_id, now=work.now) or profile is None:
        return
    work.audit("notice_channel.ended", "notice_channel", channel_id)
    await notices.cancel_all_to(work, channel_id)
    await notify_contacts(
        work,
        work.vault,
        BOTH,
        Wording.NOTICE_CHANNEL_ENDED,
        link=worklist_link(work.public_url),
        mode=profile.mode,
        now=work.now,
    )
