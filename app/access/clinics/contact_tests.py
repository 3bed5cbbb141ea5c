"""Whether a message reaches someone before the clinic relies on it: a test with a link that is to be pressed.

A clinic goes live when both contacts have answered a drill, a test safety event. Then a contact gives way, and
the last owner leaves, only to someone who has answered a test.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.contacts import Contact, Contacts, missing_contacts
from app.access.clinics.queries import clinic_in
from app.clinical.safety import Urgency
from app.clinical.waiting import WaitingLimits, safety_wait
from app.context import AppContext, Work
from app.foundation.addresses import email_key
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token, read_token
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import contact_tests
from app.storage.contact_tests import ContactTest

_CELL: Final = {"table": "contact_tests", "column": "email_sealed"}
_LASTS: Final = timedelta(days=7)
# Longer ago, the address may be another's by now.
_COUNTS_FOR: Final = timedelta(days=90)
_SHOWN: Final = 20


class ContactTestNotKnownError(RefusalError):
    """This link does not work; it may have been cut off on its way, or a later test took its place."""

    kind = RefusalKind.NOT_FOUND
    code = "contact-test-not-known"


class ContactTestExpiredError(RefusalError):
    """This test is older than seven days. Please ask your clinic to send another."""

    kind = RefusalKind.GONE
    code = "contact-test-expired"


class ContactsMissingError(RefusalError):
    """A drill goes to both contacts; see errors for what is missing."""

    kind = RefusalKind.CONFLICT
    code = "contacts-missing"


class SuccessorNotTestedError(RefusalError):
    """Whoever takes over has not answered a test message yet. Send one, and let its link be pressed first."""

    kind = RefusalKind.CONFLICT
    code = "successor-not-tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTest:
    """A test as the clinic sees it."""

    id: UUID
    email: str = field(repr=False)
    sent_at: datetime
    answered_at: datetime | None


async def send_test(work: Work, email: str, *, wording: Wording = Wording.CONTACT_TEST) -> ShownTest:
    """Send a test message to an address: whoever presses its link has answered."""
    clinic, test_id = await clinic_in(work), new_id()
    token, reference = new_token(TokenKind.CONTACT_TEST, work.clinic_id)
    sealed = work.vault.seal(email, clinic_id=work.clinic_id, row_id=test_id, **_CELL)
    test = ContactTest(
        id=test_id,
        email_sealed=sealed,
        address_digest=_digest(work, email),
        digest=reference.digest,
        sent_at=work.real_now,
    )
    await contact_tests.add(work, test)
    message = NewMessage(
        channel=Channel.EMAIL,
        to=email,
        wording=wording,
        locale=DEFAULT_LANGUAGE,
        link=f"{work.public_url}/care/contact-test/{token}",
        mode=clinic.mode,
        not_after=work.real_now + _LASTS,
    )
    await queue_message(work, message, now=work.real_now)
    work.audit("contact.tested", "contact_test", test_id)
    return _shown(work, test)


async def start_drill(work: Work) -> list[ShownTest]:
    """Send both contacts a test safety event, before all other mail as a real one is.

    Raises:
        ContactsMissingError: one of the contacts is not named yet.
    """
    clinic = await clinic_in(work)
    if missing := missing_contacts(clinic.contacts):
        raise ContactsMissingError().finding(missing)
    return [await send_test(work, one.email, wording=Wording.DRILL) for one in clinic.contacts.values()]


async def unanswered(work: Work, contacts: Contacts, limits: WaitingLimits) -> list[Contact]:
    """Give the contacts who have answered no drill or test within the last 90 days, each as soon as is safe.

    An answer after the time that an urgent safety event may wait shows that a real one would have been escalated.
    """
    within = safety_wait(limits, Urgency.URGENT)
    return [one for one in contacts.values() if not await has_answered(work, one.email, within=within)]


async def list_tests(work: Work) -> list[ShownTest]:
    """List the latest tests, newest first."""
    return [_shown(work, one) for one in await contact_tests.latest(work, limit=_SHOWN)]


async def look_at(context: AppContext, token: str) -> str:
    """Give the name of the clinic that a test is of, without answering it: mail scanners follow links.

    Raises:
        ContactTestNotKnownError, ContactTestExpiredError: as they say.
    """
    reference = _reference(token)
    async with context.work(reference.clinic_id, snapshot=True) as work:
        await _found(work, reference)
        return (await clinic_in(work)).name


async def answer(context: AppContext, token: str) -> None:
    """Keep that someone pressed the button; a second time changes nothing.

    Raises:
        ContactTestNotKnownError, ContactTestExpiredError: as they say.
    """
    reference = _reference(token)
    async with context.work(reference.clinic_id, actor=SYSTEM) as work:
        test = await _found(work, reference)
        await contact_tests.answer(work, test.id)
        work.audit("contact.answered", "contact_test", test.id)


async def has_answered(work: Work, email: str, *, within: timedelta | None = None) -> bool:
    """Say whether a test to this address was answered in the last 90 days; ``within``: so soon after it was sent."""
    since = work.real_now - _COUNTS_FOR
    return await contact_tests.answered(work, _digest(work, email), since=since, within=within)


async def _found(work: Work, reference: TokenReference) -> ContactTest:
    test = await contact_tests.find(work, reference.digest)
    if test is None:
        raise ContactTestNotKnownError
    if test.sent_at + _LASTS <= work.real_now:
        raise ContactTestExpiredError
    return test


def _reference(token: str) -> TokenReference:
    try:
        return read_token(token, TokenKind.CONTACT_TEST)
    except TokenNotValidError:
        raise ContactTestNotKnownError from None


def _digest(work: Work, email: str) -> bytes:
    return work.vault.digest(b"contact address", email_key(email).encode())


def _shown(work: Work, test: ContactTest) -> ShownTest:
    email = work.vault.open(test.email_sealed, clinic_id=work.clinic_id, row_id=test.id, **_CELL)
    return ShownTest(id=test.id, email=email, sent_at=test.sent_at, answered_at=test.answered_at)
