"""What else changed: factors and other therapies with their days, correctable, shown, and never deciding."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import staff_client

TODAY = NOW.date()
STARTED = {
    "kind": "antidepressant_started",
    "since": str(TODAY - timedelta(days=9)),
    "detail": "Sertraline 50 mg",
}


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


def enter(clinic: ClinicClient, patient: str, **entry: object) -> httpx2.Response:
    return clinic.http.post(f"/v1/patients/{patient}/circumstances", json=entry)


def listed(clinic: ClinicClient, patient: str, *, all_: bool = False) -> list[dict[str, Any]]:
    params = {"include": "entered_in_error"} if all_ else {}
    reply = clinic.http.get(f"/v1/patients/{patient}/circumstances", params=params)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def test_what_else_changed_is_entered_amended_voided_and_restored_with_each_version_kept(
    one_clinic: ClinicClient, patient: str
) -> None:
    made = enter(one_clinic, patient, **STARTED)
    assert made.status_code == 201, made.text
    path = f"/v1/patients/{patient}/circumstances/{made.json()['id']}"
    change = {"detail": "Sertraline 100 mg", "reason": "Mistyped"}
    amended = one_clinic.http.patch(path, json=change, headers={"if-match": made.headers["etag"]})
    assert (amended.status_code, amended.json()["version"]) == (200, 2), amended.text
    assert amended.json() | {"etag": "", "version": 1} == made.json() | {
        "etag": "",
        "detail": "Sertraline 100 mg",
    }
    stale = one_clinic.http.patch(path, json=change, headers={"if-match": made.headers["etag"]})
    assert_problem(stale, 412, code="changed-meanwhile", pointer="header/if-match")
    assert one_clinic.http.patch(path, json=change).status_code == 428
    assert one_clinic.http.post(f"{path}/void", json={"reason": "Another patient's"}).status_code == 200
    assert listed(one_clinic, patient) == []
    (voided,) = listed(one_clinic, patient, all_=True)
    assert (voided["status"], voided["version"], voided["detail"]) == (
        "entered_in_error",
        3,
        "Sertraline 100 mg",
    )
    again = one_clinic.http.post(f"{path}/void", json={"reason": "Again"})
    assert_problem(again, 409, code="entered-in-error")
    assert one_clinic.http.post(f"{path}/restore").json()["version"] == 4
    assert_problem(one_clinic.http.post(f"{path}/restore"), 409, code="not-entered-in-error")
    kept = one_clinic.http.get(f"/v1/patients/{patient}/corrections").json()["items"]
    assert [(one["kind"], one["correction"]) for one in kept] == [
        ("circumstance", "restored"),
        ("circumstance", "voided"),
        ("circumstance", "amended"),
    ]


def test_nothing_that_else_changed_decides(service: Service, one_clinic: ClinicClient, patient: str) -> None:
    """The evaluation is the same, to the letter, with every kind on record."""
    path = f"/v1/patients/{patient}/evaluation"
    before = one_clinic.http.get(path).json()
    own: dict[str, dict[str, object]] = {
        "severity": {"severity": "severe"},
        "illness_duration": {"months": 90},
        "weight": {"weight_kg": 64.5},
    }
    for kind in (
        "severity",
        "illness_duration",
        "condition",
        "physical_health",
        "weight",
        "antidepressant_started",
        "antidepressant_changed",
        "tms",
        "ect",
        "psychotherapy",
        "other_medication",
    ):
        more = own.get(kind, {"detail": "Words"})
        made = enter(one_clinic, patient, kind=kind, since=str(TODAY - timedelta(days=12)), **more)
        assert made.status_code == 201, made.text
    assert one_clinic.http.get(path).json() == before
    assert service.clock.now() == NOW


@pytest.mark.parametrize(
    ("entry", "code", "pointer"),
    [
        ({"kind": "tms", "since": str(TODAY + timedelta(days=2))}, "circumstance-in-future", "#/since"),
        ({"kind": "tms", "since": "1999-12-31"}, "time-out-of-range", "#/since"),
        ({"kind": "ect", "since": "2026-03-02", "until": "2026-03-01"}, "ends-before-start", "#/until"),
        ({"kind": "weight", "since": "2026-03-02"}, "value-missing", "#/weight_kg"),
        ({"kind": "severity", "since": "2026-03-02"}, "value-missing", "#/severity"),
        ({"kind": "illness_duration", "since": "2026-03-02"}, "value-missing", "#/months"),
        ({"kind": "condition", "since": "2026-03-02"}, "value-missing", "#/detail"),
        ({"kind": "tms", "since": "2026-03-02", "weight_kg": 80.0}, "value-of-another-kind", "#/weight_kg"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    one_clinic: ClinicClient, unchanged: str, entry: dict[str, object], code: str, pointer: str
) -> None:
    reply = enter(one_clinic, unchanged, **entry)
    problem = reply.json()
    assert reply.status_code == 422
    found = [(problem["type"].rpartition("/")[2], problem.get("pointer"))]
    found += [(one["code"], one["pointer"]) for one in problem.get("errors", [])]
    assert (code, pointer) in found, problem
    assert listed(one_clinic, unchanged) == []


@pytest.mark.parametrize("weight", [19.9, 401, "80", float("1e9")])
def test_an_impossible_weight_is_refused_also_when_confirmed(
    one_clinic: ClinicClient, unchanged: str, weight: object
) -> None:
    entry = {"kind": "weight", "since": "2026-03-02", "weight_kg": weight, "confirm": ["unusual_weight"]}
    assert enter(one_clinic, unchanged, **entry).status_code == 422


def test_what_is_unlikely_is_asked_about_and_kept_when_confirmed(
    one_clinic: ClinicClient, patient: str
) -> None:
    first = {"kind": "weight", "since": "2026-03-02", "weight_kg": 80.0}
    assert enter(one_clinic, patient, **first).status_code == 201
    for entry, codes in (
        (first, ["same_circumstance"]),
        (first | {"since": "2026-04-02", "weight_kg": 176.0}, ["weight_change"]),
        (first | {"since": "2026-05-02", "weight_kg": 30.0}, ["unusual_weight", "weight_change"]),
    ):
        asked = enter(one_clinic, patient, **entry)
        assert_problem(asked, 409, code="needs-confirmation")
        assert asked.json()["confirm"] == codes
        assert enter(one_clinic, patient, **entry, confirm=codes).status_code == 201


def test_nothing_changed_before_the_patient_was_born(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    """The year stays unsaid: the problem names the field alone."""
    staff = staff_client(service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    kept = staff.put(f"/v1/patients/{patient}/contact", json={"birth_year": 2005})
    assert kept.status_code == 200, kept.text
    refused = enter(one_clinic, patient, **STARTED | {"since": "2004-01-01"})
    assert_problem(refused, 422, code="before-birth", pointer="#/since")
    assert "2005" not in refused.text
    made = enter(one_clinic, patient, **STARTED).json()
    path = f"/v1/patients/{patient}/circumstances/{made['id']}"
    body = {"since": "2004-01-01", "reason": "Earlier"}
    refused = one_clinic.http.patch(path, json=body, headers={"if-match": made["etag"]})
    assert_problem(refused, 422, code="before-birth", pointer="#/since")
    assert listed(one_clinic, patient)[0]["version"] == 1
    staff.close()


def test_another_patients_or_clinics_entry_is_not_found(one_clinic: ClinicClient, patient: str) -> None:
    made = enter(one_clinic, patient, **STARTED).json()["id"]
    other = one_clinic.patient()
    for step in ("void", "restore"):
        path = f"/v1/patients/{other}/circumstances/{made}/{step}"
        assert_problem(one_clinic.http.post(path, json={"reason": "Wrong"}), 404, code="not-found")
