"""Signing in: address, password and a code at once. Whatever is wrong, the answer and its time are the same."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic_core import from_json, to_json

from app.access.clinics.permissions import StaffRole
from app.access.clinics.staff_sessions import LASTS_AT_MOST, open_session
from app.access.staff import login_throttle
from app.access.staff.login_throttle import Counted, Source, device_digest, source_of
from app.access.staff.members import ACTIVE, address_digest
from app.access.staff.passwords import hashed, is_outdated, matches
from app.access.staff.second_factor import digest_of, digits_of, step_of
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.vault import CannotOpenError, Vault
from app.storage import staff_members, staff_sign_ins
from app.storage.staff_members import StaffMember

# At how many clinics one address is looked at: each costs a hash.
_MOST_CLINICS: Final = 8


class SignInRefusedError(RefusalError):
    """That did not work. Check address, password and code; codes work once, five wrong attempts lock for a while."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "sign-in-refused"


class ClinicToChooseError(RefusalError):
    """This address, password and code are right at several clinics; name one of them in clinic_id."""

    kind = RefusalKind.CONFLICT
    code = "clinic-to-choose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Someone who was right about everything; nothing is spent yet.

    Attributes:
        step: the time step of the phone's code, or
        recovery: the recovery code's digest.
        source: where the attempt came from; what was counted there is forgotten with the sign-in.
        password_hash: the password's hash with today's costs, where the kept one has others.
    """

    clinic_id: UUID
    staff_id: UUID
    step: int | None = None
    recovery: bytes | None = None
    password_hash: str | None = None
    source: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session, shown this once; ``codes_left`` is said after a recovery code was used."""

    token: str = field(repr=False)
    clinic_id: UUID
    role: StaffRole
    expires_at: datetime
    device_token: str = field(repr=False)
    codes_left: int | None = None


async def prove(
    context: AppContext,
    *,
    email: str,
    password: str,
    code: str,
    address: str,
    device_token: str = "",
    clinic_id: UUID | None = None,
) -> list[Proof]:
    """Find the members who sign in with this; more than one where a person works at several clinics.

    Raises:
        TooManySignInsError: too many went wrong from this network address.
        SignInRefusedError: nobody does.
    """
    async with context.work(None) as work:
        digest = address_digest(context.vault, email)
        where = await staff_members.clinics_of_address(work, digest, limit=_MOST_CLINICS)
    sources = [
        (here, staff_id, await source_of(context, here, staff_id, address=address, device_token=device_token))
        for here, staff_id in where
        if clinic_id in {None, here}
    ]
    is_known = any(source.known for _, _, source in sources)
    if not is_known:
        await login_throttle.count_from_network(context, address)
    counted = [
        (here, await login_throttle.count_attempt(context, here, staff_id, source))
        for here, staff_id, source in sources
    ]
    if not counted:
        # As much work as for someone who is known.
        counted = [(UUID(int=0), None)]
    checked = await asyncio.gather(
        *(_check(context, where, one, password=password, code=code) for where, one in counted)
    )
    proofs = [proof for proof in checked if proof is not None]
    if not proofs:
        raise SignInRefusedError
    if not is_known:
        await login_throttle.forgive_network(context, address)
    await _forgive(context, counted, proofs)
    return proofs


async def open_session_for(context: AppContext, proof: Proof, *, device_token: str = "") -> SignedIn:
    """Spend the code and open a session, at the clinic where it was proved.

    The device is known from now on: by the token that it showed, or by a new one.

    Raises:
        SignInRefusedError: the code was spent meanwhile, or the member deactivated.
    """
    actor = Actor(kind=ActorKind.STAFF, id=proof.staff_id)
    async with context.work(proof.clinic_id, actor=actor) as work:
        if not await staff_members.sign_in(
            work, proof.staff_id, step=proof.step, password_hash=proof.password_hash
        ):
            raise SignInRefusedError
        work.audit("staff.proved", "staff", proof.staff_id)
        await staff_sign_ins.forget(work, proof.staff_id, source=proof.source)
        codes_left = None
        if proof.recovery is not None:
            if not await staff_sign_ins.spend(work, proof.staff_id, proof.recovery, now=work.real_now):
                raise SignInRefusedError
            work.audit("staff.recovery_code_used", "staff", proof.staff_id)
            codes_left = await staff_sign_ins.count_left(work, proof.staff_id)
        signed_in = await opened_session(work, proof.staff_id, device_token=device_token)
    return replace(signed_in, codes_left=codes_left)


