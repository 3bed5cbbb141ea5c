"""A clinic's contacts and limits, and the way from test to live."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.support.browser import PlainBrowser, fields_of
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT, change_clinic, gone_live, name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.mail_server import Letter, running_mail_server
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import CANARY, assert_problem
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service


def missing(clinic: ClinicClient) -> dict[str, str]:
    document = assert_problem(clinic.http.post("/v1/clinic/go-live"), 409, code="not-ready-to-go-live")
    return {error["pointer"]: error["code"] for error in document["errors"]}


def test_a_new_clinic_is_a_test_with_standard_limits_and_without_contacts(clinic: ClinicClient) -> None:
    read = clinic.http.get("/v1/clinic").json()

    assert (read["mode"], read["went_live_at"], read["attention"]) == ("test", None, [])
    assert (read["safety_contact"], read["second_contact"]) == (None, None)
    assert read["limits"] == {"urgent_safety_minutes": 30, "safety_minutes": 240, "signal_hours": 24}


def test_contacts_and_limits_are_changed_one_by_one_and_taken_back(clinic: ClinicClient) -> None:
    name_contacts(clinic)
    change_clinic(clinic, limits={"urgent_safety_minutes": 10})
    changed = change_clinic(clinic, limits={"signal_hours": 48}, crisis_phone="+1 555 0100").json()

    assert (changed["safety_contact"], changed["second_contact"]) == (SAFETY_CONTACT, SECOND_CONTACT)
    assert changed["limits"] == {"urgent_safety_minutes": 10, "safety_minutes": 240, "signal_hours": 48}
    assert clinic.http.get("/v1/clinic").json() == changed
    back = change_clinic(
        clinic, second_contact=None, crisis_phone=None, limits={"urgent_safety_minutes": None}, name=None
    ).json()
    assert (back["second_contact"], back["crisis_phone"]) == (None, None)
    assert back["limits"] == {"urgent_safety_minutes": 30, "safety_minutes": 240, "signal_hours": 48}
    assert (back["name"], back["safety_contact"]) == ("Clinic", SAFETY_CONTACT)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"limits": {"urgent_safety_minutes": 4}}, "#/limits/urgent_safety_minutes"),
        ({"limits": {"urgent_safety_minutes": 61}}, "#/limits/urgent_safety_minutes"),
        ({"limits": {"safety_minutes": 481}}, "#/limits/safety_minutes"),
        ({"limits": {"signal_hours": 3}}, "#/limits/signal_hours"),
        ({"limits": {"signal_hours": 97}}, "#/limits/signal_hours"),
        ({"limits": {"off": True}}, "#/limits/off"),
        ({"safety_contact": {"name": "", "email": "a@b.example"}}, "#/safety_contact/name"),
        ({"safety_contact": {"name": "A", "email": CANARY}}, "#/safety_contact/email"),
        (
            {"safety_contact": {"name": "A", "email": "a@b.example\r\nBcc: c@d.example"}},
            "#/safety_contact/email",
        ),
        ({"safety_contact": {"name": "A", "email": "a@b.example, c@d.example"}}, "#/safety_contact/email"),
        ({"safety_contact": {"name": "A", "email": "a@localhost"}}, "#/safety_contact/email"),
        ({"second_contact": {"name": "A"}}, "#/second_contact/email"),
        (
            {"second_contact": {"name": "A", "email": "a@b.example", "phone": CANARY}},
            "#/second_contact/phone",
        ),
        ({"mode": "live"}, "#/mode"),
    ],
)
def test_a_limit_outside_its_bounds_or_a_contact_that_nobody_can_reach_is_refused(
    one_clinic: ClinicClient, change: dict[str, Any], pointer: str
) -> None:
    assert_problem(change_clinic(one_clinic, **change), 422, pointer=pointer)


def test_going_live_names_everything_that_is_missing_until_nothing_is(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    no_drill = {"/v1/clinic/drills": "drill-not-answered"}
    no_endpoint = {"/v1/webhook-endpoints": "no-endpoint-answered"} | no_drill
    assert (
        missing(clinic)
        == {
            "#/safety_contact": "safety-contact-missing",
            "#/second_contact": "second-contact-missing",
        }
        | no_endpoint
    )
    change_clinic(clinic, safety_contact=SAFETY_CONTACT)
    assert missing(clinic) == {"#/second_contact": "second-contact-missing"} | no_endpoint
    for same in (
        SAFETY_CONTACT,
        SECOND_CONTACT | {"email": "Ortega@clinic.example"},
        SECOND_CONTACT | {"name": "r. ortega"},
    ):
        change_clinic(clinic, second_contact=same)
        assert missing(clinic) == {"#/second_contact": "second-contact-same"} | no_endpoint
    name_contacts(clinic)
    receiver.answer = lambda _sent: 500
    endpoint = clinic.add_endpoint(receiver.url + "/failing")
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    assert missing(clinic) == no_endpoint

    receiver.answer = lambda _sent: 204
    gone_live(service, clinic, receiver)


def test_a_drill_reaches_both_contacts_before_other_mail_and_both_must_answer_within_the_safety_limit(
    own_database: DatabaseUrls,
) -> None:
    with (
        running_mail_server() as mail,
        running_service(own_database.application_url, mail=mail.relay()) as service,
    ):
        clinic = clinic_client(service)
        refused = clinic.http.post("/v1/clinic/drills")
        assert_problem(refused, 409, code="contacts-missing", pointer="#/safety_contact")
        name_contacts(clinic)
        assert clinic.http.post("/v1/clinic/drills").status_code == 202
        late = mail.wait_for(2)
        service.clock.move_to(NOW + timedelta(minutes=31))
        for letter in late:
            open_its_link(service, letter)
        # A real event would have been escalated by then: the limit is 30 minutes.
        assert clinic.http.post("/v1/clinic/drills").status_code == 202
        letters = mail.wait_for(4)[2:]
        assert {one.to for one in letters} == {SAFETY_CONTACT["email"], SECOND_CONTACT["email"]}
        for letter in letters:
            assert "[TEST] Drill" in str(letter.message["subject"])
            assert missing(clinic)["/v1/clinic/drills"] == "drill-not-answered"
            open_its_link(service, letter)
        assert "/v1/clinic/drills" not in missing(clinic)
        clinic.close()


def open_its_link(service: Service, letter: Letter) -> None:
    """Press the button of the page that a test's mail leads to."""
    link = re.findall(r"/care/contact-test/\S+", letter.body)[0]
    browser = PlainBrowser(service.url)
    assert browser.post(link, fields_of(browser.get(link).text, link)).status_code == 200
    browser.http.close()


