"""That processes live, what each does, and when each was last at it.

Kept by the database's own clock: whether a process lives now is not for the clocks of several machines to say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import FRONT_DESK, Row
from app.storage.engine.unit_of_work import UnitOfWork

# A process says so this often; without a word for much longer it is not to be relied on.
BEATS_EVERY: Final = timedelta(seconds=5)
LIVES_FOR: Final = timedelta(seconds=60)
_FORGOTTEN_AFTER: Final = timedelta(days=1)


class Duty(StrEnum):
    """What a process does."""

    ANSWERS = "answers"
    DELIVERIES = "deliveries"
    SWEEP = "sweep"
    JOBS = "jobs"
    STUDIES = "studies"


OF_A_WORKER: Final = (Duty.DELIVERIES, Duty.SWEEP, Duty.JOBS, Duty.STUDIES)


class ProcessHeartbeatRow(Row):
    """One process."""

    __tablename__ = "process_heartbeats"
    __table_args__ = ({"schema": FRONT_DESK},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    # When it was last at what it does: a worker looks at what is due each second.
    looked_at: Mapped[datetime]
    does: Mapped[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingProcess:
    """A process that has not ended in order.

    ``ago``: since when nothing was heard of it; after `LIVES_FOR` it is dead.
    """

    id: UUID
    does: tuple[Duty, ...]
    started_at: datetime
    ago: timedelta

    @property
    def dead(self) -> bool:
        """Whether it ended without a word; one that was heard of in the future, by a clock that was ahead, has."""
        return abs(self.ago) > LIVES_FOR


async def beat(work: UnitOfWork, process_id: UUID, *, does: Collection[Duty]) -> None:
    """Say that a process has just been at what it does; those that ended long ago are forgotten."""
    now, duties = func.clock_timestamp(), [one.value for one in does]
    await work.execute(
        insert(ProcessHeartbeatRow)
        .values(id=process_id, started_at=now, looked_at=now, does=duties)
        .on_conflict_do_update(index_elements=[ProcessHeartbeatRow.id], set_={"looked_at": now}),
        unaudited="no clinic's",
    )
    await work.execute(
        delete(ProcessHeartbeatRow).where(
            ~ProcessHeartbeatRow.looked_at.between(now - _FORGOTTEN_AFTER, now + LIVES_FOR)
        ),
        unaudited="no clinic's",
    )


async def end(work: UnitOfWork, process_id: UUID) -> None:
    """Say that a process has ended in order."""
    await work.execute(
        delete(ProcessHeartbeatRow).where(ProcessHeartbeatRow.id == process_id), unaudited="no clinic's"
    )


async def processes(work: UnitOfWork) -> list[LivingProcess]:
    """List the processes that have not ended in order, those heard of last first."""
    ago = (func.clock_timestamp() - ProcessHeartbeatRow.looked_at).label("ago")
    found = await work.execute(
        select(
            ProcessHeartbeatRow.id, ProcessHeartbeatRow.does, ProcessHeartbeatRow.started_at, ago
        ).order_by(ProcessHeartbeatRow.looked_at.desc())
    )
    return [
        LivingProcess(id=row.id, does=tuple(map(Duty, row.does)), started_at=row.started_at, ago=row.ago)
        for row in found
    ]


async def last_look(work: UnitOfWork) -> timedelta | None:
    """Say how long ago any worker last looked at what is to be sent; None: none ever did, or all ended in order."""
    found = await work.execute(
        select(func.clock_timestamp() - func.max(ProcessHeartbeatRow.looked_at)).where(
            ProcessHeartbeatRow.does.contains([Duty.DELIVERIES.value]),
            # Not by a clock that was ahead.
            ProcessHeartbeatRow.looked_at <= func.clock_timestamp() + LIVES_FOR,
        )
    )
    ago: timedelta | None = found.scalar_one()
    return ago


async def a_worker_lives(work: UnitOfWork) -> bool:
    """Say whether a worker has looked at what is to be sent within the last minute."""
    ago = await last_look(work)
    return ago is not None and ago <= LIVES_FOR
