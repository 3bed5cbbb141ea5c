"""The trend over HTTP: the clinic's chart, and the patient's own progress."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from tests.support.people import NO_TLS, ClinicClient, PatientClient, clinic_client, item, key_with, treated
from tests.support.pictures import Picture
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

TODAY = NOW.date()
LEVEL_WORDS = ("consider", "watch", "steady", "level", "booster")


@pytest.fixture(scope="module")
def fading(shared_service: Service, one_clinic: ClinicClient) -> str:
    """A patient who was well after induction and no longer is, and who has a signal."""
    shared_service.clock.move_to(NOW)
    return treated(
        one_clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 14 else (4, 4, 4), until=20
    )


@pytest.fixture(scope="module")
def own(shared_service: Service, one_clinic: ClinicClient, fading: str) -> PatientClient:
    """The patient's phone, with the last days reported one by one."""
    phone = one_clinic.enrol(fading, shared_service.url)
    for ago in (2, 0):
        shared_service.clock.move_to(NOW - timedelta(days=ago))
        assert (
            phone.check_in(NOW - timedelta(days=ago, hours=1), (4, 3, None), sleep_hours=6.5).status_code
            == 201
        )
    return phone


def chart(clinic: ClinicClient, patient: str, **query: str) -> Picture:
    reply = clinic.http.get(f"/v1/patients/{patient}/chart.svg", params=query)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].split(";")[0] == "image/svg+xml"
    return Picture(reply.text)


