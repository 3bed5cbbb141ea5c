"""Putting a message to a person into the outbox, in the transaction of what it is about."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.storage import outgoing_messages
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notice_channels import NoticeChannel
from app.storage.outgoing_messages import OutgoingMessage

DEFAULT_LANGUAGE: Final = "en"
_TABLE: Final = "outgoing_messages"


class Wording(StrEnum):
    """What a message says. Its text, in every language, is in the notifications' wording."""

    CHECK_IN_DUE = "check_in_due"
    SIGN_IN_LINK = "sign_in_link"
    SAFETY_UNACKNOWLEDGED = "safety_unacknowledged"
    SIGNAL_UNACKNOWLEDGED = "signal_unacknowledged"
    ENDPOINT_DOWN = "endpoint_down"
    CONTACT_TEST = "contact_test"
    DRILL = "drill"
    LOOK_AT_WORKLIST = "look_at_worklist"
    LOOK_NOW = "look_now"
    NOTICE_CHANNEL_TEST = "notice_channel_test"
    NOTICE_CHANNEL_ENDED = "notice_channel_ended"
    STAFF_INVITATION = "staff_invitation"
    EMERGENCY_OPENED = "emergency_opened"
    SIGN_IN_LOCKED = "sign_in_locked"
    CLINIC_HAS_READ = "clinic_has_read"
    CLINIC_ASKS_TO_CALL = "clinic_asks_to_call"
    CLINIC_WILL_CALL = "clinic_will_call"
    NUMBER_CODE = "number_code"

    @property
    def is_reminder(self) -> bool:
        """Whether it asks for something that may also be left: asked once at the most, and easy to stop."""
        return self is Wording.CHECK_IN_DUE

    @property
    def is_urgent(self) -> bool:
        """Whether someone waits for it: tried often, and before the others."""
        return self in _URGENT

    @property
    def is_bundled(self) -> bool:
        """Whether several of it, to one channel of the care team, go as one within a few minutes."""
        return self in BUNDLED


class Channel(StrEnum):
    """How a message reaches a person."""

    EMAIL = "email"
    PUSH = "push"
    GATEWAY = "gateway"


class Chat(StrEnum):
    """How a notice reaches a room of the care team's; no person is written to there."""

    SLACK = "slack"
    TEAMS = "teams"


BUNDLED: Final = frozenset({Wording.LOOK_AT_WORKLIST, Wording.ENDPOINT_DOWN})
_URGENT: Final = frozenset(
    {
        Wording.SAFETY_UNACKNOWLEDGED,
        Wording.SIGN_IN_LINK,
        Wording.CONTACT_TEST,
        Wording.DRILL,
        Wording.LOOK_NOW,
        Wording.STAFF_INVITATION,
        Wording.NUMBER_CODE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to be sent.

    Attributes:
        channel: How it reaches the person.
        to: The address of that channel: an e-mail address, the id of a push subscription, or for the
            gateway the telephone number that a text message goes to, such as ``+14155550123``.
        wording: Which of the fixed texts.
        locale: Whose language it is written in, such as ``es-MX``.
        link: What it points to. It may be a secret: it is sealed, and wiped when the message is over.
        mode: The clinic's or the patient's: ``test`` is said in the subject.
        patient_id: Whom it is for, when that is a patient.
        subject_id: What it is about, such as a reminder; asked again before it is sent.
        not_after: From then on it helps nobody and is cancelled; None: for as long as it takes.
    """

    channel: Channel
    to: str
    wording: Wording
    locale: str
    link: str
    mode: str
    patient_id: UUID | None = None
    subject_id: UUID | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice to a channel of the care team: what of, unless it is about no notification. It names nobody.

    Attributes:
        patient_id: On whose account it is sent: what waits is erased with the patient.
    """

    channel: NoticeChannel
    wording: Wording
    mode: str
    notification_id: UUID | None = None
    patient_id: UUID | None = None


async def queue_message(work: Work, message: NewMessage, *, now: datetime) -> UUID:
    """Have a message sent once this transaction commits; gives its id, which is also its Message-ID."""
    message_id = new_id()
    kept = replace(
        _pending(message_id, message.channel.value, message.wording, now=now),
        address_sealed=_seal(work.vault, work.clinic_id, message_id, "address_sealed", message.to),
        locale=message.locale,
        link_sealed=_seal(work.vault, work.clinic_id, message_id, "link_sealed", message.link),
        mode=message.mode,
        patient_id=message.patient_id,
        subject_id=message.subject_id,
        not_after=message.not_after,
    )
    await outgoing_messages.add(work, kept)
    work.wake_outbox()
    return message_id


async def queue_notice(work: UnitOfWork, notice: NewNotice, *, now: datetime) -> UUID:
    """Have a channel of the care team notified once this transaction commits; gives the message's id."""
    message_id = new_id()
    kept = replace(
        _pending(message_id, notice.channel.kind, notice.wording, now=now),
        locale=notice.channel.locale,
        mode=notice.mode,
        notice_channel_id=notice.channel.id,
        notification_id=notice.notification_id,
        patient_id=notice.patient_id,
    )
    await outgoing_messages.add(work, kept)
    work.wake_outbox()
    return message_id


def address_of(vault: Vault, clinic_id: UUID, message: OutgoingMessage) -> str:
    """Open where a message goes to; it must not be over."""
    return _open(vault, clinic_id, message.id, "address_sealed", message.address_sealed)


def link_of(vault: Vault, clinic_id: UUID, message: OutgoingMessage) -> str:
    """Open what a message points to; it must not be over."""
    return _open(vault, clinic_id, message.id, "link_sealed", message.link_sealed)


def _pending(message_id: UUID, channel: str, wording: Wording, *, now: datetime) -> OutgoingMessage:
    return OutgoingMessage(
        id=message_id,
        channel=channel,
        address_sealed=None,
        wording=wording.value,
        urgent=wording.is_urgent,
        locale=DEFAULT_LANGUAGE,
        link_sealed=None,
        mode="live",
        patient_id=None,
        subject_id=None,
        state="pending",
        queued_at=now,
        not_after=None,
        attempts=0,
        first_attempt_at=None,
        next_attempt_at=now,
        claimed_until=None,
        sent_at=None,
        trouble=None,
    )


def _seal(vault: Vault, clinic_id: UUID, message_id: UUID, column: str, text: str) -> bytes:
    return vault.seal(text, table=_TABLE, column=column, clinic_id=clinic_id, row_id=message_id)


def _open(vault: Vault, clinic_id: UUID, message_id: UUID, column: str, sealed: bytes | None) -> str:
    return vault.open(sealed or b"", table=_TABLE, column=column, clinic_id=clinic_id, row_id=message_id)
