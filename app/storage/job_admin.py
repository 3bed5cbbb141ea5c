"""Looking at the queue from outside, for the operator: what waits, and having one tried at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from app.storage.engine.unit_of_work import UnitOfWork

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
