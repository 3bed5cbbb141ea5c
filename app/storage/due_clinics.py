"""Which clinics have something due that the sweep does, in one question over all of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.storage.engine.unit_of_work import UnitOfWork

_DUE: Final = text("SELECT * FROM care.clinics_due(:now)")
# Held by the one sweeper until its transaction ends, or by the server itself until the sweeper is found dead.
_ELECT: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('afterglow sweeper', 0))")


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
    """

    clinic_id: UUID
    safety: bool
    signals: bool
    messages: bool
    held: bool
    looks: bool
    seals: bool


async def list_due(work: UnitOfWork, *, now: datetime) -> list[DueClinic]:
    """List the clinics in which something is due; those with a safety event come first."""
    return [DueClinic(**row._mapping) for row in await work.execute(_DUE, {"now": now})]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def elect(work: UnitOfWork) -> bool:
    """Become the one sweeper until this transaction ends; False while another worker is."""
    return bool((await work.execute(_ELECT)).scalar_one())
