"""Every way a check-in can be wrong: refused by name and place, with nothing of it repeated or kept."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.foundation.ids import new_id
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

GOOD: dict[str, Any] = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin", "mood": 5}
ABSENT = object()
SOME_ID = "056ccf1e-afb6-410c-9ce7-c9503b096091"

WRONG_FIELDS: list[tuple[str, object, str]] = [
    ("mood", -1, "#/mood"),
    ("mood", 11, "#/mood"),
    ("mood", 7.5, "#/mood"),
    ("mood", "7", "#/mood"),
    ("mood", CANARY, "#/mood"),
    ("mood", True, "#/mood"),
    ("mood", [7], "#/mood"),
    ("mood", {"value": 7}, "#/mood"),
    ("mood", 10**30, "#/mood"),
    ("energy", 11, "#/energy"),
    ("energy", -(10**19), "#/energy"),
    ("energy", 3.1, "#/energy"),
    ("sleep_quality", 10.5, "#/sleep_quality"),
    ("sleep_quality", -1, "#/sleep_quality"),
    ("sleep_hours", 24.25, "#/sleep_hours"),
    ("sleep_hours", -0.25, "#/sleep_hours"),
    ("sleep_hours", 7.1, "#/sleep_hours"),
    ("sleep_hours", 1e-300, "#/sleep_hours"),
    ("sleep_hours", "8", "#/sleep_hours"),
    ("sleep_hours", True, "#/sleep_hours"),
    ("note", "x" * 4001, "#/note"),
    ("note", 5, "#/note"),
    ("note", [CANARY], "#/note"),
    ("asks_about_booster", "yes", "#/asks_about_booster"),
    ("asks_about_booster", 1, "#/asks_about_booster"),
    ("asks_about_booster", None, "#/asks_about_booster"),
    ("input_mode", "import", "#/input_mode"),
    ("input_mode", CANARY, "#/input_mode"),
    ("supersedes", CANARY, "#/supersedes"),
    ("supersedes", SOME_ID, "#/supersedes"),
    ("time_zone", ABSENT, "#/time_zone"),
    ("time_zone", "Mars/Olympus", "#/time_zone"),
    ("time_zone", "../../etc/passwd", "#/time_zone"),
    ("time_zone", "+01:00", "#/time_zone"),
    ("time_zone", "Europe/Berlin\x00", "#/time_zone"),
    ("time_zone", CANARY, "#/time_zone"),
    ("time_zone", "", "#/time_zone"),
    ("time_zone", 1, "#/time_zone"),
    ("recorded_at", ABSENT, "#/recorded_at"),
    ("recorded_at", "2026-11-03T08:15:00", "#/recorded_at"),
    ("recorded_at", "2026-11-03", "#/recorded_at"),
    ("recorded_at", int(NOW.timestamp()), "#/recorded_at"),
    ("recorded_at", str(int(NOW.timestamp())), "#/recorded_at"),
    ("recorded_at", NOW.timestamp() * 1000, "#/recorded_at"),
    ("recorded_at", "\u0662\u0660\u0662\u0666-11-03T08:15:00Z", "#/recorded_at"),
    ("recorded_at", CANARY, "#/recorded_at"),
    ("recorded_at", None, "#/recorded_at"),
    ("recorded_at", "2026-11-03T25:15:00Z", "#/recorded_at"),
    ("recorded_at", "2026-02-30T08:15:00Z", "#/recorded_at"),
    ("recorded_at", "0001-01-01T00:00:00+14:00", "#/recorded_at"),
    ("recorded_at", "9999-12-31T23:59:59-14:00", "#/recorded_at"),
    ("recorded_at", 10**400, "#/recorded_at"),
    ("recorded_at", (NOW + timedelta(minutes=10, seconds=1)).isoformat(), "#/recorded_at"),
    ("recorded_at", (NOW - timedelta(days=30, seconds=1)).isoformat(), "#/recorded_at"),
    ("moood", 5, "#/moood"),
    (CANARY * 4, 5, "#/" + (CANARY * 4)[:64]),
    ("a/b~c", 5, "#/a~1b~0c"),
    ("id", SOME_ID, "#/id"),
    ("patient_id", SOME_ID, "#/patient_id"),
]


@pytest.mark.parametrize(("field", "value", "pointer"), WRONG_FIELDS)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    phone: PatientClient, field: str, value: object, pointer: str
) -> None:
    body = {name: kept for name, kept in (GOOD | {field: value}).items() if kept is not ABSENT}

    reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=body)

    if CANARY in field:  # a field's name is where the mistake is; it is shortened, never the value's place
        assert reply.status_code == 422
        assert pointer in [error["pointer"] for error in reply.json()["errors"]]
    else:
        assert_problem(reply, 422, pointer=pointer)
    assert [one for one in phone.http.get("/v1/check-ins").json()["items"] if not one["withdrawn_at"]] == []


def test_nothing_answered_is_refused_by_name(phone: PatientClient) -> None:
    for unanswered in (
        {},
        {"sleep_hours": 7},
        {"note": CANARY},
        {"mood": None, "energy": None},
        {"asks_about_booster": False, "self_harm_thoughts": False},
    ):
        body = {"recorded_at": GOOD["recorded_at"], "time_zone": GOOD["time_zone"], **unanswered}
        assert_problem(phone.http.put(f"/v1/check-ins/{new_id()}", json=body), 422, pointer="#")


@pytest.mark.parametrize(
    "sent",
    [
        *(b"", b"{", b"[]", b"7", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"mood": NaN}', b"null"),
        json.dumps(GOOD | {"mood": 11}).encode(),
        json.dumps(GOOD).encode(),
        json.dumps(GOOD).encode("utf-16"),
        b'{"mood": 11, ' + json.dumps(GOOD).encode()[1:],
    ],
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer agd_1"}], ids=["signed in", "unknown"])
def test_a_body_is_judged_alike_by_the_short_way_and_by_the_long_one(
    phone: PatientClient, sent: bytes, headers: dict[str, str]
) -> None:
    # The short way takes the plain media type alone (`ShortWay`).
    answers = [
        phone.http.put(
            f"/v1/check-ins/{new_id()}", content=sent, headers={"content-type": media_type} | headers
        )
        for media_type in ("application/json", "application/json; charset=utf-8")
    ]

    short, long = ({**one.json(), "id": "", "request_id": "", "received_at": ""} for one in answers)
    assert (answers[0].status_code, short) == (answers[1].status_code, long)


def test_all_mistakes_are_reported_at_once(phone: PatientClient) -> None:
    body = {"recorded_at": "2026-11-03T08:15:00", "time_zone": "Nowhere", "mood": 11, "energy": 0.5}

    document = assert_problem(phone.http.put(f"/v1/check-ins/{new_id()}", json=body), 422)

    assert {error["pointer"] for error in document["errors"]} == {
        "#/recorded_at",
        "#/time_zone",
        "#/mood",
        "#/energy",
    }


@pytest.mark.parametrize("wrong_id", ["1", "not-a-uuid", CANARY, "0" * 400, "%00", "%ED%A0%80", "💙"])
def test_an_id_that_is_no_uuid_is_refused(phone: PatientClient, wrong_id: str) -> None:
    reply = phone.http.put(f"/v1/check-ins/{wrong_id}", json=GOOD)

    assert_problem(reply, 422, pointer="path/check_in_id")


@pytest.mark.parametrize(
    "note",
    [
        "🫠 heute 🌧️ " * 100,
        "שלום עולם \u202e reversed \u202c",
        "\u0000\u0001\u001b[31m",
        "zero\u200bwidth and \ufeff mark",
        "e\u0301 is not é",
        "x" * 4000,
        "'; DROP TABLE care.check_ins; --",
        "",
        "   ",
    ],
)
def test_any_text_is_kept_as_it_was_written(phone: PatientClient, note: str) -> None:
    check_in_id = new_id()
    try:
        reply = phone.http.put(f"/v1/check-ins/{check_in_id}", json=GOOD | {"note": note})
        assert reply.status_code == 201, reply.text
        assert (reply.json()["note"] or "") == note

        again = phone.http.put(f"/v1/check-ins/{check_in_id}", json=GOOD | {"note": note})
        assert (again.status_code, again.json()["note"] or "") == (200, note)
    finally:
        phone.http.delete(f"/v1/check-ins/{check_in_id}")


@pytest.mark.parametrize("hours", [0, 0.25, 7.5, 7.75, 24])
def test_sleep_hours_are_quarter_hours(one_clinic: ClinicClient, service: Service, hours: float) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)

    reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=GOOD | {"sleep_hours": hours})

    assert reply.status_code == 201, reply.text
    assert reply.json()["sleep_hours"] == hours
