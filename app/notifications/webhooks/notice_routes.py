"""The care team's channels beside webhooks, and what did not get out, for the clinic's engineer."""

from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.access import MayManageWebhooks
from app.notifications.webhooks import notice_channels
from app.notifications.webhooks.notice_schemas import (
    NoticeChannelEntry,
    NoticeChannelList,
    NoticeChannelReply,
    NoticeTestReply,
    UndeliveredSummaryReply,
)
from app.notifications.webhooks.undelivered import undelivered
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/v1", tags=["webhooks"])


@router.post("/notice-channels", status_code=201, summary="Add a notice channel")
async def add_notice_channel(
    body: NoticeChannelEntry, context: ContextNeeded, caller: MayManageWebhooks
) -> NoticeChannelReply:
    """Have a mail address or a chat told that there is something to look at; never what, and of whom."""
    channel = await notice_channels.add_channel(
        context,
        caller.clinic_id,
        kind=body.kind,
        address=body.address,
        events=body.events,
        locale=body.locale,
        actor=caller.actor,
    )
    return NoticeChannelReply.of(channel)


@router.get("/notice-channels", summary="List notice channels")
async def list_notice_channels(context: ContextNeeded, caller: MayManageWebhooks) -> NoticeChannelList:
    """List the clinic's channels, oldest first, with their addresses masked."""
    found = await notice_channels.list_channels(context, caller.clinic_id)
    return NoticeChannelList(items=[NoticeChannelReply.of(channel) for channel in found])


@router.delete("/notice-channels/{channel_id}", status_code=204, summary="Remove a notice channel")
async def remove_notice_channel(channel_id: UUID, context: ContextNeeded, caller: MayManageWebhooks) -> None:
    """Take a channel away; what waits for it is not sent."""
    await notice_channels.remove_channel(context, caller.clinic_id, channel_id, actor=caller.actor)


@router.post("/notice-channels/{channel_id}/test", status_code=202, summary="Try a notice channel")
async def send_test_notice(
    channel_id: UUID, context: ContextNeeded, caller: MayManageWebhooks
) -> NoticeTestReply:
    """Send this channel a text that says it is only a try, and ask for nothing."""
    message_id = await notice_channels.send_test(context, caller.clinic_id, channel_id, actor=caller.actor)
    return NoticeTestReply(message_id=message_id)


@router.get("/undelivered", summary="Read what did not get out")
async def read_not_delivered(context: ContextNeeded, caller: MayManageWebhooks) -> UndeliveredSummaryReply:
    """Sum up by endpoint what is held or exhausted now, and whether safety events are among it."""
    return UndeliveredSummaryReply.of(await undelivered(context, caller.clinic_id))
