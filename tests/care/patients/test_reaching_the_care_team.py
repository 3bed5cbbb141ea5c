"""Who of the clinic is reached: one member's endpoints and channels, members away, and successors who were tested."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.storage.catalogue import ask
from tests.support.browser import PlainBrowser, fields_of
from tests.support.clinics import change_clinic, gone_live, name_contacts
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.processes import wait_until
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import NOW, Service, running_service
from tests.support.staff import JoinedMember, joined

TODAY = NOW.date()
TEST_SUBJECT = "Please confirm this address"


@dataclass
class Clinic:
    """A clinic whose mails go through a real server."""

    service: Service
    mail: MailServer
    database: DatabaseUrls
    client: ClinicClient

    def letters(self, to: str) -> list[str]:
        """Under which subjects an address was written to, once nothing waits any more."""
        assert wait_until(lambda: not self._waiting(), 30)
        subjects = [str(one.message["subject"]) for one in self.mail.letters if one.to == to]
        return [one.removeprefix("[TEST] ") for one in subjects if "invited" not in one]

    def _waiting(self) -> list[Any]:
        return ask(
            self.database.superuser_url,
            "SELECT id FROM care.outgoing_messages WHERE clinic_id = %(clinic_id)s AND state = 'pending'",
            clinic_id=self.client.clinic_id,
        )

    def assign(self, patient: str, *members: JoinedMember) -> None:
        body = {"members": [{"member_id": one.id, "duty": "member"} for one in members]}
        path = f"/v1/patients/{patient}/care-team"
        version = self.client.http.get(path).headers["etag"]
        assert self.client.http.put(path, json=body, headers={"if-match": version}).status_code == 200

    def away(self, member: JoinedMember, first: int, until: int | None) -> httpx2.Response:
        days = {"from": str(TODAY + timedelta(days=first))}
        if until is not None:
            days["until"] = str(TODAY + timedelta(days=until))
        return self.client.http.put(f"/v1/staff/{member.id}/away", json=days)

    def faded(self, *members: JoinedMember) -> str:
        """A patient with a signal, in the care team of these."""
        patient = treated(self.client, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=14)
        self.assign(patient, *members)
        self.client.import_days(patient, NOW - timedelta(days=9), [(3, 3, 3)] * 9)
        assert [one["state"] for one in self.client.signals(patient)] == ["open"]
        return patient

    def unsafe(self, *members: JoinedMember) -> str:
        """A patient of these who disclosed self-harm."""
        patient = self.client.patient()
        self.assign(patient, *members)
        phone = self.client.enrol(patient, self.service.url)
        assert phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True).status_code == 201
        return patient

    def answer_test(self, email: str) -> None:
        """Press the link of the latest test message to an address, as a person does."""
        assert wait_until(lambda: TEST_SUBJECT in self.letters(email), 20)
        bodies = [one.body for one in self.mail.letters if one.to == email]
        link = re.findall(r"/care/contact-test/\S+", bodies[-1])[0]
        browser = PlainBrowser(self.service.url)
        page = browser.get(link)
        assert "I can be reached" in page.text
        assert browser.post(link, fields_of(page.text, link)).status_code == 200
        browser.http.close()


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[tuple[DatabaseUrls, Service, MailServer]]:
    with (
        cluster.database() as database,
        running_mail_server() as mail,
        running_service(database.application_url, mail=mail.relay()) as service,
    ):
        yield database, service, mail


@pytest.fixture
def clinic(shared: tuple[DatabaseUrls, Service, MailServer]) -> Clinic:
    database, service, mail = shared
    service.clock.move_to(NOW)
    mail.letters.clear()
    mail.rcpt = "250 OK"
    return Clinic(service, mail, database, clinic_client(service))


@pytest.fixture
def kim(clinic: Clinic) -> JoinedMember:
    return joined(clinic.service, clinic.client, StaffRole.CLINICIAN)


@pytest.fixture
def lee(clinic: Clinic) -> JoinedMember:
    return joined(clinic.service, clinic.client, StaffRole.CLINICIAN)


def signals_at(receiver: Receiver, count: int) -> set[str]:
    return {one.event["data"]["patient_id"] for one in receiver.wait_for("signal.raised", count=count)}


@pytest.mark.slow
def test_one_members_endpoint_and_channel_get_that_members_patients_and_every_safety_event(
    clinic: Clinic, receiver: Receiver, kim: JoinedMember, lee: JoinedMember
) -> None:
    http = clinic.client.http
    with running_receiver() as kims:
        clinic.client.add_endpoint(receiver.url)
        body = {"url": kims.url, "care_team": kim.id}
        narrow = http.post("/v1/webhook-endpoints", json=body)
        assert (narrow.status_code, narrow.json()["care_team"]) == (201, kim.id), narrow.text
        channel = {"kind": "email", "address": "kim@chat.example", "care_team": kim.id}
        assert http.post("/v1/notice-channels", json=channel).json()["care_team"] == kim.id
        mine, other = clinic.faded(kim), clinic.faded(lee)
        unsafe = clinic.unsafe(lee)
        assert signals_at(receiver, 2) == {mine, other}
        assert signals_at(kims, 1) == {mine}
        assert {one.event["data"]["patient_id"] for one in kims.wait_for("safety.reported")} == {unsafe}
        assert "Urgent: please look at your worklist now" in clinic.letters("kim@chat.example")
        assert len(kims.accepted("signal.raised")) == 1

        assert clinic.away(lee, 0, 3).status_code == 200
        left = clinic.faded(lee)
        nobodys = clinic.faded()
        assert signals_at(kims, 3) == {mine, left, nobodys}, "nobody of the care team: for the whole clinic"

        path = f"/v1/webhook-endpoints/{narrow.json()['id']}"
        version = http.get(path).headers["etag"]
        wide = http.patch(path, json={"care_team": None}, headers={"if-match": version})
        assert (wide.status_code, wide.json()["care_team"]) == (200, None)
        stranger = http.post("/v1/webhook-endpoints", json=body | {"care_team": mine})
        assert_problem(stranger, 422, code="member-not-active", pointer="#/care_team")


def test_a_member_who_is_away_or_unreachable_leaves_it_to_the_clinic(
    clinic: Clinic, kim: JoinedMember, lee: JoinedMember
) -> None:
    name_contacts(clinic.client)
    shown = clinic.away(kim, -1, 1)
    assert shown.json()["away"] == {
        "from": str(TODAY - timedelta(days=1)),
        "until": str(TODAY + timedelta(days=1)),
    }
    assert_problem(clinic.away(kim, 2, 1), 422, code="away-days", pointer="#/until")
    clinic.unsafe(kim, lee)
    assert (clinic.letters(kim.email), len(clinic.letters(lee.email))) == ([], 1)
    assert len(clinic.letters("ortega@clinic.example")) == 1
    back = clinic.client.http.delete(f"/v1/staff/{kim.id}/away")
    assert (back.status_code, back.json()["away"]) == (200, None)
    assert clinic.away(lee, 5, None).status_code == 200, "not yet away"

    clinic.mail.rcpt = "550 no such person"
    clinic.unsafe(kim, lee)
    wait = f"/v1/staff/{kim.id}"
    assert wait_until(lambda: clinic.client.http.get(wait).json()["unreachable_since"] is not None, 20)
    clinic.mail.rcpt = "250 OK"
    clinic.mail.letters.clear()
    clinic.unsafe(kim)
    assert clinic.letters(kim.email) == []
    assert len(clinic.letters("ortega@clinic.example")) == 1

    test = clinic.client.http.post("/v1/clinic/contact-tests", json={"email": kim.email})
    assert test.status_code == 202, test.text
    assert wait_until(lambda: clinic.client.http.get(wait).json()["unreachable_since"] is None, 20)
    clinic.unsafe(kim)
    assert len(clinic.letters(kim.email)) == 2, "the test, and the notice"


def test_a_contact_gives_way_only_to_whoever_answered_a_test(clinic: Clinic, receiver: Receiver) -> None:
    gone_live(clinic.service, clinic.client, receiver)
    successor = {"name": "D. Vega", "email": "vega@clinic.example"}
    refused = change_clinic(clinic.client, safety_contact=successor)
    assert_problem(refused, 409, code="successor-not-tested", pointer="#/safety_contact")
    sent = clinic.client.http.post("/v1/clinic/contact-tests", json={"email": "Vega@clinic.example"})
    assert (sent.status_code, sent.json()["answered_at"]) == (202, None)
    still = change_clinic(clinic.client, safety_contact=successor)
    assert_problem(still, 409, code="successor-not-tested")
    assert clinic.client.http.get("/v1/clinic").json()["safety_contact"]["name"] == "R. Ortega"

    clinic.answer_test("Vega@clinic.example")
    test, *_ = clinic.client.http.get("/v1/clinic/contact-tests").json()["items"]
    assert test["answered_at"]
    assert change_clinic(clinic.client, safety_contact=successor).status_code == 200
    renamed = successor | {"name": "Dr. Vega", "phone": "+1 555 0103"}
    assert change_clinic(clinic.client, safety_contact=renamed).status_code == 200, "the same address"
    clinic.service.clock.move_to(NOW + timedelta(days=91))
    again = change_clinic(clinic.client, second_contact=successor | {"name": "V."}, safety_contact=None)
    assert_problem(again, 409, code="contacts-needed")


def test_the_last_owner_and_a_contact_leave_only_after_a_successor_answered(
    clinic: Clinic, receiver: Receiver
) -> None:
    http, service = clinic.client.http, clinic.service
    first = joined(service, clinic.client, StaffRole.OWNER, email="ortega@clinic.example")
    second = joined(service, clinic.client, StaffRole.OWNER)
    gone_live(clinic.service, clinic.client, receiver)

    def deactivate(member: JoinedMember) -> httpx2.Response:
        return http.post(f"/v1/staff/{member.id}/disable")

    assert_problem(deactivate(first), 409, code="successor-not-tested")
    version = http.get(f"/v1/staff/{first.id}").headers["etag"]
    demoted = http.patch(f"/v1/staff/{first.id}", json={"role": "clinician"}, headers={"if-match": version})
    assert_problem(demoted, 409, code="successor-not-tested")
    assert http.post("/v1/clinic/contact-tests", json={"email": second.email}).status_code == 202
    clinic.answer_test(second.email)
    assert_problem(deactivate(first), 409, code="clinic-contact")
    assert http.get(f"/v1/staff/{first.id}").json()["state"] == "active"
    contact = {"name": "Robin", "email": second.email}
    assert change_clinic(clinic.client, safety_contact=contact).status_code == 200
    assert deactivate(first).json()["state"] == "disabled"
    assert_problem(deactivate(second), 409, code="last-owner")


def test_a_link_that_is_cut_off_or_old_answers_nothing(clinic: Clinic) -> None:
    assert (
        clinic.client.http.post("/v1/clinic/contact-tests", json={"email": "a@clinic.example"}).status_code
        == 202
    )
    assert wait_until(lambda: TEST_SUBJECT in clinic.letters("a@clinic.example"), 20)
    (letter,) = clinic.mail.letters
    link = re.findall(r"/care/contact-test/\S+", letter.body)[0]
    browser = PlainBrowser(clinic.service.url)
    assert browser.get(link[:-5]).status_code == 404
    page = browser.get(link)
    clinic.service.clock.move_to(NOW + timedelta(days=8))
    assert browser.post(link, fields_of(page.text, link)).status_code == 410
    browser.http.close()
    assert [
        one["answered_at"] for one in clinic.client.http.get("/v1/clinic/contact-tests").json()["items"]
    ] == [None]
