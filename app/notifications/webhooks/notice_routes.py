"""The care team's channels beside webhooks, and what did not get out, for the clinic's engineer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.notifications.webhooks import notice_channels
from app.notifications.webhooks.notice_schemas import (
    NoticeChannelEntry,
    NoticeChannelList,
    NoticeChannelReply,
    NoticeTestReply,
    UndeliveredSummaryReply,
)
from app.notifications.webhooks.queries import undelivered

router = APIRouter(prefix="/v1", tags=["webhooks"])
ManageWebhooks = Annotated[Work, work_for(Permission.WEBHOOKS)]


@router.post("/notice-channels", status_code=201, summary="Add a notice channel")
async def add_notice_channel(body: NoticeChannelEntry, work: ManageWebhooks) -> NoticeChannelReply:
    """Have a mail address or a chat notified that there is something to look at; never what, and of whom."""
    channel = await notice_channels.add_channel(
        work, kind=body.kind, address=body.address, events=body.events, locale=body.locale
    )
    return NoticeChannelReply.of(channel)


@router.get("/notice-channels", summary="List notice channels")
async def list_notice_channels(work: ManageWebhooks) -> NoticeChannelList:
    """List the clinic's channels, oldest first, with their addresses masked."""
    found = await notice_channels.list_channels(work)
    return NoticeChannelList(items=[NoticeChannelReply.of(channel) for channel in found])


@router.delete("/notice-channels/{channel_id}", status_code=204, summary="Remove a notice channel")
async def remove_notice_channel(channel_id: UUID, work: ManageWebhooks) -> None:
    """Take a channel away; what waits for it is not sent."""
    await notice_channels.remove_channel(work, channel_id)


@router.post("/notice-channels/{channel_id}/test", status_code=202, summary="Try a notice channel")
async def send_test_notice(channel_id: UUID, work: ManageWebhooks) -> NoticeTestReply:
    """Send this channel a text that says it is only a try, and ask for nothing."""
    return NoticeTestReply(message_id=await notice_channels.send_test(work, channel_id))


@router.get("/undelivered", summary="Read what did not get out")
async def read_not_delivered(work: ManageWebhooks) -> UndeliveredSummaryReply:
    """Sum up by endpoint what is held or exhausted now, and whether safety events are among it."""
    return UndeliveredSummaryReply.of(await undelivered(work))
