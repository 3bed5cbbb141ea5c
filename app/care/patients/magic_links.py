"""Sign-in links: mailed, single use, for one patient, good for a day. Looking at one never spends it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.patients.corrections import ArchivedError
from app.care.patients.devices import OpenedBrowser, device_actor, open_browser
from app.care.patients.queries import existing
from app.care.patients.sealed_fields import email_of
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token, read_token
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import login_throttle as failed_tries
from app.storage import patient_states, patients, sign_in_links
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
        made_at=work.real_now,
        expires_at=work.real_now + LASTS,
        used_at=None,
    )
    await sign_in_links.add(work, link)
    work.audit("sign_in_link.issued", "sign_in_link", link.id, patient_id=patient.id)
    url = f"{work.public_url}/p/link/{text}"
    sent = await _send(work, patient, link, url)
    return IssuedLink(url=url, expires_at=link.expires_at, sent=sent)


async def _send(work: Work, patient: PatientRecord, link: SignInLink, url: str) -> bool:
    """Have a link mailed, where an address is known and a mail server is set up; says whether it will be."""
    email = email_of(work, patient)
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
    await queue_message(work, message, now=work.real_now)
    work.audit("sign_in_link.queued", "sign_in_link", link.id, patient_id=patient.id)
    return True


# How many links a patient may have had made within a day before the page's button stops sending more.
_MOST_A_DAY: Final = 5
_MOST_ASKED_FROM_ONE_ADDRESS: Final = 5


class LinkState(StrEnum):
    """What a link is good for. Its secret cannot be guessed, so that its holder may know."""

    VALID = "valid"
    EXPIRED = "expired"
    USED = "used"
    UNKNOWN = "unknown"


class LinkNotKnownError(RefusalError):
    """This link does not work; it may have been cut off on its way. Please ask the clinic for a new one."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "link-not-known"


class LinkExpiredError(RefusalError):
    """This link is older than a day and no longer works. Please ask for a new one."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "link-expired"


class LinkUsedError(RefusalError):
    """This link was used before, and each works once. Please ask for a new one."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "link-used"


class TooManyLinksAskedError(RefusalError):
    """New links were asked for too often from here; please wait, or ask the clinic for help."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-links-asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLink:
    """What became of a link, and the language of the patient it is for; None where nobody is known."""

    state: LinkState
    locale: str | None


async def make(work: Work, patient_id: UUID) -> IssuedLink:
    """Make a link for a patient of this clinic.

    Raises:
        NotFoundError: the clinic has no such patient.
        ArchivedError: nobody would read what the patient sends.
    """
    patient = await existing(work, patient_id)
    if patient.archived_at is not None:
        raise ArchivedError
    return await add_link(work, patient)


async def look_at(context: AppContext, token: str) -> SeenLink:
    """Say what a link is good for, without spending it."""
    try:
        reference = _reference(token)
    except LinkNotKnownError:
        return SeenLink(state=LinkState.UNKNOWN, locale=None)
    async with context.work(reference.clinic_id) as work:
        link = await sign_in_links.find(work, reference.digest)
        patient = None if link is None else await patients.find(work, link.patient_id)
    if link is None or patient is None:
        return SeenLink(state=LinkState.UNKNOWN, locale=None)
    return SeenLink(state=_state(link, work.real_now), locale=patient.locale)


async def spend(context: AppContext, token: str, *, browser_name: str) -> OpenedBrowser:
    """Exchange a link for a signed-in browser.

    Raises:
        LinkNotKnownError: there is no such link, or it is cut off.
        LinkExpiredError: it is older than a day.
        LinkUsedError: it was spent before.
    """
    reference = _reference(token)
    async with context.work(reference.clinic_id) as work:
        link = await sign_in_links.find(work, reference.digest, lock=True)
        patient = None if link is None else await patients.find(work, link.patient_id)
        if link is None or patient is None:
            raise LinkNotKnownError
        _refuse_unless_valid(_state(link, work.real_now))
        device_id = new_id()
        opened = await open_browser(work, patient, device_id=device_id, name=browser_name)
        await sign_in_links.mark_used(work, link.id, now=work.real_now)
        work.audit(
            "sign_in_link.used",
            "sign_in_link",
            link.id,
            patient_id=patient.id,
            actor=device_actor(device_id),
        )
    return opened


async def send_again(context: AppContext, token: str, *, address: str) -> None:
    """Send a fresh link to the address on record of the patient whom an old link was for.

    Says nothing of whether there is an address, a patient, or room for one more today; to an archived patient,
    who may have died, nothing is sent.

    Raises:
        TooManyLinksAskedError: five were asked for from this address within 15 minutes.
    """
    await _count_asking(context, address)
    try:
        reference = _reference(token)
    except LinkNotKnownError:
        return
    async with context.work(reference.clinic_id) as work:
        link = await sign_in_links.find(work, reference.digest)
        patient = None if link is None else await patients.find(work, link.patient_id)
        if patient is None or patient.archived_at is not None or patient.email_sealed is None:
            return
        # One at a time for one patient, or two who ask at once would both be the last of the day.
        await patient_states.lock(work, patient.id)
        if await sign_in_links.count_since(work, patient.id, work.real_now - LASTS) >= _MOST_A_DAY:
            return
        await add_link(work, patient)


def _reference(token: str) -> TokenReference:
    try:
        return read_token(token, TokenKind.SIGN_IN_LINK)
    except TokenNotValidError:
        raise LinkNotKnownError from None


def _state(link: SignInLink, now: datetime) -> LinkState:
    if link.used_at is not None:
        return LinkState.USED
    return LinkState.EXPIRED if link.expires_at <= now else LinkState.VALID


def _refuse_unless_valid(state: LinkState) -> None:
    if state is LinkState.USED:
        raise LinkUsedError
    if state is LinkState.EXPIRED:
        raise LinkExpiredError


async def _count_asking(context: AppContext, address: str) -> None:
    caller = context.vault.digest(b"asks for link", address.encode())
    async with context.work(None) as work:
        window_start = failed_tries.window_of(work.real_now)
        asked = await failed_tries.count_one(work, caller, window_start=window_start)
    if asked > _MOST_ASKED_FROM_ONE_ADDRESS:
        raise TooManyLinksAskedError(
            retry_after_seconds=failed_tries.seconds_left(window_start, work.real_now)
        )
