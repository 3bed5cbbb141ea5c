"""Wrong attempts to sign in, counted in the database by account and by where they come from.

Five from one network lock an account for that network, then for twice as long each time, up to a day; fifty from
anywhere lock it for every network. A device on which the member signed in before counts its own wrong attempts
alone, so that nobody who knows an address keeps its owner out.

An attempt is counted before it is checked, under a lock on the member: of twenty guesses at once, five are checked,
whichever processes they reach, and a restart forgets nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import clinic_in
from app.access.staff.members import ACTIVE, shown
from app.context import AppContext, Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.networks import network_of
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import login_throttle, staff_members, staff_sign_ins
from app.storage.staff_members import StaffMember

MOST_ATTEMPTS: Final = 5
# From all networks together: someone guesses from many places at once.
MOST_ATTEMPTS_ANYWHERE: Final = 50
FIRST_WAIT: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(hours=24)
# A clinic's staff share one address: more than one of them may mistype within a quarter of an hour.
MOST_FROM_ONE_NETWORK: Final = 30
# A device that was not used for so long is no longer known.
DEVICE_KNOWN_FOR: Final = timedelta(days=90)
_NOTIFIED_AGAIN_AFTER: Final = timedelta(hours=24)


class TooManySignInsError(RefusalError):
    """There were too many attempts to sign in from this network; please wait."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an attempt comes from, as a keyed fingerprint; ``known``: a device that this member used before."""

    digest: bytes
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An attempt that may be checked: the member as of then, and what was counted."""

    member: StaffMember
    source: Source
    locked_until: datetime | None


def wait_after(attempts: int, most: int = MOST_ATTEMPTS) -> timedelta | None:
    """Say how long signing in is locked after so many wrong attempts in a row; None: not (again)."""
    times, rest = divmod(attempts, most)
    if rest or not times:
        return None
    # Beyond a dozen doublings it is the longest anyway.
    doubled: timedelta = FIRST_WAIT * 2 ** min(times - 1, 12)
    return min(doubled, LONGEST_WAIT)


def device_digest(context: AppContext, device_token: str) -> bytes:
    """Give what a device is known by."""
    return context.vault.digest(b"staff device", device_token.encode())


def network_source(context: AppContext, address: str) -> Source:
    """Give the source of an attempt from a device that is not known."""
    return Source(digest=context.vault.digest(b"staff sign-in network", network_of(address).encode()))


async def source_of(
    context: AppContext, clinic_id: UUID, staff_id: UUID, *, address: str, device_token: str
) -> Source:
    """Say where an attempt for this member comes from: a device that they used before, or else a network."""
    if device_token:
        digest = device_digest(context, device_token)
        async with context.work(clinic_id) as work:
            since = work.real_now - DEVICE_KNOWN_FOR
            if await staff_sign_ins.is_known(work, staff_id, digest, used_after=since):
                return Source(digest=digest, known=True)
    return network_source(context, address)


async def count_from_network(context: AppContext, address: str) -> None:
    """Count an attempt of a network, whoever it is about.

    Raises:
        TooManySignInsError: too many went wrong within 15 minutes.
    """
    # A separate transaction: the count must stand, whatever the request comes to.
    async with context.work(None) as work:
        window_start = login_throttle.window_of(work.real_now)
        attempts = await login_throttle.count_one(work, _caller(context, address), window_start=window_start)
    if attempts > MOST_FROM_ONE_NETWORK:
        raise TooManySignInsError(
            retry_after_seconds=login_throttle.seconds_left(window_start, work.real_now)
        )


async def forgive_network(context: AppContext, address: str) -> None:
    """Take the count back of an attempt that was right."""
    async with context.work(None) as work:
        window_start = login_throttle.window_of(work.real_now)
        await login_throttle.take_one_back(work, _caller(context, address), window_start=window_start)


async def count_attempt(
    context: AppContext, clinic_id: UUID, staff_id: UUID, source: Source
) -> Counted | None:
    """Count an attempt of a member before it is judged; None while it is locked there: it is not to be checked.

    A separate transaction: the count must stand, whatever the request comes to, and nobody holds the
    member's lock while a password is hashed.
    """
    async with context.work(clinic_id) as work:
        member = await staff_members.find(work, staff_id, lock=True)
        if member is None or (not source.known and _waits(member.locked_until, work.real_now)):
            return None
        before = await staff_sign_ins.from_source(work, staff_id, source.digest)
        if _waits(before.locked_until, work.real_now):
            return None
        failed = before.failed + 1
        wait = wait_after(failed)
        locked_until = None if wait is None else work.real_now + wait
        await staff_sign_ins.keep(work, staff_id, source.digest, failed=failed, locked_until=locked_until)
        everywhere = None if source.known else await _count_everywhere(work, member)
        is_locked = locked_until is not None or everywhere is not None
        action = "staff.sign_in_tried_and_locked" if is_locked else "staff.sign_in_tried"
        work.audit(action, "staff", staff_id)
        if is_locked:
            await _notify_of_lock(work, member)
    return Counted(member=member, source=source, locked_until=locked_until)


async def take_back(context: AppContext, clinic_id: UUID, counted: Counted) -> None:
    """Undo a count at a clinic whose account was not meant, and the lock that it set.

    Nobody learns anything by it: the answer says nothing of the accounts that did not match.
    """
    source, staff_id = counted.source, counted.member.id
    async with context.work(clinic_id) as work:
        member = await staff_members.find(work, staff_id, lock=True)
        before = await staff_sign_ins.from_source(work, staff_id, source.digest)
        if member is None or before.failed == 0:
            return
        own_lock = counted.locked_until is not None and before.locked_until == counted.locked_until
        await staff_sign_ins.keep(
            work,
            staff_id,
            source.digest,
            failed=before.failed - 1,
            locked_until=None if own_lock else before.locked_until,
        )
        if not source.known and member.failed_tries > 0:
            await staff_members.keep_attempts(
                work, staff_id, attempts=member.failed_tries - 1, locked_until=member.locked_until
            )
        work.audit("staff.sign_in_elsewhere", "staff", staff_id)


async def _count_everywhere(work: Work, member: StaffMember) -> datetime | None:
    """Count an attempt against the account, wherever it came from; says until when it locked it, if it did."""
    attempts = member.failed_tries + 1
    wait = wait_after(attempts, MOST_ATTEMPTS_ANYWHERE)
    locked_until = None if wait is None else work.real_now + wait
    await staff_members.keep_attempts(work, member.id, attempts=attempts, locked_until=locked_until)
    return locked_until


async def _notify_of_lock(work: Work, member: StaffMember) -> None:
    """Write to the member and to every owner that someone guesses, at most once a day for each member."""
    notified = member.lock_notified_at
    lately = notified is not None and work.real_now - _NOTIFIED_AGAIN_AFTER < notified <= work.real_now
    if member.state != ACTIVE or lately:
        return
    await staff_members.note_lock_notified(work, member.id)
    mode = (await clinic_in(work)).mode
    for one in await staff_members.all_of_clinic(work):
        is_owner = one.role == StaffRole.OWNER and one.state == ACTIVE
        if one.id != member.id and not is_owner:
            continue
        message = NewMessage(
            channel=Channel.EMAIL,
            to=shown(work, one).email,
            wording=Wording.SIGN_IN_LOCKED,
            locale=DEFAULT_LANGUAGE,
            link=f"{work.public_url}/care/{'staff' if is_owner else 'account'}",
            mode=mode,
            subject_id=member.id,
            not_after=work.real_now + _NOTIFIED_AGAIN_AFTER,
        )
        await queue_message(work, message, now=work.real_now)
        work.audit("staff.lock_notified", "staff", member.id, actor=SYSTEM)


def _waits(until: datetime | None, now: datetime) -> bool:
    # A lock that lasts longer than any was set by a clock that was ahead.
    return until is not None and now < until <= now + LONGEST_WAIT


def _caller(context: AppContext, address: str) -> bytes:
    return context.vault.digest(b"staff sign-in", network_of(address).encode())
