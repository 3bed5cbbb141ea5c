"""Webhook endpoints: a care team's addresses. Address and secret are sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Executable,
    ForeignKeyConstraint,
    Select,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, columns_of, values_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class Endpoint(TenantRow):
    """An address as stored."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("state in ('enabled', 'disabled', 'removed')", name="state"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url_sealed: Mapped[bytes]
    secret_sealed: Mapped[bytes]
    # None: all events. Safety events always go to every endpoint: a clinic cannot switch them off.
    events: Mapped[list[str] | None]
    state: Mapped[str]
    disabled_because: Mapped[str | None]
    # Since when nothing at all has succeeded; None while things work.
    failing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    # After a rotation, the secret before signs too until then.
    previous_secret_sealed: Mapped[bytes | None] = mapped_column(default=None)
    previous_secret_until: Mapped[datetime | None] = mapped_column(default=None)
    # Counts the changes of address and filter.
    version: Mapped[int] = mapped_column(default=1)
    # When people were last notified that something was undelivered here.
    trouble_notified_at: Mapped[datetime | None] = mapped_column(init=False)
    # How many attempts in a row got no answer in time.
    unanswered: Mapped[int] = mapped_column(default=0, server_default="0")
    # Only what concerns patients in whose care team this member is. Never of safety events.
    care_team: Mapped[UUID | None] = mapped_column(default=None)
    # While its circuit is open: when one ordinary delivery is tried next, to see whether it answers again.
    probe_at: Mapped[datetime | None] = mapped_column(default=None)

    # As what its events are written; FHIR counts them.
    format: Mapped[str] = mapped_column(default="standard", server_default="standard")
    numbered: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")

    @property
    def is_clean(self) -> bool:
        """Whether nothing is noted against it."""
        return self.failing_since is None and self.unanswered == 0


async def add(work: UnitOfWork, endpoint: Endpoint) -> None:
    """Keep a new address."""
    await work.execute(insert(Endpoint).values(clinic_id=work.clinic_id, **values_of(endpoint)))


async def find(work: UnitOfWork, endpoint_id: UUID, *, lock: bool = False) -> Endpoint | None:
    """Find one address of this clinic, locked for a change if so wished; one that was removed is not found.

    Whoever locks an endpoint and deliveries to it locks the endpoint first.
    """
    statement = _endpoints(work).where(Endpoint.id == endpoint_id)
    # Not so strong that a new delivery to it, which refers to it, would have to wait.
    return await work.one(Endpoint, statement.with_for_update(key_share=True) if lock else statement)


async def all_of_clinic(work: UnitOfWork) -> list[Endpoint]:
    """List the clinic's addresses, oldest first."""
    return await work.all(Endpoint, _all())


async def count_numbered(work: UnitOfWork, endpoint_id: UUID, count: int) -> int:
    """Give the first of so many numbers for an endpoint's events; the next ones wait until the transaction ends."""
    counted = await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(numbered=Endpoint.numbered + count)
        .returning(Endpoint.numbered),
        unaudited="the attempt that follows is",
    )
    return int(counted.scalar_one()) - count + 1


async def take_probe(work: UnitOfWork, endpoint_id: UUID, *, now: datetime, until: datetime) -> bool:
    """Take the one try of an endpoint whose circuit is open, and leave no other to anybody until then."""
    taken = await work.execute(
        update(Endpoint)
        .where(
            work.owns(Endpoint),
            Endpoint.id == endpoint_id,
            Endpoint.probe_at <= now,
        )
        .values(probe_at=until),
        unaudited="the attempt that follows is",
    )
    return taken.rowcount != 0


