"""An endpoint that is sent nothing more: what is on its way is held, and the clinic's people are told."""

from enum import StrEnum
from uuid import UUID

from app.context import AppContext
from app.foundation.audit import AuditEvent
from app.notifications.webhooks.trouble import tell_of_trouble
from app.storage import deliveries, endpoints
from app.storage.engine.unit_of_work import UnitOfWork


class Because(StrEnum):
    """Why an endpoint is disabled."""

    # Its receiver answered 410.
    GONE = "gone"
    # For five days nothing at all got through.
    ONLY_FAILING = "only_failing"
    # Somebody of the clinic wished it.
    BY_HAND = "by_hand"


async def disable_in(
    work: UnitOfWork, context: AppContext, endpoint_id: UUID, *, because: Because, audit: AuditEvent
) -> None:
    """Disable an endpoint that the caller has locked; held deliveries go out when it is enabled again."""
    await endpoints.disable(work, endpoint_id, because=because.value, audit=audit)
    await deliveries.hold_all_of(work, endpoint_id, audit=audit)
    await tell_of_trouble(work, context, endpoint_id, now=audit.at)


async def remove_in(
    work: UnitOfWork, context: AppContext, endpoint_id: UUID, *, was_enabled: bool, audit: AuditEvent
) -> None:
    """Take an endpoint that the caller has locked out of use for good; what was on its way stays in the log, held."""
    await endpoints.remove(work, endpoint_id, audit=audit)
    await deliveries.hold_all_of(work, endpoint_id, audit=audit)
    if was_enabled:
        await tell_of_trouble(work, context, endpoint_id, now=audit.at)


async def hold_if_disabled(
    context: AppContext, clinic_id: UUID, delivery: deliveries.Delivery, *, audit: AuditEvent
) -> None:
    """Hold what was written while its endpoint was being disabled, unless that was enabled again since."""
    async with context.database.work(clinic_id) as work:
        endpoint = await endpoints.find(work, delivery.endpoint_id, lock=True)
        if endpoint is None or endpoint.state != "enabled":
            await deliveries.hold(work, delivery.id, audit=audit)
            await work.commit()
