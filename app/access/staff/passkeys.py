"""Passkeys (WebAuthn): a member signs in with the phone's or computer's own lock, which no other site can ask for.

The authenticator verifies the person, by finger, face or PIN, and holds the key: that is both factors at once, and
nothing about it can be guessed, so that no lock after wrong attempts applies to it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic_core import from_json, to_json

from app.access.clinics.staff_sessions import SignedInMember
from app.access.staff import login_throttle
from app.access.staff.account import confirm_password, read_account
from app.access.staff.signing_in import SignedIn, SignInRefusedError, opened_session
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import CannotOpenError, Vault
from app.storage import staff_members, staff_passkeys

LASTS: Final = timedelta(minutes=5)
MOST_PASSKEYS: Final = 10
_LONGEST_NAME: Final = 60
# More than any authenticator's answer; what is longer is not read.
_LONGEST_ANSWER: Final = 20_000
_CELL: Final = {"table": "staff_passkeys", "column": "challenge"}
_NOBODY: Final = UUID(int=0)


class PasskeyRefusedError(RefusalError):
    """This passkey was not set up; please try again on this page, with the lock of this device."""

    code = "passkey-refused"


class TooManyPasskeysError(RefusalError):
    """An account has at most ten passkeys; remove one that is no longer used first."""

    code = "too-many-passkeys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What an authenticator must answer: for the browser as JSON, and sealed for the form."""

    options: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where passkeys of this service belong: the host that browsers bind them to, and its origin."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "Site | None":
        """Give the site; None where browsers make no passkeys: an address without a name, or without https."""
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            return None
        is_safe = parts.scheme == "https" or host == "localhost"
        return cls(host=host, origin=f"{parts.scheme}://{parts.netloc}") if is_safe and host else None


def challenge_to_sign_in(context: AppContext) -> Challenge | None:
    """Ask for any passkey of this service; None where browsers make none."""
    site = Site.of(context.public_url)
    if site is None:
        return None
    challenge, sealed = _new_challenge(context.vault, _NOBODY, now=context.clock.now())
    options = {
        "challenge": base64url(challenge),
        "rpId": site.host,
        "timeout": int(LASTS.total_seconds() * 1000),
        "userVerification": "required",
        "allowCredentials": [],
    }
    return Challenge(options=to_json(options).decode(), sealed=sealed)


async def challenge_to_add(work: Work, own: SignedInMember) -> Challenge | None:
    """Ask a member's device for a new passkey; None where browsers make none."""
    site = Site.of(work.public_url)
    if site is None:
        return None
    account = await read_account(work, own)
    challenge, sealed = _new_challenge(work.vault, own.staff_id, now=work.real_now)
    known = await staff_passkeys.of_member(work, own.staff_id)
    options = {
        "challenge": base64url(challenge),
        "rp": {"id": site.host, "name": "Afterglow"},
        "user": {
            "id": base64url(work.clinic_id.bytes + own.staff_id.bytes),
            "name": account.email,
            "displayName": account.member.name,
        },
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-8, -7, -257)],
        "timeout": int(LASTS.total_seconds() * 1000),
        "attestation": "none",
        "excludeCredentials": [{"type": "public-key", "id": base64url(one.credential_id)} for one in known],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
    }
    return Challenge(options=to_json(options).decode(), sealed=sealed)


async def add_passkey(
    work: Work, own: SignedInMember, *, answer: str, sealed: str, name: str, password: str, address: str
) -> None:
    """Keep a new passkey of a member, who gives the password again.

    Raises:
        PasswordWrongError: it is not right.
        PasskeyRefusedError: the answer is not one to our question, or the device did not verify the person.
        TooManyPasskeysError: there are ten already.
    """
    # Read here: the library takes a second to load, and most processes never need it.
    from webauthn import verify_registration_response  # noqa: PLC0415 - see above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - see above

    site = Site.of(work.public_url)
    challenge, made_at = _read_challenge(work.vault, sealed, own.staff_id, now=work.real_now)
    if site is None or challenge is None or len(answer) > _LONGEST_ANSWER:
        raise PasskeyRefusedError("#/answer")
    try:
        verified = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    # The library lets errors of its parsers through, too; whatever it is, the answer is not a good one.
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise PasskeyRefusedError("#/answer") from None
    await confirm_password(work, own, password, address)
    if len(await staff_passkeys.of_member(work, own.staff_id)) >= MOST_PASSKEYS:
        raise TooManyPasskeysError
    passkey_id = new_id()
    kept = await staff_passkeys.add(
        work,
        passkey_id=passkey_id,
        staff_id=own.staff_id,
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name=" ".join(name.split())[:_LONGEST_NAME] or "Passkey",
        challenge_at=made_at,
    )
    if not kept:
        raise PasskeyRefusedError("#/answer")
    work.audit("staff.passkey_added", "staff_passkey", passkey_id)


