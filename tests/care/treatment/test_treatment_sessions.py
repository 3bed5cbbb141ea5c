"""A treatment session as clinics give it: documented, correctable, and never deciding."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem, without
from tests.support.service import NOW, Service
from tests.support.staff import staff_client

CANARY_WORD = "kanarienvogel-0816"
GIVEN_AT = NOW - timedelta(hours=5)
SESSION: Mapping[str, Any] = {
    "ended_at": (GIVEN_AT + timedelta(minutes=100)).isoformat(),
    "site": "left_arm",
    "before": {"systolic": 122, "diastolic": 78, "pulse": 70},
    "peak": {"systolic": 141, "diastolic": 88, "pulse": 84},
    "after": {"systolic": 125, "diastolic": 80, "pulse": 72},
    "dissociation": "mild",
    "side_effects": ["nausea", "headache"],
    "four_hour_score": {"scale": "madrs", "total": 11},
}


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


def give(clinic: ClinicClient, patient: str, **more: object) -> httpx2.Response:
    given = {"given_at": GIVEN_AT.isoformat(), "phase": "booster", "dose_mg": 40.0, "route": "subcutaneous"}
    return clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | more)


def amend(clinic: ClinicClient, patient: str, made: httpx2.Response, **changes: object) -> httpx2.Response:
    path = f"/v1/patients/{patient}/infusions/{made.json()['id']}"
    return clinic.http.patch(path, json={"reason": "x"} | changes, headers={"if-match": made.headers["etag"]})


def read(clinic: ClinicClient, patient: str, made: httpx2.Response) -> dict[str, Any]:
    reply = clinic.http.get(f"/v1/patients/{patient}/infusions/{made.json()['id']}/session")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_a_session_is_documented_with_its_infusion_and_amended_with_each_version_kept(
    one_clinic: ClinicClient, patient: str
) -> None:
    made = give(one_clinic, patient, session=SESSION, note="Slept after.")
    assert made.status_code == 201, made.text
    assert without(made.json()["session"], "ended_at") == without(SESSION, "ended_at")
    assert read(one_clinic, patient, made)["note"] == "Slept after."
    amended = amend(one_clinic, patient, made, session={"dissociation": "severe"}, note=None)
    assert (amended.status_code, amended.json()["version"]) == (200, 2), amended.text
    now = read(one_clinic, patient, made)
    assert (now["session"]["dissociation"], now["session"]["before"], now["note"]) == ("severe", None, None)
    void = {"reason": "Another patient's"}
    path = f"/v1/patients/{patient}/infusions/{made.json()['id']}"
    assert one_clinic.http.post(f"{path}/void", json=void).status_code == 200
    assert one_clinic.http.get(f"{path}/session").status_code == 404
    restored = one_clinic.http.post(f"{path}/restore")
    assert restored.json()["session"]["dissociation"] == "severe"


def test_a_dose_in_milligrams_alone_is_kept_with_its_route(one_clinic: ClinicClient, patient: str) -> None:
    made = give(one_clinic, patient, dose_mg=84.0, route="intranasal")
    assert (made.status_code, made.json()["dose_mg"], made.json()["dose_mg_per_kg"]) == (201, 84, None)


def test_the_notes_are_sealed_and_stay_out_of_lists_events_and_the_log(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, capfd: pytest.CaptureFixture[str]
) -> None:
    service.clock.move_to(NOW)
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)
    made = give(clinic, patient, session=SESSION, note=CANARY_WORD)
    assert made.status_code == 201
    assert CANARY_WORD not in made.text + clinic.http.get(f"/v1/patients/{patient}/infusions").text
    assert amend(clinic, patient, made, note=f"{CANARY_WORD} twice").status_code == 200
    for table in ("infusions", "record_versions", "notifications", "audit_events"):
        rows = ask(shared_database.superuser_url, f"SELECT t::text AS row FROM care.{table} t")  # noqa: S608 - named above
        assert not [row for row in rows if CANARY_WORD in row["row"]], table
    assert CANARY_WORD not in "".join(capfd.readouterr())
    assert read(clinic, patient, made)["note"] == f"{CANARY_WORD} twice"


def test_a_session_decides_nothing(one_clinic: ClinicClient, patient: str) -> None:
    made = give(one_clinic, patient)
    path = f"/v1/patients/{patient}/evaluation"
    before = one_clinic.http.get(path).json()
    amended = amend(one_clinic, patient, made, session=SESSION, note="Words")
    assert amended.status_code == 200, amended.text
    assert amended.json()["changed"] == {
        "level": False,
        "reference": False,
        "signal_ids": [],
        "evaluated": "now",
    }
    assert one_clinic.http.get(path).json() == before


@pytest.mark.parametrize(
    ("session", "code", "pointer"),
    [
        ({"ended_at": GIVEN_AT.isoformat()}, "session-ends-before-start", "#/session/ended_at"),
        ({"ended_at": (NOW + timedelta(hours=2)).isoformat()}, "session-in-future", "#/session/ended_at"),
        ({"before": {"systolic": 80, "diastolic": 120}}, "pressures-swapped", "#/session/before/diastolic"),
        ({"four_hour_score": {"scale": "madrs", "total": 61}}, "score-out-of-range", None),
        ({"four_hour_score": {"scale": "own", "total": 6}}, "score-out-of-range", None),
        ({"peak": {"systolic": 1400}}, None, "#/session/peak/systolic"),
        ({"peak": {"pulse": 8}}, None, "#/session/peak/pulse"),
        ({"peak": {"pulse": "80"}}, None, "#/session/peak/pulse"),
        ({"dissociation": "extreme"}, "not-a-choice", "#/session/dissociation"),
        ({"side_effects": ["nausea", "joy"]}, "not-a-choice", "#/session/side_effects/1"),
        ({"weight": 80}, None, "#/session/weight"),
    ],
)
def test_a_session_that_cannot_have_been_is_refused_by_name_and_nothing_is_kept(
    one_clinic: ClinicClient, unchanged: str, session: object, code: str | None, pointer: str | None
) -> None:
    before = one_clinic.http.get(f"/v1/patients/{unchanged}/infusions").json()
    assert_problem(give(one_clinic, unchanged, session=session), 422, code=code, pointer=pointer)
    assert one_clinic.http.get(f"/v1/patients/{unchanged}/infusions").json() == before


def test_a_site_belongs_to_an_injection(one_clinic: ClinicClient, patient: str) -> None:
    refused = give(one_clinic, patient, dose_mg=84.0, route="intranasal", session={"site": "left_arm"})
    assert_problem(refused, 422, code="site-without-injection", pointer="#/session/site")


def test_an_infusion_is_not_moved_past_the_end_of_its_session(one_clinic: ClinicClient, patient: str) -> None:
    made = give(one_clinic, patient, session=SESSION)
    later = (GIVEN_AT + timedelta(hours=2)).isoformat()
    refused = amend(one_clinic, patient, made, given_at=later)
    assert_problem(refused, 422, code="session-ends-before-start", pointer="#/session/ended_at")


def test_unlikely_vital_signs_and_a_long_session_are_asked_about(
    one_clinic: ClinicClient, patient: str
) -> None:
    given_at = NOW - timedelta(hours=9)
    session = {
        "ended_at": (given_at + timedelta(hours=7)).isoformat(),
        "peak": {"systolic": 210, "pulse": 160},
    }
    more = {"given_at": given_at.isoformat(), "session": session}
    asked = assert_problem(give(one_clinic, patient, **more), 409, code="needs-confirmation")
    assert asked["confirm"] == ["long_session", "unusual_vitals"]
    assert give(one_clinic, patient, **more, confirm=asked["confirm"]).status_code == 201


def test_another_session_under_the_same_external_id_is_refused(
    one_clinic: ClinicClient, patient: str
) -> None:
    own = {"external_id": "S-1", "source": "ehr", "session": SESSION, "note": "Words"}
    made = give(one_clinic, patient, **own)
    assert (made.status_code, give(one_clinic, patient, **own).json()["id"]) == (201, made.json()["id"])
    other = give(one_clinic, patient, **own | {"note": "Other words"})
    assert_problem(other, 409, code="external-id-taken", pointer="#/external_id")
    other = give(one_clinic, patient, **own | {"session": {"dissociation": "none"}})
    assert_problem(other, 409, code="external-id-taken", pointer="#/external_id")


def test_reading_the_notes_is_in_the_audit_log(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    made = give(one_clinic, patient, session=SESSION, note="Words")
    nurse = staff_client(service, one_clinic.clinic_id, StaffRole.READ_ONLY)
    assert nurse.get(f"/v1/patients/{patient}/infusions/{made.json()['id']}/session").status_code == 200
    nurse.close()
    lines = one_clinic.http.get("/v1/audit-events", params={"patient_id": patient}).json()["items"]
    assert "session.read" in [one["action"] for one in lines]
