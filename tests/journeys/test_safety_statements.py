"""A patient's own statement reaches the clinic whatever else is wrong with the request it came in."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.support.people import ClinicClient, PatientClient, entry, item
from tests.support.problems import CANARY
from tests.support.service import NOW, Service

STATEMENT = {"self_harm_thoughts": True}
GOOD = entry(NOW, (5, 5, 5)) | STATEMENT
JSON = {"content-type": "application/json"}


@pytest.fixture
def phone(service: Service, one_clinic: ClinicClient) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def events(clinic: ClinicClient, phone: PatientClient, state: str = "all") -> list[dict[str, Any]]:
    params = {"state": state, "patient_id": phone.patient_id}
    found: list[dict[str, Any]] = clinic.http.get("/v1/safety-events", params=params).json()["items"]
    return found


def assert_help(document: dict[str, Any]) -> None:
    assert document["crisis_help"]["locale"] == "en"
    assert {"0800 1110111", "112"} <= {line["number"] for line in document["crisis_help"]["lines"]}
    assert document["crisis_help"]["not_monitored"]


def assert_help_anywhere(document: dict[str, Any]) -> None:
    """Of someone whom nobody knows, not even the country is known."""
    assert document["crisis_help"]["lines"]
    assert document["crisis_help"]["not_monitored"]


def put(phone: PatientClient, body: object, check_in_id: object = None) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return phone.http.put(f"/v1/check-ins/{check_in_id or new_id()}", content=content, headers=JSON)


def test_a_statement_alone_is_a_check_in_and_one_urgent_event(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    body = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin"} | STATEMENT
    check_in_id = str(new_id())

    reply = put(phone, body, check_in_id)

    assert reply.status_code == 201
    assert_help(reply.json())
    (event,) = events(one_clinic, phone)
    assert (event["source"], event["source_id"]) == ("check_in", check_in_id)
    assert (event["urgent"], event["state"]) == (True, "open")
    assert event["received_at"] == event["shown_at"] == NOW.isoformat().replace("+00:00", "Z")
    again = put(phone, body, check_in_id)
    assert again.status_code == 200
    assert_help(again.json())
    assert events(one_clinic, phone) == [event]


BROKEN: list[tuple[str, object]] = [
    ("a score out of range", GOOD | {"mood": 11}),
    ("an unknown field", GOOD | {"feeling": CANARY}),
    ("a time in the future", GOOD | {"recorded_at": (NOW + timedelta(days=1)).isoformat()}),
    ("no time at all", STATEMENT),
    ("a correction of nothing", GOOD | {"supersedes": str(new_id())}),
    ("a statement written as a word", GOOD | {"self_harm_thoughts": "yes"}),
    ("a statement written as a number", GOOD | {"self_harm_thoughts": 1}),
    ("a statement written as a list", GOOD | {"self_harm_thoughts": ["often"]}),
    ("wrapped in something", {"check_in": GOOD}),
    ("wrapped twice", {"data": [{"attributes": GOOD}]}),
    ("JSON cut in the middle", json.dumps(GOOD | {"note": "x"}).encode()[:-4]),
    ("JSON cut within the statement", b'{"mood": 5, "self_harm_thoughts": tr'),
    ("JSON cut after a text", b'{"mood": 5, "self_harm_thoughts" : "ye'),
    ("JSON with bytes that are no UTF-8", b'{"note": "\xff\xfe", "self_harm_thoughts": true}'),
    ("nesting that no parser takes", b'{"self_harm_thoughts": true, "x": ' + b"[" * 50_000),
    ("a number that no parser takes", b'{"self_harm_thoughts": true, "mood": ' + b"9" * 5000 + b"}"),
    ("a lone surrogate", b'{"self_harm_thoughts": true, "note": "\\ud800"}'),
]


@pytest.mark.parametrize("body", [one[1] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_statement_in_a_refused_check_in_is_reported_once_and_answered_with_help(
    one_clinic: ClinicClient, phone: PatientClient, body: object
) -> None:
    check_in_id = new_id()
    for _ in range(3):
        reply = put(phone, body, check_in_id)
        assert reply.status_code in {400, 422}, reply.text
        assert_help(reply.json())
        assert CANARY not in reply.text
    (event,) = events(one_clinic, phone)
    assert (event["source"], event["urgent"]) == ("refused_check_in", True)


@pytest.mark.parametrize("answer", [False, None, "false", "no", "", 0, "None"])
def test_a_no_is_no_statement_however_it_is_written(
    one_clinic: ClinicClient, phone: PatientClient, answer: object
) -> None:
    reply = put(phone, GOOD | {"mood": 11, "self_harm_thoughts": answer})

    assert reply.status_code == 422
    assert "crisis_help" not in reply.json()
    assert events(one_clinic, phone) == []


def test_a_conflict_is_reported_too(one_clinic: ClinicClient, phone: PatientClient) -> None:
    check_in_id = str(new_id())
    phone.check_in(NOW, check_in_id=check_in_id)

    reply = put(phone, GOOD, check_in_id)

    assert reply.status_code == 409
    assert_help(reply.json())
    assert [event["source"] for event in events(one_clinic, phone)] == ["refused_check_in"]


def test_another_refused_statement_later_is_another_event(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    """A phone that sends one id again and again, or cannot write an id, must not be heard only once."""
    same = str(new_id())
    for day, (to, body) in enumerate(
        [
            (same, GOOD | {"mood": 11}),
            (same, GOOD | {"mood": 11, "recorded_at": (NOW - timedelta(hours=1)).isoformat()}),
            (None, b'{"recorded_at": "monday", "self_harm_thoughts": true,'),
            (None, b'{"recorded_at": "tuesday", "self_harm_thoughts": true,'),
        ]
    ):
        put(phone, body, to)
        assert len(events(one_clinic, phone)) == day + 1
    for mood in (11, 12):
        bad = {name: value for name, value in GOOD.items() if name != "recorded_at"} | {"mood": mood}
        phone.http.post("/v1/check-ins/batch", json={"items": [bad]})
    assert len(events(one_clinic, phone)) == 6


def test_a_batch_reports_each_statement_kept_or_refused(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    items: list[Any] = [item(NOW - timedelta(hours=hour), (5, 5, 5)) for hour in range(6)]
    items[1] |= STATEMENT
    items[3] |= STATEMENT | {"mood": 11}
    items[4] = {"id": "none", **STATEMENT}

    for expected in ([201, 201, 201, 422, 422, 201], [200, 200, 200, 422, 422, 200]):
        reply = phone.http.post("/v1/check-ins/batch", json={"items": items})

        assert [one["status"] for one in reply.json()["results"]] == expected
        assert_help(reply.json())
        said = [at for at, one in enumerate(reply.json()["results"]) if one["crisis_help"]]
        assert said == [1, 3, 4]
        sources = sorted(event["source"] for event in events(one_clinic, phone))
        assert sources == ["check_in", "refused_check_in", "refused_check_in"]


def test_a_batch_that_is_refused_as_a_whole_reports_every_statement(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    items = [item(NOW - timedelta(minutes=minute), (5, 5, 5)) for minute in range(101)]
    items[7] |= STATEMENT
    items[100] |= STATEMENT

    reply = phone.http.post("/v1/check-ins/batch", json={"items": items})

    assert reply.status_code == 422
    assert_help(reply.json())
    assert len(events(one_clinic, phone)) == 2


def test_help_is_given_when_nobody_is_signed_in_any_more_and_an_expired_token_is_heard(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    service.clock.move_to(NOW + timedelta(minutes=16))
    for token, heard in (("agd_nonsense", 0), ("x", 0), (phone.access_token, 2)):
        reply = phone.http.put(
            f"/v1/check-ins/{new_id()}", json=GOOD, headers={"authorization": f"Bearer {token}"}
        )
        assert reply.status_code == 401
        assert_known = assert_help if heard else assert_help_anywhere
        assert_known(reply.json())
        batch = phone.http.post(
            "/v1/check-ins/batch",
            json={"items": [item(NOW, (5, 5, 5)) | STATEMENT]},
            headers={"authorization": f"Bearer {token}"},
        )
        assert batch.status_code == 401
        assert_known(batch.json())
        assert [event["source"] for event in events(one_clinic, phone)] == ["refused_check_in"] * heard
    # The phone signs in again and sends it again: then it is kept, too.
    reply = one_clinic.enrol(phone.patient_id, service.url).check_in(NOW, (5, 5, 5), self_harm_thoughts=True)
    assert reply.status_code == 201
    assert len(events(one_clinic, phone)) == 3


def test_a_revoked_phone_is_heard(one_clinic: ClinicClient, phone: PatientClient) -> None:
    devices = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/devices").json()["items"]
    for device in devices:
        path = f"/v1/patients/{phone.patient_id}/devices/{device['id']}"
        assert one_clinic.http.delete(path).is_success

    reply = put(phone, GOOD)

    assert reply.status_code == 401
    assert_help(reply.json())
    assert len(events(one_clinic, phone)) == 1


def test_help_speaks_the_patients_language_and_names_the_clinics_number(
    one_clinic: ClinicClient, service: Service
) -> None:
    version = one_clinic.http.get("/v1/clinic").headers["etag"]
    one_clinic.http.patch("/v1/clinic", json={"crisis_phone": "+1 555 0100"}, headers={"if-match": version})
    body = {"external_ref": "es-1", "time_zone": "America/Mexico_City", "locale": "es-MX"}
    patient = one_clinic.http.post("/v1/patients", json=body).json()["id"]
    phone = one_clinic.enrol(patient, service.url)

    for sent in (GOOD, GOOD | {"mood": 11}):
        help_now = put(phone, sent).json()["crisis_help"]
        assert help_now["locale"] == "es"
        assert "+1 555 0100" in [line["number"] for line in help_now["lines"]]


def test_a_statement_stands_after_its_check_in_was_withdrawn_or_corrected(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    said = phone.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).json()["id"]
    phone.check_in(NOW, (5, 5, 5), supersedes=said)

    assert [event["state"] for event in events(one_clinic, phone, "open")] == ["open"]


def test_an_event_keeps_the_times_of_its_life(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    phone.check_in(NOW, (5, 5, 5), self_harm_thoughts=True)
    (event,) = events(one_clinic, phone)
    path = f"/v1/safety-events/{event['id']}"

    service.clock.move_to(NOW + timedelta(minutes=5))
    seen = one_clinic.http.post(f"{path}/acknowledge").json()
    service.clock.move_to(NOW + timedelta(minutes=20))
    assert one_clinic.http.post(f"{path}/acknowledge").json() == seen
    closed = one_clinic.http.post(f"{path}/close", json={"outcome": "contact made"}).json()

    assert (seen["state"], seen["acknowledged_at"]) == ("acknowledged", "2026-11-03T18:05:00Z")
    assert seen["acknowledged_by"]
    assert (closed["state"], closed["outcome"]) == ("closed", "contact_made")
    assert closed["acknowledged_at"] == seen["acknowledged_at"]
    assert closed["contact_made_at"] == closed["closed_at"] == "2026-11-03T18:20:00Z"
    assert events(one_clinic, phone, "open") == []
    for action, body in (("acknowledge", None), ("close", {"outcome": "no_contact"})):
        assert one_clinic.http.post(f"{path}/{action}", json=body).status_code == 409
