"""Counters of tries that hold across processes, by a keyed fingerprint of who tries; no address is kept."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import FRONT_DESK, Row
from app.storage.engine.unit_of_work import UnitOfWork

WINDOW: Final = timedelta(minutes=15)


class FailedTriesRow(Row):
    """How often one caller failed within one window."""

    __tablename__ = "failed_tries"
    __table_args__ = ({"schema": FRONT_DESK},)

    caller: Mapped[bytes] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    tries: Mapped[int]


def window_of(now: datetime) -> datetime:
    """Give the beginning of the window that a moment lies in."""
    seconds = WINDOW.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def seconds_left(window_start: datetime, now: datetime) -> int:
    """Say how long a window lasts from now."""
    return max(1, int((window_start + WINDOW - now).total_seconds()))


async def count_one(work: UnitOfWork, caller: bytes, *, window_start: datetime) -> int:
    """Count an attempt before it is checked, so that parallel guesses cannot slip by; gives the count so far."""
    await work.execute(delete(FailedTriesRow).where(FailedTriesRow.window_start < window_start))
    counted = await work.execute(
        insert(FailedTriesRow)
        .values(caller=caller, window_start=window_start, tries=1)
        .on_conflict_do_update(
            index_elements=[FailedTriesRow.caller, FailedTriesRow.window_start],
            set_={"tries": FailedTriesRow.tries + 1},
        )
        .returning(FailedTriesRow.tries)
    )
    return int(counted.scalar_one())


async def count_of(work: UnitOfWork, caller: bytes, *, window_start: datetime) -> int:
    """Give the count so far."""
    found = await work.execute(
        select(FailedTriesRow.tries).where(
            FailedTriesRow.caller == caller, FailedTriesRow.window_start == window_start
        )
    )
    return int(found.scalar_one_or_none() or 0)


async def take_one_back(work: UnitOfWork, caller: bytes, *, window_start: datetime) -> None:
    """Uncount an attempt that turned out to be right."""
    await work.execute(
        update(FailedTriesRow)
        .where(
            FailedTriesRow.caller == caller,
            FailedTriesRow.window_start == window_start,
            FailedTriesRow.tries > 0,
        )
        .values(tries=FailedTriesRow.tries - 1)
    )
