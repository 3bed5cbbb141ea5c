"""A member's session: one opaque token, good while it is used and for a working day at most."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.foundation.audit import Actor, ActorKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenReference, new_token
from app.storage import staff_sessions
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_sessions import OpenSession

IDLE: Final = timedelta(minutes=30)
LASTS_AT_MOST: Final = timedelta(hours=12)
# Not with every request: a session that was noted within the minute is left alone.
_NOTED_AGAIN_AFTER: Final = timedelta(minutes=1)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInMember:
    """Who a session belongs to, and what their clinic is called."""

    session_id: UUID
    staff_id: UUID
    role: StaffRole
    name_sealed: bytes
    clinic_name: str


async def open_session(work: UnitOfWork, staff_id: UUID) -> str:
    """Sign a member in, in the transaction that found them right; gives the token, shown this once."""
    session_id = new_id()
    text, reference = new_token(TokenKind.STAFF_SESSION, work.clinic_id)
    await staff_sessions.add(
        work, session_id=session_id, staff_id=staff_id, digest=reference.digest, now=work.real_now
    )
    work.audit("staff.signed_in", "staff_session", session_id, actor=_member_acting(staff_id))
    return text


async def member_of(work: UnitOfWork, reference: TokenReference, *, now: datetime) -> SignedInMember | None:
    """Find whose session this is, if it still works, and let its idle time begin again."""
    found = await staff_sessions.working(
        work, reference.digest, used_after=now - IDLE, opened_after=now - LASTS_AT_MOST
    )
    if found is None:
        return None
    if found.used_at + _NOTED_AGAIN_AFTER <= now:
        await staff_sessions.used(work, found.id, now=now)
        await work.commit()
    return _member(found)


async def member_of_ended(work: UnitOfWork, reference: TokenReference) -> SignedInMember | None:
    """Find whose session this is, also when its time has run out; not when someone ended it."""
    found = await staff_sessions.working(work, reference.digest, used_after=_LONG_AGO, opened_after=_LONG_AGO)
    return None if found is None else _member(found)


async def end_session(work: UnitOfWork, member: SignedInMember) -> None:
    """Sign a member out."""
    await staff_sessions.end(work, member.session_id, now=work.real_now)
    actor = _member_acting(member.staff_id)
    work.audit("staff.signed_out", "staff_session", member.session_id, actor=actor)


def _member(found: OpenSession) -> SignedInMember:
    return SignedInMember(
        session_id=found.id,
        staff_id=found.staff_id,
        role=StaffRole(found.role),
        name_sealed=found.name_sealed,
        clinic_name=found.clinic_name,
    )


def _member_acting(staff_id: UUID) -> Actor:
    return Actor(kind=ActorKind.STAFF, id=staff_id)
