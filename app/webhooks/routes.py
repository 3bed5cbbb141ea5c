"""Webhook endpoints and deliveries, for the clinic's engineer."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from app.clinics.access import MayManageWebhooks
from app.web.dependencies import EquipmentNeeded
from app.web.links import link_next
from app.web.schemas import PAGE_SIZE, PageCursor, PageLimit, read_id_cursor
from app.webhooks import service
from app.webhooks.events import EventType
from app.webhooks.schemas import (
    DeliveryList,
    DeliveryReply,
    EndpointEntry,
    EndpointList,
    EndpointReply,
    NewEndpointReply,
    OutgoingEvent,
    TestSentReply,
)

router = APIRouter(prefix="/v1", tags=["webhooks"])
outgoing = APIRouter(generate_unique_id_function=lambda route: route.name)
_RECEIVED: Final[dict[int | str, dict[str, Any]]] = {
    "2XX": {"description": "Received; it is not sent again"},
    410: {"description": "Gone: this endpoint is disabled"},
    "default": {"description": "Not received; it is sent again later"},
}


@router.post("/webhook-endpoints", status_code=201, summary="Add an endpoint")
async def add_endpoint(
    body: EndpointEntry, equipment: EquipmentNeeded, caller: MayManageWebhooks
) -> NewEndpointReply:
    """Add an address to notify; its signing secret is shown this once."""
    new = await service.add_endpoint(
        equipment, caller.clinic_id, url=body.url, events=body.events, actor=caller.actor
    )
    return NewEndpointReply.of_new(new)


@router.get("/webhook-endpoints", summary="List endpoints")
async def list_endpoints(equipment: EquipmentNeeded, caller: MayManageWebhooks) -> EndpointList:
    """List the clinic's endpoints, oldest first."""
    found = await service.list_endpoints(equipment, caller.clinic_id)
    return EndpointList(items=[EndpointReply.of(endpoint) for endpoint in found])


@router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202, summary="Send a test event")
async def send_test_event(
    endpoint_id: UUID, equipment: EquipmentNeeded, caller: MayManageWebhooks
) -> TestSentReply:
    """Send `endpoint.test` to this endpoint, signed like everything else."""
    webhook_id = await service.send_test(equipment, caller.clinic_id, endpoint_id, actor=caller.actor)
    return TestSentReply(webhook_id=webhook_id)


@router.post("/webhook-endpoints/{endpoint_id}/enable", summary="Enable an endpoint")
async def enable_endpoint(
    endpoint_id: UUID, equipment: EquipmentNeeded, caller: MayManageWebhooks
) -> EndpointReply:
    """Send to a disabled endpoint again; what was held goes out."""
    return EndpointReply.of(
        await service.enable(equipment, caller.clinic_id, endpoint_id, actor=caller.actor)
    )


@router.post("/webhook-endpoints/{endpoint_id}/rotate-secret", summary="Rotate a secret")
async def rotate_endpoint_secret(
    endpoint_id: UUID, equipment: EquipmentNeeded, caller: MayManageWebhooks
) -> NewEndpointReply:
    """Sign with a new secret, shown this once; for 24 hours every event carries a signature by each."""
    new = await service.rotate_secret(equipment, caller.clinic_id, endpoint_id, actor=caller.actor)
    return NewEndpointReply.of_new(new)


@router.get("/webhook-endpoints/{endpoint_id}/deliveries", summary="List deliveries")
async def list_deliveries(
    endpoint_id: UUID,
    equipment: EquipmentNeeded,
    caller: MayManageWebhooks,
    request: Request,
    response: Response,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> DeliveryList:
    """List what was and will be sent to this endpoint, newest first, with every attempt."""
    listed = await service.list_deliveries(
        equipment, caller.clinic_id, endpoint_id, before=read_id_cursor(after), limit=limit
    )
    link_next(request, response, str(listed[-1][0].id) if len(listed) == limit else None)
    return DeliveryList(items=[DeliveryReply.of(delivery, attempts) for delivery, attempts in listed])


@router.post("/deliveries/{delivery_id}/resend", status_code=202, summary="Send again")
async def resend_delivery(
    delivery_id: UUID, equipment: EquipmentNeeded, caller: MayManageWebhooks
) -> DeliveryReply:
    """Send a delivery again from the start of its schedule, with the same webhook-id."""
    delivery = await service.resend(equipment, caller.clinic_id, delivery_id, actor=caller.actor)
    return DeliveryReply.of(delivery, [])


def _describe(event: EventType) -> None:
    async def received(
        body: OutgoingEvent,
        webhook_id: Annotated[str, Header(description="The same at every attempt: act on it once")],
        webhook_timestamp: Annotated[int, Header(description="Unix time of this attempt, signed too")],
        webhook_signature: Annotated[str, Header(description="One or more of `v1,<base64>`, by spaces")],
    ) -> None:
        """Be told; answer with any 2xx within 15 seconds, and fetch the rest with the clinic's key."""

    received.__name__ = event.value.replace(".", "_")
    outgoing.post(event.value, summary=event.value, status_code=204, responses=_RECEIVED)(received)


for _event in EventType:
    _describe(_event)
