"""Wrong attempts to sign in, counted in the database: five an account, then a wait that doubles up to a day.

An attempt is counted before it is judged, under a lock on the member: of twenty guesses at once, five are judged,
whichever processes they reach, and a restart forgets nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.context import AppContext
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import login_throttle, staff_members
from app.storage.staff_members import StaffMember

MOST_ATTEMPTS: Final = 5
FIRST_WAIT: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(hours=24)
# A clinic's staff share one address: more than one of them may mistype within a quarter of an hour.
MOST_FROM_ONE_ADDRESS: Final = 30


class TooManySignInsError(RefusalError):
    """There were too many attempts to sign in from this network; please wait."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An attempt that may be judged: the member as of then, and what the count was made."""

    member: StaffMember
    attempts: int
    locked_until: datetime | None


def wait_after(attempts: int) -> timedelta | None:
    """Say how long an account is locked after so many wrong attempts in a row; None: not (again)."""
    times, rest = divmod(attempts, MOST_ATTEMPTS)
    if rest or not times:
        return None
    # Beyond a dozen doublings it is the longest anyway.
    doubled: timedelta = FIRST_WAIT * 2 ** min(times - 1, 12)
    return min(doubled, LONGEST_WAIT)


async def count_from_address(context: AppContext, address: str) -> None:
    """Count an attempt of a network address, whoever it is about.

    Raises:
        TooManySignInsError: too many went wrong within 15 minutes.
    """
    # A transaction of its own: the count must stand, whatever the request comes to.
    async with context.work(None) as work:
        window_start = login_throttle.window_of(work.now)
        attempts = await login_throttle.count_one(work, _caller(context, address), window_start=window_start)
    if attempts > MOST_FROM_ONE_ADDRESS:
        raise TooManySignInsError(retry_after_seconds=login_throttle.seconds_left(window_start, work.now))


async def forgive_address(context: AppContext, address: str) -> None:
    """Take the count back of an attempt that was right."""
    async with context.work(None) as work:
        window_start = login_throttle.window_of(work.now)
        await login_throttle.take_one_back(work, _caller(context, address), window_start=window_start)


async def count_attempt(context: AppContext, clinic_id: UUID, staff_id: UUID) -> Counted | None:
    """Count an attempt of a member before it is judged; None while the account is locked: it is not to be judged.

    A transaction of its own: the count must stand, whatever the request comes to, and nobody holds the
    member's lock while a password is hashed.
    """
    async with context.work(clinic_id) as work:
        member = await staff_members.find(work, staff_id, lock=True)
        if member is None or (member.locked_until is not None and member.locked_until > work.now):
            return None
        attempts = member.failed_tries + 1
        wait = wait_after(attempts)
        locked_until = None if wait is None else work.now + wait
        await staff_members.keep_attempts(work, staff_id, attempts=attempts, locked_until=locked_until)
        action = "staff.sign_in_tried" if wait is None else "staff.sign_in_tried_and_locked"
        work.audit(action, "staff", staff_id)
    return Counted(member=member, attempts=attempts, locked_until=locked_until)


async def take_back(context: AppContext, clinic_id: UUID, counted: Counted) -> None:
    """Undo a count at a clinic whose account was not meant, and the lock that it set.

    Nobody learns anything by it: the answer says nothing of the accounts that did not match.
    """
    async with context.work(clinic_id) as work:
        member = await staff_members.find(work, counted.member.id, lock=True)
        if member is None or member.failed_tries == 0:
            return
        own_lock = counted.locked_until is not None and member.locked_until == counted.locked_until
        await staff_members.keep_attempts(
            work,
            member.id,
            attempts=member.failed_tries - 1,
            locked_until=None if own_lock else member.locked_until,
        )
        work.audit("staff.sign_in_elsewhere", "staff", member.id)


def _caller(context: AppContext, address: str) -> bytes:
    return context.vault.digest(b"staff sign-in", address.encode())
