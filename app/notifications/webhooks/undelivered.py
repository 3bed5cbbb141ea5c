"""What did not get out, of one clinic, as one value: for the worklist and for the clinic's own systems."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.context import AppContext
from app.storage import delivery_standing
from app.storage.delivery_standing import Undelivered
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredSummary:
    """All that is held or exhausted now, by endpoint; what waits longest comes first."""

    endpoints: tuple[Undelivered, ...]

    @property
    def count(self) -> int:
        """How many deliveries."""
        return sum(one.held + one.exhausted for one in self.endpoints)

    @property
    def safety(self) -> bool:
        """Whether safety events are among them."""
        return any(one.safety for one in self.endpoints)

    @property
    def oldest_at(self) -> datetime | None:
        """Since when the oldest waits; None when nothing does."""
        return self.endpoints[0].oldest_at if self.endpoints else None


async def undelivered(context: AppContext, clinic_id: UUID) -> UndeliveredSummary:
    """Sum up what did not get out of this clinic."""
    async with context.database.work(clinic_id) as work:
        return await not_delivered_in(work)


async def not_delivered_in(work: UnitOfWork) -> UndeliveredSummary:
    """The same, within a transaction that reads more."""
    return UndeliveredSummary(endpoints=tuple(await delivery_standing.undelivered(work)))
