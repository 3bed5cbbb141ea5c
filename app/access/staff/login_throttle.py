"""Wrong tries to sign in, counted in the database: five an account, then a wait that doubles up to a day.

A try is counted before it is judged, under a lock on the member: of twenty guesses at once, five are judged,
whichever processes they reach, and a restart forgets nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.staff.members import staff_event
from app.context import AppContext
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import login_throttle as failed_tries
from app.storage import staff_members
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember

MOST_TRIES: Final = 5
FIRST_WAIT: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(hours=24)
# A clinic's staff share one address: more than one of them may mistype within a quarter of an hour.
MOST_FROM_ONE_ADDRESS: Final = 30


class TooManySignInsError(RefusalError):
    """There were too many tries to sign in from this network; please wait."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A try that may be judged: the member as of then, and what the count was made."""

    member: StaffMember
    tries: int
    locked_until: datetime | None


def wait_after(tries: int) -> timedelta | None:
    """Say how long an account is locked after so many wrong tries in a row; None: not (again)."""
    times, rest = divmod(tries, MOST_TRIES)
    if rest or not times:
        return None
    # Beyond a dozen doublings it is the longest anyway.
    doubled: timedelta = FIRST_WAIT * 2 ** min(times - 1, 12)
    return min(doubled, LONGEST_WAIT)


async def count_from_address(context: AppContext, address: str, *, now: datetime) -> None:
    """Count a try of a network address, whoever it is about.

    Raises:
        TooManySignInsError: too many went wrong within 15 minutes.
    """
    window_start = failed_tries.window_of(now)
    async with context.database.work(None) as work:
        tries = await failed_tries.count_one(work, _caller(context, address), window_start=window_start)
        await work.commit()
    if tries > MOST_FROM_ONE_ADDRESS:
        raise TooManySignInsError(retry_after_seconds=failed_tries.seconds_left(window_start, now))


async def forgive_address(work: UnitOfWork, context: AppContext, address: str, *, now: datetime) -> None:
    """Take the count back of a try that was right."""
    caller = _caller(context, address)
    await failed_tries.take_one_back(work, caller, window_start=failed_tries.window_of(now))


async def count_one(context: AppContext, clinic_id: UUID, staff_id: UUID, *, now: datetime) -> Counted | None:
    """Count a try of a member before it is judged; None while the account is locked: it is not to be judged."""
    async with context.database.work(clinic_id) as work:
        member = await staff_members.find(work, staff_id, lock=True)
        if member is None or (member.locked_until is not None and member.locked_until > now):
            return None
        tries = member.failed_tries + 1
        wait = wait_after(tries)
        locked_until = None if wait is None else now + wait
        action = "staff.sign_in_tried" if wait is None else "staff.sign_in_tried_and_locked"
        await staff_members.keep_tries(
            work,
            staff_id,
            tries=tries,
            locked_until=locked_until,
            audit=staff_event(now, SYSTEM, action, staff_id),
        )
        await work.commit()
    return Counted(member=member, tries=tries, locked_until=locked_until)


async def take_one_back(context: AppContext, clinic_id: UUID, counted: Counted, *, now: datetime) -> None:
    """Undo a count at a clinic whose account was not meant, and the lock that it set.

    Nobody learns anything by it: the answer says nothing of the accounts that did not match.
    """
    async with context.database.work(clinic_id) as work:
        member = await staff_members.find(work, counted.member.id, lock=True)
        if member is None or member.failed_tries == 0:
            return
        own_lock = counted.locked_until is not None and member.locked_until == counted.locked_until
        await staff_members.keep_tries(
            work,
            member.id,
            tries=member.failed_tries - 1,
            locked_until=None if own_lock else member.locked_until,
            audit=staff_event(now, SYSTEM, "staff.sign_in_elsewhere", member.id),
        )
        await work.commit()


def _caller(context: AppContext, address: str) -> bytes:
    return context.vault.digest(b"staff sign-in", address.encode())
