"""Webhook endpoints and deliveries, for the clinic's engineer."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.notifications.webhooks import commands, notice_channels, queries
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.queries import undelivered
from app.notifications.webhooks.schemas import (
    DeliveryList,
    DeliveryReply,
    DeliveryState,
    EndpointEntry,
    EndpointList,
    EndpointPatch,
    EndpointReply,
    NewEndpointReply,
    NoticeChannelEntry,
    NoticeChannelList,
    NoticeChannelReply,
    NoticeTestReply,
    OutgoingEvent,
    RecoveredReply,
    RecoverEntry,
    TestSentReply,
    UndeliveredSummaryReply,
)
from app.web.dependencies import IfMatch, PageAsked
from app.web.headers import version_in, with_etag

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=ClinicRoute)
outgoing = APIRouter(generate_unique_id_function=lambda route: route.name)
_RECEIVED: Final[dict[int | str, dict[str, Any]]] = {
    "2XX": {"description": "Received; it is not sent again"},
    410: {"description": "Gone: this endpoint is disabled"},
    "default": {"description": "Not received; it is sent again later"},
}


ManageWebhooks = Annotated[Work, work_for(Permission.WEBHOOKS)]


@router.post("/webhook-endpoints", status_code=201, summary="Add an endpoint")
async def add_endpoint(body: EndpointEntry, work: ManageWebhooks) -> NewEndpointReply:
    """Add an address to notify; its signing secret is shown this once. An address that is there already: 409."""
    new = await commands.add_endpoint(
        work, url=body.url, events=body.events, care_team=body.care_team, written_as=body.format
    )
    return NewEndpointReply.of_new(new)


@router.get("/webhook-endpoints", summary="List endpoints")
async def list_endpoints(work: ManageWebhooks) -> EndpointList:
    """List the clinic's endpoints, oldest first."""
    found = await queries.list_endpoints(work)
    return EndpointList(items=[EndpointReply.of(endpoint) for endpoint in found])


@router.get("/webhook-endpoints/{endpoint_id}", summary="Read an endpoint")
async def read_endpoint(endpoint_id: UUID, work: ManageWebhooks, response: Response) -> EndpointReply:
    """Give one endpoint, with an ETag for changing."""
    endpoint = await queries.read_endpoint(work, endpoint_id)
    return with_etag(response, endpoint.version, EndpointReply.of(endpoint))


@router.patch("/webhook-endpoints/{endpoint_id}", summary="Change an endpoint")
async def change_endpoint(
    endpoint_id: UUID,
    body: EndpointPatch,
    work: ManageWebhooks,
    response: Response,
    if_match: IfMatch = None,
) -> EndpointReply:
    """Change address or filter; needs If-Match. What is on its way goes to the new address."""
    endpoint = await commands.change_endpoint(work, endpoint_id, body.change, version=version_in(if_match))
    return with_etag(response, endpoint.version, EndpointReply.of(endpoint))


@router.delete("/webhook-endpoints/{endpoint_id}", status_code=204, summary="Remove an endpoint")
async def remove_endpoint(endpoint_id: UUID, work: ManageWebhooks) -> None:
    """Take an endpoint out of use for good; single deliveries to it can still be read."""
    await commands.remove(work, endpoint_id)


