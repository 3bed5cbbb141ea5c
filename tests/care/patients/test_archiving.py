"""Archiving and correcting a patient: nobody reads the reports, and whoever sends one is answered so with help."""

from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.ids import new_id
from tests.support.people import ClinicClient, PatientClient, entry, item
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import staff_client


@pytest.fixture
def phone(service: Service, one_clinic: ClinicClient) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def archive(clinic: ClinicClient, patient: str, reason: str = "care_ended", **more: str) -> httpx2.Response:
    return clinic.http.post(f"/v1/patients/{patient}/archive", json={"reason": reason, **more})


def report(phone: PatientClient, **more: object) -> httpx2.Response:
    return phone.http.put(f"/v1/check-ins/{new_id()}", json=entry(NOW, (5, 5, 5)) | more)


def changes(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    return list(clinic.http.get(f"/v1/patients/{patient}/changes").json()["items"])


def test_a_device_of_an_archived_patient_reads_and_reports_no_more(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    assert report(phone).status_code == 201
    made = archive(one_clinic, phone.patient_id, note="moved away")
    assert made.json()["archived"]["reason"] == "care_ended"

    refused = report(phone)
    problem = assert_problem(refused, 409, code="patient-archived")
    assert problem["detail"].startswith("Nobody at this clinic reads your reports now.")
    assert refused.json()["crisis_help"]["lines"]
    batch = phone.http.post("/v1/check-ins/batch", json={"items": [item(NOW, (5, 5, 5))]}).json()
    assert [one["status"] for one in batch["results"]] == [409]
    assert batch["crisis_help"]
    assert len(phone.http.get("/v1/check-ins").json()["items"]) == 1
    assert phone.http.get("/v1/me").status_code == 200
    assert_problem(archive(one_clinic, phone.patient_id), 409, code="archived")


def test_a_disclosure_that_still_arrives_is_a_safety_event(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    archive(one_clinic, phone.patient_id)
    refused = report(phone, self_harm_thoughts=True)
    assert_problem(refused, 409, code="patient-archived")
    assert refused.json()["crisis_help"]
    params = {"state": "open", "patient_id": phone.patient_id}
    assert len(one_clinic.http.get("/v1/safety-events", params=params).json()["items"]) == 1


def test_open_safety_events_stay_open(one_clinic: ClinicClient, phone: PatientClient) -> None:
    assert report(phone, self_harm_thoughts=True).status_code == 201
    assert archive(one_clinic, phone.patient_id).status_code == 200
    params = {"state": "open", "patient_id": phone.patient_id}
    assert len(one_clinic.http.get("/v1/safety-events", params=params).json()["items"]) == 1


def test_unarchived_reports_are_read_again_and_each_step_has_its_reason(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    path = f"/v1/patients/{phone.patient_id}/unarchive"
    assert_problem(one_clinic.http.post(path, json={}), 409, code="not-archived")
    archive(one_clinic, phone.patient_id, "transferred", note="to the north clinic")
    code = one_clinic.http.post(f"/v1/patients/{phone.patient_id}/enrolment-codes")
    assert_problem(code, 409, code="archived")
    assert one_clinic.http.post(path, json={"note": "came back"}).json()["archived"] is None
    assert report(phone).status_code == 201
    listed = [(one["kind"], one["reason"], one["note"]) for one in changes(one_clinic, phone.patient_id)]
    assert listed == [("unarchived", None, "came back"), ("archived", "transferred", "to the north clinic")]


def test_an_unknown_reason_is_refused(one_clinic: ClinicClient, phone: PatientClient) -> None:
    assert_problem(archive(one_clinic, phone.patient_id, "bored"), 422, pointer="#/reason")
    assert_problem(archive(one_clinic, str(new_id())), 404)


def test_a_chart_number_changes_with_a_reason_and_the_earlier_one_is_kept(one_clinic: ClinicClient) -> None:
    taken, patient = one_clinic.patient("Taken-1"), one_clinic.patient("Mistyped-1")

    def change(**fields: str) -> httpx2.Response:
        tag = one_clinic.http.get(f"/v1/patients/{patient}").headers["etag"]
        return one_clinic.http.patch(f"/v1/patients/{patient}", json=fields, headers={"if-match": tag})

    assert taken
    assert_problem(change(external_ref="Right-1"), 422, code="reason-missing")
    assert_problem(change(external_ref="taken-1 ", reason="typo"), 409, code="patient-exists")
    changed = change(external_ref="Right-1", reason="typo")
    assert changed.json()["external_ref"] == "Right-1"
    assert change(time_zone="Europe/Paris").status_code == 200
    (one,) = changes(one_clinic, patient)
    assert (one["kind"], one["before"], one["note"]) == ("chart_number", "Mistyped-1", "typo")
    again = one_clinic.http.post("/v1/patients", json={"external_ref": "MISTYPED-1", "time_zone": "Etc/UTC"})
    assert again.status_code == 201
    stale = one_clinic.http.patch(
        f"/v1/patients/{patient}",
        json={"external_ref": "Right-2", "reason": "again"},
        headers={"if-match": '"1"'},
    )
    assert_problem(stale, 412)


def test_how_to_reach_a_person_is_for_staff_alone_and_each_look_is_in_the_audit_log(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    path = f"/v1/patients/{phone.patient_id}/contact"
    assert_problem(one_clinic.http.get(path), 403)
    assert_problem(one_clinic.http.put(path, json={"name": CANARY}), 403)
    assert_problem(phone.http.get(path), 401)
    nurse = staff_client(service, one_clinic.clinic_id, StaffRole.COORDINATOR)
    facts = {
        "name": "Ana Mu\u00f1oz",
        "telephone": "+1 555 0100",
        "birth_year": 1980,
        "preferred_way": "telephone",
    }
    assert nurse.put(path, json=facts).status_code == 200
    shown = nurse.get(path).json()
    assert {name: value for name, value in shown.items() if value is not None} == facts
    assert_problem(nurse.put(path, json={"name": "\u200b"}), 422, pointer="#/name")
    params = {"patient_id": phone.patient_id}
    actions = [
        one["action"] for one in one_clinic.http.get("/v1/audit-events", params=params).json()["items"]
    ]
    assert actions.count("contact_facts.changed") == 1
    assert actions.count("contact_facts.read") == 1
