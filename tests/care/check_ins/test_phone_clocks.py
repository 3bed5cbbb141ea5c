"""A phone whose clock is off: how far is kept, nothing is rewritten, and a refusal sends it our time."""

from datetime import datetime, timedelta

import pytest

from app.foundation.ids import new_id
from tests.support.people import ClinicClient, PatientClient, entry, item
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def phone(one_clinic: ClinicClient, service: Service) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def shown(ahead: timedelta) -> dict[str, str]:
    """The header of a phone whose clock is ahead by so much."""
    return {"afterglow-client-time": (NOW + ahead).isoformat()}


@pytest.mark.parametrize(
    "ahead", [timedelta(0), timedelta(seconds=95), -timedelta(minutes=7), timedelta(days=366)]
)
def test_how_far_a_phones_clock_is_off_is_kept_and_nothing_is_rewritten(
    phone: PatientClient, ahead: timedelta
) -> None:
    at = NOW - timedelta(hours=1)
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=entry(at, (5, 5, 5)), headers=shown(ahead))

    assert reply.status_code == 201, reply.text
    assert reply.json()["clock_skew_seconds"] == ahead.total_seconds()
    assert datetime.fromisoformat(reply.json()["recorded_at"]) == at
    assert datetime.fromisoformat(reply.json()["received_at"]) == NOW


def test_the_skew_is_that_of_the_first_sending(phone: PatientClient) -> None:
    path, body = f"/v1/check-ins/{new_id()}", entry(NOW, (5, 5, 5))
    first = phone.http.put(path, json=body, headers=shown(timedelta(seconds=30)))
    again = phone.http.put(path, json=body, headers=shown(timedelta(hours=2)))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_a_batch_has_one_clock(phone: PatientClient) -> None:
    items = [item(NOW - timedelta(days=day), (5, 5, 5)) for day in range(3)]
    reply = phone.http.post("/v1/check-ins/batch", json={"items": items}, headers=shown(timedelta(minutes=2)))
    assert [one["check_in"]["clock_skew_seconds"] for one in reply.json()["results"]] == [120] * 3
    assert {one["clock_skew_seconds"] for one in phone.http.get("/v1/check-ins").json()["items"]} == {120}


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-03T18:00:00", "1762192800", "9" * 300, "0001-01-01T00:00+23:59"]
)
def test_a_clock_that_cannot_be_read_costs_no_report(phone: PatientClient, text: str) -> None:
    headers = {"afterglow-client-time": text}
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=entry(NOW, (5, 5, 5)), headers=headers)
    assert reply.status_code == 201
    assert reply.json()["clock_skew_seconds"] is None


@pytest.mark.parametrize(
    ("off", "code"),
    [
        (timedelta(minutes=11), "check-in-in-future"),
        (timedelta(days=365), "check-in-in-future"),
        (-timedelta(days=365), "check-in-too-old"),
    ],
)
def test_a_phone_that_is_a_year_off_is_sent_our_time_and_loses_nothing(
    phone: PatientClient, off: timedelta, code: str
) -> None:
    check_in_id = str(new_id())
    refused = phone.check_in(NOW + off, check_in_id=check_in_id)

    problem = assert_problem(refused, 422, pointer="#/recorded_at", code=code)
    ours = datetime.fromisoformat(problem["server_time"])
    assert ours == NOW

    # What it does now: correct by the difference, and send under the same id.
    corrected = phone.check_in(NOW + off + (ours - (NOW + off)), check_in_id=check_in_id)
    assert corrected.status_code == 201


def test_an_item_of_a_batch_from_the_future_is_sent_our_time_too(phone: PatientClient) -> None:
    items = [item(NOW + timedelta(days=365), (5, 5, 5)), item(NOW, (5, 5, 5))]
    results = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]
    assert [one["status"] for one in results] == [422, 201]
    assert datetime.fromisoformat(results[0]["problem"]["server_time"]) == NOW


def test_other_refusals_say_no_time(phone: PatientClient) -> None:
    assert "server_time" not in phone.check_in(NOW, (11, 5, 5)).json()
