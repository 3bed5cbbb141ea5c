"""A clinic tries other numbers over its own past: asked on a page, worked out by the worker, kept for a while."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from app.access.clinics.policy import active_protocol, checked
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.storage import what_ifs
from app.storage.engine.jobs import STUDIES_QUEUE
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.what_ifs import RaisedDays, StoredWhatIf
from app.studies.processes import ProcessDiedError, in_own_process
from app.studies.stored_patients import patients_in
from app.studies.what_if import Period, RuleCounts, WhatIf, what_if

WORK_OUT: Final = "work_out_what_if"
LONGEST: Final = timedelta(days=5 * 366)
USUALLY: Final = timedelta(days=365)
# Of all that the worker does nothing waits less: what someone is notified of goes first, and one try runs at a time.
_LAST: Final = -10


class NothingDiffersError(RefusalError):
    """These numbers are active already: change at least one of them."""

    code = "nothing-differs"


class TryPeriodRefusedError(RefusalError):
    """A what-if run counts from a day to a later one, at most five years, and ends no later than today."""

    code = "try-period-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A run with its outcome: counts, and the days of every patient with a signal under either.

    ``counts`` are those of `WhatIf`; None while it is being worked out, or when that failed.
    """

    stored: StoredWhatIf
    days: tuple[RaisedDays, ...] = ()

    @property
    def counts(self) -> WhatIf | None:
        """What was counted."""
        return None if self.stored.found is None else _counts(self.stored.found)


async def ask(
    work: Work,
    *,
    numbers: Mapping[str, Any],
    first: date | None,
    last: date | None,
) -> UUID:
    """Have other numbers tried; the try before is forgotten. Gives the new one's id.

    Args:
        work: the caller's transaction.
        numbers: those that differ from the service's own, as they would be activated.
        first: count from this day on; None: a year back.
        last: count up to this day; None: today.

    Raises:
        PolicyRefusedError: a number that could not be activated.
        NothingDiffersError: they are active.
        TryPeriodRefusedError: no such period.
    """
    today = work.now.astimezone(UTC).date()
    last = last or today
    first = first or last - USUALLY
    if not first <= last <= today or last - first > LONGEST:
        raise TryPeriodRefusedError("first")
    instead = checked(work.context.protocol, numbers)
    one = StoredWhatIf(
        id=new_id(),
        asked_at=work.now,
        asked_by=work.actor.id,
        numbers=dict(numbers),
        from_day=first,
        to_day=last,
    )
    if instead == await active_protocol(work):
        raise NothingDiffersError
    await what_ifs.replace_last(work, one)
    work.audit("what_if.asked", "what_if", one.id)
    work.queue(
        WORK_OUT,
        priority=_LAST,
        lock=WORK_OUT,
        queue=STUDIES_QUEUE,
        clinic_id=work.clinic_id,
        what_if_id=one.id,
    )
    return one.id


async def work_out(context: AppContext, clinic_id: UUID, what_if_id: UUID) -> bool:
    """Make a run in a separate process, and keep its outcome; one that was replaced is left alone.

    Gives False where nothing could be found out.
    """
    async with context.work(clinic_id) as work:
        one = await what_ifs.find(work, what_if_id)
    if one is None or one.state != "waiting":
        return True
    try:
        found = await _run(context, clinic_id, one)
    except ProcessDiedError:
        found = None
    async with context.work(clinic_id) as work:
        still = await what_ifs.find(work, what_if_id, lock=True)
        if still is None or still.state != "waiting":
            return True
        await what_ifs.end(
            work,
            what_if_id,
            found=None if found is None else _plain(found),
            days=[] if found is None else _days(found),
            now=work.now,
        )
        work.audit("what_if.worked_out", "what_if", what_if_id)
    return found is not None


async def _run(context: AppContext, clinic_id: UUID, one: StoredWhatIf) -> WhatIf:
    source = await patients_in(context.database, clinic_id, base=context.protocol, now=one.asked_at)
    instead = checked(context.protocol, one.numbers)
    return await in_own_process(
        partial(
            what_if,
            source,
            instead,
            protocol=source.protocol,
            period=Period(one.from_day, one.to_day),
            processes=1,
        )
    )


async def last_try(work: Work) -> StoredWhatIf | None:
    """Give the clinic's last try, without the patients' days."""
    return await what_ifs.find(work)


async def read_try(work: Work, what_if_id: UUID) -> Tried:
    """Give a run; its outcome names patients, so that someone read it is recorded.

    Raises:
        NotFoundError: there is none; another try may have taken its place.
    """
    one = await _existing(work, what_if_id)
    if one.state != "done":
        return Tried(stored=one)
    days = await what_ifs.days_of(work, what_if_id)
    work.record_access(
        "what_if",
        patient_id=None,
        subject_id=what_if_id,
    )
    return Tried(stored=one, days=tuple(days))


async def _existing(work: UnitOfWork, what_if_id: UUID) -> StoredWhatIf:
    one = await what_ifs.find(work, what_if_id)
    if one is None:
        raise NotFoundError
    return one


def _plain(found: WhatIf) -> dict[str, Any]:
    return {name: value for name, value in asdict(found).items() if name != "dates"}


def _counts(plain: Mapping[str, Any]) -> WhatIf:
    sides = {name: RuleCounts(**plain[name]) for name in ("now", "instead")}
    return WhatIf(**{**plain, **sides})


def _days(found: WhatIf) -> list[RaisedDays]:
    return [
        RaisedDays(patient_id=UUID(one.patient), now_on=list(one.now), instead_on=list(one.instead))
        for one in found.dates
    ]
