"""Joining by an invitation: the link, a password, and a phone that has shown it can make codes; then one is in."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.access.clinics.queries import clinic_in
from app.access.clinics.staff_sessions import open_session
from app.access.staff.members import ACTIVE, INVITED, UNLOCKED, Member, locked, seal, shown
from app.access.staff.passwords import hashed, refuse_weak
from app.access.staff.second_factor import CodeWrongError, give_new, open_pending, step_of
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token, read_token
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import staff_invitations, staff_members
from app.storage.staff_invitations import StaffInvitation
from app.storage.staff_members import StaffMember


class InvitationNotKnownError(RefusalError):
    """This link does not work; it may have been cut off on its way. Please ask who invited you for a new one."""

    kind = RefusalKind.NOT_FOUND
    code = "invitation-not-known"


class InvitationExpiredError(RefusalError):
    """This link is older than seven days and no longer works. Please ask who invited you for a new one."""

    kind = RefusalKind.GONE
    code = "invitation-expired"


class InvitationUsedError(RefusalError):
    """This link was used, or a newer one took its place. If you have joined, sign in; else ask for a new one."""

    kind = RefusalKind.GONE
    code = "invitation-used"


class InvitationState(StrEnum):
    """What a link is good for. Its secret cannot be guessed, so that its holder may know."""

    VALID = "valid"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenInvitation:
    """Whom a link is for, and at which clinic."""

    clinic_id: UUID
    staff_id: UUID
    clinic_name: str
    name: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Someone who has joined, and is signed in; all of it is shown this once."""

    session: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


async def look_at(context: AppContext, token: str) -> SeenInvitation:
    """Say whom a link is for, without spending it.

    Raises:
        InvitationNotKnownError, InvitationExpiredError, InvitationUsedError: as they say.
    """
    reference = _reference(token)
    async with context.work(reference.clinic_id, snapshot=True) as work:
        member = await _invited(work, reference)
        clinic = await clinic_in(work)
    opened = shown(work, member)
    return SeenInvitation(
        clinic_id=reference.clinic_id,
        staff_id=member.id,
        clinic_name=clinic.name,
        name=opened.name,
        email=opened.email,
    )


async def join(context: AppContext, token: str, *, password: str, set_up: str, code: str) -> Joined:
    """Spend a link: keep the password's hash and the phone's secret, and sign the member in.

    Args:
        context: the process's context.
        token: what the link ends in.
        password: as chosen.
        set_up: the phone's secret, sealed for the form.
        code: what the phone shows, to prove that it has the secret.

    Raises:
        InvitationNotKnownError, InvitationExpiredError, InvitationUsedError: as they say.
        PasswordTooShortError, PasswordTooCommonError, PasswordHoldsNameError: the password is weak.
        SetUpExpiredError, CodeWrongError: the phone is not set up.
    """
    seen, now = await look_at(context, token), context.clock.now()
    refuse_weak(password, known=(seen.clinic_name, seen.email))
    secret = open_pending(context.vault, set_up, clinic_id=seen.clinic_id, staff_id=seen.staff_id)
    step = step_of(secret, code, now=now, after=None)
    if step is None:
        raise CodeWrongError("#/code")
    # Hashed before the transaction opens, as the link says which clinic's: nobody holds a lock for so long.
    password_hash = await hashed(password)
    actor = Actor(kind=ActorKind.STAFF, id=seen.staff_id)
    async with context.work(seen.clinic_id, actor=actor) as work:
        await staff_members.find(work, seen.staff_id, lock=True)
        # Once more, now that nobody else can spend it.
        member = await _invited(work, _reference(token))
        await staff_members.change(
            work,
            member.id,
            state=ACTIVE,
            password_hash=password_hash,
            totp_secret_sealed=seal(work.vault, seen.clinic_id, member.id, "totp_secret", secret),
            totp_last_step=step,
            joined_at=member.joined_at or now,
            **UNLOCKED,
        )
        await staff_invitations.end_all(work, member.id, now=now)
        work.audit("staff.joined", "staff", member.id)
        codes = await give_new(work, member.id)
        session = await open_session(work, member.id)
    return Joined(session=session, recovery_codes=codes)


async def _invited(work: Work, reference: TokenReference) -> StaffMember:
    invitation = await staff_invitations.find(work, reference.digest)
    member = None if invitation is None else await staff_members.find(work, invitation.staff_id)
    if invitation is None or member is None:
        raise InvitationNotKnownError
    state = _state(invitation, member, work.real_now)
    if state is InvitationState.USED:
        raise InvitationUsedError
    if state is InvitationState.EXPIRED:
        raise InvitationExpiredError
    return member


def _state(invitation: StaffInvitation, member: StaffMember, now: datetime) -> InvitationState:
    if invitation.ended_at is not None or member.state != INVITED:
        return InvitationState.USED
    return InvitationState.EXPIRED if invitation.expires_at <= now else InvitationState.VALID


def _reference(token: str) -> TokenReference:
    try:
        return read_token(token, TokenKind.STAFF_INVITATION)
    except TokenNotValidError:
        raise InvitationNotKnownError from None


LASTS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A member with the link to join by; ``sent`` says whether it is on its way by mail, too."""

    member: Member
    invite_url: str = field(repr=False)
    expires_at: datetime
    sent: bool


async def link_for(work: Work, member: StaffMember) -> Invited:
    """Make the one link of a member that works, and have it mailed."""
    text, reference = new_token(TokenKind.STAFF_INVITATION, work.clinic_id)
    invitation = StaffInvitation(
        id=new_id(),
        staff_id=member.id,
        digest=reference.digest,
        made_at=work.real_now,
        expires_at=work.real_now + LASTS,
        ended_at=None,
    )
    await staff_invitations.end_all(work, member.id, now=work.real_now)
    await staff_invitations.add(work, invitation)
    work.audit("staff.invitation_made", "staff", member.id)
    url = f"{work.public_url}/care/join/{text}"
    kept = shown(work, await locked(work, member.id))
    sent = await _send(work, kept, invitation, url)
    return Invited(member=kept, invite_url=url, expires_at=invitation.expires_at, sent=sent)


async def _send(work: Work, member: Member, invitation: StaffInvitation, url: str) -> bool:
    """Have a link mailed, where a mail server is set up; says whether it will be."""
    if work.context.mail is None:
        return False
    clinic = await clinic_in(work)
    message = NewMessage(
        channel=Channel.EMAIL,
        to=member.email,
        wording=Wording.STAFF_INVITATION,
        locale=DEFAULT_LANGUAGE,
        link=url,
        mode=clinic.mode,
        subject_id=invitation.id,
        not_after=invitation.expires_at,
    )
    await queue_message(work, message, now=work.real_now)
    work.audit("staff.invitation_queued", "staff", member.id)
    return True
