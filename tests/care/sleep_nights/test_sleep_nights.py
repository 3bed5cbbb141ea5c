"""Nights that a patient's phone measured: once each, only after the patient said so, shown, and never deciding."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.foundation.ids import new_id
from tests.support.budget import budget
from tests.support.people import ZONE, ClinicClient, PatientClient, as_of_now, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

WOKE = NOW.replace(hour=6, minute=30) - timedelta(days=1)
WATCH = {"source": "healthkit", "app": "com.apple.health", "device": "watch"}
PHONE = {"source": "health_connect", "app": "com.urbandroid.sleep", "device": "phone"}


def night(woke: datetime = WOKE, *, asleep: int = 430, **more: object) -> dict[str, Any]:
    started = woke - timedelta(minutes=int(str(more.pop("span", 480))))
    return {
        "started_at": started.isoformat(),
        "ended_at": woke.isoformat(),
        "time_zone": ZONE,
        "asleep_minutes": asleep,
        **WATCH,
    } | more


def put(phone: PatientClient, body: dict[str, Any], night_id: object = None) -> httpx2.Response:
    return phone.http.put(f"/v1/me/sleep-nights/{night_id or new_id()}", json=body)


def switch(phone: PatientClient, *, on: bool) -> dict[str, Any]:
    reply = phone.http.put("/v1/me/sleep-import", json={"on": on})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def listed(http: httpx2.Client, path: str) -> list[dict[str, Any]]:
    reply = http.get(path)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


@pytest.fixture
def sleeper(service: Service, one_clinic: ClinicClient) -> PatientClient:
    """A phone whose patient has switched the import on."""
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    switch(phone, on=True)
    return phone


def test_no_night_is_taken_before_the_patient_switched_it_on_nor_after_it_was_switched_off(
    service: Service, one_clinic: ClinicClient
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    assert phone.http.get("/v1/me/sleep-import").json() == {"on": False, "since": None}
    assert_problem(put(phone, night()), 409, code="sleep-import-off")
    assert switch(phone, on=True)["on"]
    since = switch(phone, on=True)["since"]
    assert datetime.fromisoformat(since) == NOW, "switched on twice, it is on since the first time"
    assert put(phone, night()).status_code == 201
    assert switch(phone, on=False) == {"on": False, "since": None}
    assert_problem(put(phone, night(WOKE - timedelta(days=1))), 409, code="sleep-import-off")
    assert len(listed(phone.http, "/v1/me/sleep-nights")) == 1, "what is kept stays"


def test_the_same_night_again_changes_nothing_and_another_under_its_id_is_a_conflict(
    sleeper: PatientClient, one_clinic: ClinicClient
) -> None:
    key = new_id()
    first = put(sleeper, night(), key)
    assert first.status_code == 201, first.text
    utc = night() | {"started_at": (WOKE - timedelta(hours=8)).astimezone(UTC).isoformat()}
    again = put(sleeper, utc, key)
    assert (again.status_code, again.json()) == (200, first.json()), "however the offset is written"
    assert_problem(put(sleeper, night(asleep=300), key), 409, code="sleep-night-conflict", pointer="#/id")
    path = f"/v1/patients/{sleeper.patient_id}/sleep-nights"
    assert listed(one_clinic.http, path) == listed(sleeper.http, "/v1/me/sleep-nights") == [first.json()]


@pytest.mark.parametrize(
    ("woke", "time_zone", "day"),
    [
        ("2026-11-02T20:00:00+00:00", "Asia/Tokyo", "2026-11-03"),
        # An hour that a check-in would count for the day before: the night is over all the same.
        ("2026-11-02T03:40:00+01:00", "Europe/Berlin", "2026-11-02"),
        # The night in which the clocks went back has 25 hours of day around it, and ends once.
        ("2026-11-01T01:30:00-05:00", "America/Chicago", "2026-11-01"),
        ("2026-11-01T01:30:00-06:00", "America/Chicago", "2026-11-01"),
    ],
)
def test_a_night_belongs_to_the_calendar_day_of_waking_where_the_person_was(
    sleeper: PatientClient, woke: str, time_zone: str, day: str
) -> None:
    kept = put(sleeper, night(datetime.fromisoformat(woke), time_zone=time_zone)).json()
    assert kept["night"] == day
    assert datetime.fromisoformat(kept["ended_at"]) == datetime.fromisoformat(woke)
    local = datetime.fromisoformat(woke).astimezone(ZoneInfo(time_zone))
    assert kept["ended_at"] == local.isoformat(), "as the clocks of that place showed it"


def test_a_correction_takes_the_place_of_the_night_before_it_and_one_that_is_gone_cannot_be_corrected(
    sleeper: PatientClient,
) -> None:
    first = put(sleeper, night()).json()["id"]
    second = put(sleeper, night(asleep=401, supersedes=first))
    assert second.status_code == 201, second.text
    assert [one["asleep_minutes"] for one in listed(sleeper.http, "/v1/me/sleep-nights")] == [401]
    lost = put(sleeper, night(asleep=400, supersedes=first))
    assert_problem(lost, 422, code="superseded-night-not-found", pointer="#/supersedes")


def test_a_night_that_the_patient_takes_back_is_shown_to_nobody_and_is_not_kept_again(
    sleeper: PatientClient, one_clinic: ClinicClient
) -> None:
    key = new_id()
    assert put(sleeper, night(), key).status_code == 201
    assert sleeper.http.delete(f"/v1/me/sleep-nights/{key}").status_code == 204
    assert sleeper.http.delete(f"/v1/me/sleep-nights/{key}").status_code == 404
    again = put(sleeper, night(), key)
    assert (again.status_code, again.json()["withdrawn_at"] is None) == (200, False)
    assert listed(sleeper.http, "/v1/me/sleep-nights") == []
    assert listed(one_clinic.http, f"/v1/patients/{sleeper.patient_id}/sleep-nights") == []


def test_nights_of_two_sources_stand_beside_each_other_and_one_apps_second_is_asked_about(
    sleeper: PatientClient,
) -> None:
    assert put(sleeper, night()).status_code == 201
    assert put(sleeper, night(asleep=390) | PHONE).status_code == 201
    assert [one["app"] for one in listed(sleeper.http, "/v1/me/sleep-nights")] == [
        PHONE["app"],
        WATCH["app"],
    ]
    second = night(WOKE + timedelta(minutes=5), asleep=400)
    asked = put(sleeper, second)
    assert_problem(asked, 409, code="needs-confirmation")
    assert asked.json()["confirm"] == ["overlapping_night"]
    assert put(sleeper, second | {"confirm": asked.json()["confirm"]}).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [(night(asleep=45, span=60), "short_night"), (night(asleep=850, span=900), "long_night")],
)
def test_a_nap_and_a_sum_are_asked_about(sleeper: PatientClient, body: dict[str, Any], code: str) -> None:
    asked = put(sleeper, body)
    assert_problem(asked, 409, code="needs-confirmation")
    assert asked.json()["confirm"] == [code]
    assert put(sleeper, body | {"confirm": [code]}).status_code == 201


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (night(NOW + timedelta(hours=1)), "night-in-future", "#/ended_at"),
        (night(NOW - timedelta(days=31)), "night-too-old", "#/ended_at"),
        (night(span=0), "night-span", "#/ended_at"),
        (night(span=-60), "night-span", "#/ended_at"),
        (night(span=1441), "night-span", "#/ended_at"),
        (night(asleep=500, span=480), "night-minutes", "#/asleep_minutes"),
        (night(asleep=400, in_bed_minutes=390), "night-minutes", "#/in_bed_minutes"),
        (night(asleep=400, in_bed_minutes=500), "night-minutes", "#/in_bed_minutes"),
    ],
)
def test_a_night_that_cannot_be_is_refused_at_its_field(
    sleeper: PatientClient, body: dict[str, Any], code: str, pointer: str
) -> None:
    assert_problem(put(sleeper, body), 422, code=code, pointer=pointer)


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "fitbit"},
        {"app": "My watch"},
        {"device": "Ana's watch"},
        {"asleep_minutes": 430.5},
        {"asleep_minutes": "430"},
        {"ended_at": "2026-11-03T06:00:00"},
        {"time_zone": "localtime"},
        {"sleep_score": 80},
    ],
    ids=str,
)
def test_a_night_that_is_not_readable_is_refused(sleeper: PatientClient, wrong: dict[str, Any]) -> None:
    reply = put(sleeper, night() | wrong)
    assert reply.status_code == 422, reply.text
    assert [one["pointer"] for one in reply.json()["errors"]] == [f"#/{next(iter(wrong))}"]


def test_another_clinic_and_another_patient_reach_no_night(sleeper: PatientClient, service: Service) -> None:
    key = new_id()
    assert put(sleeper, night(), key).status_code == 201
    other = clinic_client(service)
    stranger = other.enrol(other.patient(), service.url)
    assert other.http.get(f"/v1/patients/{sleeper.patient_id}/sleep-nights").status_code == 404
    assert stranger.http.delete(f"/v1/me/sleep-nights/{key}").status_code == 404
    switch(stranger, on=True)
    assert put(stranger, night(asleep=300), key).status_code == 201, "an id is unique for one patient alone"


def test_an_archived_patients_phone_and_one_without_consent_send_no_night(
    sleeper: PatientClient, one_clinic: ClinicClient
) -> None:
    record = f"/v1/patients/{sleeper.patient_id}"
    assert one_clinic.http.post(f"{record}/archive", json={"reason": "care_ended"}).is_success
    assert_problem(put(sleeper, night()), 409, code="patient-archived")
    assert one_clinic.http.post(f"{record}/unarchive", json={}).is_success
    assert sleeper.http.post("/v1/me/consent/withdraw", json={}).is_success
    assert_problem(put(sleeper, night()), 409, code="consent-withdrawn")
    switch(sleeper, on=False)
    refused = sleeper.http.put("/v1/me/sleep-import", json={"on": True})
    assert_problem(refused, 409, code="consent-withdrawn")


def test_nights_go_with_the_patient_in_a_merge_and_come_back_when_it_is_taken_back(
    sleeper: PatientClient, one_clinic: ClinicClient
) -> None:
    before = put(sleeper, night()).json()["id"]
    wrong = put(sleeper, night(WOKE - timedelta(days=2))).json()["id"]
    right = one_clinic.patient()
    path, of_right = f"/v1/patients/{sleeper.patient_id}", f"/v1/patients/{right}/sleep-nights"
    assert one_clinic.http.post(f"{path}/merge", json={"into": right, "reason": "Twice"}).is_success
    assert [one["id"] for one in listed(one_clinic.http, of_right)] == [before, wrong]
    switch(sleeper, on=True)
    corrected = put(sleeper, night(WOKE - timedelta(days=2), asleep=400, supersedes=wrong)).json()["id"]
    since = put(sleeper, night(WOKE - timedelta(days=1))).json()["id"]
    assert sleeper.http.delete(f"/v1/me/sleep-nights/{before}").status_code == 204
    assert one_clinic.http.post(f"{path}/unmerge", json={"reason": "Two people"}).is_success
    assert listed(one_clinic.http, of_right) == []
    assert [one["id"] for one in listed(one_clinic.http, f"{path}/sleep-nights")] == [since, corrected]


def test_the_list_has_pages(sleeper: PatientClient) -> None:
    for days in range(3):
        assert put(sleeper, night(WOKE - timedelta(days=days))).status_code == 201
    first = sleeper.http.get("/v1/me/sleep-nights", params={"limit": 2})
    rest = sleeper.http.get(first.links["next"]["url"])
    nights = [one["night"] for one in (*first.json()["items"], *rest.json()["items"])]
    assert nights == [str((WOKE - timedelta(days=days)).date()) for days in range(3)]
    assert sleeper.http.get("/v1/me/sleep-nights", params={"after": "nonsense"}).status_code == 422


def test_the_patients_copy_has_the_nights(sleeper: PatientClient) -> None:
    kept = put(sleeper, night(in_bed_minutes=450)).json()
    copy = sleeper.http.get("/v1/me/export").json()
    (exported,) = copy["sleep_nights"]
    assert (exported["id"], exported["asleep_minutes"], exported["in_bed_minutes"]) == (kept["id"], 430, 450)


@pytest.fixture(scope="module")
def fading(shared_service: Service, one_clinic: ClinicClient) -> PatientClient:
    """A treated patient whose benefit fades, so that a change of the answer would show."""
    shared_service.clock.move_to(NOW)
    patient = treated(one_clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 18 else (5, 5, 5))
    phone = one_clinic.enrol(patient, shared_service.url)
    switch(phone, on=True)
    return phone


@settings(max_examples=budget(5, long=60), deadline=None)
@given(nights=st.lists(st.tuples(st.integers(0, 28), st.integers(0, 900)), min_size=1, max_size=6))
def test_an_evaluation_is_the_same_with_and_without_nights(
    fading: PatientClient, one_clinic: ClinicClient, nights: Sequence[tuple[int, int]]
) -> None:
    before = as_of_now(one_clinic.evaluation(fading.patient_id))
    events = one_clinic.http.get("/v1/events", params={"limit": 200}).json()["cursor"]
    every = ["short_night", "long_night", "overlapping_night"]
    for days, asleep in nights:
        body = night(
            WOKE - timedelta(days=days), asleep=asleep, span=900, app=f"app.{uuid4()}", confirm=every
        )
        assert put(fading, body).status_code == 201
    assert as_of_now(one_clinic.evaluation(fading.patient_id)) == before
    assert one_clinic.http.get("/v1/events", params={"after": events}).json()["items"] == []
