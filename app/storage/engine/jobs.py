"""Queueing background work in the same transaction as the rows it is about.

Our tables are the truth and hold every due time; a job carries ids only and merely wakes a worker to look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import procrastinate
from procrastinate.jobs import Job as ProcrastinateJob
from psycopg import AsyncConnection

from app.storage.engine.rows import JOBS

QUEUE: Final = "afterglow"
STUDIES_QUEUE: Final = "studies"
"""What computes for minutes, so that an operator can have a separate worker do it."""
JOB_CONNECTIONS: Final = 6
"""The most connections that a worker's jobs take beside its pool; one of them listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A wish to have a task run with these ids, not before ``at``; higher priority goes first.

    Of those with the same ``lock`` one runs at a time, in the order in which they were queued, in any worker.
    """

    task: str
    at: datetime | None = None
    priority: int = 0
    lock: str | None = None
    queue: str = QUEUE
    ids: dict[str, UUID] = field(default_factory=dict)


def job_app(url: str) -> procrastinate.App:
    """Make procrastinate's app for this database; tasks are added to it by the worker."""
    connector = procrastinate.PsycopgConnector(
        conninfo=url, kwargs={"options": f"-c search_path={JOBS}"}, min_size=1, max_size=JOB_CONNECTIONS
    )
    return procrastinate.App(connector=connector)


# Never opened: jobs are queued on the caller's own connection, which is what makes them part of its transaction.
_QUEUEING: Final = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def queue_jobs(connection: AsyncConnection[Any], jobs: Sequence[Job]) -> None:
    """Write the jobs in one statement. No queueing_lock: a clash would abort the caller's transaction."""
    await _QUEUEING.job_manager.batch_defer_jobs_async(
        [
            ProcrastinateJob(
                id=None,
                queue=job.queue,
                lock=job.lock,
                queueing_lock=None,
                task_name=job.task,
                task_kwargs={name: str(value) for name, value in job.ids.items()},
                priority=job.priority,
                scheduled_at=job.at,
            )
            for job in jobs
        ],
        connection=connection,
    )
