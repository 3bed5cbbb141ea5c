"""What members manage themselves: sessions, password, phone and recovery codes. The password is asked again."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.access.clinics.queries import clinic_in
from app.access.clinics.staff_sessions import IDLE, LASTS_AT_MOST, SignedInMember, end_session
from app.access.staff import login_throttle
from app.access.staff.members import Member, seal, shown
from app.access.staff.passwords import hashed, matches, refuse_weak
from app.access.staff.second_factor import CodeWrongError, give_new, open_pending, step_of
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError
from app.storage import staff_members, staff_passkeys, staff_sessions, staff_sign_ins


class PasswordWrongError(RefusalError):
    """This is not your password; after five wrong attempts it is not looked at for a while."""

    code = "password-wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A place where a member is signed in."""

    opened_at: datetime
    used_at: datetime
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPasskey:
    """A passkey of a member's."""

    id: UUID
    name: str
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a member sees of the own account."""

    member: Member
    clinic_name: str
    sessions: tuple[OwnSession, ...]
    codes_left: int
    passkeys: tuple[OwnPasskey, ...]
    email: str = field(repr=False)


async def read_account(work: Work, own: SignedInMember) -> Account:
    """Give the own account."""
    member = await staff_members.find(work, own.staff_id)
    if member is None:
        raise NotFoundError
    found = await staff_sessions.open_of(
        work, own.staff_id, used_after=work.real_now - IDLE, opened_after=work.real_now - LASTS_AT_MOST
    )
    opened = shown(work, member)
    return Account(
        member=opened,
        email=opened.email,
        clinic_name=(await clinic_in(work)).name,
        sessions=tuple(
            OwnSession(opened_at=opened_at, used_at=used_at, here=session_id == own.session_id)
            for session_id, opened_at, used_at in found
        ),
        codes_left=await staff_sign_ins.count_left(work, own.staff_id),
        passkeys=tuple(
            OwnPasskey(id=one.id, name=one.name, made_at=one.made_at, used_at=one.used_at)
            for one in await staff_passkeys.of_member(work, own.staff_id)
        ),
    )


async def sign_out(work: Work, own: SignedInMember) -> None:
    """End the session at hand."""
    await end_session(work, own)


async def sign_out_everywhere(work: Work, own: SignedInMember) -> None:
    """End every session of the member's, the one at hand too."""
    await staff_sessions.end_all(work, own.staff_id, now=work.real_now)
    work.audit("staff.signed_out_everywhere", "staff", own.staff_id)


async def change_password(work: Work, own: SignedInMember, *, current: str, new: str, address: str) -> None:
    """Take another password; all other sessions end.

    Raises:
        PasswordWrongError: the current one is not right.
        PasswordTooShortError, PasswordTooCommonError, PasswordHoldsNameError: the new one is weak.
    """
    await confirm_password(work, own, current, address)
    # Before this transaction begins: nobody waits for a connection as long as hashing takes.
    password_hash = await hashed(new)
    account = await read_account(work, own)
    refuse_weak(new, known=(account.clinic_name, account.email))
    await staff_members.change(work, own.staff_id, password_hash=password_hash)
    work.audit("staff.password_changed", "staff", own.staff_id)
    await _end_others(work, own)


async def new_recovery_codes(
    work: Work, own: SignedInMember, *, password: str, address: str
) -> tuple[str, ...]:
    """Make ten new codes, shown this once; those before open nothing any more.

    Raises:
        PasswordWrongError: it is not right.
    """
    await confirm_password(work, own, password, address)
    return await give_new(work, own.staff_id)


async def change_second_factor(
    work: Work, own: SignedInMember, *, password: str, set_up: str, code: str, address: str
) -> None:
    """Take another phone; all other sessions end.

    Raises:
        PasswordWrongError: the password is not right.
        SetUpExpiredError, CodeWrongError: the phone is not set up.
    """
    secret = open_pending(work.vault, set_up, clinic_id=work.clinic_id, staff_id=own.staff_id)
    step = step_of(secret, code, now=work.real_now, after=None)
    if step is None:
        raise CodeWrongError("#/code")
    await confirm_password(work, own, password, address)
    await staff_members.change(
        work,
        own.staff_id,
        totp_secret_sealed=seal(work.vault, work.clinic_id, own.staff_id, "totp_secret", secret),
        totp_last_step=step,
    )
    work.audit("staff.second_factor_changed", "staff", own.staff_id)
    await _end_others(work, own)


async def confirm_password(work: Work, own: SignedInMember, password: str, address: str) -> None:
    """Ask for the password again: whoever finds an open screen must not keep the account.

    Counted like signing in, so that a session is no place to guess at it; done before this transaction begins.

    Raises:
        PasswordWrongError: it is not right, or was wrong too often.
    """
    context, clinic_id = work.context, work.clinic_id
    source = login_throttle.network_source(context, address)
    counted = await login_throttle.count_attempt(context, clinic_id, own.staff_id, source)
    right = await matches(None if counted is None else counted.member.password_hash, password)
    if counted is None or not right:
        raise PasswordWrongError("#/password")
    await login_throttle.take_back(context, clinic_id, counted)


async def _end_others(work: Work, own: SignedInMember) -> None:
    await staff_sessions.end_all(work, own.staff_id, now=work.real_now, but=own.session_id)
    work.audit("staff.other_sessions_ended", "staff", own.staff_id)
