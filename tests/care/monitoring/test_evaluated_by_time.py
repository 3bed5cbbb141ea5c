"""What follows from time alone is judged without anybody writing anything, at each patient's daily look."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.care.reminders.due_reminders import remind_due
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client
from tests.support.service import NOW, Service, running_service

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls) -> Iterator[Service]:
    with running_service(own_database.application_url, work=False) as running:
        yield running


@pytest.fixture
def clinic(service: Service) -> Iterator[ClinicClient]:
    service.clock.move_to(NOW)
    client = clinic_client(service)
    client.add_endpoint("http://127.0.0.1:9/")
    yield client
    client.close()


def look(service: Service, clinic: ClinicClient, at: datetime) -> None:
    """Look at whose time has come, as the sweep does."""
    service.clock.move_to(at)
    service.run(remind_due(service.context, UUID(clinic.clinic_id)))


def sent(clinic: ClinicClient, event: str) -> int:
    (endpoint,) = clinic.http.get("/v1/webhook-endpoints").json()["items"]
    path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries?limit=200"
    return sum(one["type"] == event for one in clinic.http.get(path).json()["items"])


def open_findings(clinic: ClinicClient) -> list[str]:
    return sorted(one["code"] for one in clinic.http.get("/v1/findings?state=open").json()["items"])


def days_on_which(service: Service, clinic: ClinicClient, event: str, days: int) -> list[int]:
    """The days from now on whose look made it known."""
    found, before = [], sent(clinic, event)
    for day in range(1, days + 1):
        look(service, clinic, NOW + day * DAY)
        now = sent(clinic, event)
        found += [day] * (now - before)
        before = now
    return found


def test_a_patient_who_fell_silent_after_induction_is_known_to_have_no_reference(
    service: Service, clinic: ClinicClient
) -> None:
    """Day 15 after induction is the last on which a reference could still come."""
    clinic.treat(clinic.patient(), last_infusion=NOW - timedelta(hours=1))

    assert days_on_which(service, clinic, "reference.not_established", 30) == [16]
    assert "no_reference" in open_findings(clinic)


def test_a_series_that_stopped_after_two_of_six_is_due_for_review(
    service: Service, clinic: ClinicClient
) -> None:
    """Induction ends 14 days after the last infusion, though nobody says so and nobody reports."""
    patient = clinic.patient()
    first = NOW - 3 * DAY
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": first.date().isoformat()}
    clinic.http.post(f"/v1/patients/{patient}/courses", json=course)
    for given_at in (first, NOW - timedelta(hours=1)):
        given = {"given_at": given_at.isoformat(), "phase": "induction"} | CONFIRMED
        assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).status_code == 201

    assert days_on_which(service, clinic, "induction.review_due", 30) == [14]
    assert "review_due" in open_findings(clinic)


def test_silence_is_over_when_the_course_is(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(hours=1))
    assert len(days_on_which(service, clinic, "check_ins.overdue", 6)) == 1
    assert "overdue" in open_findings(clinic)
    path = f"/v1/patients/{patient}/courses/current"
    course = clinic.http.get(path)
    ended = {"ended_on": (NOW + 6 * DAY).date().isoformat()}
    reply = clinic.http.patch(path, json=ended, headers={"if-match": course.headers["etag"]})
    assert reply.status_code == 200, reply.text

    look(service, clinic, NOW + 7 * DAY)

    assert "overdue" not in open_findings(clinic)


def test_what_stays_as_it_is_is_judged_without_a_turn(service: Service, clinic: ClinicClient) -> None:
    """A daily look at someone about whom nothing changes writes nothing to the record."""
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(hours=1))
    look(service, clinic, NOW + DAY)
    before = clinic.http.get(f"/v1/patients/{patient}/evaluation").json()["level"]

    assert days_on_which(service, clinic, "signal.raised", 3) == []
    assert clinic.http.get(f"/v1/patients/{patient}/evaluation").json()["level"] == before


def test_nothing_is_judged_about_someone_who_withdrew_or_is_archived(
    service: Service, clinic: ClinicClient
) -> None:
    withdrawn, archived = clinic.patient(), clinic.patient()
    for patient in (withdrawn, archived):
        clinic.treat(patient, last_infusion=NOW - timedelta(hours=1))
    phone = clinic.enrol(withdrawn, service.url)
    assert phone.http.post("/v1/me/consent/withdraw", json={}).is_success
    gone = clinic.http.post(f"/v1/patients/{archived}/archive", json={"reason": "care_ended"})
    assert gone.is_success, gone.text

    assert days_on_which(service, clinic, "reference.not_established", 30) == []
    # The review was due with the last infusion already.
    assert set(open_findings(clinic)) == {"review_due"}