async def opened_session(work: Work, staff_id: UUID, *, device_token: str) -> SignedIn:
    """Open a session for a member who has proved who they are, on a device that is known from now on.

    Raises:
        SignInRefusedError: there is no such member any more.
    """
    member = await staff_members.find(work, staff_id)
    if member is None:
        raise SignInRefusedError
    device_token = device_token or secrets.token_urlsafe(32)
    digest = device_digest(work.context, device_token)
    await staff_sign_ins.remember(work, staff_id, digest, now=work.real_now)
    return SignedIn(
        token=await open_session(work, staff_id),
        clinic_id=work.clinic_id,
        role=StaffRole(member.role),
        expires_at=work.real_now + LASTS_AT_MOST,
        device_token=device_token,
    )


def only_one(proofs: Sequence[Proof]) -> Proof:
    """Give the one member who was proved.

    Raises:
        ClinicToChooseError: there are several; the findings name their clinics.
    """
    if len(proofs) > 1:
        raise ClinicToChooseError().finding(
            {"pointer": "#/clinic_id", "code": "clinic-to-choose", "detail": str(one.clinic_id)}
            for one in proofs
        )
    return proofs[0]


async def _check(
    context: AppContext,
    clinic_id: UUID,
    counted: Counted | None,
    *,
    password: str,
    code: str,
) -> Proof | None:
    """Check an attempt that was counted. One that was not is hashed all the same: its time says nothing."""
    member = None if counted is None else counted.member
    right = await matches(None if member is None else member.password_hash, password)
    if counted is None or member is None or member.password_hash is None:
        return None
    # Looked at whatever the password was: what is wrong does not show in the time it takes.
    proof = await _by_code(context, clinic_id, member, counted.source, code)
    if not right or proof is None or member.state != ACTIVE:
        return None
    outdated = is_outdated(member.password_hash)
    return replace(proof, password_hash=await hashed(password) if outdated else None)


async def _by_code(
    context: AppContext, clinic_id: UUID, member: StaffMember, source: Source, code: str
) -> Proof | None:
    proof = Proof(clinic_id=clinic_id, staff_id=member.id, source=source.digest)
    if digits_of(code) is not None:
        secret = totp_secret(context.vault, clinic_id, member)
        step = secret and step_of(secret, code, now=context.clock.now(), after=member.totp_last_step)
        return replace(proof, step=step) if isinstance(step, int) else None
    digest = digest_of(context.vault, member.id, code)
    async with context.work(clinic_id) as work:
        unused = await staff_sign_ins.is_unused(work, member.id, digest)
    return replace(proof, recovery=digest) if unused else None


def totp_secret(vault: Vault, clinic_id: UUID, member: StaffMember) -> str | None:
    """Open a member's secret."""
    if member.totp_secret_sealed is None:
        return None
    return vault.open(
        member.totp_secret_sealed,
        table="staff_members",
        column="totp_secret",
        clinic_id=clinic_id,
        row_id=member.id,
    )


async def _forgive(
    context: AppContext,
    counted: Sequence[tuple[UUID, Counted | None]],
    proofs: Sequence[Proof],
) -> None:
    """Take back what was counted against the same person at other clinics.

    The count of those who were proved goes when they sign in.
    """
    proved = {proof.clinic_id for proof in proofs}
    for clinic_id, one in counted:
        if one is not None and clinic_id not in proved:
            await login_throttle.take_back(context, clinic_id, one)


LASTS: Final = timedelta(minutes=2)
_CELL: Final = {"table": "staff_sign_in", "column": "ticket"}
_NOBODY: Final = UUID(int=0)


def write_ticket(vault: Vault, proofs: Sequence[Proof], *, now: datetime) -> str:
    """Seal what was proved for the page's form: only we read it, and only for two minutes."""
    said = {
        "until": (now + LASTS).isoformat(),
        "proofs": [
            {
                "clinic_id": str(one.clinic_id),
                "staff_id": str(one.staff_id),
                "step": one.step,
                "recovery": one.recovery.hex() if one.recovery else None,
                "source": one.source.hex(),
            }
            for one in proofs
        ],
    }
    sealed = vault.seal(to_json(said).decode(), clinic_id=_NOBODY, row_id=_NOBODY, **_CELL)
    return base64.urlsafe_b64encode(sealed).decode()


def read_ticket(vault: Vault, text: str, clinic_id: str, *, now: datetime) -> Proof:
    """Give what was proved at one of the clinics.

    Raises:
        SignInRefusedError: it is no ticket of ours, too old, or names no such clinic.
    """
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
        said = from_json(vault.open(sealed, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL))
    except (CannotOpenError, binascii.Error, ValueError):
        raise SignInRefusedError from None
    chosen = [one for one in said["proofs"] if one["clinic_id"] == clinic_id]
    if not chosen or datetime.fromisoformat(said["until"]) <= now:
        raise SignInRefusedError
    (one,) = chosen
    return Proof(
        clinic_id=UUID(one["clinic_id"]),
        staff_id=UUID(one["staff_id"]),
        step=one["step"],
        recovery=bytes.fromhex(one["recovery"]) if one["recovery"] else None,
        source=bytes.fromhex(one["source"]),
    )
