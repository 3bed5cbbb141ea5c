"""Background work seen from outside, over all clinics: what is due, in which lanes, and what waits in the queue."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, text
from sqlalchemy.orm import InstrumentedAttribute

from app.storage.engine.unit_of_work import UnitOfWork

_DUE: Final = text("SELECT * FROM care.clinics_due(:now)")
_PULL_IN: Final = text("SELECT care.pull_in_due_times(:now)")
# Held by the one sweeper until its transaction ends, or by the server itself until the sweeper is found dead.
_ELECT: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('afterglow sweeper', 0))")

# Longer than any attempt is claimed for, and than clocks of several machines differ by.
_LONGEST_CLAIM: Final = timedelta(minutes=5)


def unclaimed(until: InstrumentedAttribute[datetime | None], now: datetime) -> ColumnElement[bool]:
    """Say that no worker holds a row: no claim, one that is over, or one by a clock that was ahead."""
    return or_(until.is_(None), until <= now, until > now + _LONGEST_CLAIM)


def is_claimed(until: datetime | None, now: datetime) -> bool:
    """The opposite, of a row in hand."""
    return until is not None and now < until <= now + _LONGEST_CLAIM


@dataclass(frozen=True, slots=True, kw_only=True)
class DueClinic:
    """One clinic, and what is due there.

    Attributes:
        safety: a safety event that nobody acknowledged in time.
        signals: a signal or a patient's message that nobody acknowledged in time, or a snooze that is over.
        messages: messages that help nobody any more.
        held: deliveries that are held, and nobody was notified for a day.
        looks: patients whose time has come.
        seals: lines of the audit log that have no seal.
        ahead: something that a clock which was ahead put off for longer than it may wait.
    """

    clinic_id: UUID
    safety: bool
    signals: bool
    messages: bool
    held: bool
    looks: bool
    seals: bool
    ahead: bool


async def list_due(work: UnitOfWork, *, now: datetime) -> list[DueClinic]:
    """List the clinics in which something is due; those with a safety event come first."""
    return [DueClinic(**row._mapping) for row in await work.execute(_DUE, {"now": now})]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def pull_in(work: UnitOfWork) -> None:
    """Make due now, in this clinic, what is due later than it ever may be: a clock was ahead when it was written."""
    await work.execute(_PULL_IN, {"now": work.real_now})


async def elect(work: UnitOfWork) -> bool:
    """Become the one sweeper until this transaction ends; False while another worker is."""
    return bool((await work.execute(_ELECT)).scalar_one())


# By the database's clock, as the queue itself does. The first four repetitions are at most an hour apart; what only
# looks for what is due is not needed before its time.
_FREE_JOBS: Final = text(
    "WITH dead AS (UPDATE jobs.procrastinate_workers SET last_heartbeat = now()"
    " WHERE last_heartbeat > now() + interval '1 minute')"
    " UPDATE jobs.procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND attempts BETWEEN 1 AND 4"
    " AND scheduled_at > now() + interval '2 hours'"
)


async def free_jobs(work: UnitOfWork) -> None:
    """Let nothing wait in the queue for a time, or a dead worker, that a clock which was ahead wrote."""
    await work.execute(_FREE_JOBS)


_LANES_DUE: Final = text(
    "SELECT clinic_id, endpoint_id, channel, urgent FROM care.due_lanes(:now, CAST(:channels AS text[]))"
)
_DUE_URGENT: Final = text(
    "SELECT clinic_id, endpoint_id, channel, urgent FROM care.due_lanes(:now, CAST(:channels AS text[])) WHERE urgent"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane: an endpoint's events, or a clinic's messages of one channel; urgent, or not."""

    clinic_id: UUID
    endpoint_id: UUID | None
    channel: str | None
    urgent: bool


async def due(
    work: UnitOfWork, *, now: datetime, channels: Collection[str], only_urgent: bool = False
) -> list[Lane]:
    """List the lanes in which something is due now, the urgent ones first.

    ``channels``: those that are set up; messages of the others wait.
    """
    found = await work.execute(
        _DUE_URGENT if only_urgent else _LANES_DUE, {"now": now, "channels": list(channels)}
    )
    lanes = [Lane(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
    return sorted(lanes, key=lambda lane: not lane.urgent)


_JOBS: Final = text(
    "SELECT id, task_name AS task, status::text AS status, args, scheduled_at, attempts"
    " FROM jobs.procrastinate_jobs WHERE (CAST(:status AS text) IS NULL OR status::text = :status)"
    " ORDER BY id DESC LIMIT :most"
)
_RETRY: Final = text(
    "UPDATE jobs.procrastinate_jobs SET status = 'todo', scheduled_at = NULL"
    " WHERE id = :id AND status IN ('todo', 'failed') RETURNING args"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job as it stands in the queue; its arguments are ids."""

    id: int
    task: str
    status: str
    args: dict[str, Any]
    scheduled_at: datetime | None
    attempts: int


async def newest(work: UnitOfWork, *, status: str | None, most: int) -> list[QueuedJob]:
    """List jobs, newest first."""
    found = await work.execute(_JOBS, {"status": status, "most": most})
    return [QueuedJob(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def retry(work: UnitOfWork, job_id: int) -> dict[str, Any] | None:
    """Have a job that waits or failed tried at once; gives its arguments, None where there is no such job."""
    found = await work.execute(_RETRY, {"id": job_id})
    args = found.scalar_one_or_none()
    return None if args is None else dict(args)
