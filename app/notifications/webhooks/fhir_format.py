"""A webhook as FHIR R4 has it: the notification of a topic-based subscription (R5 backport), with ids only.

A Bundle says of which Subscription it is, the how manieth event, and which resource it is about; that is fetched with
the clinic's key. It is made of what the delivery keeps, so that each attempt sends the same bytes.
"""

import json
from typing import Any, Final
from uuid import UUID

from app.foundation.ids import resource_id
from app.notifications.webhooks.events import EventType
from app.storage.deliveries import Delivery

TOPIC: Final = "urn:afterglow:topic:events"
BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
MEDIA_TYPE: Final = "application/fhir+json"
# Which id of an event's data names which resource, and how that resource's id begins.
_FOCUS: Final = (
    ("signal_id", "Task", ""),
    ("safety_event_id", "Flag", ""),
    ("infusion_id", "Procedure", ""),
    ("assessment_id", "Observation", "t-"),
)


def notification_of(delivery: Delivery, *, base_url: str) -> str:
    """Write what is sent for a delivery: a handshake for a test, else the event with its number."""
    event = json.loads(delivery.body)
    handshake = event["type"] == EventType.ENDPOINT_TEST
    subscription, number = f"Subscription/{delivery.endpoint_id}", delivery.number or 0
    focus = None if handshake else focus_of(event["data"])
    parameters = status_of_subscription(
        f"{base_url}/{subscription}",
        status="active",
        kind="handshake" if handshake else "event-notification",
        count=number,
    )
    if not handshake:
        part: list[dict[str, Any]] = [
            {"name": "event-number", "valueString": str(number)},
            {"name": "timestamp", "valueInstant": event["timestamp"]},
        ]
        if focus is not None:
            part.append({"name": "focus", "valueReference": {"reference": f"{base_url}/{focus}"}})
        parameters["parameter"].append({"name": "notification-event", "part": part})
    entries = [
        {
            "fullUrl": f"urn:uuid:{delivery.id}",
            "resource": parameters,
            "request": {"method": "GET", "url": f"{subscription}/$status"},
            "response": {"status": "200"},
        }
    ]
    if focus is not None:
        entries.append(
            {
                "fullUrl": f"{base_url}/{focus}",
                "request": {"method": "PUT", "url": focus},
                "response": {"status": "200"},
            }
        )
    bundle = {
        "resourceType": "Bundle",
        "id": str(delivery.id),
        "meta": {"profile": [f"{BACKPORT}/backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": event["timestamp"],
        "entry": entries,
    }
    return json.dumps(bundle, separators=(",", ":"), sort_keys=True)


def status_of_subscription(subscription: str, *, status: str, kind: str, count: int) -> dict[str, Any]:
    """Make the Parameters that say how a Subscription is, and how many events it has had."""
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [f"{BACKPORT}/backport-subscription-status-r4"]},
        "parameter": [
            {"name": "subscription", "valueReference": {"reference": subscription}},
            {"name": "topic", "valueCanonical": TOPIC},
            {"name": "status", "valueCode": status},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(count)},
        ],
    }


def focus_of(data: dict[str, Any]) -> str | None:
    """Say which resource an event is about: the record that it names, else the patient; None: neither."""
    if data.get("patient_id") is None:
        return None
    patient_id = UUID(data["patient_id"])
    for name, kind, begins in _FOCUS:
        if data.get(name) is not None:
            return f"{kind}/{resource_id(patient_id, UUID(data[name]), begins)}"
    return f"Patient/{patient_id}"
