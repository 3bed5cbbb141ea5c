"""Whatever is sent wherever, with a credential that names a patient: a disclosure is heard, once, and helped."""

import gzip
import json
import logging
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from app.access.clinics.permissions import StaffRole
from app.care.intake import middleware
from app.foundation.ids import new_id
from tests.support.databases import DatabaseUrls
from tests.support.disclosures import Sent, disclosing
from tests.support.people import NO_TLS, ZONE, ClinicClient, PatientClient, entry, item
from tests.support.problems import CANARY
from tests.support.service import NOW, Service
from tests.support.staff import staff_client

STATEMENT = {"self_harm_thoughts": True}
SAID = json.dumps(STATEMENT).encode()
JSON = {"content-type": "application/json"}
# How many of the made-up spellings are sent over HTTP; the detector itself is tried with thousands.
OVER_HTTP = 150


def events(clinic: ClinicClient, phone: PatientClient) -> list[dict[str, Any]]:
    params = {"state": "all", "patient_id": phone.patient_id}
    return list(clinic.http.get("/v1/safety-events", params=params).json()["items"])


def helps(reply: httpx2.Response) -> bool:
    return bool(reply.json()["crisis_help"]["lines"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/check-ins/{id}"),
        ("PATCH", "/v1/check-ins/{id}"),
        ("PUT", "/v1/check-ins/{id}/"),
        ("POST", "/v1/check-ins/"),
        ("POST", "/v1/check-ins"),
        ("GET", "/v1/check-ins"),
        ("DELETE", "/v1/check-ins/{id}"),
        ("PUT", "/v1/checkins/{id}"),
        ("PUT", "/v2/check-ins/{id}"),
        ("POST", "/"),
        ("POST", "/nowhere/at/all"),
        ("PUT", "/v1/check-ins/not-an-id"),
        ("PUT", "/v1/assessments/{id}"),
        ("PATCH", "/v1/me"),
        ("POST", "/v1/patients"),
        ("PROPFIND", "/v1/check-ins"),
    ],
)
def test_a_statement_is_heard_at_any_path_and_by_any_method(
    one_clinic: ClinicClient, phone: PatientClient, method: str, path: str
) -> None:
    to = path.format(id=new_id())
    silent = phone.http.request(method, to, content=b'{"self_harm_thoughts": false}', headers=JSON)

    replies = [phone.http.request(method, to, content=SAID, headers=JSON) for _ in range(2)]

    (event,) = events(one_clinic, phone)
    assert (event["source"], event["urgent"], event["further_reports"]) == ("refused_check_in", True, 0)
    for reply in replies:
        if reply.content:
            assert helps(reply)
    if method != "DELETE":
        assert {reply.status_code for reply in replies} == {silent.status_code}, "its fate is its own"


@pytest.mark.parametrize(
    ("method", "path", "heard"),
    [
        ("PUT", "/v1/check-ins/{id}?mood=3&self_harm_thoughts=true", True),
        ("POST", "/v1/check-ins/{id};selfHarmThoughts=true", True),
        ("POST", "/v1/self-harm-thoughts=1", True),
        ("PUT", "/v1/check-ins/{id}?self_harm_thoughts=false", False),
        ("GET", "/v1/check-ins?self_harm_thoughts=true", False),
    ],
)
def test_what_is_written_into_the_address_is_heard_unless_it_is_only_a_link(
    one_clinic: ClinicClient, phone: PatientClient, method: str, path: str, *, heard: bool
) -> None:
    reply = phone.http.request(method, path.format(id=new_id()))
    assert len(events(one_clinic, phone)) == heard
    assert ("crisis_help" in reply.json()) is heard


@pytest.mark.parametrize(
    ("version", "framing"),
    [
        (
            "1.1",
            b"Transfer-Encoding: chunked\r\n\r\n5\r\n"
            + SAID[:5]
            + b"\r\n%x\r\n" % (len(SAID) - 5)
            + SAID[5:]
            + b"\r\n0\r\n\r\n",
        ),
        ("1.0", b"Content-Length: %d\r\n\r\n" % len(SAID) + SAID),
    ],
    ids=["in chunks", "HTTP/1.0"],
)
def test_a_statement_is_heard_however_its_body_is_framed(
    one_clinic: ClinicClient, phone: PatientClient, version: str, framing: bytes
) -> None:
    address = urlsplit(str(phone.http.base_url))
    with socket.create_connection((address.hostname, address.port or 80), 10) as line:
        line.sendall(
            f"OPTIONS /v1/me HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {phone.http.headers['authorization']}\r\n".encode()
            + framing
        )
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert b"crisis_help" in answer
    assert len(events(one_clinic, phone)) == 1


