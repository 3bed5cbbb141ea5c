"""Subscription: a webhook endpoint that gets its events as FHIR notifications (R5 backport, ids only)."""

from typing import Final
from urllib.parse import urlsplit

from app.access.clinics.permissions import Permission
from app.context import Work
from app.foundation.errors import NotFoundError
from app.interop.fhir.codes import Json, compact
from app.interop.fhir.resource_type import ResourceType
from app.notifications.webhooks.endpoints import EndpointView, Format
from app.notifications.webhooks.fhir_format import BACKPORT, MEDIA_TYPE, TOPIC, status_of_subscription
from app.notifications.webhooks.queries import list_endpoints


async def _of_clinic(work: Work) -> list[Json]:
    return [_subscription(one) for one in await _subscriptions(work)]


async def _subscriptions(work: Work) -> list[EndpointView]:
    return [one for one in await list_endpoints(work) if one.format is Format.FHIR]


def _subscription(endpoint: EndpointView) -> Json:
    only = None
    if endpoint.events is not None:
        said = f"event={','.join(endpoint.events)}"
        only = {"extension": [{"url": f"{BACKPORT}/backport-filter-criteria", "valueString": said}]}
    content = [{"url": f"{BACKPORT}/backport-payload-content", "valueCode": "id-only"}]
    made = {
        "resourceType": "Subscription",
        "id": str(endpoint.id),
        "meta": {"profile": [f"{BACKPORT}/backport-subscription"]},
        "status": _status(endpoint),
        "reason": "Events of this clinic",
        "criteria": TOPIC,
        "_criteria": only,
        "channel": {
            "type": "rest-hook",
            # Without its path, which may be a secret of the receiver's.
            "endpoint": urlsplit(endpoint.url)._replace(path="", query="", fragment="").geturl(),
            "payload": MEDIA_TYPE,
            "_payload": {"extension": content},
        },
    }
    return compact(made)


def _status(endpoint: EndpointView) -> str:
    if endpoint.state != "enabled":
        return "off"
    return "active" if endpoint.failing_since is None else "error"


async def status_bundle(work: Work, resource_id: str, *, base_url: str) -> Json:
    """Say how a Subscription is, and how many events it has had.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    for one in await _subscriptions(work):
        if str(one.id) == resource_id:
            address = f"{base_url}/Subscription/{resource_id}"
            status = status_of_subscription(
                address, status=_status(one), kind="query-status", count=one.numbered
            )
            entry = {"fullUrl": f"urn:uuid:{one.id}", "resource": status, "search": {"mode": "match"}}
            return {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}
    raise NotFoundError


SUBSCRIPTION: Final = ResourceType(
    name="Subscription",
    permission=Permission.WEBHOOKS,
    noun="endpoints",
    documentation="A webhook endpoint that gets FHIR notifications with ids only; it is made as all endpoints are.",
    of_clinic=_of_clinic,
    tokens={"status": "status"},
    in_copies=False,
)
