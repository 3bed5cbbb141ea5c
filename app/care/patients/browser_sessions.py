"""A browser as a device: one opaque token in a cookie, good for 30 days from its last use, at most 180 days.

The pages set the cookie and read it; here is what it means. A browser is listed and revoked like a phone.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.patients.caller import PatientCaller
from app.care.patients.devices import add_device, device_actor, revoke_device
from app.context import AppContext, Work
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token, read_token
from app.storage import device_tokens
from app.storage.patients import PatientRecord

LASTS: Final = timedelta(days=30)
LASTS_AT_MOST: Final = timedelta(days=180)
# Not with every page: a token that was issued again within the hour is left alone.
_ISSUED_ANEW_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBrowser:
    """A browser that may speak for the patient from now on; ``token`` is given this once, for its cookie."""

    token: str
    caller: PatientCaller


async def open_browser(work: Work, patient: PatientRecord, *, device_id: UUID, name: str) -> OpenedBrowser:
    """Let a browser in, in the transaction that spends the code or link it came with."""
    await add_device(work, patient, device_id=device_id, name=name)
    text, reference = new_token(TokenKind.BROWSER, work.clinic_id)
    token = device_tokens.NewToken(
        id=new_id(), kind="browser", digest=reference.digest, parent_id=None, expires_at=work.now + LASTS
    )
    await device_tokens.add_tokens(work, device_id, [token], now=work.now)
    work.audit("browser.opened", "device", device_id, patient_id=patient.id, actor=device_actor(device_id))
    found = await device_tokens.signed_in_patient(work, reference.digest, kind="browser", now=work.now)
    if found is None:
        raise TokenNotValidError
    return OpenedBrowser(token=text, caller=PatientCaller.of(work.vault, work.clinic_id, found))


def reference_of(token: str) -> TokenReference:
    """Take a cookie's token apart; check-ins are recorded with it as with a phone's.

    Raises:
        TokenNotValidError: it is not a browser's.
    """
    return read_token(token, TokenKind.BROWSER)


async def caller_of(context: AppContext, token: str) -> PatientCaller:
    """Find for whom a browser speaks, and let its 30 days begin again.

    Raises:
        TokenNotValidError: unknown, expired, revoked, or no browser's.
    """
    reference = reference_of(token)
    async with context.work(reference.clinic_id) as work:
        found = await device_tokens.signed_in_patient(work, reference.digest, kind="browser", now=work.now)
        if found is None:
            raise TokenNotValidError
        if found.issued_at + _ISSUED_ANEW_AFTER <= work.now:
            until = min(work.now + LASTS, found.enrolled_at + LASTS_AT_MOST)
            await device_tokens.extend(work, reference.digest, expires_at=until, now=work.now)
    return PatientCaller.of(context.vault, reference.clinic_id, found)


async def end(context: AppContext, token: str) -> None:
    """Sign a browser out; one that is not signed in is out already."""
    try:
        caller = await caller_of(context, token)
    except TokenNotValidError:
        return
    async with context.work(caller.clinic_id, actor=caller.actor) as work:
        await revoke_device(work, caller.patient_id, caller.device_id)
