"""Making a sign-in link: kept as a digest, and mailed to the patient's address where one is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.care.patients.contact import email_of
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import sign_in_links
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord
from app.storage.sign_in_links import SignInLink

LASTS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLink:
    """A link for one patient; ``sent`` says whether it is on its way to the patient's address, too."""

    url: str
    expires_at: datetime
    sent: bool


async def add_link(
    work: UnitOfWork, context: AppContext, patient: PatientRecord, *, actor: Actor, now: datetime
) -> IssuedLink:
    """Keep a new link and have it mailed, in this transaction."""
    text, reference = new_token(TokenKind.SIGN_IN_LINK, work.clinic_id)
    link = SignInLink(
        id=new_id(),
        patient_id=patient.id,
        digest=reference.digest,
        made_at=now,
        expires_at=now + LASTS,
        used_at=None,
    )
    await sign_in_links.add(
        work, link, audit=link_event(now, actor, "sign_in_link.issued", link.id, patient.id)
    )
    url = f"{context.public_url}/p/link/{text}"
    sent = await _send(work, context, patient, link, url, actor=actor)
    return IssuedLink(url=url, expires_at=link.expires_at, sent=sent)


async def _send(
    work: UnitOfWork,
    context: AppContext,
    patient: PatientRecord,
    link: SignInLink,
    url: str,
    *,
    actor: Actor,
) -> bool:
    """Have a link mailed, where an address is known and a mail server is set up; says whether it will be."""
    email = email_of(context.vault, work.clinic_id, patient)
    if email is None or context.mail is None:
        return False
    message = NewMessage(
        channel=Channel.EMAIL,
        to=email,
        wording=Wording.SIGN_IN_LINK,
        locale=patient.locale,
        link=url,
        mode=patient.mode,
        patient_id=patient.id,
        subject_id=link.id,
        not_after=link.expires_at,
    )
    audit = link_event(link.made_at, actor, "sign_in_link.queued", link.id, patient.id)
    await queue_message(work, context.vault, message, now=link.made_at, audit=audit)
    return True


def link_event(now: datetime, actor: Actor, action: str, link_id: UUID, patient_id: UUID) -> AuditEvent:
    """Make a line of the trail about a link."""
    return AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject_kind="sign_in_link",
        subject_id=link_id,
        patient_id=patient_id,
    )
