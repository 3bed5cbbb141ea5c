"""Making a sign-in link: kept as a digest, and mailed to the patient's address where one is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.care.patients.contact import email_of
from app.context import Work
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import sign_in_links
from app.storage.patients import PatientRecord
from app.storage.sign_in_links import SignInLink

LASTS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLink:
    """A link for one patient; ``sent`` says whether it is on its way to the patient's address, too."""

    url: str
    expires_at: datetime
    sent: bool


async def add_link(work: Work, patient: PatientRecord) -> IssuedLink:
    """Keep a new link and have it mailed, in this transaction."""
    text, reference = new_token(TokenKind.SIGN_IN_LINK, work.clinic_id)
    link = SignInLink(
        id=new_id(),
        patient_id=patient.id,
        digest=reference.digest,
        made_at=work.now,
        expires_at=work.now + LASTS,
        used_at=None,
    )
    await sign_in_links.add(work, link)
    work.audit("sign_in_link.issued", "sign_in_link", link.id, patient_id=patient.id)
    url = f"{work.public_url}/p/link/{text}"
    sent = await _send(work, patient, link, url)
    return IssuedLink(url=url, expires_at=link.expires_at, sent=sent)


async def _send(work: Work, patient: PatientRecord, link: SignInLink, url: str) -> bool:
    """Have a link mailed, where an address is known and a mail server is set up; says whether it will be."""
    email = email_of(work.vault, work.clinic_id, patient)
    if email is None or work.context.mail is None:
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
    await queue_message(work, work.vault, message, now=work.now)
    work.audit("sign_in_link.queued", "sign_in_link", link.id, patient_id=patient.id)
    return True
