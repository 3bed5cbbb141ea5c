"""Which way a message goes, and handing it over on that way."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import httpx2

from app.context import AppContext
from app.notifications.messages.chats import ChatNote, post_to_chat
from app.notifications.messages.http_posts import GatewayCall, GatewayKind, call_gateway
from app.notifications.messages.mail import Mail, send_mail, write_link
from app.notifications.messages.notice_channels import notice_address, waiting_along
from app.notifications.messages.outcomes import Outcome
from app.notifications.messages.web_push import (
    AppAddress,
    Push,
    PushAddress,
    WebPushAddress,
    send_push,
    subscribed_address,
)
from app.notifications.messages.wording import Text, text_of, worklist_link
from app.outbox import Channel, Chat, Wording, address_of, link_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message with its seals opened: where to, its text and its link.

    ``to`` is a mail address, a telephone number, a chat's address, or what the subscription with this id
    leads to. ``along`` are the other notices to the same channel that this one stands for.
    """

    message: OutgoingMessage
    clinic_id: UUID
    to: str | PushAddress = field(repr=False)
    subscription_id: UUID | None
    text: Text
    link: str = field(repr=False)
    urgent: bool
    # Stops the likes of it, by mail; None where it cannot be stopped.
    unsubscribe: str | None = field(repr=False)
    along: tuple[UUID, ...] = ()


def channels_set_up(context: AppContext) -> set[str]:
    """Name the channels that messages can go out over."""
    channels: set[str] = {Channel.PUSH, *Chat}
    if context.mail is not None:
        channels.add(Channel.EMAIL)
    if context.gateway is not None:
        channels.add(Channel.GATEWAY)
    return channels


async def opened(work: UnitOfWork, context: AppContext, message: OutgoingMessage) -> Opened | None:
    """Open a message that is not over; None when the push subscription or the channel it is for is gone."""
    if message.notice_channel_id is not None:
        return await _opened_notice(work, context, message, message.notice_channel_id)
    vault, wording = context.vault, Wording(message.wording)
    to: str | PushAddress | None = address_of(vault, work.clinic_id, message)
    subscription_id = None
    if message.channel == Channel.PUSH:
        subscription_id = UUID(str(to))
        to = await subscribed_address(work, vault, subscription_id)
    if to is None:
        return None
    link = link_of(vault, work.clinic_id, message)
    return Opened(
        message=message,
        clinic_id=work.clinic_id,
        to=to,
        subscription_id=subscription_id,
        text=text_of(wording, locale=message.locale, mode=message.mode, code=link.partition("#")[2]),
        link=link,
        urgent=wording.is_urgent,
        unsubscribe=write_link(
            vault, context.public_url, clinic_id=work.clinic_id, patient_id=message.patient_id
        )
        if wording.is_reminder and message.patient_id
        else None,
    )


async def _opened_notice(
    work: UnitOfWork, context: AppContext, message: OutgoingMessage, channel_id: UUID
) -> Opened | None:
    to = await notice_address(work, context.vault, channel_id)
    if to is None:
        return None
    wording = Wording(message.wording)
    along = await waiting_along(work, message, channel_id)
    # What is live must not go out under the mark of a test.
    mode = "live" if "live" in {message.mode, *(other.mode for other in along)} else message.mode
    return Opened(
        message=message,
        clinic_id=work.clinic_id,
        to=to,
        subscription_id=None,
        text=text_of(wording, locale=message.locale, mode=mode, more=bool(along)),
        link=worklist_link(context.public_url),
        urgent=wording.is_urgent,
        unsubscribe=None,
        along=tuple(other.id for other in along),
    )


def can_go(context: AppContext, opened_message: Opened) -> bool:
    """Say whether there is a way for this message; an app's push goes by the gateway."""
    if isinstance(opened_message.to, AppAddress):
        return context.gateway is not None
    return opened_message.message.channel in channels_set_up(context)


async def hand_over(
    context: AppContext, client: httpx2.AsyncClient, opened_message: Opened, *, now: datetime
) -> Outcome:
    """Send a message on the way that it goes; there must be one."""
    if isinstance(opened_message.to, WebPushAddress):
        return await _push(context, client, opened_message, opened_message.to, now)
    channel = opened_message.message.channel
    if isinstance(opened_message.to, str) and channel == Channel.EMAIL:
        return await _mail(context, opened_message, opened_message.to, now)
    if isinstance(opened_message.to, str) and channel in set(Chat):
        note = ChatNote(to=opened_message.to, text=opened_message.text, link=opened_message.link, sent_at=now)
        return await post_to_chat(client, Chat(channel), note)
    return await _gateway(context, client, opened_message, opened_message.to, now)


async def _push(
    context: AppContext, client: httpx2.AsyncClient, one: Opened, to: WebPushAddress, now: datetime
) -> Outcome:
    push = Push(
        id=one.message.id,
        to=to,
        text=one.text,
        link=one.link,
        urgent=one.urgent,
        sent_at=now,
        not_after=one.message.not_after,
    )
    # Whom a push service may write to about our pushes.
    contact = f"mailto:{context.mail.sender}" if context.mail else context.public_url
    return await send_push(client, context.vault, push, contact=contact)


async def _mail(context: AppContext, one: Opened, to: str, now: datetime) -> Outcome:
    if context.mail is None:
        raise AssertionError  # can_go says so
    mail = Mail(
        id=one.message.id, to=to, text=one.text, link=one.link, sent_at=now, unsubscribe=one.unsubscribe
    )
    return await send_mail(context.mail, mail)


async def _gateway(
    context: AppContext, client: httpx2.AsyncClient, one: Opened, to: str | AppAddress, now: datetime
) -> Outcome:
    if context.gateway is None:
        raise AssertionError  # can_go says so
    call = GatewayCall(
        id=one.message.id,
        kind=GatewayKind.SMS if isinstance(to, str) else GatewayKind.PUSH,
        to=to if isinstance(to, str) else to.token,
        text=one.text,
        link=one.link,
        replies_to=f"{context.public_url}/v1/text-messages/{one.clinic_id}",
        sent_at=now,
    )
    return await call_gateway(client, context.gateway, call)