def progress(phone: PatientClient, **query: str) -> dict[str, Any]:
    reply = phone.http.get("/v1/me/progress", params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_the_clinic_sees_reports_bands_infusions_and_the_level(
    one_clinic: ClinicClient, fading: str, own: PatientClient
) -> None:
    assert own.patient_id == fading, "and its phone has reported"
    one_clinic.http.post(
        f"/v1/patients/{fading}/assessments",
        json={"scale": "phq-9", "taken_at": (NOW - timedelta(days=1)).isoformat(), "total": 14},
    )
    picture = chart(one_clinic, fading)

    assert {"after induction", "before treatment", "induction infusion", "PHQ-9", "14"} <= set(picture.words)
    assert "Level: consider booster" in picture.words
    assert "4.0 on Nov 3" in picture.words
    assert sum(len(line) for line in picture.lines(0)) == 9 + 20 + 2


def test_the_clinics_chart_marks_what_else_changed_and_days_with_a_note_without_their_words(
    service: Service, one_clinic: ClinicClient, own: PatientClient
) -> None:
    service.clock.move_to(NOW)
    changed = {"kind": "tms", "since": str(TODAY - timedelta(days=5)), "detail": "Dr. Canary"}
    path = f"/v1/patients/{own.patient_id}/circumstances"
    assert one_clinic.http.post(path, json=changed).status_code == 201
    noted = own.check_in(NOW - timedelta(hours=2), (4, 3, None), note="Canary sang all night")
    assert noted.status_code == 201, noted.text
    picture = chart(one_clinic, own.patient_id)
    assert {"Also changed", "Notes", "A: TMS, Oct 29"} <= set(picture.words)
    assert "Canary" not in picture.text
    mine = own.http.get("/v1/me/progress.svg")
    assert "TMS" not in mine.text


def test_the_patient_gets_days_means_and_infusions_and_no_level(
    shared_service: Service, own: PatientClient
) -> None:
    shared_service.clock.move_to(NOW)
    said = progress(own)

    assert (said["from"], said["to"]) == ((TODAY - timedelta(days=91)).isoformat(), TODAY.isoformat())
    assert len(said["days"]) == 31
    last = said["days"][-1]
    assert last["date"] == TODAY.isoformat()
    assert (last["mood"], last["energy"], last["sleep_quality"], last["sleep_hours"]) == (4, 3, None, 6.5)
    assert said["reference"]["mood"] == {"mean": 8, "days": 8}
    assert said["baseline"]["mood"] == {"mean": 3, "days": 9}
    assert [one["phase"] for one in said["infusions"]] == ["induction"] * 6
    assert said["description"].startswith("Aug")
    assert not any(word in str(said).lower() for word in LEVEL_WORDS)


@pytest.mark.parametrize("width", ["wide", "compact"])
def test_the_patients_picture_shows_no_level_either(own: PatientClient, width: str) -> None:
    reply = own.http.get("/v1/me/progress.svg", params={"width": width})
    picture = Picture(reply.text)
    assert reply.headers["content-type"].split(";")[0] == "image/svg+xml"
    assert not any(word in " ".join([*picture.words, picture.description]).lower() for word in LEVEL_WORDS)
    assert picture.all("path", "level") == []
    assert len(picture.lines(0)) > 1


def test_a_picture_opened_alone_may_use_its_own_style_and_nothing_else(own: PatientClient) -> None:
    headers = own.http.get("/v1/me/progress.svg").headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_several_check_ins_of_a_day_are_one_day_and_late_ones_are_marked(
    service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    for hours, mood in ((3, 4), (1, 7), (60, 2)):
        phone.check_in(NOW - timedelta(hours=hours), (mood, None, None))
    assert [(one["date"], one["mood"], one["late"]) for one in progress(phone)["days"]] == [
        ((TODAY - timedelta(days=2)).isoformat(), 2, True),
        (TODAY.isoformat(), 5.5, False),
    ]


def test_imported_history_is_not_drawn_as_late(service: Service, clinic: ClinicClient) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    clinic.import_days(phone.patient_id, NOW - timedelta(days=9), [(5, 5, 5)] * 4)
    phone.check_in(NOW - timedelta(days=2), (6, 6, 6))

    assert [one["late"] for one in progress(phone)["days"]] == [False] * 4 + [True]
    assert "reported late" in chart(clinic, phone.patient_id).words
    phone.http.delete(f"/v1/check-ins/{phone.http.get('/v1/check-ins').json()['items'][-1]['id']}")
    assert "reported late" not in chart(clinic, phone.patient_id).words


def test_a_corrected_or_withdrawn_check_in_is_not_shown(service: Service, clinic: ClinicClient) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    wrong, gone = (item(NOW - timedelta(days=ago), (1, 1, 1)) for ago in (2, 1))
    for one in (wrong, gone):
        body = {name: value for name, value in one.items() if name != "id"}
        assert phone.http.put(f"/v1/check-ins/{one['id']}", json=body).status_code == 201
    phone.check_in(NOW - timedelta(days=2), (6, 6, 6), supersedes=wrong["id"])
    phone.http.delete(f"/v1/check-ins/{gone['id']}")
    assert [one["mood"] for one in progress(phone)["days"]] == [6]


def test_reports_within_24_hours_of_an_infusion_are_marked(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=5))
    phone = clinic.enrol(patient, service.url)
    for hours in (5 * 24 - 3, 4 * 24 - 3):
        phone.check_in(NOW - timedelta(hours=hours), (9, 9, 9))
    assert [one["acute"] for one in progress(phone)["days"]] == [True, False]


def test_without_check_ins_there_is_an_empty_answer_and_an_empty_picture(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    said = progress(clinic.enrol(patient, service.url))
    assert (said["days"], said["baseline"], said["reference"], said["infusions"]) == ([], None, None, [])
    assert "No check-ins in this time" in chart(clinic, patient).words


def test_only_the_days_asked_for_are_given(one_clinic: ClinicClient, fading: str, own: PatientClient) -> None:
    first, last = (TODAY - timedelta(days=ago) for ago in (12, 6))
    said = progress(own, **{"from": first.isoformat(), "to": last.isoformat()})
    assert [one["date"] for one in said["days"]] == [
        (first + timedelta(days=n)).isoformat() for n in range(7)
    ]
    assert said["reference"]["mood"]["mean"] == 8, "what days are measured against lies before them"
    picture = chart(one_clinic, fading, **{"from": first.isoformat(), "to": last.isoformat()})
    assert sum(len(line) for line in picture.lines(0)) == 7


@pytest.mark.parametrize("locale", ["es", "es-MX", "ES_us"])
def test_the_chart_is_drawn_in_the_language_asked_for(
    one_clinic: ClinicClient, fading: str, locale: str
) -> None:
    assert "Ánimo" in chart(one_clinic, fading, locale=locale).words


# query                                              code
BAD = [
    ({"from": "2026-11-03", "to": "2026-11-02"}, "days-not-in-order"),
    ({"from": "2021-01-01", "to": "2026-11-02"}, "too-many-days"),
    ({"from": "yesterday"}, "time-not-written-out"),
    ({"to": "9999-12-31"}, "time-out-of-range"),
    ({"width": "huge"}, "enum"),
]


@pytest.mark.parametrize(("query", "code"), BAD)
def test_a_range_or_width_that_cannot_be_is_refused(
    one_clinic: ClinicClient, fading: str, query: dict[str, str], code: str
) -> None:
    reply = one_clinic.http.get(f"/v1/patients/{fading}/chart.svg", params=query)
    assert_problem(reply, 422, code=code)


def test_another_clinics_patient_is_not_there(service: Service, fading: str) -> None:
    other = clinic_client(service)
    assert_problem(other.http.get(f"/v1/patients/{fading}/chart.svg"), 404, code="not-found")
    other.close()


def test_the_chart_needs_the_scope_of_the_evaluation(
    service: Service, one_clinic: ClinicClient, fading: str
) -> None:
    key = key_with(service, one_clinic.clinic_id, Scope.PATIENTS)
    reply = httpx2.get(
        f"{service.url}/v1/patients/{fading}/chart.svg",
        headers={"authorization": f"Bearer {key}"},
        timeout=30,
        verify=NO_TLS,
    )
    assert_problem(reply, 403, code="scope-missing")
