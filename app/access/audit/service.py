"""Looking through the audit log: who, what, when; ids only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.errors import RefusalError
from app.storage import audit_search
from app.storage.audit_search import AuditFilter
from app.storage.engine.audit import StoredEvent
from app.storage.engine.unit_of_work import UnitOfWork

# These bound what one search may read of a trail that only grows; one patient's lines are few.
MOST: Final = timedelta(days=366)
USUALLY: Final = timedelta(days=31)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class SearchTimeRefusedError(RefusalError):
    """A search covers at most 366 days, and begins before it ends; that of one patient's lines any time."""

    code = "search-time-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    """An event with the place of its seal; None: the worker has not sealed it yet."""

    event: StoredEvent
    seal: int | None


async def search(
    work: Work,
    *,
    patient_id: UUID | None,
    actor_id: UUID | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[FoundEvent]:
    """Give events, newest first; the last 31 days where no beginning is given. That someone looked is recorded too.

    Raises:
        SearchTimeRefusedError: it ends before it begins, or covers more than a year of everybody's.
    """
    until = until or _just_past(work.now)
    since = since or (until - USUALLY if patient_id is None else _EVER)
    if since > until or (patient_id is None and until - since > MOST):
        raise SearchTimeRefusedError("query/from")
    wanted = AuditFilter(since=since, until=until, patient_id=patient_id, actor_id=actor_id, action=action)
    found = await audit_search.page(work, wanted, before=before, limit=limit)
    work.record_access("audit_events", patient_id=patient_id)
    return [FoundEvent(event=event, seal=seal) for event, seal in found]


async def done_to_patient(
    work: UnitOfWork, patient_id: UUID, *, now: datetime, limit: int
) -> list[StoredEvent]:
    """Give what was done about a patient, newest first, within a transaction; without who looked."""
    wanted = AuditFilter(since=_EVER, until=_just_past(now), patient_id=patient_id, changes_only=True)
    return [event for event, _ in await audit_search.page(work, wanted, before=None, limit=limit)]


def _just_past(now: datetime) -> datetime:
    """So that what happened at this very moment is among it."""
    return now + timedelta(microseconds=1)