async def remove_passkey(work: Work, own: SignedInMember, passkey_id: UUID) -> None:
    """Let one of a member's passkeys open nothing any more.

    Raises:
        NotFoundError: it is none of theirs.
    """
    if not await staff_passkeys.remove(work, own.staff_id, passkey_id):
        raise NotFoundError
    work.audit("staff.passkey_removed", "staff_passkey", passkey_id)


async def sign_in_with_passkey(
    context: AppContext, *, answer: str, sealed: str, address: str, device_token: str
) -> SignedIn:
    """Open a session for whoever's passkey answered.

    Raises:
        TooManySignInsError: too many went wrong from this network.
        SignInRefusedError: it is no passkey of an active member, or not an answer to our question.
    """
    await login_throttle.count_from_network(context, address)
    challenge, made_at = _read_challenge(context.vault, sealed, _NOBODY, now=context.clock.now())
    found = _who_in(answer)
    if challenge is None or found is None:
        raise SignInRefusedError
    clinic_id, staff_id, credential_id = found
    async with context.work(clinic_id, actor=Actor(kind=ActorKind.STAFF, id=staff_id)) as work:
        known = await staff_passkeys.of_member(work, staff_id)
        passkey = next((one for one in known if one.credential_id == credential_id), None)
        if passkey is None:
            raise SignInRefusedError
        sign_count = _verified(context, answer, challenge, passkey)
        if not await staff_passkeys.spend(
            work, passkey.id, sign_count=sign_count, challenge_at=made_at
        ) or not await staff_members.sign_in(work, staff_id, step=None, password_hash=None):
            raise SignInRefusedError
        work.audit("staff.passkey_used", "staff_passkey", passkey.id)
        signed_in = await opened_session(work, staff_id, device_token=device_token)
    await login_throttle.forgive_network(context, address)
    return signed_in


def _verified(
    context: AppContext, answer: str, challenge: bytes, passkey: staff_passkeys.StaffPasskey
) -> int:
    """Give the authenticator's new count, once its answer is found right."""
    from webauthn import verify_authentication_response  # noqa: PLC0415 - takes a second to load; seldom needed
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - same

    site = Site.of(context.public_url)
    if site is None:
        raise SignInRefusedError
    try:
        return verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        ).new_sign_count
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise SignInRefusedError from None


def _who_in(answer: str) -> tuple[UUID, UUID, bytes] | None:
    """Read whose passkey an answer says it is: clinic, member, credential. Nothing of it is believed yet."""
    if len(answer) > _LONGEST_ANSWER:
        return None
    try:
        said = from_json(answer)
        handle, credential = from_base64url(said["response"]["userHandle"]), from_base64url(said["rawId"])
        return UUID(bytes=handle[:16]), UUID(bytes=handle[16:]), credential
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _new_challenge(vault: Vault, whose: UUID, *, now: datetime) -> tuple[bytes, str]:
    challenge = secrets.token_bytes(32)
    said = to_json({"challenge": base64url(challenge), "at": now.isoformat()}).decode()
    return challenge, base64url(vault.seal(said, clinic_id=_NOBODY, row_id=whose, **_CELL))


def _read_challenge(
    vault: Vault, sealed: str, whose: UUID, *, now: datetime
) -> tuple[bytes | None, datetime]:
    """Give a challenge of ours and when it was made; None where it is none, or too old."""
    try:
        said = from_json(vault.open(from_base64url(sealed), clinic_id=_NOBODY, row_id=whose, **_CELL))
    except (CannotOpenError, ValueError):
        return None, now
    made_at = datetime.fromisoformat(said["at"])
    return (from_base64url(said["challenge"]) if now < made_at + LASTS else None), made_at
