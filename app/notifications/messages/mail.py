"""Sending one mail to the operator's mail server, and the address behind its "unsubscribe" button (RFC 8058).

That address is good for one patient's reminders by mail. It names the patient by id, and is signed; it says nothing
else of them, and outlives the row of the mail.
"""

import asyncio
import hmac
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from uuid import UUID

import aiosmtplib

from app.foundation.addresses import EmailNotUsableError, mailable
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.relays import MailRelay, Tls
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import Vault
from app.notifications.messages.outcomes import SENT, Ending, Outcome
from app.notifications.messages.wording import Text

_STEP_SECONDS: Final = 15.0
_TOTAL_SECONDS: Final = 40.0
_FOR_GOOD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail about to be sent; ``unsubscribe`` is the address that stops the likes of it, if there is one."""

    id: UUID
    to: str = field(repr=False)
    text: Text
    link: str = field(repr=False)
    sent_at: datetime
    unsubscribe: str | None = field(default=None, repr=False)


class UnusableAddressError(ValueError):
    """No mail can be sent to such an address."""


async def send_mail(relay: MailRelay, mail: Mail) -> Outcome:
    """Hand a mail over to the mail server. Never raises for what the server does, and keeps none of its words.

    A refusal of this address or this mail (5xx) is for good; whatever concerns the server itself, such as a
    wrong password, is the operator's to fix, and the mail waits.
    """
    try:
        mail = replace(mail, to=mailable(mail.to))
        content = compose(relay, mail).as_bytes()
    except (UnusableAddressError, EmailNotUsableError):
        return Outcome(ending=Ending.REFUSED, trouble="address")
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.tls is Tls.FROM_THE_START,
        start_tls=relay.tls is Tls.STARTTLS,
        username=relay.user,
        password=relay.password,
        tls_context=relay.trust,
        timeout=_STEP_SECONDS,
    )
    try:
        async with asyncio.timeout(_TOTAL_SECONDS):
            return await _converse(client, relay, mail, content)
    except (aiosmtplib.SMTPException, OSError, ValueError):
        return Outcome(ending=Ending.NOT_TAKEN, trouble="mail_server")
    finally:
        client.close()


async def _converse(client: aiosmtplib.SMTP, relay: MailRelay, mail: Mail, content: bytes) -> Outcome:
    await client.connect()
    try:
        await client.mail(relay.sender)
        await client.rcpt(mail.to)
    except aiosmtplib.SMTPRecipientRefused as refusal:
        return _refused(refusal, "recipient_refused")
    try:
        await client.data(content)
    except aiosmtplib.SMTPResponseException as refusal:
        return _refused(refusal, "mail_refused")
    except (aiosmtplib.SMTPException, OSError):
        # From here on the server has all of it, and only its answer is missing.
        return Outcome(ending=Ending.UNCLEAR, trouble="no_answer")
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit()
    return SENT


def _refused(refusal: aiosmtplib.SMTPResponseException, trouble: str) -> Outcome:
    for_good = refusal.code // 100 == _FOR_GOOD
    return Outcome(ending=Ending.REFUSED if for_good else Ending.NOT_TAKEN, trouble=trouble)


def compose(relay: MailRelay, mail: Mail) -> EmailMessage:
    """Write the mail: plain text, so that nothing in it can be tracked or fetched.

    Raises:
        UnusableAddressError: the address is none, or not one that every mail server takes.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = Address(addr_spec=mail.to)
        mail.to.encode("ascii")
    except (MessageError, ValueError, IndexError):
        raise UnusableAddressError(UnusableAddressError.__doc__) from None
    message["From"] = Address(display_name="Afterglow", addr_spec=relay.sender)
    message["Subject"] = mail.text.subject
    message["Date"] = mail.sent_at
    # The same on every attempt, so that mailboxes can recognize a repeat.
    message["Message-ID"] = f"<{mail.id}@{relay.sender.rpartition('@')[2]}>"
    # So that no holiday notice comes back.
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(f"{mail.text.body}\n\n{mail.link}\n")
    return message


_PURPOSE: Final = b"unsubscribe patient"
# Mails of before name the message that they are, which leads to the patient as long as it is kept.
_BY_MESSAGE: Final = b"unsubscribe"
_PROOF_BYTES: Final = 16
_ID_BYTES: Final = 16


class UnsubscribeLinkNotValidError(RefusalError):
    """This link is not one that came with a mail of ours."""

    kind = RefusalKind.NOT_FOUND
    code = "unsubscribe-link-not-valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeLink:
    """Whose reminders in which clinic a link ends: the patient's, or those of the patient a message went to."""

    clinic_id: UUID
    patient_id: UUID | None = None
    message_id: UUID | None = None


def write_link(vault: Vault, public_url: str, *, clinic_id: UUID, patient_id: UUID) -> str:
    """Make the address that goes into a mail's header."""
    ids = clinic_id.bytes + patient_id.bytes
    token = base64url(ids + _proof(vault, _PURPOSE, ids))
    return f"{public_url}/v1/unsubscribe/{token}"


def read_link(vault: Vault, token: str) -> UnsubscribeLink:
    """Read what follows the last slash.

    Raises:
        UnsubscribeLinkNotValidError: we did not write it.
    """
    try:
        raw = from_base64url(token)
    except ValueError:
        raise UnsubscribeLinkNotValidError from None
    ids, proof = raw[: 2 * _ID_BYTES], raw[2 * _ID_BYTES :]
    clinic_id, named = ids[:_ID_BYTES], ids[_ID_BYTES:]
    if len(named) == _ID_BYTES and hmac.compare_digest(proof, _proof(vault, _PURPOSE, ids)):
        return UnsubscribeLink(clinic_id=UUID(bytes=clinic_id), patient_id=UUID(bytes=named))
    if len(named) == _ID_BYTES and hmac.compare_digest(proof, _proof(vault, _BY_MESSAGE, ids)):
        return UnsubscribeLink(clinic_id=UUID(bytes=clinic_id), message_id=UUID(bytes=named))
    raise UnsubscribeLinkNotValidError


def _proof(vault: Vault, purpose: bytes, ids: bytes) -> bytes:
    return vault.digest(purpose, ids)[:_PROOF_BYTES]
