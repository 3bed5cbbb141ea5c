"""A safety event overtakes everything else that waits for the same endpoint, and nobody can filter it out."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client
from tests.support.receiver import Receiver
from tests.support.service import RunningClock, Service, running_service


@pytest.fixture
def idle_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service whose worker the test starts when enough is waiting."""
    with running_service(
        own_database.application_url, work=False, clock=RunningClock(), speedup=100
    ) as running:
        yield running


def start_worker(service: Service) -> None:
    asyncio.run_coroutine_threadsafe(service.worker.run(), service.loop)


@pytest.mark.parametrize("failures", [0, 3])
def test_a_statement_is_delivered_before_all_that_was_queued_earlier(
    idle_service: Service, receiver: Receiver, failures: int
) -> None:
    service, clinic = idle_service, clinic_client(idle_service)
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.secret = endpoint["secret"]
    receiver.answer = lambda sent: 503 if sent < failures else 204
    for _ in range(25):
        assert clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test").status_code == 202
    phone = clinic.enrol(clinic.patient(), service.url)
    said = phone.check_in(service.clock.now(), asks_about_booster=True, self_harm_thoughts=True)
    assert said.status_code == 201

    start_worker(service)
    receiver.wait_for("endpoint.test", count=25, within=60)
    receiver.wait_for("patient.asked_about_booster", within=60)

    assert [one.type for one in receiver.requests[: failures + 1]] == ["safety.reported"] * (failures + 1)
    assert len(receiver.accepted("safety.reported")) == 1
    assert {one.verified for one in receiver.requests} == {True}
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert event["received_at"] <= event["sent_at"] <= event["delivered_at"]
    clinic.close()


def test_an_ordinary_event_waits_for_the_statement_at_its_endpoint_only(
    idle_service: Service, receiver: Receiver
) -> None:
    service, clinic = idle_service, clinic_client(idle_service)
    waiting, refusing = (clinic.add_endpoint(receiver.url + path) for path in ("/open", "/shut"))
    receiver.answer_path = lambda path: 503 if path.endswith("/shut") else 204
    phone = clinic.enrol(clinic.patient(), service.url)
    phone.check_in(service.clock.now(), self_harm_thoughts=True)
    for endpoint in (waiting, refusing):
        clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")

    start_worker(service)

    receiver.wait_for("endpoint.test", count=1, within=60)
    shut = [one.type for one in receiver.requests if one.path.endswith("/shut")]
    assert set(shut) == {"safety.reported"}
    receiver.answer_path = lambda _path: 204
    receiver.wait_for("endpoint.test", count=2, within=60)
    clinic.close()


def test_a_filter_keeps_everything_out_but_safety(idle_service: Service, receiver: Receiver) -> None:
    service, clinic = idle_service, clinic_client(idle_service)
    clinic.add_endpoint(receiver.url + "/some", events=["signal.raised"])
    clinic.add_endpoint(receiver.url + "/none", events=[])
    phone = clinic.enrol(clinic.patient(), service.url)
    phone.check_in(service.clock.now(), asks_about_booster=True)
    phone.check_in(service.clock.now(), self_harm_thoughts=True)

    start_worker(service)
    receiver.wait_for("safety.reported", count=2)

    assert {one.type for one in receiver.requests} == {"safety.reported"}
    clinic.close()
