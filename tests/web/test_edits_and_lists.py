"""Changing what someone else may change too, and reading long lists page by page."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from app.web.edge import RequestLimits
from tests.support.databases import DatabaseUrls
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.problems import assert_guarded, assert_problem
from tests.support.service import Service, running_service


@pytest.fixture
def patient_path(one_clinic: ClinicClient) -> str:
    return f"/v1/patients/{one_clinic.patient()}"


def test_a_change_needs_the_version_it_is_based_on(one_clinic: ClinicClient, patient_path: str) -> None:
    for path, change in ((patient_path, {"locale": "es"}), ("/v1/clinic", {"name": "Other"})):
        etag = one_clinic.http.get(path).headers["etag"]

        assert_problem(one_clinic.http.patch(path, json=change), 428, pointer="header/if-match")
        for wrong in (
            '"999"',
            "999",
            "*",
            "",
            "\u00b2",
            '"' + "9" * 500 + '"',
            '"-1"',
            "W/",
            "'1'",
        ):
            headers = {b"if-match": wrong.encode("latin-1")}
            reply = one_clinic.http.patch(path, json=change, headers=headers)
            assert_problem(reply, 412)
        changed = one_clinic.http.patch(path, json=change, headers={"if-match": etag})
        assert changed.status_code == 200
        assert changed.headers["etag"] not in {etag, None}
        assert_problem(one_clinic.http.patch(path, json=change, headers={"if-match": etag}), 412)
        assert one_clinic.http.get(path).headers["etag"] == changed.headers["etag"]


def test_of_two_who_change_at_once_one_is_refused(one_clinic: ClinicClient, patient_path: str) -> None:
    etag = one_clinic.http.get(patient_path).headers["etag"]

    def change(locale: str) -> int:
        reply = one_clinic.http.patch(patient_path, json={"locale": locale}, headers={"if-match": etag})
        return reply.status_code

    with ThreadPoolExecutor(6) as threads:
        statuses = sorted(threads.map(change, ["de", "en", "es", "fr", "it", "pt"]))

    assert statuses == [200, 412, 412, 412, 412, 412]


def test_a_list_is_read_to_its_end_by_following_links(service: Service) -> None:
    clinic = clinic_client(service)
    ids = [clinic.patient() for _ in range(7)]
    found: list[str] = []
    path = "/v1/patients?limit=3"
    pages = 0
    while path:
        reply = clinic.http.get(path)
        found += [one["id"] for one in reply.json()["items"]]
        pages += 1
        path = reply.links.get("next", {}).get("url", "")
        assert set(reply.json()) == {"items"}, "no totals: counting costs, and is wrong the next moment"

    assert found == ids
    assert pages == 3
    clinic.close()


def test_a_caller_gone_wild_is_answered_how_long_to_wait(own_database: DatabaseUrls) -> None:
    with running_service(own_database.application_url, work=False, requests_per_minute=20) as service:
        wild, calm = clinic_client(service), clinic_client(service)
        answers = [wild.http.get("/v1/clinic") for _ in range(50)]
        refused = [reply for reply in answers if reply.status_code == 429]

        # A new minute may begin in between.
        assert 10 <= len(refused) <= 30
        for reply in refused:
            assert_problem(reply, 429, code="too-many-requests")
            assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert calm.http.get("/v1/clinic").status_code == 200
        wild.close()
        calm.close()


def test_a_made_up_token_for_each_request_gets_nobody_further(own_database: DatabaseUrls) -> None:
    with (
        running_service(own_database.application_url, work=False, requests_per_minute=4) as service,
        httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS) as http,
    ):

        def guess(number: int, at: str) -> int:
            headers = {"authorization": f"Bearer agd_{number}", "x-forwarded-for": at}
            return http.get("/v1/me", headers=headers).status_code

        answers = [guess(number, "203.0.113.7") for number in range(100)]
        # Ten callers' worth; a new minute may begin in between.
        assert 20 <= answers.count(429) <= 60
        assert guess(200, "203.0.113.8") == 401, "another address is not touched"
        household = [guess(number, f"2001:db8:1:2::{number:x}") for number in range(1, 101)]
        assert 20 <= household.count(429) <= 60
        assert guess(300, "2001:db8:1:3::1") == 401


def test_each_caller_over_ipv4_is_counted_apart_also_where_a_proxy_writes_the_address_as_ipv6() -> None:
    limits = RequestLimits(1)
    asked = [limits.seconds_to_wait(address=f"::ffff:203.0.113.{one}", token=None) for one in range(30)]
    assert asked == [None] * 30
    assert limits.seconds_to_wait(address="203.0.113.7", token=None) is not None, "the same caller"


def test_a_request_is_counted_at_the_same_cost_beside_10_and_100_000_callers() -> None:
    def seconds_of_ten_thousand(callers: int) -> float:
        limits = RequestLimits(1_000_000)
        for number in range(callers):
            limits.seconds_to_wait(address="203.0.113.7", token=f"agd_{number}")
        took = []
        for _ in range(5):
            began = time.process_time()
            for number in range(10_000):
                limits.seconds_to_wait(address="203.0.113.7", token=f"agd_{number % 10}")
            took.append(time.process_time() - began)
        return min(took)

    # One that grew with its callers was 300 times dearer beside so many.
    assert seconds_of_ten_thousand(100_000) < 5 * seconds_of_ten_thousand(10)


@pytest.mark.parametrize("locale", ["en", "en-US", "es", "es-MX", "es_419", "fr", "de", "", "x" * 35, "🌧️"])
def test_crisis_help_is_there_for_everybody_in_some_language(one_clinic: ClinicClient, locale: str) -> None:
    reply = one_clinic.http.get("/v1/crisis-help", params={"locale": locale}, headers={"authorization": ""})

    assert reply.status_code == 200
    assert_guarded(reply)
    assert reply.json()["locale"] == (locale[:2] if locale[:2] in {"es", "fr", "de"} else "en")
    numbers = {line["number"] for line in reply.json()["lines"]}
    assert numbers == {"en-US": {"988", "911"}, "es-MX": {"800 911 2000", "911"}}.get(locale, {None})
    assert reply.json()["not_monitored"]
