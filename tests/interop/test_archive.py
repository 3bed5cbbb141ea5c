"""The archive: a clinic, or one patient, that another installation imports with the same evaluation, or refuses."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app.access.clinics.commands import OpenedClinic
from app.care.monitoring.queries import EvaluationView, evaluation_now
from app.care.patients.commands import PatientExistsError
from app.foundation.audit import OPERATOR
from app.foundation.errors import RefusalError
from app.interop.archive.archive_file import ArchiveDamagedError, ArchiveNewerError, NotAnArchiveError, verify
from app.interop.archive.importing import (
    AlreadyImportedError,
    ArchiveScopeError,
    Imported,
    import_clinic,
    import_patient,
)
from app.interop.archive.making import archive_of_clinic, archive_of_patient
from app.storage.archived_tables import AFTER_PATIENTS, AUDIT_LOG, LEFT_OUT, OF_CLINIC, OF_PATIENT
from app.storage.engine.rows import CARE
from app.storage.tables import METADATA
from tests.support.databases import Cluster, running_cluster
from tests.support.people import CONFIRMED, NO_TLS, ClinicClient, treated
from tests.support.problems import CANARY
from tests.support.service import NOW, Service, running_service


@pytest.fixture(scope="module")
def elsewhere(cluster: Cluster) -> Iterator[Service]:
    """Another installation, with nothing in it; on another major version where the campaign names its programs."""
    other = os.environ.get("AFTERGLOW_TEST_OTHER_PG_BIN")
    with (
        running_cluster(binaries=Path(other)) if other else nullcontext(cluster) as there,
        there.database() as database,
        running_service(database.application_url, work=False) as service,
    ):
        yield service


def fading(clinic: ClinicClient, reference: str | None = None) -> str:
    return treated(
        clinic,
        NOW,
        days_since=24,
        level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3),
        reference=reference,
    )


def archive(service: Service, clinic: ClinicClient, patient: str | None = None) -> list[bytes]:
    async def made() -> list[bytes]:
        async with service.context.work(UUID(clinic.clinic_id), actor=OPERATOR, snapshot=True) as work:
            lines = archive_of_clinic(work) if patient is None else archive_of_patient(work, UUID(patient))
            return [line async for line in lines]

    return service.run(made(), within=60)


def imported_clinic(service: Service, clinic_id: str, lines: list[bytes]) -> Imported:
    async def done() -> Imported:
        async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
            return await import_clinic(work, lines)

    return service.run(done(), within=60)


def imported_patient(
    service: Service, opened: OpenedClinic, lines: list[bytes], *, external_ref: str | None = None
) -> Imported:
    async def done() -> Imported:
        async with service.context.work(opened.clinic_id, actor=OPERATOR) as work:
            return await import_patient(work, lines, external_ref=external_ref)

    return service.run(done(), within=60)


def evaluated(service: Service, clinic_id: UUID | str, patient: str) -> tuple[dict[str, Any], str]:
    async def looked() -> EvaluationView:
        async with service.context.work(UUID(str(clinic_id)), actor=OPERATOR, snapshot=True) as work:
            return await evaluation_now(work, UUID(patient))

    view = service.run(looked(), within=30)
    return view.plain, view.explanation


def with_a_history(service: Service, clinic: ClinicClient) -> str:
    """A patient of whom something of almost every kind is kept, some of it corrected."""
    patient = fading(clinic, CANARY)
    path = f"/v1/patients/{patient}"
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(
        NOW - timedelta(hours=1), (3, 2, 3), note="a note", self_harm_thoughts=True
    ).is_success
    given = {"given_at": (NOW - timedelta(days=2)).isoformat(), "phase": "booster", "dose_mg_per_kg": 0.5}
    infusion = clinic.http.post(f"{path}/infusions", json=given | CONFIRMED).json()
    voided = clinic.http.post(f"{path}/infusions/{infusion['id']}/void", json={"reason": "another patient's"})
    assert voided.status_code == 200, voided.text
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=3)).isoformat(), "items": [1] * 8 + [0]}
    assert clinic.http.post(f"{path}/assessments", json=form).status_code == 201
    assert clinic.http.put(
        f"{path}/factors", json={"cautions": ["mania"]}, headers={"if-match": '"0"'}
    ).is_success
    (signal,) = clinic.signals(patient)
    snoozed = {"until": (NOW + timedelta(days=3)).isoformat(), "reason": "on holiday"}
    assert clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json=snoozed).is_success
    return patient


def test_a_clinic_is_imported_elsewhere_with_the_same_evaluations(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    patients = [with_a_history(service, clinic), fading(clinic), clinic.patient()]
    lines = archive(service, clinic)
    head, counts = verify(lines)
    elsewhere.clock.move_to(NOW)

    done = imported_clinic(elsewhere, clinic.clinic_id, lines)

    assert (head.scope, str(head.clinic_id), counts["patients"]) == ("clinic", clinic.clinic_id, 3)
    assert [str(one) for one in done.patients] == patients
    for patient in patients:
        assert evaluated(elsewhere, clinic.clinic_id, patient) == evaluated(
            service, clinic.clinic_id, patient
        )
    again = ClinicClient(_http(elsewhere, done.opened), clinic.clinic_id, "")
    for path in (
        "", "/infusions?include=entered_in_error", "/assessments", "/check-ins", "/courses", "/factors",
        "/corrections",
    ):  # fmt: skip
        here = clinic.http.get(f"/v1/patients/{patients[0]}{path}").json()
        assert again.http.get(f"/v1/patients/{patients[0]}{path}").json() == here
    for path in ("/v1/signals", "/v1/safety-events", "/v1/findings", "/v1/clinic", "/v1/snapshot"):
        here, there = clinic.http.get(path).json(), again.http.get(path).json()
        for one in (here, there):
            one.pop("cursor", None)
            one.pop("attention", None)
        assert there == here
    (signal,) = again.signals(patients[0])
    history = again.http.get(f"/v1/signals/{signal['id']}/history").json()
    assert history == clinic.http.get(f"/v1/signals/{signal['id']}/history").json()
    # What comes next comes to the same.
    for one, whose in ((service, clinic), (elsewhere, again)):
        phone = whose.enrol(patients[1], one.url)
        assert phone.check_in(NOW, (8, 8, 8)).status_code == 201
    assert evaluated(elsewhere, clinic.clinic_id, patients[1]) == evaluated(
        service, clinic.clinic_id, patients[1]
    )
    # And an archive of it is the same archive.
    again_lines = archive(elsewhere, again)
    assert len(again_lines) == len(archive(service, clinic))
    again.close()


def _http(service: Service, opened: OpenedClinic | None) -> httpx2.Client:
    assert opened is not None
    return httpx2.Client(
        base_url=service.url, headers={"authorization": f"Bearer {opened.api_key}"}, timeout=30, verify=NO_TLS
    )


def test_a_patient_is_imported_into_another_clinic_and_open_safety_events_wait_there(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    patient = with_a_history(service, clinic)
    elsewhere.clock.move_to(NOW)
    other = elsewhere.new_clinic("Other")

    done = imported_patient(elsewhere, other, archive(service, clinic, patient), external_ref="OTHER-1")

    assert [str(one) for one in done.patients] == [patient]
    assert evaluated(elsewhere, other.clinic_id, patient) == evaluated(service, clinic.clinic_id, patient)
    http = _http(elsewhere, other)
    assert http.get(f"/v1/patients/{patient}").json()["external_ref"] == "OTHER-1"
    (event,) = http.get("/v1/safety-events?state=open").json()["items"]
    (here,) = clinic.http.get("/v1/safety-events?state=open").json()["items"]
    assert (event["id"], event["state"], event["received_at"]) == (here["id"], "open", here["received_at"])
    types = [one["type"] for one in http.get("/v1/events").json()["items"]]
    assert types == ["patient.registered", "safety.reported"]
    http.close()


def test_what_was_imported_once_is_not_imported_again(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    patient = fading(clinic)
    other = elsewhere.new_clinic("Other")
    lines = archive(service, clinic, patient)
    imported_patient(elsewhere, other, lines)

    with pytest.raises(AlreadyImportedError):
        imported_patient(elsewhere, other, lines)
    with pytest.raises(AlreadyImportedError):
        imported_clinic(service, clinic.clinic_id, archive(service, clinic))


def test_a_chart_number_that_another_patient_has_is_refused(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    other = elsewhere.new_clinic("Other")
    imported_patient(elsewhere, other, archive(service, clinic, clinic.patient("P-7")))

    with pytest.raises(PatientExistsError):
        imported_patient(elsewhere, other, archive(service, clinic, fading(clinic)), external_ref="p-7")


def test_an_archive_of_one_kind_is_not_taken_for_the_other(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    patient = clinic.patient()

    with pytest.raises(ArchiveScopeError):
        imported_patient(elsewhere, elsewhere.new_clinic("Other"), archive(service, clinic))
    with pytest.raises(ArchiveScopeError):
        imported_clinic(elsewhere, clinic.clinic_id, archive(service, clinic, patient))


def changed(line: int, **values: object) -> Callable[[list[bytes]], list[bytes]]:
    def change(lines: list[bytes]) -> list[bytes]:
        document = json.loads(lines[line]) | values
        return [*lines[:line], json.dumps(document).encode() + b"\n", *lines[line:][1:]]

    return change


def test_cautions_of_an_archive_from_before_they_were_renamed_are_imported_by_their_present_names(
    service: Service, clinic: ClinicClient, elsewhere: Service
) -> None:
    patient = clinic.patient()
    known = {"cautions": ["mania", "prior_adverse_reaction", "substance_use_disorder"]}
    path = f"/v1/patients/{patient}/factors"
    assert clinic.http.put(path, json=known, headers={"if-match": '"0"'}).is_success
    *lines, end = archive(service, clinic, patient)
    formerly = [
        line.replace(b"prior_adverse_reaction", b"bad_experience_with_ketamine").replace(
            b"substance_use_disorder", b"substance_misuse"
        )
        for line in lines
    ]
    assert formerly != lines
    checksum = {"sha256": hashlib.sha256(b"".join(formerly)).hexdigest()}
    other = elsewhere.new_clinic("Other")

    imported_patient(elsewhere, other, [*formerly, json.dumps(json.loads(end) | checksum).encode()])

    http = _http(elsewhere, other)
    assert sorted(http.get(path).json()["cautions"]) == known["cautions"]
    http.close()


@pytest.mark.parametrize(
    ("damage", "refusal"),
    [
        (lambda _: [], NotAnArchiveError),
        (lambda _: [b"check-ins,mood\n"], NotAnArchiveError),
        (lambda lines: lines[1:], NotAnArchiveError),
        (lambda lines: lines[:-1], ArchiveDamagedError),
        (lambda lines: lines[:2] + lines[3:], ArchiveDamagedError),
        (lambda lines: [*lines[:2], lines[2].replace(b"1", b"2"), *lines[3:]], ArchiveDamagedError),
        (lambda lines: [*lines, b"{}\n"], ArchiveDamagedError),
        (lambda lines: [*lines[:3], b"{broken\n", *lines[3:]], ArchiveDamagedError),
        (lambda lines: [*lines[:-1], lines[-1][:20]], ArchiveDamagedError),
        (changed(0, version=2), ArchiveNewerError),
        (changed(0, format="other"), NotAnArchiveError),
        (changed(1, table="later_noun"), ArchiveNewerError),
    ],
)  # fmt: skip
def test_what_is_damaged_or_newer_is_refused_by_name_and_nothing_is_imported(
    service: Service,
    clinic: ClinicClient,
    elsewhere: Service,
    damage: Callable[[list[bytes]], list[bytes]],
    refusal: type[RefusalError],
) -> None:
    patient = clinic.patient()
    lines = damage(archive(service, clinic, patient))
    other = elsewhere.new_clinic("Other")

    with pytest.raises(refusal):
        verify(lines)
    with pytest.raises(refusal):
        imported_patient(elsewhere, other, lines)
    http = _http(elsewhere, other)
    assert http.get("/v1/patients").json()["items"] == []
    http.close()


def test_every_table_is_in_the_archive_or_left_out_with_its_reason() -> None:
    tables = {table.name for table in METADATA.tables.values() if table.schema == CARE}
    archived = {one.name for one in (*OF_CLINIC, *OF_PATIENT, *AFTER_PATIENTS, *AUDIT_LOG)}

    assert archived.isdisjoint(LEFT_OUT)
    assert archived | set(LEFT_OUT) == tables
