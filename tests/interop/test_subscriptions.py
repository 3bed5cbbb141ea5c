"""Webhooks as FHIR notifications: the Subscription is readable, each event valid, numbered, and about a resource."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from app.interop.fhir.codes import Json
from tests.support.databases import DatabaseUrls
from tests.support.fhir import checked, every_page, issue_of, valid
from tests.support.people import ClinicClient, clinic_client
from tests.support.processes import wait_until
from tests.support.receiver import Received, Receiver, running_receiver
from tests.support.service import NOW, Service

EVENTS = ["infusion.recorded", "assessment.recorded", "patient.registered"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def subscribe(clinic: ClinicClient, receiver: Receiver, **other: Any) -> str:  # noqa: ANN401 - any field
    body = {"url": receiver.url, "events": EVENTS, "format": "fhir"} | other
    reply = clinic.http.post("/v1/webhook-endpoints", json=body)
    assert reply.status_code == 201, reply.text
    receiver.secret = reply.json()["secret"]
    return str(reply.json()["id"])


def parameters(received: Received) -> dict[str, Any]:
    """What a notification says, by name; of the event by its own names."""
    assert received.verified
    valid(received.event)
    said: dict[str, Any] = {}
    for one in received.event["entry"][0]["resource"]["parameter"]:
        for each in one.get("part", [one]):
            said[each["name"]] = next(value for name, value in each.items() if name != "name")
    return said


def test_events_come_as_notifications_about_resources_that_can_be_fetched(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    subscription = subscribe(clinic, receiver)
    assert wait_until(lambda: len(receiver.requests) == 1, 20)
    (handshake,) = receiver.requests
    said = parameters(handshake)
    assert (said["type"], said["events-since-subscription-start"]) == ("handshake", "0")
    receiver.answer = lambda count: 503 if count == 3 else 204
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=30), by_calls=True)
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=2)).isoformat(), "total": 9}
    assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).is_success
    # A registration, six infusions, a form, and once more what was refused.
    assert wait_until(lambda: len(receiver.requests) == 9, 20)
    service.clock.move_to(NOW + timedelta(minutes=15))
    assert wait_until(lambda: len(receiver.requests) == 10, 20)
    events = receiver.requests[1:]
    numbers = sorted({int(parameters(one)["event-number"]) for one in events})
    assert numbers == list(range(1, len(numbers) + 1))
    # What was refused came again, the same bytes.
    (refused,) = [one for one in events if one.status == 503]
    (again,) = [one for one in events if one.webhook_id == refused.webhook_id and one.status == 204]
    assert again.raw == refused.raw
    kinds = set()
    for one in events:
        focus = one.event["entry"][1]
        path = str(focus["fullUrl"]).partition("/fhir/")[2]
        assert "resource" not in focus
        fetched = checked(clinic.http.get(f"/fhir/{path}"))
        kinds.add(fetched["resourceType"])
        assert parameters(one)["focus"] == {"reference": focus["fullUrl"]}
    assert kinds == {"Patient", "Procedure", "Observation"}
    status = checked(clinic.http.get(f"/fhir/Subscription/{subscription}/$status"))
    (kept,) = every_page(clinic.http, "Subscription", status="active")
    assert (kept["id"], kept["channel"]["endpoint"] + "/hook") == (subscription, receiver.url)
    count = status["entry"][0]["resource"]["parameter"][-1]
    assert count == {"name": "events-since-subscription-start", "valueString": str(len(numbers))}


def test_an_endpoint_is_locked_before_its_deliveries_as_whoever_disables_it_does(
    clinic: ClinicClient, receiver: Receiver, shared_database: DatabaseUrls
) -> None:
    subscription = subscribe(clinic, receiver)
    assert wait_until(lambda: len(receiver.requests) == 1, 20)
    with psycopg.connect(shared_database.superuser_url) as disabling:
        endpoint = "SELECT 1 FROM care.webhook_endpoints WHERE id = %s FOR NO KEY UPDATE"
        disabling.execute(endpoint, (subscription,))
        clinic.patient()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        assert wait_until(lambda: bool(disabling.execute(waits).fetchall()), 20)
        # The worker that waits for the endpoint holds none of its deliveries: neither waits for the other for ever.
        deliveries = "SELECT 1 FROM care.deliveries WHERE endpoint_id = %s FOR UPDATE NOWAIT"
        assert len(disabling.execute(deliveries, (subscription,)).fetchall()) == 2
    assert wait_until(lambda: len(receiver.requests) == 2, 20)


def test_a_subscription_is_read_by_who_manages_webhooks_at_its_own_clinic(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    subscription = subscribe(clinic, receiver)
    plain = clinic.add_endpoint(f"{receiver.url}/plain")
    listed: list[Json] = every_page(clinic.http, "Subscription")
    assert [one["id"] for one in listed] == [subscription]
    assert listed[0]["_criteria"]["extension"][0]["valueString"] == f"event={','.join(EVENTS)}"
    assert issue_of(clinic.http.get(f"/fhir/Subscription/{plain['id']}/$status"), 404)[0] == "not-found"
    other = clinic_client(service, "Other")
    assert every_page(other.http, "Subscription") == []
    assert issue_of(other.http.get(f"/fhir/Subscription/{subscription}"), 404)[0] == "not-found"
    assert issue_of(other.http.get(f"/fhir/Subscription/{subscription}/$status"), 404)[0] == "not-found"
    wrong = clinic.http.post("/v1/webhook-endpoints", json={"url": f"{receiver.url}/x", "format": "xml"})
    assert wrong.status_code == 422
