"""Enrolment: staff issue a one-time code, the patient's device exchanges it for tokens. No password."""

import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final
from uuid import UUID

import segno

from app.access.clinics.erased import no_such_patient
from app.care.patients import devices
from app.care.patients.corrections import ArchivedError
from app.care.patients.devices import OpenedBrowser, add_device, device_actor, open_browser
from app.care.patients.queries import Patient, patient_of
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.text import read_code as text_of_code
from app.foundation.vault import Vault
from app.storage import enrolment_codes, patients
from app.storage import login_throttle as failed_tries
from app.storage.patients import PatientRecord

# Crockford's base32: no I, L, O or U, so that nothing is mistaken and no word appears by chance.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
SELECTOR_LENGTH: Final = 4
SECRET_LENGTH: Final = 8
LASTS: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5


class CodeMalformedError(RefusalError):
    """An enrolment code has twelve letters and digits, such as 7K2M-9QF4-XB3T; please check it."""

    code = "enrolment-code-malformed"


@dataclass(frozen=True, slots=True)
class CodeText:
    """A code as a person has it."""

    selector: str
    secret: str

    def __str__(self) -> str:
        half = SECRET_LENGTH // 2
        return f"{self.selector}-{self.secret[:half]}-{self.secret[half:]}"


def new_code() -> CodeText:
    """Make a code of 20 bits to find and 40 random bits to prove; five tries make guessing hopeless."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(SELECTOR_LENGTH + SECRET_LENGTH))
    return CodeText(letters[:SELECTOR_LENGTH], letters[SELECTOR_LENGTH:])


def read_code(text: str) -> CodeText:
    """Read a code as people type and paste it: any case, any dash, blank or full-width form, O for 0, I or L for 1.

    Raises:
        CodeMalformedError: it cannot be a code; this does not count as an attempt.
    """
    letters = text_of_code(text).translate(READ_AS)
    if len(letters) != SELECTOR_LENGTH + SECRET_LENGTH or any(letter not in ALPHABET for letter in letters):
        raise CodeMalformedError("#/code")
    return CodeText(letters[:SELECTOR_LENGTH], letters[SELECTOR_LENGTH:])


def qr_svg(url: str) -> str:
    """Draw a link as SVG, dark on white whatever lies behind it, with the quiet edge that scanners need."""
    drawn = BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, omitsize=True, nl=False, border=4, dark="#000", light="#fff",
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()


class CodeNotValidError(RefusalError):
    """This code does not work: it was mistyped, used before, or has expired. Please ask the clinic for a new one."""

    # One text for all three: a guesser learns nothing.
    kind = RefusalKind.UNAUTHENTICATED
    code = "enrolment-code-not-valid"


class TooManyTriesError(RefusalError):
    """Too many codes were tried from here; please wait, or ask the clinic for help."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-tries"


class NoFreeCodeError(RefusalError):
    """No code could be made just now; please try again."""

    kind = RefusalKind.UNAVAILABLE
    code = "no-free-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A code for one patient.

    ``url`` carries it in the fragment, which browsers never send; ``qr_svg`` is that link as a picture.
    """

    code: str
    url: str
    qr_svg: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A device that may speak for the patient from now on."""

    tokens: devices.IssuedTokens
    patient: Patient


async def issue_code(work: Work, patient_id: UUID) -> IssuedCode:
    """Make a code for a patient of this clinic, good for 15 minutes and one use.

    Raises:
        NotFoundError: the clinic has no such patient.
        ArchivedError: nobody would read what a new device reports.
    """
    found = await patients.find(work, patient_id)
    if found is None:
        raise await no_such_patient(work, patient_id)
    if found.archived_at is not None:
        raise ArchivedError
    for _ in range(10):  # a selector may be taken; ten in a row never are
        code = new_code()
        record = enrolment_codes.EnrolmentCode(
            id=new_id(),
            patient_id=patient_id,
            secret_mac=_mac(work.vault, code),
            expires_at=work.real_now + LASTS,
            used_at=None,
        )
        if await enrolment_codes.add(work, record, selector=code.selector, now=work.real_now):
            work.audit("enrolment_code.issued", "enrolment_code", record.id, patient_id=patient_id)
            return shown_code(work.context, str(code), record.expires_at)
    raise NoFreeCodeError


