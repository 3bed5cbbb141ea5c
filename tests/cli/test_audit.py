"""`afterglow audit verify` and `audit export`, run as an operator does, and the hand of a superuser between."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.command_line import afterglow_here
from tests.storage.catalogue import ask, execute
from tests.support.clinics import seal_audit_log
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import KEY, Service, running_service

pytestmark = pytest.mark.processes


@dataclass
class SealedLog:
    """A clinic's sealed audit log, with an export of it."""

    own_database: DatabaseUrls
    service: Service
    clinic: ClinicClient
    patient: str
    export: Path

    def run(self, *arguments: str, key: bytes = KEY) -> subprocess.CompletedProcess[str]:
        where = {
            "DATABASE_URL": self.own_database.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": b64encode(key).decode(),
        }
        return afterglow_here("audit", *arguments, more=where)

    def seal(self) -> int:
        return seal_audit_log(self.service, self.clinic.clinic_id)

    def id_at(self, sequence: int) -> str:
        (row,) = ask(
            self.own_database.superuser_url,
            "SELECT ids[%(at)s - sequence + cardinality(ids)]::text AS id FROM care.audit_seals,"
            " LATERAL (SELECT coalesce(event_ids, ARRAY[event_id])) AS sealed (ids) WHERE clinic_id = %(clinic)s"
            " AND sequence >= %(at)s ORDER BY sequence LIMIT 1",
            clinic=self.clinic.clinic_id,
            at=sequence,
        )
        return str(row["id"])


@pytest.fixture
def log(own_database: DatabaseUrls, tmp_path: Path) -> Iterator[SealedLog]:
    with running_service(own_database.application_url, work=False) as service:
        clinic = clinic_client(service)
        patient = clinic.patient()
        for _ in range(6):
            assert clinic.http.get(f"/v1/patients/{patient}").is_success
        made = SealedLog(own_database, service, clinic, patient, tmp_path / "audit-log.ndjson")
        made.seal()
        yield made
        clinic.close()


def test_an_intact_audit_log_is_verified_and_exported_with_its_head_last(log: SealedLog) -> None:
    ended = log.run("export", "--clinic", log.clinic.clinic_id, "--output", str(log.export))
    assert (ended.returncode, ended.stderr) == (0, "")
    *events, last = [json.loads(line) for line in log.export.read_text().splitlines()]
    assert [one["sequence"] for one in events] == list(range(1, len(events) + 1))
    assert {one["event"]["patient_id"] for one in events} == {None, log.patient}
    assert last == {"head": {name: events[-1][name] for name in ("clinic_id", "sequence", "mac")}}
    head = f"{last['head']['sequence']}:{last['head']['mac']}"
    log.clinic.patient()

    ended = log.run("verify")

    assert (ended.returncode, ended.stderr) == (0, "")
    # The registration, and the event that says so.
    said = f"intact: clinic {log.clinic.clinic_id}, {len(events)} sealed, 2 not yet sealed, head {head}\n"
    assert said in ended.stdout
    for kept in (str(log.export), head):
        ended = log.run("verify", "--clinic", log.clinic.clinic_id, "--head", kept)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, said, "")


def test_what_a_superuser_changed_or_removed_is_named_with_its_place(log: SealedLog) -> None:
    changed, removed = log.id_at(3), log.id_at(5)
    superuser = log.own_database.superuser_url
    execute(superuser, f"UPDATE care.audit_events SET patient_id = NULL WHERE id = '{changed}'")  # noqa: S608 - the test's own
    execute(superuser, f"DELETE FROM care.audit_events WHERE id = '{removed}'")  # noqa: S608 - same

    ended = log.run("verify", "--clinic", log.clinic.clinic_id)

    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.splitlines()[0].startswith(f"2 faults: clinic {log.clinic.clinic_id}, ")
    assert ended.stdout.splitlines()[1:] == [
        f"  seal 3 does not fit event {changed}: the event, its seal or their order was changed",
        f"  seal 5: event {removed} was removed",
    ]
    report = json.loads(log.run("verify", "--clinic", log.clinic.clinic_id, "--json").stdout)
    assert report["intact"] is False
    (clinic,) = report["clinics"]
    assert [(one["kind"], one["sequence"], one["event_id"]) for one in clinic["faults"]] == [
        ("changed", 3, changed),
        ("event_removed", 5, removed),
    ]


def test_a_cut_tail_shows_against_the_exported_head(log: SealedLog) -> None:
    for _ in range(2):
        assert log.clinic.http.get(f"/v1/patients/{log.patient}").is_success
        log.seal()
    log.run("export", "--output", str(log.export))
    head = next(
        one["head"]
        for one in map(json.loads, log.export.read_text().splitlines())
        if one.get("head", {}).get("clinic_id") == log.clinic.clinic_id
    )
    last = head["sequence"]
    for sequence in (last, last - 1):
        gone = log.id_at(sequence)
        execute(log.own_database.superuser_url, f"DELETE FROM care.audit_events WHERE id = '{gone}'")  # noqa: S608 - same
        execute(log.own_database.superuser_url, f"DELETE FROM care.audit_seals WHERE event_id = '{gone}'")  # noqa: S608 - same

    assert log.run("verify", "--clinic", log.clinic.clinic_id).returncode == 0
    ended = log.run("verify", "--clinic", log.clinic.clinic_id, "--head", str(log.export))

    assert ended.returncode == 1
    assert f"  seals {last - 1} to {last}: cut off the end; the head that you kept had them\n" in ended.stdout


def test_erasing_a_patient_does_not_break_the_audit_log(log: SealedLog) -> None:
    asked = log.clinic.http.post(f"/v1/patients/{log.patient}/erasure-requests").json()
    approval = f"/v1/erasure-requests/{asked['id']}/approve"
    log.seal()
    assert log.clinic.http.post(approval, headers={"if-match": '"1"'}).status_code == 200
    log.seal()

    ended = log.run("verify", "--clinic", log.clinic.clinic_id)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("intact: ")
    assert ", 0 not yet sealed, " in ended.stdout
    found = log.clinic.http.get("/v1/audit-events", params={"patient_id": log.patient}).json()["items"]
    assert {"patient.erased", "patient.read"} <= {one["action"] for one in found}


def test_another_key_fits_no_seal_and_what_is_no_head_is_said_so(log: SealedLog) -> None:
    ended = log.run("verify", "--clinic", log.clinic.clinic_id, key=bytes(32))
    assert ended.returncode == 1
    assert "  seal 1 does not fit event " in ended.stdout
    for kept in ("no-such-file", "7:xyz"):
        ended = log.run("verify", "--clinic", log.clinic.clinic_id, "--head", kept)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("afterglow: This is no head: ")
    ended = log.run("verify", "--clinic", str(uuid4()))
    assert ended.stderr == "afterglow: There is no clinic with this id.\n"
