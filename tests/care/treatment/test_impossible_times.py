"""Every route that takes a time or a day from the clinic refuses what the patient's clocks never showed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.people import CONFIRMED, ClinicClient, entry, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import staff_client

# The clocks of Berlin went from 02:00 to 03:00 that night, by either offset that one may think of.
SKIPPED = ("2026-03-29T02:30:00+01:00", "2026-03-29T02:30:00+02:00")
ELSEWHERE = "2026-03-29T02:30:00-05:00"
BORN = 2015
WHY = {"reason": "Mistyped"}


class Route(NamedTuple):
    """How a time is sent along one way, and where the problem has to point."""

    name: str
    send: Callable[[ClinicClient, str, str], httpx2.Response]
    pointer: str


def _post(path: str, **body: Any) -> Callable[[ClinicClient, str, str], httpx2.Response]:  # noqa: ANN401 - JSON
    def send(clinic: ClinicClient, patient: str, when: str) -> httpx2.Response:
        named = {key: when if value is ... else value for key, value in body.items()}
        return clinic.http.post(f"/v1/patients/{patient}/{path}", json=named | CONFIRMED)

    return send


def _amend(what: str, field: str) -> Callable[[ClinicClient, str, str], httpx2.Response]:
    def send(clinic: ClinicClient, patient: str, when: str) -> httpx2.Response:
        (one, *_) = clinic.http.get(f"/v1/patients/{patient}/{what}").json()["items"]
        confirm = CONFIRMED if what == "infusions" else {}
        return clinic.http.patch(
            f"/v1/patients/{patient}/{what}/{one['id']}",
            json={field: when} | WHY | confirm,
            headers={"if-match": one["etag"]},
        )

    return send


def _given(clinic: ClinicClient, patient: str, when: str) -> httpx2.Response:
    path = f"/v1/patients/{patient}/appointments"
    planned = {"kind": "booster", "on": f"{NOW + timedelta(days=9):%F}"}
    made = clinic.http.post(path, json=planned | CONFIRMED)
    assert made.status_code == 201, made.text
    given = clinic.http.post(f"{path}/{made.json()['id']}/give", json={"given_at": when} | CONFIRMED)
    clinic.http.post(f"{path}/{made.json()['id']}/cancel")
    return given


def _taken_on(clinic: ClinicClient, patient: str, when: str) -> httpx2.Response:
    joining = {"on": f"{NOW:%F}", "infusions": [{"given_at": when}]} | CONFIRMED
    body = {"protocol": "standard", "taken_on": joining}
    return clinic.http.post(f"/v1/patients/{patient}/courses", json=body)


def _session(clinic: ClinicClient, patient: str, when: str) -> httpx2.Response:
    given = {"given_at": "2026-03-29T01:30:00+01:00", "phase": "induction", "session": {"ended_at": when}}
    return clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)


INFUSION = Route("infusion", _post("infusions", given_at=..., phase="induction"), "#/given_at")
AMENDED = Route("amended infusion", _amend("infusions", "given_at"), "#/given_at")
FORM = Route("form", _post("assessments", scale="phq-9", total=7, taken_at=...), "#/taken_at")
AMENDED_FORM = Route("amended form", _amend("assessments", "taken_at"), "#/taken_at")
AMENDED_REPORT = Route("amended check-in", _amend("check-ins", "recorded_at"), "#/recorded_at")
GIVEN = Route("planned infusion", _given, "#/given_at")
TAKEN_ON = Route("taken on", _taken_on, "#/taken_on/infusions/0")
SESSION = Route("session", _session, "#/session/ended_at")
COURSE = Route("course", _post("courses", protocol="standard", started_on=...), "#/started_on")
AMENDED_COURSE = Route("amended course", _amend("courses", "started_on"), "#/started_on")
REVIEWED = Route("reviewed", _amend("courses", "reviewed_on"), "#/reviewed_on")
CHANGED = Route("circumstance", _post("circumstances", kind="tms", since=...), "#/since")
TIMES = (INFUSION, AMENDED, FORM, AMENDED_FORM, AMENDED_REPORT, GIVEN, TAKEN_ON)
DAYS = (COURSE, AMENDED_COURSE, REVIEWED, CHANGED)


def named(route: object) -> str:
    return route.name if isinstance(route, Route) else str(route)


def patient_with_a_past(clinic: ClinicClient) -> str:
    made = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=5)
    form = {"scale": "phq-9", "taken_at": f"{NOW - timedelta(days=3):%FT%T%z}", "total": 9}
    assert clinic.http.post(f"/v1/patients/{made}/assessments", json=form).status_code == 201
    return made


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return patient_with_a_past(one_clinic)


@pytest.fixture(scope="module")
def refusing(shared_service: Service, one_clinic: ClinicClient) -> str:
    """A patient of whom nothing may change, whatever is sent: one for all tests that see to it."""
    shared_service.clock.move_to(NOW)
    return patient_with_a_past(one_clinic)


@pytest.fixture(scope="module")
def born(shared_service: Service, one_clinic: ClinicClient) -> str:
    """Another, whose year of birth is known."""
    shared_service.clock.move_to(NOW)
    made = patient_with_a_past(one_clinic)
    staff = staff_client(shared_service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    kept = staff.put(f"/v1/patients/{made}/contact", json={"birth_year": BORN})
    assert kept.status_code == 200, kept.text
    return made


def record(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    """All that is kept and believed, to see that nothing was half done."""
    paths = ("infusions", "courses", "assessments", "circumstances", "evaluation", "booked-booster")
    return {path: clinic.http.get(f"/v1/patients/{patient}/{path}").json() for path in paths}


@pytest.mark.parametrize("when", SKIPPED)
@pytest.mark.parametrize("route", [*TIMES, SESSION], ids=named)
def test_an_hour_that_the_clocks_skipped_is_refused_by_name_and_nothing_is_half_done(
    service: Service,  # noqa: ARG001 - sets the clock
    one_clinic: ClinicClient,
    refusing: str,
    route: Route,
    when: str,
) -> None:
    before = record(one_clinic, refusing)
    if route is SESSION and when == SKIPPED[1]:
        when = "2026-03-29T02:59:00+01:00"
    refused = route.send(one_clinic, refusing, when)
    assert_problem(refused, 422, code="time-skipped", pointer=route.pointer)
    assert record(one_clinic, refusing) == before


@pytest.mark.parametrize("route", TIMES, ids=named)
def test_a_time_without_an_offset_is_refused_by_name(
    service: Service,  # noqa: ARG001 - sets the clock
    one_clinic: ClinicClient,
    refusing: str,
    route: Route,
) -> None:
    before = record(one_clinic, refusing)
    refused = route.send(one_clinic, refusing, "2026-03-29T02:30:00")
    pointer = route.pointer if route is not TAKEN_ON else f"{route.pointer}/given_at"
    assert_problem(refused, 422, code="invalid-request", pointer=pointer)
    assert record(one_clinic, refusing) == before


@pytest.mark.parametrize("route", [FORM, AMENDED_FORM], ids=named)
def test_the_same_time_by_another_places_offset_names_a_moment(
    one_clinic: ClinicClient, patient: str, route: Route
) -> None:
    assert route.send(one_clinic, patient, ELSEWHERE).status_code in {200, 201}


@pytest.mark.parametrize("route", [*TIMES, *DAYS], ids=named)
def test_nothing_is_dated_before_the_patient_was_born(
    service: Service,  # noqa: ARG001 - sets the clock
    one_clinic: ClinicClient,
    born: str,
    route: Route,
) -> None:
    before = record(one_clinic, born)
    when = f"{BORN - 1}-06-01" + ("T12:00:00+02:00" if route in TIMES else "")
    refused = route.send(one_clinic, born, when)
    assert_problem(refused, 422, code="before-birth", pointer=route.pointer)
    assert str(BORN) not in refused.text
    assert record(one_clinic, born) == before


@pytest.mark.parametrize("route", [*TIMES, *DAYS], ids=named)
def test_nothing_is_dated_before_2000(
    service: Service,  # noqa: ARG001 - sets the clock
    one_clinic: ClinicClient,
    refusing: str,
    route: Route,
) -> None:
    before = record(one_clinic, refusing)
    refused = route.send(one_clinic, refusing, "1926-11-03" + ("T12:00:00Z" if route in TIMES else ""))
    pointer = route.pointer if route is not TAKEN_ON else f"{route.pointer}/given_at"
    assert_problem(refused, 422, code="time-out-of-range", pointer=pointer)
    assert record(one_clinic, refusing) == before


def test_a_year_of_birth_that_has_not_begun_or_lies_after_what_is_on_record_is_refused_by_name(
    service: Service, one_clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    staff = staff_client(service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    patient = one_clinic.patient(time_zone="Pacific/Auckland")

    def born(year: int) -> httpx2.Response:
        return staff.put(f"/v1/patients/{patient}/contact", json={"name": "Ana", "birth_year": year})

    assert_problem(born(NOW.year + 1), 422, code="birth-year-ahead", pointer="#/birth_year")
    sends = {
        2024: TAKEN_ON.send(one_clinic, patient, "2025-01-01T00:30:00+13:00"),
        2022: FORM.send(one_clinic, patient, "2022-05-01T12:00:00Z"),
        2021: CHANGED.send(one_clinic, patient, "2021-05-01"),
        2020: COURSE.send(one_clinic, patient, "2020-05-01"),
    }
    for year, sent in sends.items():
        assert sent.status_code == 201, (year, sent.text)
    item = {"id": str(uuid4()), **entry(NOW - timedelta(days=365 * 8), (4, 4, 4))}
    path = f"/v1/patients/{patient}/check-ins/batch"
    assert one_clinic.http.post(path, json={"items": [item]}).json()["results"][0]["status"] == 201
    first = (NOW - timedelta(days=365 * 8)).year
    refused = born(first + 1)
    assert_problem(refused, 409, code="birth-year-after-record", pointer="#/birth_year")
    assert str(first) not in refused.text
    assert staff.get(f"/v1/patients/{patient}/contact").json()["name"] is None, "nothing half done"
    assert born(first).status_code == 200
    staff.close()


def test_what_was_voided_does_not_come_back_before_the_year_of_birth_that_was_entered_meanwhile(
    service: Service, one_clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    staff = staff_client(service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    patient = one_clinic.patient()
    (report,) = one_clinic.import_days(patient, NOW - timedelta(days=365 * 8), [(4, 4, 4)])
    voided = [f"check-ins/{report['id']}"]
    for what, route, when in (
        ("infusions", INFUSION, "2021-05-01T12:00:00Z"),
        ("assessments", FORM, "2021-05-01T12:00:00Z"),
        ("circumstances", CHANGED, "2021-05-01"),
        ("courses", COURSE, "2021-05-01"),
    ):
        sent = route.send(one_clinic, patient, when)
        assert sent.status_code == 201, sent.text
        voided.append(f"{what}/{sent.json()['id']}")
    for path in voided:
        reply = one_clinic.http.post(f"/v1/patients/{patient}/{path}/void", json={"reason": "Another's"})
        assert reply.status_code == 200, reply.text
    born = staff.put(f"/v1/patients/{patient}/contact", json={"birth_year": 2024})
    assert born.status_code == 200, born.text
    before = record(one_clinic, patient)

    for path in voided:
        refused = one_clinic.http.post(f"/v1/patients/{patient}/{path}/restore")
        assert_problem(refused, 422, code="before-birth")
    assert record(one_clinic, patient) == before
    staff.close()


def test_an_imported_check_in_at_such_a_time_is_refused_and_the_others_are_kept(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    staff = staff_client(service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    assert staff.put(f"/v1/patients/{patient}/contact", json={"birth_year": BORN}).status_code == 200
    staff.close()
    right = entry(NOW - timedelta(days=400), (4, 4, 4))
    times = (SKIPPED[0], f"{BORN - 1}-06-01T20:00:00+02:00", "2014-03-30T02:30:00-05:00")
    items = [{"id": str(uuid4()), **right}]
    items += [{"id": str(uuid4()), **right, "recorded_at": one} for one in times]
    reply = one_clinic.http.post(f"/v1/patients/{patient}/check-ins/batch", json={"items": items})
    results = reply.json()["results"]
    assert [one["status"] for one in results] == [201, 422, 422, 422], reply.text
    codes = [one["problem"]["type"].rpartition("/")[2] for one in results[1:]]
    assert codes == ["time-skipped", "before-birth", "before-birth"]


def test_what_a_phone_sends_is_never_refused_for_it(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    service.clock.move_to(NOW.replace(month=3, day=29, hour=6))
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    body = entry(NOW, (5, 5, 5)) | {"recorded_at": SKIPPED[0], "self_harm_thoughts": True}
    sent = phone.http.put(f"/v1/check-ins/{uuid4()}", json=body)
    assert (sent.status_code, bool(sent.json()["crisis_help"])) == (201, True), sent.text
    assert patient