def shown_code(context: AppContext, code: str, expires_at: datetime) -> IssuedCode:
    """Give a code with its link, as text and as a picture."""
    url = f"{context.public_url}/p/enrol#{code}"
    return IssuedCode(code=code, url=url, qr_svg=qr_svg(url), expires_at=expires_at)


async def enrol(context: AppContext, *, code_text: str, device_name: str, address: str) -> Enrolled:
    """Exchange a code for a phone's tokens.

    Raises:
        CodeMalformedError: it cannot be a code.
        CodeNotValidError: wrong, used or expired.
        TooManyTriesError: five failed from this address within 15 minutes.
    """
    async with _spending(context, code_text, address=address) as spent:
        await add_device(spent.work, spent.patient, device_id=spent.device_id, name=device_name)
        issued = await devices.issue(
            spent.work, device_id=spent.device_id, patient_id=spent.patient.id, parent_id=None
        )
    patient = patient_of(spent.work, spent.patient)
    return Enrolled(tokens=issued, patient=patient)


async def enrol_browser(
    context: AppContext, *, code_text: str, browser_name: str, address: str
) -> OpenedBrowser:
    """Exchange a code for a signed-in browser; raises what `enrol` raises."""
    async with _spending(context, code_text, address=address) as spent:
        return await open_browser(spent.work, spent.patient, device_id=spent.device_id, name=browser_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """A code that is good: for whom, and the device that it enrolls, within one transaction."""

    work: Work
    patient: PatientRecord
    device_id: UUID


@asynccontextmanager
async def _spending(context: AppContext, code_text: str, *, address: str) -> AsyncIterator[_Spent]:
    """Spend a code: the block lets the device in, in the same transaction."""
    code = read_code(code_text)
    caller = context.vault.digest(b"address", address.encode())
    clinic_id, code_id = await _find_code(context, caller, code)
    async with context.work(clinic_id) as work:
        # Counted under the count's own lock before the code is checked, and taken back with it when it was right:
        # a waiting room behind one address enrolls at the same moment, and of thirty guesses five are checked.
        window_start = failed_tries.window_of(work.real_now)
        await _count_attempt(work, caller, window_start=window_start)
        try:
            patient = await _patient_of(work, code_id, code)
        except CodeNotValidError:
            await work.commit()
            raise
        spent = _Spent(work=work, patient=patient, device_id=new_id())
        await enrolment_codes.mark_used(work, code_id, now=work.real_now)
        work.audit(
            "enrolment_code.used",
            "enrolment_code",
            code_id,
            patient_id=patient.id,
            actor=device_actor(spent.device_id),
        )
        yield spent
        # Not a wrong attempt after all; the same transaction, or the count would be wrong after a crash.
        await failed_tries.take_one_back(work, caller, window_start=window_start)


async def _patient_of(work: Work, code_id: UUID, code: CodeText) -> PatientRecord:
    found = await enrolment_codes.find(work, code_id)
    if (
        found is None
        or found.used_at is not None
        or found.expires_at <= work.real_now
        or not hmac.compare_digest(found.secret_mac, _mac(work.vault, code))
    ):
        raise CodeNotValidError("#/code")
    patient = await patients.find(work, found.patient_id)
    if patient is None:
        raise CodeNotValidError("#/code")
    return patient


async def _find_code(context: AppContext, caller: bytes, code: CodeText) -> tuple[UUID, UUID]:
    """Find where a code belongs, and count the attempt against it; a code that nobody made counts here."""
    async with context.work(None) as work:
        window_start = failed_tries.window_of(work.real_now)
        if await failed_tries.count_of(work, caller, window_start=window_start) >= MOST_TRIES:
            raise TooManyTriesError(
                retry_after_seconds=failed_tries.seconds_left(window_start, work.real_now)
            )
        where = await enrolment_codes.try_selector(
            work, code.selector, most_tries=MOST_TRIES, now=work.real_now
        )
        if where is None:
            await _count_attempt(work, caller, window_start=window_start)
    if where is None:
        raise CodeNotValidError("#/code")
    return where


async def _count_attempt(work: Work, caller: bytes, *, window_start: datetime) -> None:
    if await failed_tries.count_one(work, caller, window_start=window_start) > MOST_TRIES:
        raise TooManyTriesError(retry_after_seconds=failed_tries.seconds_left(window_start, work.real_now))


def _mac(vault: Vault, code: CodeText) -> bytes:
    return vault.digest(b"enrolment code", code.selector.encode(), code.secret.encode())
