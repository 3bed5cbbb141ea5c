"""A device's tokens: fifteen minutes of access, rotation that forgives a lost reply, and reuse that ends it all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest

from tests.support.people import NO_TLS, ClinicClient, PatientClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service


@pytest.fixture(scope="module")
def http(shared_service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=shared_service.url, timeout=30, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def device(one_clinic: ClinicClient, service: Service) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def refresh(http: httpx2.Client, token: str) -> httpx2.Response:
    return http.post("/v1/tokens/refresh", json={"refresh_token": token})


def rotated(http: httpx2.Client, token: str) -> tuple[str, str]:
    reply = refresh(http, token)
    assert reply.status_code == 200, reply.text
    return reply.json()["access_token"], reply.json()["refresh_token"]


def may(http: httpx2.Client, access: str) -> bool:
    reply = http.get("/v1/me", headers={"authorization": f"Bearer {access}"})
    assert reply.status_code in {200, 401}
    return reply.status_code == 200


def test_an_access_token_lasts_fifteen_minutes(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    service.clock.move_to(NOW + timedelta(minutes=14, seconds=59))
    assert may(http, device.access_token)
    service.clock.move_to(NOW + timedelta(minutes=15))
    assert not may(http, device.access_token)
    reply = device.check_in(NOW + timedelta(minutes=15))
    assert_problem(reply, 401, code="token-not-valid")
    access, _ = rotated(http, device.refresh_token)
    assert may(http, access)


def test_refresh_tokens_rotate(http: httpx2.Client, device: PatientClient) -> None:
    token, seen = device.refresh_token, {device.refresh_token}
    for _ in range(5):
        access, token = rotated(http, token)
        assert token not in seen
        assert may(http, access)
        seen.add(token)


def test_a_lost_reply_costs_nothing(http: httpx2.Client, device: PatientClient) -> None:
    lost_access, lost = rotated(http, device.refresh_token)

    access, token = rotated(http, device.refresh_token)

    assert may(http, access)
    assert may(http, lost_access)
    assert token != lost
    rotated(http, token)


def test_reuse_after_the_successor_was_used_ends_the_family(
    http: httpx2.Client, device: PatientClient
) -> None:
    _, second = rotated(http, device.refresh_token)
    access, third = rotated(http, second)

    assert_problem(refresh(http, device.refresh_token), 401, code="token-not-valid")

    for token in (second, third):
        assert_problem(refresh(http, token), 401)
    assert not may(http, access)
    assert not may(http, device.access_token)


def test_a_thief_who_lost_the_race_ends_the_family_too(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    _, of_owner = rotated(http, device.refresh_token)
    service.clock.move_to(NOW + timedelta(seconds=11))
    _, of_thief = rotated(http, device.refresh_token)
    rotated(http, of_owner)

    assert_problem(refresh(http, of_thief), 401)
    assert not may(http, device.access_token)


def test_another_device_of_the_same_patient_is_not_touched(
    http: httpx2.Client, one_clinic: ClinicClient, device: PatientClient, service: Service
) -> None:
    other = one_clinic.enrol(device.patient_id, service.url)
    _, second = rotated(http, device.refresh_token)
    rotated(http, second)
    refresh(http, device.refresh_token)

    assert may(http, other.access_token)
    rotated(http, other.refresh_token)


def test_a_spent_token_is_forgiven_for_a_day(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    rotated(http, device.refresh_token)
    service.clock.move_to(NOW + timedelta(hours=23, minutes=59))
    _, successor = rotated(http, device.refresh_token)
    service.clock.move_to(NOW + timedelta(hours=24))
    assert_problem(refresh(http, device.refresh_token), 401)

    # The day has passed without a sign of a thief: whoever holds the successor goes on.
    rotated(http, successor)


def test_a_refresh_token_lasts_half_a_year(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    service.clock.move_to(NOW + timedelta(days=179))
    _, token = rotated(http, device.refresh_token)
    service.clock.move_to(NOW + timedelta(days=179 + 181))
    assert_problem(refresh(http, token), 401)


def test_a_phone_that_refreshes_ten_times_at_once_stays_signed_in(
    http: httpx2.Client, device: PatientClient
) -> None:
    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda _: refresh(http, device.refresh_token), range(10)))

    assert {reply.status_code for reply in replies} == {200}
    tokens = [reply.json() for reply in replies]
    assert len({one["refresh_token"] for one in tokens}) == 10
    access, last = rotated(http, tokens[3]["refresh_token"])
    assert may(http, access)
    rotated(http, last)


def test_two_processes_of_one_phone_that_refresh_at_once_both_go_on(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    with ThreadPoolExecutor(2) as threads:
        (access_of_app, of_app), (_, of_widget) = threads.map(
            lambda _: rotated(http, device.refresh_token), range(2)
        )
    for minutes in (15, 30, 45):
        service.clock.move_to(NOW + timedelta(minutes=minutes))
        access_of_app, of_app = rotated(http, of_app)
        access_of_widget, of_widget = rotated(http, of_widget)
        assert may(http, access_of_app)
        assert may(http, access_of_widget)

    assert_problem(refresh(http, device.refresh_token), 401, code="token-not-valid")
    assert not may(http, access_of_app), "a stolen old token still ends the family"


def test_of_ten_successors_used_at_once_none_gets_past_the_others(
    http: httpx2.Client, device: PatientClient, service: Service
) -> None:
    successors = []
    for number in range(10):
        service.clock.move_to(NOW + timedelta(minutes=number))
        successors.append(rotated(http, device.refresh_token)[1])

    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda token: refresh(http, token), successors))

    assert [reply.status_code for reply in replies].count(200) == 1
    assert not may(http, device.access_token), "two hold the family's tokens"


@pytest.mark.parametrize(
    "token", [CANARY, "agr_", "agr__", "agd_00_x", "💙", "\x00", "agr_" + "0" * 32 + "_" + CANARY]
)
def test_what_is_no_refresh_token_is_refused(http: httpx2.Client, token: str) -> None:
    assert_problem(refresh(http, token), 401, code="token-not-valid")


def test_other_tokens_do_not_refresh(
    http: httpx2.Client, one_clinic: ClinicClient, device: PatientClient
) -> None:
    for token in (one_clinic.key, device.access_token, device.refresh_token[:-1], device.refresh_token + "x"):
        assert_problem(refresh(http, token), 401)
    assert_problem(http.post("/v1/tokens/refresh", json={"refresh_token": "x" * 201}), 422)
    assert_problem(http.post("/v1/tokens/refresh", json={"refresh_token": ""}), 422)