@router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202, summary="Send a test event")
async def send_test_event(endpoint_id: UUID, work: ManageWebhooks) -> TestSentReply:
    """Send `endpoint.test` to this endpoint, signed like everything else."""
    return TestSentReply(webhook_id=await commands.send_test(work, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/disable", summary="Disable an endpoint")
async def disable_endpoint(endpoint_id: UUID, work: ManageWebhooks) -> EndpointReply:
    """Send nothing more to this endpoint until it is enabled again; what is due meanwhile is held."""
    return EndpointReply.of(await commands.disable(work, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/enable", summary="Enable an endpoint")
async def enable_endpoint(endpoint_id: UUID, work: ManageWebhooks) -> EndpointReply:
    """Send to a disabled endpoint again; what was held goes out."""
    return EndpointReply.of(await commands.enable(work, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/rotate-secret", summary="Rotate a secret")
async def rotate_endpoint_secret(endpoint_id: UUID, work: ManageWebhooks) -> NewEndpointReply:
    """Sign with a new secret, shown this once; for 24 hours every event carries a signature by each."""
    return NewEndpointReply.of_new(await commands.rotate_secret(work, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/recover", status_code=202, summary="Send again since a time")
async def recover_endpoint(endpoint_id: UUID, body: RecoverEntry, work: ManageWebhooks) -> RecoveredReply:
    """Send at once what happened since then and did not arrive, each with its own webhook-id."""
    count = await commands.recover(work, endpoint_id, since=body.since, also_delivered=body.also_delivered)
    return RecoveredReply(deliveries=count)


@router.get("/webhook-endpoints/{endpoint_id}/deliveries", summary="List deliveries")
async def list_deliveries(
    endpoint_id: UUID,
    work: ManageWebhooks,
    page: PageAsked,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state")] = None,
) -> DeliveryList:
    """List what was and will be sent to this endpoint, newest first, with every attempt."""
    listed = await queries.list_deliveries(
        work, endpoint_id, state=state, before=page.after, limit=page.limit
    )
    page.link_after([one[0].id for one in listed])
    return DeliveryList(items=[DeliveryReply.of(logged) for logged in listed])


@router.get("/deliveries/{delivery_id}", summary="Read a delivery")
async def read_delivery(delivery_id: UUID, work: ManageWebhooks) -> DeliveryReply:
    """Give one delivery with every attempt."""
    return DeliveryReply.of(await queries.read_delivery(work, delivery_id))


@router.post("/deliveries/{delivery_id}/resend", status_code=202, summary="Send again")
async def resend_delivery(delivery_id: UUID, work: ManageWebhooks) -> DeliveryReply:
    """Send a delivery again from the start of its schedule, with the same webhook-id."""
    return DeliveryReply.of(await commands.resend(work, delivery_id))


def _describe(event: EventType) -> None:
    async def received(
        body: OutgoingEvent,
        webhook_id: Annotated[str, Header(description="The same at every attempt: act on it once")],
        webhook_timestamp: Annotated[int, Header(description="Unix time of this attempt, signed too")],
        webhook_signature: Annotated[str, Header(description="One or more of `v1,<base64>`, by spaces")],
    ) -> None:
        """Be notified; answer with any 2xx within 15 seconds, and fetch the rest with the clinic's key."""

    received.__name__ = event.value.replace(".", "_")
    outgoing.post(event.value, summary=event.value, status_code=204, responses=_RECEIVED)(received)


for _event in EventType:
    _describe(_event)


notice_router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=ClinicRoute)


@notice_router.post("/notice-channels", status_code=201, summary="Add a notice channel")
async def add_notice_channel(body: NoticeChannelEntry, work: ManageWebhooks) -> NoticeChannelReply:
    """Have a mail address or a chat notified that there is something to look at; never what, and of whom."""
    channel = await notice_channels.add_channel(
        work,
        kind=body.kind,
        address=body.address,
        events=body.events,
        locale=body.locale,
        care_team=body.care_team,
    )
    return NoticeChannelReply.of(channel)


@notice_router.get("/notice-channels", summary="List notice channels")
async def list_notice_channels(work: ManageWebhooks) -> NoticeChannelList:
    """List the clinic's channels, oldest first, with their addresses masked."""
    found = await notice_channels.list_channels(work)
    return NoticeChannelList(items=[NoticeChannelReply.of(channel) for channel in found])


@notice_router.delete("/notice-channels/{channel_id}", status_code=204, summary="Remove a notice channel")
async def remove_notice_channel(channel_id: UUID, work: ManageWebhooks) -> None:
    """Take a channel away; what waits for it is not sent."""
    await notice_channels.remove_channel(work, channel_id)


@notice_router.post("/notice-channels/{channel_id}/test", status_code=202, summary="Try a notice channel")
async def send_test_notice(channel_id: UUID, work: ManageWebhooks) -> NoticeTestReply:
    """Send this channel a text that says it is only a test, and ask for nothing."""
    return NoticeTestReply(message_id=await notice_channels.send_test(work, channel_id))


@notice_router.get("/undelivered", summary="Read what is undelivered")
async def read_not_delivered(work: ManageWebhooks) -> UndeliveredSummaryReply:
    """Sum up by endpoint what is held or exhausted now, and whether safety events are among it."""
    return UndeliveredSummaryReply.of(await undelivered(work))
