"""Endpoints as the clinic's engineer manages them: read, change, switch off and on, remove; with all bad input."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from tests.support.clinics import gone_live
from tests.support.databases import Cluster
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import CANARY, assert_problem
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service

ENDPOINTS = "/v1/webhook-endpoints"
# Of every second one the moment is too long ago to be meant.
MANY_EXHAUSTED = """
    WITH made AS (
        INSERT INTO care.notifications (clinic_id, id, type, occurred_at, body)
        SELECT %(clinic)s, gen_random_uuid(), 'signal.raised', %(now)s - (n %% 2) * interval '1 day', '{}'
          FROM generate_series(1, 2 * %(count)s) AS n
        RETURNING clinic_id, id
    )
    INSERT INTO care.deliveries (clinic_id, id, notification_id, endpoint_id, urgency, state, attempts_made)
    SELECT clinic_id, gen_random_uuid(), id, %(endpoint)s, 'ordinary', 'exhausted', 10 FROM made
"""


def path_of(endpoint: dict[str, Any], call: str = "") -> str:
    return f"{ENDPOINTS}/{endpoint['id']}{call}"


def change(clinic: ClinicClient, endpoint: dict[str, Any], **fields: object) -> httpx2.Response:
    version = clinic.http.get(path_of(endpoint)).headers["etag"]
    return clinic.http.patch(path_of(endpoint), json=fields, headers={"if-match": version})


def deliveries(clinic: ClinicClient, endpoint: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    return list(clinic.http.get(path_of(endpoint, "/deliveries"), params=query).json()["items"])


def settled(clinic: ClinicClient, endpoint: dict[str, Any], *states: str) -> bool:
    return wait_until(
        lambda: sorted(one["state"] for one in deliveries(clinic, endpoint)) == sorted(states), 20
    )


def test_an_endpoint_is_read_as_it_is_listed(clinic: ClinicClient, receiver: Receiver) -> None:
    endpoint = clinic.add_endpoint(receiver.url, ["signal.closed", "signal.closed", "signal.raised"])

    read = clinic.http.get(path_of(endpoint))

    assert read.headers["etag"] == '"1"'
    assert read.json() == {name: value for name, value in endpoint.items() if name != "secret"}
    assert clinic.http.get(ENDPOINTS).json()["items"] == [read.json()]
    assert read.json()["events"] == ["signal.closed", "signal.raised"], "each once"


def test_the_same_address_again_names_the_endpoint_that_has_it(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    first = clinic.add_endpoint(receiver.url)
    for _ in range(2):
        again = clinic.http.post(ENDPOINTS, json={"url": receiver.url})
        assert_problem(again, 409, code="endpoint-exists", pointer="#/url")
        assert again.json()["endpoint_id"] == first["id"]
    assert [one["id"] for one in clinic.http.get(ENDPOINTS).json()["items"]] == [first["id"]]


def test_address_and_filter_are_changed_one_by_one_and_the_secret_stays(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url, ["signal.closed"])
    receiver.secret = endpoint["secret"]

    moved = change(clinic, endpoint, url=receiver.url + "/moved")
    assert (moved.json()["url"], moved.json()["events"]) == (receiver.url + "/moved", ["signal.closed"])
    assert (moved.headers["etag"], "secret" in moved.json()) == ('"2"', False)
    clinic.enrol(clinic.patient(), service.url).check_in(NOW, asks_about_booster=True)
    assert deliveries(clinic, endpoint) == [], "the filter lets through what it lets through"
    assert change(clinic, endpoint, events=None).json()["events"] is None
    clinic.enrol(clinic.patient(), service.url).check_in(NOW, asks_about_booster=True)
    (event,) = receiver.wait_for("patient.asked_about_booster")
    assert (event.path, event.verified) == ("/hook/moved", True)
    only_safety = change(clinic, endpoint, events=[]).json()
    assert (only_safety["events"], only_safety["url"]) == ([], receiver.url + "/moved")


def test_what_waits_for_its_next_attempt_goes_to_the_new_address(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer_path = lambda path: 204 if path.endswith("/new") else 500
    clinic.http.post(path_of(endpoint, "/test"))
    assert wait_until(lambda: bool(deliveries(clinic, endpoint)[0]["attempts"]), 20)
    assert clinic.http.get(path_of(endpoint)).json()["failing_since"] is not None

    changed = change(clinic, endpoint, url=receiver.url + "/new")

    assert changed.json()["failing_since"] is None, "the new address has not failed"
    recovered = clinic.http.post(path_of(endpoint, "/recover"), json={"since": NOW.isoformat()})
    assert (recovered.status_code, recovered.json()) == (202, {"deliveries": 1})
    assert settled(clinic, endpoint, "delivered")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": ""}, "#/url"),
        ({"url": "https://ehr.example.org/" + "x" * 2000}, "#/url"),
        ({"url": 5}, "#/url"),
        ({"events": [CANARY]}, "#/events/0"),
        ({"events": "signal.raised"}, "#/events"),
        ({"secret": CANARY}, "#/secret"),
        ({"state": "disabled"}, "#/state"),
    ],
)
def test_a_wrong_change_is_named_and_changes_nothing(
    clinic: ClinicClient, receiver: Receiver, fields: dict[str, Any], pointer: str
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    assert_problem(change(clinic, endpoint, **fields), 422, pointer=pointer)
    assert clinic.http.get(path_of(endpoint)).headers["etag"] == '"1"'


def test_a_change_needs_the_version_it_is_based_on(clinic: ClinicClient, receiver: Receiver) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    path, body = path_of(endpoint), {"events": list[str]()}

    assert_problem(clinic.http.patch(path, json=body), 428, pointer="header/if-match")
    for wrong in ('"2"', "*", ""):
        assert_problem(clinic.http.patch(path, json=body, headers={"if-match": wrong}), 412)

    def racing(number: int) -> int:
        body = {"url": f"{receiver.url}/{number}"}
        return clinic.http.patch(path, json=body, headers={"if-match": '"1"'}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(racing, range(4))) == [200, 412, 412, 412]


def test_a_disabled_endpoint_holds_what_is_due_and_an_enabled_one_lets_it_go(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.answer = lambda _sent: 500
    clinic.http.post(path_of(endpoint, "/test"))
    assert wait_until(lambda: bool(deliveries(clinic, endpoint)[0]["attempts"]), 20)

    for _ in range(2):
        disabled = clinic.http.post(path_of(endpoint, "/disable")).json()
        assert (disabled["state"], disabled["disabled_because"]) == ("disabled", "by_hand")
    assert settled(clinic, endpoint, "held")
    for call in ("/test", "/recover"):
        reply = clinic.http.post(path_of(endpoint, call), json={"since": NOW.isoformat()})
        assert_problem(reply, 409, code="endpoint-disabled")
    receiver.answer = lambda _sent: 204
    assert clinic.http.post(path_of(endpoint, "/enable")).json()["state"] == "enabled"
    assert settled(clinic, endpoint, "delivered")


def test_of_a_removed_endpoint_only_the_log_of_single_deliveries_is_left(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    clinic.http.post(path_of(endpoint, "/test"))
    assert settled(clinic, endpoint, "delivered")
    receiver.answer = lambda _sent: 500
    clinic.http.post(path_of(endpoint, "/test"))
    assert settled(clinic, endpoint, "delivered", "pending")
    waiting, delivered = deliveries(clinic, endpoint)

    assert clinic.http.delete(path_of(endpoint)).status_code == 204

    assert clinic.http.get(ENDPOINTS).json() == {"items": []}
    assert_problem(clinic.http.delete(path_of(endpoint)), 404)
    assert_problem(clinic.http.get(path_of(endpoint)), 404)
    for call in ("/test", "/enable", "/disable", "/rotate-secret"):
        assert_problem(clinic.http.post(path_of(endpoint, call)), 404)
    assert_problem(clinic.http.get(path_of(endpoint, "/deliveries")), 404)
    states = [clinic.http.get(f"/v1/deliveries/{one['id']}").json()["state"] for one in (waiting, delivered)]
    assert states == ["held", "delivered"]
    assert_problem(clinic.http.post(f"/v1/deliveries/{waiting['id']}/resend"), 409, code="endpoint-disabled")
    assert clinic.http.get("/v1/clinic").json()["attention"] == []


@pytest.mark.parametrize("how", ["disable", "remove"])
def test_a_live_clinics_people_learn_that_its_last_endpoint_was_switched_off(
    service: Service, clinic: ClinicClient, receiver: Receiver, how: str
) -> None:
    endpoint = gone_live(service, clinic, receiver)
    if how == "disable":
        clinic.http.post(path_of(endpoint, "/disable"))
    else:
        clinic.http.delete(path_of(endpoint))
    assert "no_enabled_endpoint" in clinic.http.get("/v1/clinic").json()["attention"]
    recorded = clinic.http.get("/v1/audit-events", params={"limit": 200}).json()["items"]
    assert [one["action"] for one in recorded].count("contact.notified_endpoint_down") == 2
    assert {"disable": "endpoint.disabled", "remove": "endpoint.removed"}[how] in {
        one["action"] for one in recorded
    }


def test_the_log_shows_deliveries_by_state_with_every_attempt_in_words(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    clinic.http.post(path_of(endpoint, "/test"))
    assert settled(clinic, endpoint, "delivered")
    receiver.answer = lambda _sent: 503
    clinic.http.post(path_of(endpoint, "/test"))
    assert wait_until(lambda: len(deliveries(clinic, endpoint, state="pending")[0]["attempts"]) == 1, 20)

    (pending,) = deliveries(clinic, endpoint, state="pending")
    (delivered,) = deliveries(clinic, endpoint, state="delivered")

    assert deliveries(clinic, endpoint, state="held") == []
    assert clinic.http.get(f"/v1/deliveries/{pending['id']}").json() == pending
    assert pending["endpoint_id"] == endpoint["id"]
    assert pending["occurred_at"] == NOW.isoformat().replace("+00:00", "Z")
    (attempt,) = pending["attempts"]
    assert (attempt["http_status"], attempt["error"]) == (503, "http_status")
    assert attempt["detail"] == "The answer was an error status."
    (attempt,) = delivered["attempts"]
    assert (attempt["http_status"], attempt["error"], attempt["detail"]) == (204, None, None)
    reply = clinic.http.get(path_of(endpoint, "/deliveries"), params={"state": CANARY})
    assert_problem(reply, 422, pointer="query/state")


def test_recovering_sends_again_since_a_time_what_did_not_arrive_or_all(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    for hours in range(3):
        service.clock.move_to(NOW + timedelta(hours=hours))
        clinic.http.post(path_of(endpoint, "/test"))
    assert settled(clinic, endpoint, *["delivered"] * 3)
    ids = [one["webhook_id"] for one in reversed(deliveries(clinic, endpoint))]
    since = {"since": (NOW + timedelta(hours=1)).isoformat()}

    assert clinic.http.post(path_of(endpoint, "/recover"), json=since).json() == {"deliveries": 0}
    again = clinic.http.post(path_of(endpoint, "/recover"), json=since | {"also_delivered": True})

    assert again.json() == {"deliveries": 2}
    receiver.wait_for("endpoint.test", count=5)
    assert sorted(one.webhook_id for one in receiver.accepted()[3:]) == sorted(ids[1:])
    assert settled(clinic, endpoint, *["delivered"] * 3)


def test_a_long_outage_is_recovered_whole_and_only_once(cluster: Cluster) -> None:
    count = 1201
    with (
        cluster.database() as own_database,
        running_service(own_database.application_url, work=False) as idle,
        psycopg.connect(own_database.superuser_url, autocommit=True) as database,
    ):
        clinic = clinic_client(idle)
        endpoint = clinic.add_endpoint("http://127.0.0.1:9/hook")
        database.execute(
            MANY_EXHAUSTED,
            {"clinic": clinic.clinic_id, "endpoint": endpoint["id"], "now": NOW, "count": count},
        )
        since = {"since": (NOW - timedelta(hours=1)).isoformat()}
        path = path_of(endpoint, "/recover")

        assert clinic.http.post(path, json=since).json() == {"deliveries": count}
        assert clinic.http.post(path, json=since).json() == {"deliveries": 0}, "they are on their way"
        due = database.execute(
            "SELECT count(*) FROM care.deliveries WHERE state = 'pending' AND next_attempt_at <= %s", [NOW]
        ).fetchone()
        assert due == (count,)
        clinic.close()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/since"),
        ({"since": CANARY}, "#/since"),
        ({"since": "2026-11-03T10:00:00"}, "#/since"),
        ({"since": 0}, "#/since"),
        ({"since": (NOW + timedelta(seconds=1)).isoformat()}, "#/since"),
        ({"since": NOW.isoformat(), "also_delivered": CANARY}, "#/also_delivered"),
        ({"since": NOW.isoformat(), "until": NOW.isoformat()}, "#/until"),
    ],
)
def test_a_wrong_time_to_recover_from_is_refused(
    clinic: ClinicClient, receiver: Receiver, body: dict[str, Any], pointer: str
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    assert_problem(clinic.http.post(path_of(endpoint, "/recover"), json=body), 422, pointer=pointer)


def test_an_id_that_nobody_has_is_not_found_and_no_id_is_refused(clinic: ClinicClient) -> None:
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", ENDPOINTS + "/{}", None),
        ("PATCH", ENDPOINTS + "/{}", {"events": None}),
        ("DELETE", ENDPOINTS + "/{}", None),
        ("POST", ENDPOINTS + "/{}/disable", None),
        ("POST", ENDPOINTS + "/{}/recover", {"since": NOW.isoformat()}),
        ("GET", "/v1/deliveries/{}", None),
        ("POST", "/v1/deliveries/{}/resend", None),
    ]
    for method, path, body in calls:
        for sent, status in ((str(uuid4()), 404), (CANARY, 422)):
            reply = clinic.http.request(method, path.format(sent), json=body, headers={"if-match": '"1"'})
            assert_problem(reply, status)
