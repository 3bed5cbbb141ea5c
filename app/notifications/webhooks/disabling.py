"""An endpoint that is sent nothing more: what is on its way is held, and the clinic's people are notified."""

from enum import StrEnum
from uuid import UUID

from app.context import Work
from app.notifications.webhooks.trouble import notify_of_trouble
from app.storage import deliveries, endpoints


class Because(StrEnum):
    """Why an endpoint is disabled."""

    # Its receiver answered 410.
    GONE = "gone"
    # For five days nothing at all got through.
    ONLY_FAILING = "only_failing"
    # Someone of the clinic wished it.
    BY_HAND = "by_hand"


async def disable(work: Work, endpoint_id: UUID, *, because: Because) -> None:
    """Disable an endpoint that the caller has locked; held deliveries go out when it is enabled again."""
    await endpoints.disable(work, endpoint_id, because=because.value)
    await deliveries.hold_all_of(work, endpoint_id)
    await notify_of_trouble(work, endpoint_id)


async def remove(work: Work, endpoint_id: UUID, *, was_enabled: bool) -> None:
    """Take an endpoint that the caller has locked out of use for good; what was on its way stays in the log, held."""
    await endpoints.remove(work, endpoint_id)
    await deliveries.hold_all_of(work, endpoint_id)
    if was_enabled:
        await notify_of_trouble(work, endpoint_id)


async def hold_if_disabled(work: Work, endpoint_id: UUID) -> None:
    """Hold what was written while its endpoint was being disabled, unless that was enabled again since."""
    endpoint = await endpoints.find(work, endpoint_id, lock=True)
    if endpoint is None or endpoint.state != "enabled":
        await deliveries.hold_all_of(work, endpoint_id)
        work.audit("delivery.held", "endpoint", endpoint_id)
