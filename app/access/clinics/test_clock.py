"""The test clock: a clinic in test mode lives weeks in a minute, so that an integrator sees a signal come.

It moves what the clinic lives by: check-ins, evaluations, what is due, reminders. Lifetimes of tokens, limits of
guessing, the audit log, sending and the limits of safety events go by the real time.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.access.clinics.queries import clinic_in
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import clinics, patients

MOST_AHEAD: Final = timedelta(days=731)
_LEARNT_EVERY_SECONDS: Final = 1.0


class ClinicIsLiveError(RefusalError):
    """Only a clinic in test mode has a test clock."""

    kind = RefusalKind.CONFLICT
    code = "clinic-is-live"


class TooFarAheadError(RefusalError):
    """A test clock goes forward only, and is two years ahead of the real time at most."""

    code = "too-far-ahead"


class ClockMovedError(RefusalError):
    """The test clock was moved while patients were registered here; erase them, or go live with a new clinic."""

    kind = RefusalKind.CONFLICT
    code = "test-clock-moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClock:
    """What a clinic's clock shows, and how far that is ahead."""

    now: datetime
    ahead: timedelta


async def read_clock(work: Work) -> ShownClock:
    """Give what the clinic's clock shows.

    Raises:
        ClinicIsLiveError: it has no test clock.
    """
    await _refuse_live(work)
    ahead = (await clinics.ahead_of_time(work)).get(work.clinic_id, timedelta())
    return ShownClock(now=work.real_now + ahead, ahead=ahead)


async def advance_clock(work: Work, by: timedelta) -> ShownClock:
    """Move the clinic's clock forward; other processes follow within a second.

    Raises:
        ClinicIsLiveError: it has no test clock.
        TooFarAheadError: it would be further ahead than two years.
    """
    await _refuse_live(work)
    ahead = await clinics.move_ahead(work, by, most=MOST_AHEAD)
    if ahead is None:
        raise TooFarAheadError("#/seconds")
    work.audit("test_clock.advanced", "clinic", work.clinic_id)
    await _learn_after_commit(work)
    return ShownClock(now=work.real_now + ahead, ahead=ahead)


async def set_right(work: Work) -> None:
    """Let a clinic that goes live live in real time; the caller has seen that it has no patients of another time."""
    await clinics.set_clock_right(work)
    await _learn_after_commit(work)


async def _learn_after_commit(work: Work) -> None:
    everybody = await clinics.ahead_of_time(work)
    work.after_commit(lambda: work.context.clinic_clocks.learn(everybody))


async def was_moved_over_patients(work: Work) -> bool:
    """Say whether the clock was moved in a clinic that has patients."""
    return work.clinic_id in await clinics.ahead_of_time(work) and bool(
        await patients.page(work, after=None, limit=1)
    )


async def learn_clocks(context: AppContext) -> None:
    """Take in which clinics are ahead, now."""
    async with context.work(None) as work:
        context.clinic_clocks.learn(await clinics.ahead_of_time(work))


async def learn_now_and_then(context: AppContext) -> None:
    """Follow the clocks that other processes move, until canceled."""
    while True:
        with suppress(Exception):  # the database may be away; the next look comes anyway
            await learn_clocks(context)
        await asyncio.sleep(_LEARNT_EVERY_SECONDS)


async def _refuse_live(work: Work) -> None:
    if (await clinic_in(work)).mode == "live":
        raise ClinicIsLiveError
