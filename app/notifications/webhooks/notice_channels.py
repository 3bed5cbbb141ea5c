"""The care team's channels beside webhooks, as the clinic's engineer manages them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.access.clinics.service import clinic_in
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.notifications.messages.notice_channels import masked_address, seal_address
from app.notifications.webhooks.notices import UNLESS_CHOSEN, NoticeEvent
from app.notifications.webhooks.receiver_addresses import checked_address
from app.outbox import NewNotice, Wording, queue_notice
from app.storage import notice_channels, notices
from app.storage.notice_channels import NoticeChannel


class NoticeKind(StrEnum):
    """What a channel is."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"


class NoticeChannelEndedError(RefusalError):
    """This channel has ended: its chat service said that the address is no more. Add another."""

    kind = RefusalKind.CONFLICT
    code = "notice-channel-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeChannelView:
    """A channel as its people see it: its address only masked."""

    id: UUID
    kind: str
    address: str
    events: tuple[str, ...]
    locale: str
    state: str
    created_at: datetime
    ended_at: datetime | None


async def add_channel(
    context: AppContext,
    clinic_id: UUID,
    *,
    kind: NoticeKind,
    address: str,
    events: Sequence[NoticeEvent] | None,
    locale: str,
    actor: Actor,
) -> NoticeChannelView:
    """Add a channel; a chat's address is held to the rules of endpoints.

    Raises:
        EndpointAddressRefusedError: a chat's address is not public HTTPS; see ``checked_address``.
    """
    if kind is not NoticeKind.EMAIL:
        address = await checked_address(context, clinic_id, address)
    channel_id, now = new_id(), context.clock.now()
    channel = NoticeChannel(
        id=channel_id,
        kind=kind.value,
        address_sealed=seal_address(context.vault, clinic_id, channel_id, address),
        events=tuple(dict.fromkeys(event.value for event in events or UNLESS_CHOSEN)),
        locale=locale,
        state="enabled",
        created_at=now,
        ended_at=None,
    )
    async with context.database.work(clinic_id) as work:
        await notice_channels.add(work, channel, audit=_event(now, actor, "added", channel_id))
        await work.commit()
    return _view(context.vault, clinic_id, channel)


async def list_channels(context: AppContext, clinic_id: UUID) -> list[NoticeChannelView]:
    """List the clinic's channels, oldest first."""
    async with context.database.work(clinic_id) as work:
        found = await notice_channels.all_of_clinic(work)
    return [_view(context.vault, clinic_id, channel) for channel in found]


async def remove_channel(context: AppContext, clinic_id: UUID, channel_id: UUID, *, actor: Actor) -> None:
    """Take a channel away; what waits for it is not sent.

    Raises:
        NotFoundError: the clinic has no such channel.
    """
    audit = _event(context.clock.now(), actor, "removed", channel_id)
    async with context.database.work(clinic_id) as work:
        if not await notice_channels.remove(work, channel_id, audit=audit):
            raise NotFoundError
        await notices.cancel_all_to(work, channel_id, audit=audit)
        await work.commit()


async def send_test(context: AppContext, clinic_id: UUID, channel_id: UUID, *, actor: Actor) -> UUID:
    """Send a channel a text that says it is only a try; gives the message's id.

    Raises:
        NotFoundError: the clinic has no such channel.
        NoticeChannelEndedError: it has ended.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        channel = await notice_channels.find(work, channel_id)
        if channel is None:
            raise NotFoundError
        if channel.state != "enabled":
            raise NoticeChannelEndedError
        mode = (await clinic_in(work, context.vault)).mode
        notice = NewNotice(channel=channel, wording=Wording.NOTICE_CHANNEL_TEST, mode=mode)
        message_id = await queue_notice(work, notice, now=now, audit=_event(now, actor, "tested", channel_id))
        await work.commit()
    return message_id


def _view(vault: Vault, clinic_id: UUID, channel: NoticeChannel) -> NoticeChannelView:
    return NoticeChannelView(
        id=channel.id,
        kind=channel.kind,
        address=masked_address(vault, clinic_id, channel),
        events=channel.events,
        locale=channel.locale,
        state=channel.state,
        created_at=channel.created_at,
        ended_at=channel.ended_at,
    )


def _event(now: datetime, actor: Actor, what: str, channel_id: UUID) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action=f"notice_channel.{what}",
        subject_kind="notice_channel",
        subject_id=channel_id,
    )
