"""How an installation is, in one look: what `afterglow status` shows and the metrics count."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.context import AppContext
from app.storage import backups, heartbeats, operation_figures
from app.storage.backups import LastBackups
from app.storage.heartbeats import LivingProcess
from app.storage.operation_figures import Figure, SafetyPathway, ServerFigures

LATE_SEALS_SECONDS: Final = 600
"""The sweep seals within seconds; lines that wait this long for their seal show that it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """How it is at one moment."""

    at: datetime
    server: ServerFigures
    processes: list[LivingProcess]
    safety: SafetyPathway
    waiting: list[Figure]
    backups: LastBackups

    def seconds_since(self, moment: datetime | None) -> float | None:
        """Give how long ago something was."""
        return None if moment is None else max(0.0, (self.at - moment).total_seconds())

    @property
    def unacknowledged_safety(self) -> int:
        """How many safety events nobody acknowledged."""
        return sum(one.number for one in self.waiting if one.figure == "safety_events")


async def look(context: AppContext) -> Operation:
    """Look at it, all at one moment."""
    async with context.work(None, snapshot=True) as work:
        return Operation(
            at=work.now,
            server=await operation_figures.server(work),
            processes=await heartbeats.processes(work),
            safety=await operation_figures.safety_pathway(work, now=work.now),
            waiting=await operation_figures.waiting(work, now=work.now),
            backups=await backups.last(work),
        )
