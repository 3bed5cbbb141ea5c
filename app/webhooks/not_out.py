"""What did not get out of this clinic, for the head of the worklist."""

from dataclasses import dataclass

from app.storage import delivery_standing
from app.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOut:
    """How many deliveries are held or exhausted, and whether safety events are among them."""

    count: int
    safety: bool


async def not_out_in(work: UnitOfWork) -> NotOut:
    """Sum up what did not get out, within a transaction that reads more."""
    count, safety = await delivery_standing.not_out(work)
    return NotOut(count=count, safety=safety > 0)
