"""The audit log as a page: with names, by who, whom, what and when; owners only; itself recorded in the audit log."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.translations import catalogue
from app.pages.staff.audit_words import words_of
from tests.support.browser import PlainBrowser
from tests.support.databases import DatabaseUrls
from tests.support.manager_clinic import clinic_with_a_past
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

AsRole = Callable[[StaffRole], PlainBrowser]
AUDIT_LOG = "/care/audit-log"


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with a past."""
    with clinic_with_a_past(shared_service) as client:
        yield client


def lines(text: str) -> list[str]:
    """The lines of a page, without their markup's first tag."""
    if '<ol class="audit-log"' not in text:
        return []
    return text.split('<ol class="audit-log"')[1].split("</ol>", maxsplit=1)[0].split("<li>")[1:]


@pytest.mark.parametrize("role", [one for one in StaffRole if one is not StaffRole.OWNER])
def test_only_owners_look_through_the_audit_log_and_others_are_not_offered_it(
    as_role: AsRole, role: StaffRole
) -> None:
    staff = as_role(role)

    assert staff.get(AUDIT_LOG).status_code == 403
    assert AUDIT_LOG not in staff.get("/care/settings").text
    assert AUDIT_LOG in as_role(StaffRole.OWNER).get("/care/settings").text


def test_lines_name_members_and_patients_newest_first(
    as_role: AsRole, service: Service, one_clinic: ClinicClient
) -> None:
    reference = f"Room 7 & {uuid4().hex[:6]}"
    patient = one_clinic.patient(reference)
    token = signed_in(service, one_clinic.clinic_id, StaffRole.COORDINATOR, name="Ada <Ortega>")
    service.clock.move_to(NOW + timedelta(minutes=1))
    headers = {"authorization": f"Bearer {token}"}
    assert one_clinic.http.get(f"/v1/patients/{patient}", headers=headers).is_success
    service.clock.move_to(NOW + timedelta(minutes=2))

    owner = as_role(StaffRole.OWNER)
    for wanted in (reference, patient):
        found = lines(owner.get(f"{AUDIT_LOG}?patient={wanted.replace(' ', '+').replace('&', '%26')}").text)
        assert [unescape(one).count(reference) for one in found] == [1] * len(found)
        reads = [one for one in found if "Patient read" in one]
        assert "Ada &lt;Ortega&gt;" in reads[0]
        assert "Nov 3, 2026, 6:01:00 PM" in reads[0]
        assert f'href="/care/patients/{patient}"' in reads[0]
        assert "Patient registered" in found[-1]
    shown = one_clinic.http.get("/v1/audit-events", params={"action": "audit_events.read"}).json()["items"]
    assert [one["patient_id"] for one in shown if one["actor_kind"] == "staff"][:2] == [patient] * 2


def test_who_what_and_when_narrow_it_down(as_role: AsRole, one_clinic: ClinicClient) -> None:
    owner = as_role(StaffRole.OWNER)
    whole = owner.get(AUDIT_LOG).text
    key = next(
        one["actor_id"]
        for one in one_clinic.http.get("/v1/audit-events").json()["items"]
        if one["actor_kind"] == "api_key"
    )

    assert "Infusion entered" not in "".join(lines(owner.get(f"{AUDIT_LOG}?action=signal.acknowledged").text))
    assert lines(owner.get(f"{AUDIT_LOG}?action=signal.acknowledged").text)
    assert f'<option value="{key}"' in whole
    assert all("(key)" in one for one in lines(owner.get(f"{AUDIT_LOG}?actor={key}").text))
    assert lines(owner.get(f"{AUDIT_LOG}?first=2026-11-03&last=2026-11-03").text)
    assert "Nothing was found." in owner.get(f"{AUDIT_LOG}?first=2026-10-20&last=2026-10-21").text
    for bad in (
        "patient=nobody",
        "first=soon",
        "first=2020-01-01",
        "first=2026-11-03&last=2026-11-01",
        "last=9999-12-31&first=9999-12-31",
    ):
        page = owner.get(f"{AUDIT_LOG}?{bad}")
        assert page.status_code in {200, 422}, bad
        assert not lines(page.text)
    assert owner.get(f"{AUDIT_LOG}?after=elsewhere").status_code >= 400


def test_pages_follow_each_other_without_gap_or_repetition(
    as_role: AsRole, service: Service, one_clinic: ClinicClient
) -> None:
    patient = one_clinic.patient()
    for number in range(119):
        service.clock.move_to(NOW + timedelta(seconds=number // 3))
        assert one_clinic.http.get(f"/v1/patients/{patient}").is_success
    owner, path, seen = as_role(StaffRole.OWNER), f"{AUDIT_LOG}?patient={patient}&action=patient.read", []
    pages = 0
    while path:
        page = owner.get(path).text
        pages += 1
        seen += [one.split('datetime="')[1].split('"')[0] for one in lines(page)]
        older = re.search(r'href="([^"]*)">Older lines', page)
        path = unescape(older[1]) if older else ""
    assert pages == 3
    assert len(seen) == 119
    assert seen == sorted(seen, reverse=True)


def test_an_emergency_is_shown_as_why(
    as_role: AsRole, service: Service, shared_database: DatabaseUrls, one_clinic: ClinicClient
) -> None:
    patient, access = one_clinic.patient(), uuid4()
    token = signed_in(service, one_clinic.clinic_id, StaffRole.READ_ONLY, name="Night Nurse")
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute(
            "INSERT INTO care.emergency_accesses SELECT clinic_id, %(id)s, id, %(patient)s, '\\x00', %(now)s,"
            " %(now)s + interval '1 hour' FROM care.staff_members WHERE clinic_id = %(clinic)s"
            " ORDER BY id DESC LIMIT 1",
            {"id": access, "patient": patient, "now": NOW, "clinic": one_clinic.clinic_id},
        )
    changed = one_clinic.http.post(
        f"/v1/patients/{patient}/enrolment-codes", headers={"authorization": f"Bearer {token}"}
    )
    assert changed.is_success, changed.text

    (line,) = lines(
        as_role(StaffRole.OWNER).get(f"{AUDIT_LOG}?patient={patient}&action=enrolment_code.issued").text
    )
    assert "Night Nurse" in line
    assert "In an emergency, opened Nov 3, 2026, 6:00 PM UTC, until Nov 3, 2026, 7:00 PM UTC" in line


def test_nothing_of_another_clinic_is_found(as_role: AsRole, service: Service) -> None:
    other = clinic_client(service, "Other")
    theirs = other.patient("Their reference")
    owner = as_role(StaffRole.OWNER)

    assert not lines(owner.get(f"{AUDIT_LOG}?patient={theirs}").text)
    assert owner.get(f"{AUDIT_LOG}?patient=Their+reference").status_code == 422
    other.close()


def test_every_action_that_the_code_names_has_its_words() -> None:
    named = re.compile(r'\.audit\(\s*"([a-z_]+\.[a-z_]+)"')
    actions = {one for path in Path("app").rglob("*.py") for one in named.findall(path.read_text("utf-8"))}
    assert len(actions) > 100
    # What has no words is said by its code, which no catalogue has.
    spanish = catalogue("es")
    assert [
        one for one in sorted(actions) if any(said.message not in spanish for said in words_of(one))
    ] == []
