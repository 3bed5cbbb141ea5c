"""What members look after themselves: sessions, password, phone and recovery codes. The password is asked again."""

from dataclasses import dataclass, field
from datetime import datetime

from app.access.clinics.caller import ClinicCaller
from app.access.clinics.service import clinic_in
from app.access.clinics.staff_sessions import IDLE, LASTS_AT_MOST, SignedInMember, end_session
from app.access.staff import login_throttle as tries
from app.access.staff.members import Member, seal, shown, staff_event
from app.access.staff.passwords import hashed, matches, refuse_weak
from app.access.staff.recovery import give_new
from app.access.staff.second_factor import CodeWrongError, open_pending, step_of
from app.context import AppContext
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.tokens import TokenNotValidError
from app.storage import recovery_codes, staff_members, staff_sessions
from app.storage.engine.unit_of_work import UnitOfWork


class PasswordWrongError(RefusalError):
    """This is not your password; after five wrong tries it is not looked at for a while."""

    code = "password-wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A place where a member is signed in."""

    opened_at: datetime
    used_at: datetime
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a member sees of the own account."""

    member: Member
    clinic_name: str
    sessions: tuple[OwnSession, ...]
    codes_left: int
    email: str = field(repr=False)


async def read_account(context: AppContext, caller: ClinicCaller) -> Account:
    """Give the own account."""
    now, own = context.clock.now(), _own(caller)
    async with context.database.work(caller.clinic_id) as work:
        member = await staff_members.find(work, own.staff_id)
        clinic = await clinic_in(work, context.vault)
        found = await staff_sessions.open_of(
            work, own.staff_id, used_after=now - IDLE, opened_after=now - LASTS_AT_MOST
        )
        left = await recovery_codes.count_left(work, own.staff_id)
    if member is None:
        raise NotFoundError
    opened = shown(context.vault, caller.clinic_id, member)
    return Account(
        member=opened,
        email=opened.email,
        clinic_name=clinic.name,
        sessions=tuple(
            OwnSession(opened_at=opened_at, used_at=used_at, here=session_id == own.session_id)
            for session_id, opened_at, used_at in found
        ),
        codes_left=left,
    )


async def sign_out(context: AppContext, caller: ClinicCaller) -> None:
    """End the session at hand."""
    async with context.database.work(caller.clinic_id) as work:
        await end_session(work, _own(caller), now=context.clock.now())
        await work.commit()


async def sign_out_everywhere(context: AppContext, caller: ClinicCaller) -> None:
    """End every session of the member's, the one at hand too."""
    now, own = context.clock.now(), _own(caller)
    audit = staff_event(now, caller.actor, "staff.signed_out_everywhere", own.staff_id)
    async with context.database.work(caller.clinic_id) as work:
        await staff_sessions.end_all(work, own.staff_id, now=now, audit=audit)
        await work.commit()


async def change_password(context: AppContext, caller: ClinicCaller, *, current: str, new: str) -> None:
    """Take another password; all other sessions end.

    Raises:
        PasswordWrongError: the current one is not right.
        PasswordTooShortError, PasswordTooCommonError, PasswordHoldsNameError: the new one is weak.
    """
    account, now = await read_account(context, caller), context.clock.now()
    refuse_weak(new, known=(account.clinic_name, account.email))
    await _confirm(context, caller, current, now=now)
    password_hash = await hashed(new)
    async with context.database.work(caller.clinic_id) as work:
        audit = staff_event(now, caller.actor, "staff.password_changed", caller.id)
        await staff_members.change(work, caller.id, audit=audit, password_hash=password_hash)
        await _end_others(work, caller, now=now)
        await work.commit()


async def new_recovery_codes(context: AppContext, caller: ClinicCaller, *, password: str) -> tuple[str, ...]:
    """Make ten new codes, shown this once; those before open nothing any more.

    Raises:
        PasswordWrongError: it is not right.
    """
    now = context.clock.now()
    await _confirm(context, caller, password, now=now)
    async with context.database.work(caller.clinic_id) as work:
        codes = await give_new(work, context.vault, caller.id, now=now)
        await work.commit()
    return codes


async def change_second_factor(
    context: AppContext, caller: ClinicCaller, *, password: str, set_up: str, code: str
) -> None:
    """Take another phone; all other sessions end.

    Raises:
        PasswordWrongError: the password is not right.
        SetUpExpiredError, CodeWrongError: the phone is not set up.
    """
    now, vault = context.clock.now(), context.vault
    secret = open_pending(vault, set_up, clinic_id=caller.clinic_id, staff_id=caller.id)
    step = step_of(secret, code, now=now, after=None)
    if step is None:
        raise CodeWrongError("#/code")
    await _confirm(context, caller, password, now=now)
    async with context.database.work(caller.clinic_id) as work:
        audit = staff_event(now, caller.actor, "staff.second_factor_changed", caller.id)
        await staff_members.change(
            work,
            caller.id,
            audit=audit,
            totp_secret_sealed=seal(vault, caller.clinic_id, caller.id, "totp_secret", secret),
            totp_last_step=step,
        )
        await _end_others(work, caller, now=now)
        await work.commit()


async def _confirm(context: AppContext, caller: ClinicCaller, password: str, *, now: datetime) -> None:
    """Ask for the password again: whoever finds an open screen must not keep the account.

    Counted like signing in, so that a session is no place to guess at it.
    """
    counted = await tries.count_one(context, caller.clinic_id, _own(caller).staff_id, now=now)
    right = await matches(None if counted is None else counted.member.password_hash, password)
    if counted is None or not right:
        raise PasswordWrongError("#/password")
    await tries.take_one_back(context, caller.clinic_id, counted, now=now)


async def _end_others(work: UnitOfWork, caller: ClinicCaller, *, now: datetime) -> None:
    audit = staff_event(now, caller.actor, "staff.other_sessions_ended", caller.id)
    await staff_sessions.end_all(work, caller.id, now=now, audit=audit, but=_own(caller).session_id)


def _own(caller: ClinicCaller) -> SignedInMember:
    if caller.member is None:
        raise TokenNotValidError
    return caller.member
