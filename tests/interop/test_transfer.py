"""A patient is transferred to another clinic: with consent, once, and never half."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.cli.command_line import afterglow_here
from tests.interop.test_archive import with_a_history
from tests.storage.catalogue import ask
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.problems import CANARY, assert_problem
from tests.support.processes import wait_until
from tests.support.service import KEY, NOW, Service, running_service

CONSENT = {"given_on": NOW.date().isoformat(), "how": "in_writing"}


@pytest.fixture(scope="module")
def database_elsewhere(cluster: Cluster) -> Iterator[DatabaseUrls]:
    with cluster.database() as database:
        yield database


@pytest.fixture(scope="module")
def elsewhere(database_elsewhere: DatabaseUrls) -> Iterator[Service]:
    """Another installation, with another database."""
    with running_service(database_elsewhere.application_url, work=False) as service:
        yield service


@pytest.fixture
def other(elsewhere: Service) -> Iterator[ClinicClient]:
    """A clinic there."""
    elsewhere.clock.move_to(NOW)
    found = clinic_client(elsewhere, "Elsewhere")
    yield found
    found.close()


def start(clinic: ClinicClient, patient: str, **more: object) -> httpx2.Response:
    body = {"to": "Riverside", "consent": CONSENT} | more
    return clinic.http.post(f"/v1/patients/{patient}/transfers", json=body)


def file_of(clinic: ClinicClient, begun: dict[str, Any]) -> bytes:
    reply = clinic.http.get(f"/v1/patients/{begun['patient_id']}/transfers/{begun['id']}/file")
    assert reply.status_code == 200, reply.text
    return reply.content


def receive(clinic: ClinicClient, content: bytes, passphrase: str, **more: object) -> httpx2.Response:
    body = {"file": base64.b64encode(content).decode(), "passphrase": passphrase} | more
    return clinic.http.post("/v1/transfers/receive", json=body)


def step(clinic: ClinicClient, begun: dict[str, Any], what: str, **body: object) -> httpx2.Response:
    path = f"/v1/patients/{begun['patient_id']}/transfers/{begun['id']}/{what}"
    return clinic.http.post(path, json=body or None)


def archived(clinic: ClinicClient, patient: str) -> Any:  # noqa: ANN401 - why, or nothing
    found = clinic.http.get(f"/v1/patients/{patient}").json()["archived"]
    return found and found["reason"]


def open_events(clinic: ClinicClient, patient: str) -> list[tuple[str, str]]:
    found = clinic.http.get("/v1/safety-events?state=open").json()["items"]
    return [(one["id"], one["state"]) for one in found if one["patient_id"] == patient]


def test_a_patient_moves_to_another_installation_and_the_sender_is_responsible_until_the_receipt(
    service: Service, clinic: ClinicClient, other: ClinicClient, shared_database: DatabaseUrls
) -> None:
    patient = with_a_history(service, clinic)
    evaluation, events = clinic.evaluation(patient), open_events(clinic, patient)
    reply = start(clinic, patient)
    assert reply.status_code == 201, reply.text
    begun = reply.json()
    assert (begun["state"], begun["direction"], begun["to"]) == ("started", "sent", "Riverside")
    content = file_of(clinic, begun)
    assert CANARY.encode() not in content
    assert begun["passphrase"].encode() not in content

    typed = begun["passphrase"].lower().replace("-", " \N{EN DASH} ")
    taken_in = receive(other, content, typed, external_ref="B-17")
    assert taken_in.status_code == 201, taken_in.text
    assert taken_in.json()["patient_id"] == patient
    assert other.http.get(f"/v1/patients/{patient}").json()["external_ref"] == "B-17"
    assert other.evaluation(patient) == evaluation
    assert open_events(other, patient) == events
    assert archived(clinic, patient) is None
    service.clock.move_to(NOW + timedelta(minutes=5))
    assert clinic.enrol(patient, service.url).check_in(NOW, (3, 3, 3)).status_code == 201

    done = step(clinic, begun, "confirm", receipt=taken_in.json()["receipt"])
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["check_ins_since"]) == ("confirmed", 1)
    assert done.json()["other_clinic_id"] == other.clinic_id
    assert archived(clinic, patient) == "transferred"
    assert open_events(clinic, patient) == events
    last = clinic.http.get("/v1/events?limit=200").json()["items"][-1]
    assert (last["type"], last["data"]["reason"]) == ("patient.archived", "transferred")
    logged = ask(
        shared_database.owner_url,
        "SELECT action FROM care.audit_events WHERE subject_id = %(id)s AND actor_kind = 'api_key' ORDER BY at",
        id=begun["id"],
    )
    assert [one["action"] for one in logged] == ["transfer.started", "transfer.confirmed"]
    key = "SELECT key_sealed FROM care.patient_transfers WHERE id = %(id)s"
    assert ask(shared_database.superuser_url, key, id=begun["id"]) == [{"key_sealed": None}]


def test_between_two_clinics_of_one_installation_the_receipt_goes_by_itself(
    own_database: DatabaseUrls,
) -> None:
    with running_service(own_database.application_url) as service:
        here, there = clinic_client(service, "Here"), clinic_client(service, "There")
        patient = with_a_history(service, here)
        evaluation, events = here.evaluation(patient), open_events(here, patient)
        begun = start(here, patient).json()
        reply = receive(there, file_of(here, begun), begun["passphrase"])
        assert reply.status_code == 201, reply.text
        assert wait_until(lambda: archived(here, patient) == "transferred", 20)
        assert there.evaluation(patient) == evaluation
        assert (open_events(here, patient), open_events(there, patient)) == (events, events)
        (sent,) = here.http.get(f"/v1/patients/{patient}/transfers").json()["items"]
        (received,) = there.http.get(f"/v1/patients/{patient}/transfers").json()["items"]
        assert (sent["state"], sent["receipt"]) == ("confirmed", received["receipt"])
        assert_problem(step(here, begun, "confirm", receipt=sent["receipt"]), 409, code="transfer-over")
        phone = there.enrol(patient, service.url)
        assert phone.check_in(NOW, (3, 3, 3)).status_code == 201
        for clinic in (here, there):
            clinic.close()


def test_the_commands_do_the_same_with_a_file_and_a_receipt(
    service: Service,
    clinic: ClinicClient,
    other: ClinicClient,
    shared_database: DatabaseUrls,
    database_elsewhere: DatabaseUrls,
    tmp_path: Path,
) -> None:
    patient, file = with_a_history(service, clinic), tmp_path / "patient.afterglow"
    evaluation, events = clinic.evaluation(patient), open_events(clinic, patient)

    def run(at: DatabaseUrls, command: str, *words: str, passphrase: str = "") -> tuple[int, Any]:
        where = {
            "DATABASE_URL": at.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": base64.b64encode(KEY).decode(),
        }
        more = where | ({"AFTERGLOW_PASSPHRASE": passphrase} if passphrase else {})
        done = afterglow_here("transfer", command, *words, "--json", more=more)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr

    here = ("--clinic", clinic.clinic_id, "--patient", patient)
    agreed = ("--to", "Riverside", "--consent-on", CONSENT["given_on"])
    status, said = run(shared_database, "start", str(file), *here, "--to", "Riverside")
    assert (status, "their own consent" in said, file.exists()) == (1, True, False), said
    unknown = run(shared_database, "start", str(file), *here[:3], str(new_id()), *agreed)
    assert (unknown[0], "clinic" in unknown[1]) == (1, False), unknown
    status, begun = run(shared_database, "start", str(file), *here, *agreed)
    assert status == 0, begun
    content = file.read_bytes()
    assert (CANARY.encode() in content, begun["passphrase"].encode() in content) == (False, False)
    assert file.stat().st_mode & 0o777 == 0o600

    there = (str(file), "--clinic", other.clinic_id, "--external-ref", "B-18")
    wrong = run(database_elsewhere, "receive", *there, passphrase="-".join(["7K2M"] * 6))
    assert wrong[0] == 1, wrong
    assert not [one for one in other.http.get("/v1/patients").json()["items"] if one["id"] == patient]
    status, received = run(database_elsewhere, "receive", *there, passphrase=begun["passphrase"])
    assert (status, received["patient_id"]) == (0, patient)
    assert other.http.get(f"/v1/patients/{patient}").json()["external_ref"] == "B-18"
    assert other.evaluation(patient) == evaluation
    assert open_events(other, patient) == events
    again = run(database_elsewhere, "receive", *there, passphrase=begun["passphrase"])
    assert again[0] == 1, "once is enough"
    assert archived(clinic, patient) is None, "the sender is responsible until the receipt is there"

    transfer = (*here, "--transfer", begun["transfer_id"])
    forged = received["receipt"][:-4] + "AAAA"
    assert run(shared_database, "confirm", *transfer, "--receipt", forged)[0] == 1
    assert archived(clinic, patient) is None
    status, done = run(shared_database, "confirm", *transfer, "--receipt", received["receipt"])
    assert (status, done) == (0, {"state": "confirmed", "check_ins_since": 0})
    assert (archived(clinic, patient), open_events(clinic, patient)) == ("transferred", events)
    assert run(shared_database, "cancel", *transfer)[0] == 1, "it is over"


def test_a_transfer_half_way_is_confirmed_after_a_death_and_says_so_still(
    clinic: ClinicClient, other: ClinicClient
) -> None:
    """The patient was taken in there and died before the receipt came; nothing more is sent from here either."""
    patient = clinic.patient()
    begun = start(clinic, patient).json()
    taken_in = receive(other, file_of(clinic, begun), begun["passphrase"], external_ref="B-19")
    assert taken_in.status_code == 201, taken_in.text
    died = clinic.http.post(f"/v1/patients/{patient}/archive", json={"reason": "deceased"})
    assert died.status_code == 200, died.text
    done = step(clinic, begun, "confirm", receipt=taken_in.json()["receipt"])
    assert (done.status_code, done.json()["state"]) == (200, "confirmed")
    assert archived(clinic, patient) == "deceased"
    assert_problem(start(clinic, patient), 409, code="archived")


@pytest.mark.parametrize(
    ("consent", "pointer"),
    [
        (None, "#/consent"),
        (
            {"given_on": (NOW + timedelta(days=2)).date().isoformat(), "how": "in_person"},
            "#/consent/given_on",
        ),
    ],
)
def test_without_the_patients_recorded_consent_nothing_leaves(
    one_clinic: ClinicClient, consent: object, pointer: str
) -> None:
    patient = one_clinic.patient()
    refused = start(one_clinic, patient, consent=consent)
    assert_problem(refused, 422, code="transfer-without-consent", pointer=pointer)
    assert one_clinic.http.get(f"/v1/patients/{patient}/transfers").json()["items"] == []


def test_a_patient_who_withdrew_consent_is_not_transferred(one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    assert one_clinic.http.post(f"/v1/patients/{patient}/consent/withdraw", json={}).is_success
    assert_problem(start(one_clinic, patient), 422, code="transfer-without-consent", pointer="#/consent")


def test_a_file_that_was_changed_or_a_wrong_passphrase_is_refused_by_name_and_nothing_is_imported(
    clinic: ClinicClient, other: ClinicClient
) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8))
    begun = start(clinic, patient).json()
    content, passphrase = file_of(clinic, begun), begun["passphrase"]
    head, _, sealed = content.partition(b"\n")
    said = json.loads(head)
    backdated = json.dumps(said | {"made_at": "2026-01-01T00:00:00+00:00"}).encode()
    newer = json.dumps(said | {"version": 2}).encode()
    bit = bytes([sealed[100] ^ 1])
    for changed, code in (
        (head + b"\n" + sealed[:100] + bit + sealed[101:], "archive-damaged"),
        (content[:-20], "archive-damaged"),
        (head + b"\n", "archive-damaged"),
        (backdated + b"\n" + sealed, "archive-damaged"),
        (newer + b"\n" + sealed, "not-a-transfer"),
        (b"check-ins,mood\n", "not-a-transfer"),
        (sealed, "not-a-transfer"),
    ):
        assert_problem(receive(other, changed, passphrase), 422, code=code)
    assert_problem(
        receive(other, content, "7K2M-9QF4-XB3T-0HZC-5RWE-M8AN"),
        422,
        code="passphrase-wrong",
        pointer="#/passphrase",
    )
    assert other.http.get("/v1/patients").json()["items"] == []
    assert receive(other, content, passphrase).status_code == 201


def test_what_was_imported_once_is_not_imported_again_and_never_where_it_came_from(
    clinic: ClinicClient, other: ClinicClient
) -> None:
    patient = clinic.patient()
    begun = start(clinic, patient).json()
    content = file_of(clinic, begun)
    assert_problem(receive(clinic, content, begun["passphrase"]), 409, code="transfer-into-itself")
    assert receive(other, content, begun["passphrase"]).status_code == 201
    assert_problem(receive(other, content, begun["passphrase"]), 409, code="already-imported")
    assert len(other.http.get("/v1/patients").json()["items"]) == 1


def test_one_transfer_at_a_time_and_a_canceled_one_is_over(clinic: ClinicClient, other: ClinicClient) -> None:
    patient = clinic.patient()
    begun = start(clinic, patient).json()
    assert_problem(start(clinic, patient), 409, code="transfer-started")
    receipt = receive(other, file_of(clinic, begun), begun["passphrase"]).json()["receipt"]
    canceled = step(clinic, begun, "cancel")
    assert (canceled.status_code, canceled.json()["state"]) == (200, "canceled")
    for refused in (step(clinic, begun, "confirm", receipt=receipt), step(clinic, begun, "cancel")):
        assert_problem(refused, 409, code="transfer-over")
    gone = clinic.http.get(f"/v1/patients/{patient}/transfers/{begun['id']}/file")
    assert_problem(gone, 409, code="transfer-over")
    assert archived(clinic, patient) is None
    again = start(clinic, patient)
    assert again.status_code == 201
    assert_problem(
        step(clinic, again.json(), "confirm", receipt=receipt),
        422,
        code="receipt-not-valid",
        pointer="#/receipt",
    )
    whole = receipt.partition(".")[2]
    for forged in (whole, f"afterglow-receipt.{whole[:-4]}AAAA", "afterglow-receipt.e30.e30", "."):
        refused = step(clinic, again.json(), "confirm", receipt=forged)
        assert_problem(refused, 422, code="receipt-not-valid")


def test_an_archived_patient_or_another_clinics_is_not_transferred(
    service: Service, clinic: ClinicClient
) -> None:
    patient, stranger = clinic.patient(), clinic_client(service, "Stranger")
    begun = start(clinic, patient).json()
    assert_problem(start(stranger, patient), 404)
    assert_problem(step(stranger, begun, "cancel"), 404)
    assert_problem(step(stranger, begun, "confirm", receipt="afterglow-receipt.x.y"), 404)
    assert step(clinic, begun, "cancel").status_code == 200
    assert clinic.http.post(f"/v1/patients/{patient}/archive", json={"reason": "deceased"}).is_success
    assert_problem(start(clinic, patient), 409, code="archived")
    stranger.close()


def test_a_passphrase_is_shown_once_also_to_whoever_repeats_the_request(one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    path, headers = f"/v1/patients/{patient}/transfers", {"idempotency-key": "transfer-1"}
    body = {"to": "Riverside", "consent": CONSENT}
    first, again = (one_clinic.http.post(path, json=body, headers=headers) for _ in range(2))
    assert first.json()["passphrase"]
    assert again.json() == first.json() | {"passphrase": None}
    assert again.headers["idempotency-left-out"] == "passphrase"
