"""Writing to the care team: where a channel leads, how notices are bundled, and who is written to."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.access.clinics.contacts import Role
from app.access.clinics.queries import clinic_in
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.vault import Vault
from app.notifications.messages.wording import staff_page
from app.outbox import BUNDLED, DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import notice_channels, notices
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notice_channels import NoticeChannel
from app.storage.notices import OtherNotice
from app.storage.outgoing_messages import OutgoingMessage

_TABLE: Final = "notice_channels"
_HIDDEN: Final = "…"


def seal_address(vault: Vault, clinic_id: UUID, channel_id: UUID, address: str) -> bytes:
    """Seal an address: whoever has a chat's may write there in the clinic's name."""
    return vault.seal(address, table=_TABLE, column="address_sealed", clinic_id=clinic_id, row_id=channel_id)


def masked_address(vault: Vault, clinic_id: UUID, channel: NoticeChannel) -> str:
    """Give just enough to show which one it is: a chat's host, or a mail address's first letter and domain."""
    address = _open(vault, clinic_id, channel)
    if "://" in address:
        return f"{urlsplit(address).scheme}://{urlsplit(address).hostname}/{_HIDDEN}"
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}{_HIDDEN}@{domain}"


async def notice_address(work: UnitOfWork, vault: Vault, channel_id: UUID) -> str | None:
    """Find where a channel leads; None when it has ended or was taken away."""
    found = await notice_channels.find(work, channel_id)
    return _open(vault, work.clinic_id, found) if found and found.state == "enabled" else None


def _open(vault: Vault, clinic_id: UUID, channel: NoticeChannel) -> str:
    return vault.open(
        channel.address_sealed, table=_TABLE, column="address_sealed", clinic_id=clinic_id, row_id=channel.id
    )


ONCE_IN: Final = timedelta(minutes=5)
# Until another is tried again: a receiver may ask for a day.
_LONGEST_TURN: Final = timedelta(hours=27)


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
    turns = [_busy_until(other) for other in others]
    # What lies further ahead was written by a clock that was.
    return max((until for until in turns if now < until <= now + _LONGEST_TURN), default=None)


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


BOTH = frozenset(Role)


async def notify_contacts(
    work: Work,
    roles: Collection[Role],
    wording: Wording,
    *,
    link: str,
    mode: str,
    now: datetime,
) -> int:
    """Write to these contacts once this transaction commits; where none of them is named, to whoever is.

    Where ``link`` is an address of the API, people get the page of the same. Gives how many are written to: none
    in a test clinic that has named nobody yet.
    """
    named = (await clinic_in(work)).contacts
    asked = [contact for role, contact in named.items() if role in roles]
    people = asked or list(named.values())
    for contact in people:
        message = NewMessage(
            channel=Channel.EMAIL,
            to=contact.email,
            wording=wording,
            locale=DEFAULT_LANGUAGE,
            link=staff_page(link),
            mode=mode,
        )
        await queue_message(work, message, now=now)
        work.audit(f"contact.notified_{wording.value}", "clinic", work.clinic_id, actor=SYSTEM)
    return len(people)


async def notify_other_contact(work: Work, message: OutgoingMessage, refused: str, *, link: str) -> None:
    """Write to the clinic's other contact, at once, what the mail server of this one refused for good.

    Once: where both refuse, ``attention`` says so and the next escalation tries both again.
    """
    people = (await clinic_in(work)).contacts.values()
    if message.subject_id is not None or refused not in {one.email for one in people}:
        return
    for contact in people:
        if contact.email != refused:
            instead = NewMessage(
                channel=Channel.EMAIL,
                to=contact.email,
                wording=Wording(message.wording),
                locale=DEFAULT_LANGUAGE,
                link=link,
                mode=message.mode,
                subject_id=message.id,
            )
            await queue_message(work, instead, now=work.real_now)
            work.audit("contact.notified_instead", "clinic", work.clinic_id, actor=SYSTEM)
