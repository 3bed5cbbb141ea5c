"""That workers live, and when each last looked at what is due.

Kept by the database's own clock: whether a process lives now is not for the clocks of several machines to say.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import FRONT_DESK, Row
from app.storage.engine.unit_of_work import UnitOfWork

# A worker looks each second and says so this often; without a word for three times as long it is not to be relied on.
BEATS_EVERY: Final = timedelta(seconds=5)
LIVES_FOR: Final = timedelta(seconds=60)
_FORGOTTEN_AFTER: Final = timedelta(days=1)


class WorkerHeartbeatRow(Row):
    """One worker process."""

    __tablename__ = "worker_heartbeats"
    __table_args__ = ({"schema": FRONT_DESK},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    looked_at: Mapped[datetime]


async def beat(work: UnitOfWork, worker_id: UUID) -> None:
    """Say that a worker has just looked at what is due; those that ended long ago are forgotten."""
    now = func.clock_timestamp()
    await work.execute(
        insert(WorkerHeartbeatRow)
        .values(id=worker_id, started_at=now, looked_at=now)
        .on_conflict_do_update(index_elements=[WorkerHeartbeatRow.id], set_={"looked_at": now}),
        unaudited="no clinic's",
    )
    await work.execute(
        delete(WorkerHeartbeatRow).where(WorkerHeartbeatRow.looked_at < now - _FORGOTTEN_AFTER),
        unaudited="no clinic's",
    )


async def end(work: UnitOfWork, worker_id: UUID) -> None:
    """Say that a worker has ended in order."""
    await work.execute(
        delete(WorkerHeartbeatRow).where(WorkerHeartbeatRow.id == worker_id), unaudited="no clinic's"
    )


async def last_look(work: UnitOfWork) -> timedelta | None:
    """Say how long ago any worker last looked; None when none ever did, or all ended in order."""
    found = await work.execute(select(func.clock_timestamp() - func.max(WorkerHeartbeatRow.looked_at)))
    ago: timedelta | None = found.scalar_one()
    return ago


async def a_worker_lives(work: UnitOfWork) -> bool:
    """Say whether a worker has looked at what is due within the last minute."""
    ago = await last_look(work)
    return ago is not None and ago <= LIVES_FOR
