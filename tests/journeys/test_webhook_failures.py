"""Receivers that fail, move, vanish or come back: everything arrives once by its id, or is shown."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, RunningClock, Service, running_service


@pytest.fixture(scope="module")
def live(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service that lives in the machine's own time, with waits a thousand times shorter."""
    with running_service(own_database.application_url, clock=RunningClock(), speedup=1000) as running:
        yield running


@pytest.fixture
def clinic(live: Service) -> Iterator[ClinicClient]:
    client = clinic_client(live)
    yield client
    client.close()


def send_tests(clinic: ClinicClient, endpoint: dict[str, Any], count: int = 1) -> set[str]:
    path = f"/v1/webhook-endpoints/{endpoint['id']}/test"
    return {clinic.http.post(path).json()["webhook_id"] for _ in range(count)}


def deliveries(clinic: ClinicClient, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries?limit=200"
    found: list[dict[str, Any]] = clinic.http.get(path).json()["items"]
    return found


def eventually(true: Callable[[], bool], within: float = 120) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def states(clinic: ClinicClient, endpoint: dict[str, Any]) -> set[str]:
    return {one["state"] for one in deliveries(clinic, endpoint)}


def test_a_receiver_that_fails_one_time_in_five_gets_everything(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    chance = random.Random(20)  # noqa: S311 - a repeatable choice
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.secret = endpoint["secret"]
    receiver.answer = lambda _sent: 500 if chance.random() < 0.2 else 200

    sent = send_tests(clinic, endpoint, 60)
    eventually(lambda: states(clinic, endpoint) == {"delivered"})

    accepted = [one.webhook_id for one in receiver.accepted()]
    assert sorted(accepted) == sorted(sent), "each once"
    assert {one.verified for one in receiver.requests} == {True}
    for one in deliveries(clinic, endpoint):
        tried = [request for request in receiver.requests if request.webhook_id == one["webhook_id"]]
        assert [attempt["http_status"] for attempt in one["attempts"]] == [
            request.status for request in tried
        ]
        assert len({request.raw for request in tried}) == 1, "the same bytes at every attempt"
        assert one["attempts_made"] == len(tried)


def test_a_receiver_that_is_gone_is_disabled_and_its_deliveries_are_held(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer = lambda _sent: 410
    send_tests(clinic, endpoint)
    eventually(lambda: states(clinic, endpoint) == {"held"})

    (shown,) = clinic.http.get("/v1/webhook-endpoints").json()["items"]
    assert (shown["state"], shown["disabled_because"]) == ("disabled", "gone")
    assert_problem(
        clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test"), 409, code="endpoint-disabled"
    )
    (held,) = deliveries(clinic, endpoint)
    assert_problem(clinic.http.post(f"/v1/deliveries/{held['id']}/resend"), 409, code="endpoint-disabled")


def test_what_was_held_goes_out_when_the_endpoint_is_enabled_again(
    live: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer = lambda _sent: 410
    send_tests(clinic, endpoint)
    eventually(lambda: states(clinic, endpoint) == {"held"})
    phone = clinic.enrol(clinic.patient(), live.url)
    phone.check_in(live.clock.now(), asks_about_booster=True)
    phone.check_in(live.clock.now(), self_harm_thoughts=True)
    assert [one["state"] for one in deliveries(clinic, endpoint)] == ["held"] * 3
    receiver.answer = lambda _sent: 204

    enabled = clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable").json()

    assert (enabled["state"], enabled["disabled_because"]) == ("enabled", None)
    eventually(lambda: states(clinic, endpoint) == {"delivered"})
    assert receiver.accepted()[0].type == "safety.reported"
    assert len(receiver.accepted()) == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirect_is_a_failure_and_is_not_followed(
    clinic: ClinicClient, receiver: Receiver, status: int
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer_headers = {"location": receiver.url + "/elsewhere"}
    receiver.answer = lambda sent: status if sent == 0 else 204
    send_tests(clinic, endpoint)
    eventually(lambda: states(clinic, endpoint) == {"delivered"})

    (one,) = deliveries(clinic, endpoint)
    assert [attempt["error"] for attempt in one["attempts"]] == ["redirect_refused", None]
    assert {request.path for request in receiver.requests} == {"/hook"}


def test_retry_after_is_honoured(clinic: ClinicClient, receiver: Receiver) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer_headers = {"retry-after": "3000"}  # three seconds, a thousand times shorter
    receiver.answer = lambda sent: 429 if sent == 0 else 204
    send_tests(clinic, endpoint)
    eventually(lambda: states(clinic, endpoint) == {"delivered"})

    first, second = receiver.requests
    assert second.at - first.at > 2.5


def test_an_exhausted_delivery_is_shown_and_sent_again_under_its_own_id(
    cluster: Cluster, receiver: Receiver
) -> None:
    receiver.answer = lambda _sent: 500
    # A separate database: the other tests' worker is not in such a hurry.
    with (
        cluster.database() as alone,
        running_service(alone.application_url, clock=RunningClock(), speedup=100_000) as hasty,
    ):
        clinic = clinic_client(hasty)
        endpoint = clinic.add_endpoint(receiver.url)
        (webhook_id,) = send_tests(clinic, endpoint)
        eventually(lambda: states(clinic, endpoint) == {"exhausted"})
        (one,) = deliveries(clinic, endpoint)
        assert (one["attempts_made"], len(one["attempts"]), one["next_attempt_at"]) == (10, 10, None)
        assert {attempt["error"] for attempt in one["attempts"]} == {"http_status"}
        receiver.answer = lambda _sent: 204

        resent = clinic.http.post(f"/v1/deliveries/{one['id']}/resend")

        assert resent.status_code == 202
        eventually(lambda: states(clinic, endpoint) == {"delivered"})
        assert clinic.http.post(f"/v1/deliveries/{one['id']}/resend").status_code == 202
        eventually(lambda: len(receiver.accepted()) == 2)
        assert {request.webhook_id for request in receiver.requests} == {webhook_id}
        clinic.close()


def test_a_secret_is_shown_once(clinic: ClinicClient, receiver: Receiver) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    secret = endpoint["secret"]

    assert secret.startswith("whsec_")
    send_tests(clinic, endpoint)
    eventually(lambda: states(clinic, endpoint) == {"delivered"})
    for path in ("/v1/webhook-endpoints", f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"):
        assert secret not in clinic.http.get(path).text
        assert secret.removeprefix("whsec_") not in clinic.http.get(path).text
    enabled = clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable")
    assert secret not in enabled.text


def test_for_a_day_after_a_rotation_both_secrets_sign(cluster: Cluster, receiver: Receiver) -> None:
    # A separate database: the other tests' worker lives at another time.
    with cluster.database() as alone, running_service(alone.application_url) as still:
        clinic = clinic_client(still)
        endpoint = clinic.add_endpoint(receiver.url)
        rotated = clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret").json()
        assert rotated["secret"] != endpoint["secret"]
        assert {name: rotated[name] for name in ("id", "url")} == {
            name: endpoint[name] for name in ("id", "url")
        }

        for hours, old_still_signs in ((0, True), (23, True), (24, False)):
            still.clock.move_to(NOW + timedelta(hours=hours))
            for secret, signs in ((rotated["secret"], True), (endpoint["secret"], old_still_signs)):
                receiver.secret = secret
                before = len(receiver.accepted("endpoint.test"))
                send_tests(clinic, endpoint)
                *_, sent = receiver.wait_for("endpoint.test", count=before + 1)
                assert sent.verified == signs, (hours, secret == rotated["secret"])
        clinic.close()


def test_a_test_event_goes_to_its_own_endpoint_only(clinic: ClinicClient, receiver: Receiver) -> None:
    here, there = (clinic.add_endpoint(receiver.url + path) for path in ("/here", "/there"))
    receiver.secret = here["secret"]

    (webhook_id,) = send_tests(clinic, here)

    (event,) = receiver.wait_for("endpoint.test")
    assert (event.webhook_id, event.path, event.verified) == (webhook_id, "/hook/here", True)
    assert event.event["data"] == {"endpoint_id": here["id"], "mode": "test"}
    assert deliveries(clinic, there) == []