@pytest.mark.parametrize(
    "body",
    [
        entry(NOW, (5, 5, 5)) | {"selfHarmThoughts": True},
        entry(NOW, (5, 5, 5)) | {f"q{number}": int(number == 9) for number in range(1, 10)},
        {"scale": "phq-9", "taken_at": NOW.isoformat(), "time_zone": "Europe/Berlin", "total": 27},
        {"resourceType": "Observation", "code": {"coding": [{"code": "44260-8"}]}, "valueInteger": 1},
    ],
    ids=["camel case", "a form within a check-in", "a total that implies it", "an observation"],
)
def test_what_version_1_missed_is_heard_and_then_refused(
    one_clinic: ClinicClient, phone: PatientClient, body: dict[str, Any]
) -> None:
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=body)
    assert reply.status_code == 422
    assert helps(reply)
    assert len(events(one_clinic, phone)) == 1


def test_any_true_among_duplicate_keys_is_heard_although_the_check_in_is_kept(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    opened = json.dumps(entry(NOW, (5, 5, 5)))[:-1]
    body = opened + ', "self_harm_thoughts": true, "self_harm_thoughts": false}'
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", content=body.encode(), headers=JSON)
    assert reply.status_code == 201
    assert helps(reply)
    assert [event["source"] for event in events(one_clinic, phone)] == ["refused_check_in"]


def test_what_the_schema_accepts_means_what_the_schema_says(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    note = 'I read {"self_harm_thoughts": true} and PHQ-9 item 9 = 3 somewhere'
    reply = phone.check_in(NOW, note=note, self_harm_thoughts=False)
    assert (reply.status_code, reply.json()["crisis_help"]) == (201, None)
    said = phone.check_in(NOW - timedelta(hours=1), self_harm_thoughts=True)
    assert said.status_code == 201
    assert [event["source"] for event in events(one_clinic, phone)] == ["check_in"]


def test_a_packed_body_is_refused_and_heard(one_clinic: ClinicClient, phone: PatientClient) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", content=gzip.compress(SAID), headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (415, "/problems/encoding-not-supported")
    assert helps(reply)
    assert len(events(one_clinic, phone)) == 1
    bomb = gzip.compress(b" " * 50_000_000 + SAID)
    assert phone.http.put(f"/v1/check-ins/{new_id()}", content=bomb, headers=headers).status_code == 415


def test_a_body_that_is_too_long_is_heard_as_far_as_it_is_read(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    body = (
        b'{"note": "'
        + b"x" * 5_200_000
        + b'", "self_harm_thoughts": true, "more": "'
        + b"y" * 3_000_000
        + b'"}'
    )
    reply = phone.http.put(f"/v1/check-ins/{new_id()}", content=body, headers=JSON)
    assert reply.status_code == 413
    assert helps(reply)
    assert len(events(one_clinic, phone)) == 1


def test_a_refresh_token_speaks_for_the_patient_too(one_clinic: ClinicClient, phone: PatientClient) -> None:
    headers = {"authorization": f"Bearer {phone.refresh_token}"}
    assert phone.http.put(f"/v1/check-ins/{new_id()}", json=STATEMENT, headers=headers).status_code == 401
    assert len(events(one_clinic, phone)) == 1


@pytest.mark.parametrize("named", ["path", "id", "reference", "subject"])
def test_a_clinics_credential_is_heard_where_path_or_body_names_the_patient(
    one_clinic: ClinicClient, named: str
) -> None:
    reference = f"Müller {new_id()}"
    patient_id = one_clinic.patient(reference)
    all_names: dict[str, dict[str, Any]] = {
        "path": {},
        "id": {"patientId": patient_id},
        "reference": {"external_ref": reference},
        "subject": {"subject": {"reference": f"Patient/{patient_id}"}},
    }
    names = all_names[named]
    path = f"/v1/patients/{patient_id}/elsewhere" if named == "path" else "/v1/elsewhere"
    reply = one_clinic.http.post(path, json=names | {"scale": "phq-9", "items": {"q9": 1}})
    assert reply.status_code == 404
    (event,) = events(one_clinic, PatientClient(one_clinic.http, patient_id, "", ""))
    assert (event["source"], event["id"]) == ("refused_assessment", reply.json()["safety_event_id"])
    assert event["shown_at"] is None


def test_a_member_of_the_staff_is_heard_and_another_clinics_patient_is_not_touched(
    one_clinic: ClinicClient, clinic: ClinicClient, service: Service
) -> None:
    patient_id = one_clinic.patient()
    body = {"scale": "phq-9", "items": {"9": 1}}
    member = staff_client(service, one_clinic.clinic_id, StaffRole.READ_ONLY)
    reply = member.post(f"/v1/patients/{patient_id}/assessments", json=body)
    assert reply.status_code == 403
    assert reply.json()["safety_event_id"]
    foreign = clinic.http.post(f"/v1/patients/{patient_id}/assessments", json=body)
    assert "safety_event_id" not in foreign.json()
    assert len(events(one_clinic, PatientClient(one_clinic.http, patient_id, "", ""))) == 1


def test_a_stranger_gets_help_and_nothing_is_kept(one_clinic: ClinicClient, service: Service) -> None:
    with httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS) as stranger:
        for path in ("/v1/check-ins/x", "/nowhere", "/v1/patients"):
            assert helps(stranger.post(path, content=SAID, headers=JSON | {"accept-language": "es"}))
        assert "crisis_help" not in stranger.post("/nowhere", content=b'{"mood": 1}', headers=JSON).json()
    assert one_clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"] is not None


def test_old_forms_that_the_clinic_enters_page_nobody_and_a_phones_always_do(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    long_ago = (NOW - timedelta(days=8)).isoformat()
    form = {"scale": "phq-9", "taken_at": long_ago, "items": [0] * 8 + [3]}
    path = f"/v1/patients/{phone.patient_id}"
    assert one_clinic.http.post(f"{path}/assessments", json=form).status_code == 201
    assert one_clinic.http.post(f"{path}/assessments", json=form | {"more": 1}).status_code == 422
    items = {"items": [item(NOW - timedelta(days=9), (1, 1, 1)) | STATEMENT]}
    assert one_clinic.http.post(f"{path}/check-ins/batch", json=items).status_code == 200
    late = events(one_clinic, phone)
    assert [event["source"] for event in late] == ["assessment", "refused_assessment", "check_in"]
    assert {(event["late_entry"], event["escalate_at"], event["sent_at"]) for event in late} == {
        (True, None, None)
    }

    assert phone.check_in(NOW - timedelta(days=9), self_harm_thoughts=True).status_code == 201
    assert (
        one_clinic.http.post(f"{path}/assessments", json=form | {"taken_at": NOW.isoformat()}).status_code
        == 201
    )
    paging = events(one_clinic, phone)[3:]
    assert [event["late_entry"] for event in paging] == [False, False]
    assert all(event["escalate_at"] for event in paging)


def test_from_the_21st_within_an_hour_on_reports_are_counted_into_the_open_event(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    def say(number: int) -> None:
        reply = phone.http.put(f"/v1/check-ins/{new_id()}", json=STATEMENT | {"number": number})
        assert helps(reply)

    for number in range(30):
        say(number)
    found = events(one_clinic, phone)
    assert len(found) == 20
    assert [event["further_reports"] for event in found] == [0] * 19 + [10]

    one_clinic.http.post(f"/v1/safety-events/{found[-1]['id']}/acknowledge")
    say(31)
    assert len(events(one_clinic, phone)) == 21, "one that is taken up takes in no more"
    service.clock.move_to(NOW + timedelta(hours=2))
    for number in range(40, 62):
        say(number)
    assert [event["further_reports"] for event in events(one_clinic, phone)[20:]] == [0] * 20 + [2]


def test_a_report_that_was_counted_and_is_sent_again_is_not_counted_twice(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    sent = [item(NOW - timedelta(minutes=number), (5, 5, 5)) | STATEMENT for number in range(22)]
    refused = {"id": str(new_id())} | STATEMENT | {"number": 1}
    form = entry(NOW, (5, 5, 5)) | {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": [0] * 8 + [3]}
    form = {name: form[name] for name in ("scale", "taken_at", "time_zone", "items")}
    form_id = new_id()

    def put(body: dict[str, Any]) -> httpx2.Response:
        return phone.http.put(
            f"/v1/check-ins/{body['id']}", json={name: body[name] for name in body if name != "id"}
        )

    assert [put(one).status_code for one in sent] == [201] * 22
    assert put(refused).status_code == 422
    assert phone.http.put(f"/v1/assessments/{form_id}", json=form).status_code == 201
    found = events(one_clinic, phone)
    assert [event["further_reports"] for event in found] == [0] * 19 + [4]

    for _ in range(2):
        again = [put(one) for one in sent[-3:]]
        assert [(reply.status_code, helps(reply)) for reply in again] == [(200, True)] * 3
        assert put(refused).status_code == 422
        batch = phone.http.post("/v1/check-ins/batch", json={"items": sent})
        assert [one["status"] for one in batch.json()["results"]] == [200] * 22
        # A schema reads the last of two same names; the intake hears the first, and it is the same report.
        twice = json.dumps({name: sent[-1][name] for name in sent[-1] if name != "id"})
        twice = twice.replace("{", '{"self_harm_thoughts": true, ', 1)
        reply = phone.http.put(f"/v1/check-ins/{sent[-1]['id']}", content=twice, headers=JSON)
        assert reply.status_code == 200
        assert phone.http.put(f"/v1/assessments/{form_id}", json=form).status_code == 200
        assert events(one_clinic, phone) == found

    one_clinic.http.post(f"/v1/safety-events/{found[19]['id']}/acknowledge")
    assert put(sent[-1]).status_code == 200
    assert len(events(one_clinic, phone)) == len(found), "counted before the event was taken up: no new event"


def test_a_disclosure_that_was_refused_and_is_kept_when_sent_again_is_one_event(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    check_in_id, form_id = new_id(), new_id()
    said = entry(NOW, (5, 5, 5)) | STATEMENT
    form = {"scale": "phq-9", "taken_at": NOW.isoformat(), "time_zone": ZONE, "items": [0] * 8 + [3]}
    # The token has run out in the meantime: the phone gets a new one, and sends the same again.
    service.clock.move_to(NOW + timedelta(hours=1))
    replies = [
        phone.http.put(f"/v1/check-ins/{check_in_id}", json=said),
        phone.http.put(f"/v1/assessments/{form_id}", json=form),
    ]
    assert [(reply.status_code, helps(reply)) for reply in replies] == [(401, True)] * 2
    before = events(one_clinic, phone)
    token = phone.http.post("/v1/tokens/refresh", json={"refresh_token": phone.refresh_token}).json()
    headers = {"authorization": f"Bearer {token['access_token']}"}
    assert phone.http.put(f"/v1/check-ins/{check_in_id}", json=said, headers=headers).status_code == 201
    assert phone.http.put(f"/v1/assessments/{form_id}", json=form, headers=headers).status_code == 201
    assert [event["source"] for event in before] == ["refused_check_in", "refused_assessment"]
    assert events(one_clinic, phone) == before


def test_what_says_neither_its_id_nor_its_time_is_another_report_when_it_is_said_again_later(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    def say(*, hours: float) -> int:
        service.clock.move_to(NOW + timedelta(hours=hours))
        assert helps(phone.http.post("/v1/nowhere", content=SAID, headers=JSON))
        return len(events(one_clinic, phone))

    assert [say(hours=0), say(hours=0.1), say(hours=5)] == [1, 1, 1], "it is open, and is escalated"
    (event,) = events(one_clinic, phone)
    one_clinic.http.post(f"/v1/safety-events/{event['id']}/acknowledge")
    assert [say(hours=6), say(hours=6.1)] == [2, 2]
    newest = events(one_clinic, phone)[-1]
    one_clinic.http.post(f"/v1/safety-events/{newest['id']}/close", json={"outcome": "contact_made"})
    assert [say(hours=6.2), say(hours=7.2)] == [2, 3], "who sends it once more at once is not reporting again"


def test_a_more_urgent_report_is_never_counted_into_a_less_urgent_event(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    for number in range(22):
        form = {"scale": "phq-9", "items": [0] * 8 + [1], "number": number}
        assert helps(phone.http.put(f"/v1/assessments/{new_id()}", json=form))
    assert helps(phone.http.put(f"/v1/check-ins/{new_id()}", json=STATEMENT))
    found = events(one_clinic, phone)
    assert [event["urgent"] for event in found] == [False] * 20 + [True]


def test_no_spelling_is_missed_over_http(one_clinic: ClinicClient, service: Service) -> None:
    phones = [one_clinic.enrol(one_clinic.patient(), service.url) for _ in range(OVER_HTTP // 15)]
    for seed in range(OVER_HTTP):
        phone, sent = phones[seed % len(phones)], disclosing(seed)
        reply = _send(phone, sent)
        assert helps(reply), (seed, sent.made, reply.text[:300])
    assert sum(len(events(one_clinic, phone)) for phone in phones) == OVER_HTTP


def test_no_raw_body_is_logged(
    one_clinic: ClinicClient, phone: PatientClient, capfd: pytest.CaptureFixture[str]
) -> None:
    phone.http.put(f"/v1/check-ins/{new_id()}", json=STATEMENT | {CANARY: CANARY, "note": CANARY})
    assert len(events(one_clinic, phone)) == 1
    assert CANARY not in "".join(capfd.readouterr())


def test_a_body_that_stops_in_the_middle_is_heard_and_answered_in_time(
    one_clinic: ClinicClient, phone: PatientClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "NEXT_PIECE_SECONDS", 0.5)
    where = urlsplit(service.url)
    head = (
        f"PUT /v1/check-ins/{new_id()} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {phone.access_token}\r\n"
        "content-type: application/json\r\ncontent-length: 5000\r\n\r\n"
    )
    with socket.create_connection((where.hostname or "", where.port or 80), timeout=20) as connection:
        connection.sendall(head.encode() + SAID[:-1])
        answered = b""
        while piece := connection.recv(65_536):
            answered += piece
    assert answered.startswith(b"HTTP/1.1 408")
    assert b"body-too-slow" in answered
    assert b"crisis_help" in answered
    assert len(events(one_clinic, phone)) == 1


def test_a_person_does_not_wait_for_a_row_that_is_held_and_the_connection_goes_on_serving(
    one_clinic: ClinicClient,
    phone: PatientClient,
    shared_database: DatabaseUrls,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(middleware, "_ANSWERED_WITHIN_SECONDS", 1)
    caplog.set_level(logging.ERROR, logger="uvicorn")
    check_in_id = new_id()
    said = entry(NOW, (5, 5, 5)) | STATEMENT
    with psycopg.connect(shared_database.superuser_url) as database:
        database.execute(
            "SELECT FROM care.patient_states WHERE patient_id = %s FOR UPDATE", [phone.patient_id]
        )
        reply = phone.http.put(f"/v1/check-ins/{check_in_id}", json=said)
        assert (reply.status_code, helps(reply)) == (503, True)
        busy = phone.http.put(f"/v1/check-ins/{new_id()}", json=entry(NOW, (5, 5, 5)))
        assert (busy.status_code, busy.json()["type"]) == (503, "/problems/busy")
    assert [one.name for one in caplog.records] == []
    assert phone.http.put(f"/v1/check-ins/{check_in_id}", json=said).status_code == 201
    assert [event["source_id"] for event in events(one_clinic, phone)] == [str(check_in_id)]


def test_head_works_where_get_does_and_no_redirect_follows_the_host(service: Service) -> None:
    with httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS) as anybody:
        head, got = anybody.head("/v1/crisis-help"), anybody.get("/v1/crisis-help")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == got.headers["content-length"]
        reply = anybody.get("/v1/check-ins/", headers={"host": "evil.example"})
    assert reply.status_code == 404
    assert "location" not in reply.headers


def _send(phone: PatientClient, sent: Sent) -> httpx2.Response:
    headers = {"content-type": sent.content_type} if sent.content_type else {}
    if sent.content_encoding:
        headers["content-encoding"] = sent.content_encoding
    return phone.http.put(f"/v1/check-ins/{new_id()}", content=sent.body, headers=headers)
