"""Reading endpoints, the log of deliveries, and what is undelivered."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from app.clinical.check_ins import calendar_day
from app.context import Work
from app.foundation.errors import NotFoundError
from app.notifications.webhooks.endpoints import EndpointView, existing, view_of
from app.storage import clinics, delivery_log, endpoints
from app.storage.deliveries import Attempt, Delivery
from app.storage.delivery_log import DeliveryDay, Undelivered
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


async def list_endpoints(work: Work) -> list[EndpointView]:
    """List the clinic's endpoints, oldest first."""
    return [view_of(work, endpoint) for endpoint in await endpoints.all_of_clinic(work)]


async def read_endpoint(work: Work, endpoint_id: UUID) -> EndpointView:
    """Give one endpoint.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    return view_of(work, await existing(work, endpoint_id))


async def list_deliveries(
    work: Work, endpoint_id: UUID, *, state: str | None, before: UUID | None, limit: int
) -> list[tuple[Delivery, list[Attempt]]]:
    """List an endpoint's deliveries with their attempts, newest first.

    Raises:
        NotFoundError: the clinic has no such endpoint.
    """
    await existing(work, endpoint_id)
    return await delivery_log.page(work, endpoint_id, state=state, before=before, limit=limit)


async def deliveries_by_day(work: Work, endpoint_id: UUID, *, days: int) -> list[DeliveryDay]:
    """Count an endpoint's deliveries on each of the last days by the clinic's calendar, today last.

    Raises:
        NotFoundError: there is no such clinic.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    zone = profile.time_zone
    today = calendar_day(work.now, zone)
    first = today - timedelta(days=days - 1)
    # A day more than the longest way around the earth; what is before the first day is left out below.
    since = datetime.combine(first - timedelta(days=1), time(), UTC)
    found = {
        one.day: one for one in await delivery_log.by_day(work, endpoint_id, since=since, time_zone=zone)
    }
    every = [first + timedelta(days=number) for number in range(days)]
    return [found.get(day) or DeliveryDay(day=day, delivered=0, waiting=0, undelivered=0) for day in every]


async def read_delivery(work: Work, delivery_id: UUID) -> tuple[Delivery, list[Attempt]]:
    """Give one delivery with its attempts; also one to an endpoint that was removed since.

    Raises:
        NotFoundError: the clinic has no such delivery.
    """
    found = await delivery_log.find(work, delivery_id)
    if found is None:
        raise NotFoundError
    return found


async def undelivered(work: UnitOfWork) -> UndeliveredSummary:
    """Sum up what is undelivered in this clinic."""
    return UndeliveredSummary(endpoints=tuple(await delivery_log.undelivered(work)))
