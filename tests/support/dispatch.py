"""A worker's hands without the worker: what is due in one clinic is sent now."""

from uuid import UUID

from app.context import AppContext
from app.notifications.messages.sending import Post, send_due
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox, deliver_due
from app.storage import due_work
from app.storage.due_work import Lane

CHANNELS = ("email", "push", "gateway", "slack", "teams")


async def due_lanes(context: AppContext, clinic_id: UUID) -> list[Lane]:
    """The clinic's lanes in which something is due."""
    async with context.work(None) as work:
        found = await due_work.due(work, now=work.now, channels=CHANNELS)
    return [lane for lane in found if lane.clinic_id == clinic_id]


async def deliver_all(context: AppContext, clinic_id: UUID) -> int:
    """Attempt every delivery of a clinic that is due now; gives how many attempts were made."""
    count = 0
    async with guarded_client(allowed=AllowedNetworks.parse("127.0.0.0/8"), http_allowed=True) as client:
        outbox = Outbox(context=context, client=client)
        while True:
            before = count
            for lane in await due_lanes(context, clinic_id):
                if lane.endpoint_id is not None:
                    count += await deliver_due(
                        outbox, clinic_id, lane.endpoint_id, safety=lane.urgent, limit=4
                    )
            if count == before:
                return count


async def send_all(post: Post, clinic_id: UUID) -> int:
    """Send every message of a clinic that is due now, once; gives how many attempts were made."""
    count = 0
    for lane in await due_lanes(post.context, clinic_id):
        if lane.channel is not None:
            sent = await send_due(post, clinic_id, channel=lane.channel, urgent=lane.urgent, limit=200)
            count += len(sent)
    return count