def test_a_live_clinic_says_since_when_and_stays_so(
    clinic: ClinicClient, receiver: Receiver, service: Service
) -> None:
    gone_live(service, clinic, receiver)

    live = clinic.http.get("/v1/clinic").json()

    assert (live["mode"], live["attention"]) == ("live", [])
    assert live["went_live_at"] == NOW.isoformat().replace("+00:00", "Z")
    again = clinic.http.post("/v1/clinic/go-live")
    assert (again.status_code, again.json()) == (200, live)


def test_a_live_clinic_keeps_two_different_contacts(
    clinic: ClinicClient, receiver: Receiver, service: Service
) -> None:
    gone_live(service, clinic, receiver)

    for change, pointer in (
        ({"safety_contact": None}, "#/safety_contact"),
        ({"second_contact": None}, "#/second_contact"),
        ({"second_contact": SAFETY_CONTACT}, "#/second_contact"),
    ):
        assert_problem(change_clinic(clinic, **change), 409, pointer=pointer, code="contacts-needed")
    swapped = change_clinic(clinic, safety_contact=SECOND_CONTACT, second_contact=SAFETY_CONTACT)
    assert swapped.status_code == 200
    assert swapped.json()["safety_contact"] == SECOND_CONTACT


def test_a_patient_of_the_test_stays_a_test_patient_in_a_live_clinic(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    early = clinic.patient()
    gone_live(service, clinic, receiver)
    late = clinic.patient()

    for patient, mode in ((early, "test"), (late, "live")):
        before = len(receiver.accepted("safety.reported"))
        assert clinic.http.get(f"/v1/patients/{patient}").json()["mode"] == mode
        clinic.enrol(patient, service.url).check_in(NOW, self_harm_thoughts=True)
        received = receiver.wait_for("safety.reported", count=before + 1)[-1]
        assert received.event["data"]["mode"] == mode


def test_a_clinic_is_shown_what_it_must_see_to(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    second = clinic.add_endpoint(receiver.url + "/second")
    gone_live(service, clinic, receiver)
    receiver.answer_path = lambda _path: 410
    clinic.http.post(f"/v1/webhook-endpoints/{second['id']}/test")
    assert until(clinic, ["endpoint_disabled"])
    phone = clinic.enrol(clinic.patient(), service.url)
    phone.check_in(NOW, asks_about_booster=True)
    assert until(clinic, ["no_enabled_endpoint", "endpoint_disabled"])


def until(clinic: ClinicClient, attention: list[str]) -> bool:
    return wait_until(lambda: clinic.http.get("/v1/clinic").json()["attention"] == attention, 20)
