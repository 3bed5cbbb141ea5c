"""A patient's devices, phones and browsers: their tokens and sessions, listed, and ended one by one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.care.patients.caller import PatientCaller
from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token, read_token
from app.storage import device_tokens, devices
from app.storage.patients import PatientRecord

_NAME_CELL = {"table": "devices", "column": "name_sealed"}


class DeviceKind(StrEnum):
    """What it is."""

    PHONE = "phone"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledDevice:
    """A device that may speak for a patient.

    ``last_used_at`` is exact to a quarter of an hour for a phone, to an hour for a browser.
    """

    id: UUID
    name: str
    kind: DeviceKind
    enrolled_at: datetime
    last_used_at: datetime


async def add_device(work: Work, patient: PatientRecord, *, device_id: UUID, name: str) -> None:
    """Let a device speak for a patient who has just proved to be this patient."""
    await devices.add(
        work,
        id=device_id,
        patient_id=patient.id,
        name_sealed=vault_of(work, patient).seal(name, row_id=device_id, **_NAME_CELL),
        now=work.real_now,
    )
    work.audit("device.enrolled", "device", device_id, patient_id=patient.id, actor=device_actor(device_id))


async def list_devices(work: Work, patient_id: UUID) -> list[EnrolledDevice]:
    """List what may speak for a patient now; what was revoked is gone.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    listed = await devices_in(work, await existing(work, patient_id))
    work.record_access("devices", patient_id=patient_id)
    return listed


async def devices_in(work: Work, patient: PatientRecord) -> list[EnrolledDevice]:
    """List what may speak for a patient now, for a page that notes itself what it showed."""
    found = await devices.of_patient(work, patient.id)
    issues = await device_tokens.last_issues(work, patient.id)
    listed, own = [], vault_of(work, patient)
    for one in found:
        last, is_browser = issues.get(one.id, (one.enrolled_at, False))
        listed.append(
            EnrolledDevice(
                id=one.id,
                name=own.open(one.name_sealed, row_id=one.id, **_NAME_CELL),
                kind=DeviceKind.BROWSER if is_browser else DeviceKind.PHONE,
                enrolled_at=one.enrolled_at,
                last_used_at=last,
            )
        )
    return listed


async def revoke_device(work: Work, patient_id: UUID, device_id: UUID) -> None:
    """End a device and all of its tokens at once; a second time changes nothing.

    Raises:
        NotFoundError: the patient never had such a device.
    """
    if not await devices.belongs_to(work, device_id, patient_id):
        raise NotFoundError
    await devices.revoke(work, device_id, now=work.real_now)
    work.audit("device.revoked", "device", device_id, patient_id=patient_id)


def device_actor(device_id: UUID) -> Actor:
    """Who acts when a device does."""
    return Actor(kind=ActorKind.DEVICE, id=device_id)


ACCESS_LASTS: Final = timedelta(minutes=15)
REFRESH_LASTS: Final = timedelta(days=180)
# How long a spent refresh token still works while its successor was not used: phones lose replies.
GRACE: Final = timedelta(hours=24)
# Two processes of one phone refresh at the same moment, and each goes on with what it got. A thief would have to
# be as quick with a token that was just used.
AT_ONCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """A pair of tokens, as given to the device once; ``expires_in`` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


async def issue(work: Work, *, device_id: UUID, patient_id: UUID, parent_id: UUID | None) -> IssuedTokens:
    """Make the next pair for a device."""
    access, access_reference = new_token(TokenKind.DEVICE_ACCESS, work.clinic_id)
    refresh, refresh_reference = new_token(TokenKind.DEVICE_REFRESH, work.clinic_id)
    await device_tokens.add_tokens(
        work,
        device_id,
        [
            device_tokens.NewToken(
                id=new_id(),
                kind=kind,
                digest=reference.digest,
                parent_id=parent_id,
                expires_at=work.real_now + lasts,
            )
            for kind, reference, lasts in (
                ("access", access_reference, ACCESS_LASTS),
                ("refresh", refresh_reference, REFRESH_LASTS),
            )
        ],
        now=work.real_now,
    )
    _note(work, "tokens.issued", device_id, patient_id)
    return IssuedTokens(
        access_token=access, refresh_token=refresh, expires_in=int(ACCESS_LASTS.total_seconds())
    )


async def refresh(context: AppContext, reference: TokenReference) -> IssuedTokens:
    """Exchange a refresh token for the next pair.

    A token works again until one of its successors was used, at most 24 hours: the reply may have been
    lost. Once a successor was used, or a sibling that was not issued at the same moment, presenting it means
    that two hold it: the family ends.

    Raises:
        TokenNotValidError: unknown, expired, revoked, or reused.
    """
    async with context.work(reference.clinic_id) as work:
        token = await device_tokens.present_refresh_token(work, reference.digest, at_once=AT_ONCE)
        if token is None or token.revoked or token.expires_at <= work.real_now:
            raise TokenNotValidError
        if token.successor_used or token.sibling_used:
            await devices.revoke(work, token.device_id, now=work.real_now)
            _note(work, "device.revoked_on_reuse", token.device_id, token.patient_id)
            await work.commit()
            raise TokenNotValidError
        if token.first_used_at is not None and token.first_used_at + GRACE <= work.real_now:
            raise TokenNotValidError
        await device_tokens.mark_first_use(work, token.id, now=work.real_now)
        _note(work, "refresh_token.used", token.device_id, token.patient_id)
        return await issue(work, device_id=token.device_id, patient_id=token.patient_id, parent_id=token.id)


def _note(work: Work, action: str, device_id: UUID, patient_id: UUID) -> None:
    """Note in the audit log what the device itself did."""
    device = Actor(kind=ActorKind.DEVICE, id=device_id)
    work.audit(action, "device", device_id, patient_id=patient_id, actor=device)


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
        id=new_id(), kind="browser", digest=reference.digest, parent_id=None, expires_at=work.real_now + LASTS
    )
    await device_tokens.add_tokens(work, device_id, [token], now=work.real_now)
    work.audit("browser.opened", "device", device_id, patient_id=patient.id, actor=device_actor(device_id))
    found = await device_tokens.signed_in_patient(work, reference.digest, kind="browser", now=work.real_now)
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
        found = await device_tokens.signed_in_patient(
            work, reference.digest, kind="browser", now=work.real_now
        )
        if found is None:
            raise TokenNotValidError
        if found.issued_at + _ISSUED_ANEW_AFTER <= work.real_now:
            until = min(work.real_now + LASTS, found.enrolled_at + LASTS_AT_MOST)
            await device_tokens.extend(work, reference.digest, expires_at=until, now=work.real_now)
    return PatientCaller.of(context.vault, reference.clinic_id, found)


async def end(context: AppContext, token: str) -> None:
    """Sign a browser out; one that is not signed in is out already."""
    try:
        caller = await caller_of(context, token)
    except TokenNotValidError:
        return
    async with context.work(caller.clinic_id, actor=caller.actor) as work:
        await revoke_device(work, caller.patient_id, caller.device_id)