async def note_success(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Note that something got through; its circuit is closed."""
    await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(failing_since=None, unanswered=0, probe_at=None)
    )


@dataclass(frozen=True, slots=True)
class Failing:
    """Since when nothing has got through to an endpoint, and whether it is still sent to."""

    since: datetime
    enabled: bool
    # Attempts in a row without an answer.
    unanswered: int


async def note_failure(work: UnitOfWork, endpoint_id: UUID, *, now: datetime, unanswered: int) -> Failing:
    """Note that something did not get through, and keep others off the endpoint until the transaction ends.

    ``unanswered``: how many attempts got no answer in time; 0 when it did answer, if only with an error.
    """
    noted = await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(
            failing_since=func.coalesce(Endpoint.failing_since, now),
            unanswered=Endpoint.unanswered + unanswered if unanswered else 0,
        )
        .returning(Endpoint.failing_since, Endpoint.state, Endpoint.unanswered)
    )
    row = noted.one()
    return Failing(row.failing_since, row.state == "enabled", row.unanswered)


async def set_probe(work: UnitOfWork, endpoint_id: UUID, *, probe_at: datetime | None) -> None:
    """Open an endpoint's circuit until then, or close it."""
    await work.execute(
        update(Endpoint).where(work.owns(Endpoint), Endpoint.id == endpoint_id).values(probe_at=probe_at)
    )


async def change(
    work: UnitOfWork,
    endpoint_id: UUID,
    *,
    url_sealed: bytes,
    events: Sequence[str] | None,
    care_team: UUID | None,
    version: int,
) -> bool:
    """Change address and filter if the endpoint still is at this version; says whether it was.

    Another address has not failed yet.
    """
    moved = Endpoint.url_sealed != url_sealed
    return await work.changes(
        update(Endpoint)
        .where(
            work.owns(Endpoint),
            Endpoint.id == endpoint_id,
            Endpoint.version == version,
        )
        .values(
            url_sealed=url_sealed,
            events=None if events is None else list(events),
            care_team=care_team,
            failing_since=case((moved, None), else_=Endpoint.failing_since),
            unanswered=case((moved, 0), else_=Endpoint.unanswered),
            probe_at=case((moved, None), else_=Endpoint.probe_at),
            version=version + 1,
        )
    )


async def note_trouble(
    work: UnitOfWork, endpoint_id: UUID, *, now: datetime, unless_after: datetime | None
) -> bool:
    """Note that people are notified of trouble here; says whether it may be so: not if they were after that time."""
    return await work.changes(
        update(Endpoint)
        .where(
            work.owns(Endpoint),
            Endpoint.id == endpoint_id,
            or_(
                Endpoint.trouble_notified_at.is_(None),
                Endpoint.trouble_notified_at <= (unless_after or now),
                # By a clock that was ahead.
                Endpoint.trouble_notified_at > now,
            ),
        )
        .values(trouble_notified_at=now)
    )


async def change_secret(
    work: UnitOfWork,
    endpoint_id: UUID,
    *,
    secret_sealed: bytes,
    previous_secret_sealed: bytes,
    previous_secret_until: datetime,
) -> None:
    """Sign with another secret, and until then with the one before too."""
    await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(
            secret_sealed=secret_sealed,
            previous_secret_sealed=previous_secret_sealed,
            previous_secret_until=previous_secret_until,
        )
    )


async def disable(work: UnitOfWork, endpoint_id: UUID, *, because: str) -> None:
    """Stop sending to an address; what is due to it is held, not dropped."""
    await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(state="disabled", disabled_because=because)
    )


async def remove(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Take an address out of use for good: its address and secrets are forgotten, the log of it is kept."""
    await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(
            state="removed",
            disabled_because=None,
            failing_since=None,
            url_sealed=b"",
            secret_sealed=b"",
            previous_secret_sealed=None,
            previous_secret_until=None,
        )
    )


async def enable(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Send to an address again."""
    await work.execute(
        update(Endpoint)
        .where(work.owns(Endpoint), Endpoint.id == endpoint_id)
        .values(state="enabled", disabled_because=None, failing_since=None, unanswered=0, probe_at=None)
    )


@built_once
def _all(work: Owner) -> Executable:
    return _endpoints(work).order_by(Endpoint.id)


def _endpoints(work: Owner) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(Endpoint)).where(work.owns(Endpoint), Endpoint.state != "removed")
