"""Reading a clinic's staff, and who opened whom in an emergency."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.access.staff.emergencies import Emergency, open_reason
from app.access.staff.members import ACTIVE, Member, address_digest, shown
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import emergency_accesses, staff_members, staff_sign_ins


class NoSuchMemberError(RefusalError):
    """Nobody on this clinic's staff has this address."""

    kind = RefusalKind.NOT_FOUND
    code = "no-such-member"


async def list_members(work: Work) -> list[Member]:
    """List the clinic's staff, in the order in which they were invited, also the deactivated."""
    locked = await staff_sign_ins.locked_until(work)
    found = await staff_members.all_of_clinic(work)
    return [_locked(shown(work, one), locked.get(one.id)) for one in found]


async def active_names(work: Work) -> dict[UUID, str]:
    """Name the members who can sign in, by id, in the order of their names."""
    found = [shown(work, one) for one in await staff_members.all_of_clinic(work)]
    return {one.id: one.name for one in sorted(found, key=lambda one: one.name) if one.state == ACTIVE}


async def read_member(work: Work, staff_id: UUID) -> Member:
    """Give a member.

    Raises:
        NotFoundError: the clinic has no such member.
    """
    member = await staff_members.find(work, staff_id)
    if member is None:
        raise NotFoundError
    locked = await staff_sign_ins.locked_until(work)
    return _locked(shown(work, member), locked.get(staff_id))


async def id_of_address(work: Work, email: str) -> UUID:
    """Find the member who signs in with this address.

    Raises:
        NoSuchMemberError: there is none.
    """
    member = await staff_members.find_by_address(work, address_digest(work.vault, email))
    if member is None:
        raise NoSuchMemberError
    return member.id


async def list_emergencies(work: Work, *, before: UUID | None, limit: int) -> list[Emergency]:
    """List who opened whom, when and why, newest first."""
    found = await emergency_accesses.page(work, before=before, limit=limit)
    names = {one.id: one.name for one in await list_members(work)}
    work.record_access("emergencies", patient_id=None)
    return [
        Emergency(
            id=access.id,
            staff_id=access.staff_id,
            staff_name=names[access.staff_id],
            patient_id=access.patient_id,
            reason=open_reason(work, access, wrapped_key),
            opened_at=access.opened_at,
            ends_at=access.ends_at,
        )
        for access, wrapped_key in found
    ]


def _locked(member: Member, somewhere: datetime | None) -> Member:
    """Give a member with the longest wait, from one place or from everywhere."""
    waits = [until for until in (member.locked_until, somewhere) if until is not None]
    return replace(member, locked_until=max(waits, default=None))
