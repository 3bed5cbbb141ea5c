"""A safety event's page: its times, acknowledging, taking that back, closing, and two who close at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.access.clinics.permissions import StaffRole
from tests.pages.staff.test_signal_pages import until_noted, words
from tests.support.browser import fields_of
from tests.support.care_browser import CareBrowser
from tests.support.people import ClinicClient
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


def event_of(service: Service, clinic: ClinicClient) -> str:
    phone = clinic.enrol(clinic.patient("P-safe"), service.url)
    assert phone.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    return f"/care/safety-events/{event['id']}"


def test_a_safety_event_shows_its_times_and_is_acknowledged_and_closed(
    service: Service, clinic: ClinicClient, kim: CareBrowser, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    path = event_of(service, clinic)
    receiver.wait_for("safety.reported")
    until_noted(kim, path, "Delivered there Nov 3")
    service.clock.move_to(NOW + timedelta(minutes=10))

    before = words(kim.get(path).text)
    assert kim.submit(path, f"{path}/acknowledge").status_code == 303
    service.clock.move_to(NOW + timedelta(minutes=39))
    closing = {"outcome": "contact_made", "contact_made_at": "2026-11-03T19:30"}
    reply = kim.submit(path, f"{path}/close", closing)
    after = words(kim.get(reply.headers["location"]).text)

    for said in (
        "Safety event of P-safe",
        "Safety: thinking about self-harm",
        "Nobody has acknowledged it; reported 10 minutes ago",
        "Reported Nov 3, 2026, 7:00 PM",
        "Sent to the clinic's systems Nov 3, 2026, 7:00 PM",
        "Delivered there Nov 3, 2026, 7:00 PM",
        "Acknowledged not yet",
        "Safety event reported, Nov 3, 2026, 7:00 PM: delivered",
    ):
        assert said in before, said
    for said in (
        "Acknowledged Nov 3, 2026, 7:10 PM by Kim Example",
        "Patient reached Nov 3, 2026, 7:30 PM",
        "Closed Nov 3, 2026, 7:39 PM by Kim Example",
        "Outcome We spoke with the patient",
    ):
        assert said in after, said


def test_at_the_foot_of_a_phone_stands_what_the_member_may_do_and_the_rest_stays_in_the_card(
    service: Service, clinic: ClinicClient, kim: CareBrowser
) -> None:
    path = event_of(service, clinic)
    patient = clinic.http.get("/v1/safety-events").json()["items"][0]["patient_id"]
    foot, card = (f'<a class="{one}" href="{path}#outcome">' for one in ("btn in-dock", "btn"))
    call = f'<a class="btn" href="/care/patients/{patient}/contact">'

    for who, closes, calls in (
        (kim, True, 2),
        (CareBrowser(service, clinic.clinic_id, StaffRole.COORDINATOR), False, 2),
        (CareBrowser(service, clinic.clinic_id, StaffRole.READ_ONLY), False, 0),
    ):
        page = who.get(f"/care/patients/{patient}").text
        dock = page.partition('aria-label="Actions">')[2]
        assert (foot in page, "Outcome…" in dock) == (closes, closes)
        assert (card in page.partition('aria-label="Actions">')[0]) is not closes
        assert page.count(call) == calls, "in the head and at the foot"

    event = path.rpartition("/")[2]
    assert clinic.http.post(f"/v1/safety-events/{event}/acknowledge").is_success
    coordinator = CareBrowser(service, clinic.clinic_id, StaffRole.COORDINATOR)
    dock = coordinator.get(f"/care/patients/{patient}").text.partition('aria-label="Actions">')[2]
    assert ("Enter infusion" in dock.partition("</section>")[0], call in dock) == (False, True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Please choose an outcome."),
        ({"outcome": "contact_made", "contact_made_at": "at noon"}, "Please give date and time"),
        (
            {"outcome": "contact_made", "contact_made_at": "2026-11-03T12:00"},
            "after the report and before now",
        ),
    ],
)
def test_a_safety_event_is_not_closed_by_half(
    service: Service, clinic: ClinicClient, kim: CareBrowser, typed: dict[str, str], said: str
) -> None:
    path = event_of(service, clinic)
    reply = kim.submit(path, f"{path}/close", typed)
    assert reply.status_code == 422
    assert said in words(reply.text)


def test_an_acknowledgement_of_a_safety_event_is_taken_back_with_its_history_and_a_limit_from_then_on(
    service: Service, clinic: ClinicClient, kim: CareBrowser
) -> None:
    path = event_of(service, clinic)
    assert kim.submit(path, f"{path}/acknowledge").status_code == 303
    service.clock.move_to(NOW + timedelta(minutes=20))
    reply = kim.submit(path, f"{path}/unacknowledge")

    said = words(kim.get(reply.headers["location"]).text)
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    page = words(kim.get(f"/care/patients/{event['patient_id']}").text)

    assert "Nobody has acknowledged it" in said
    assert event["acknowledged_at"] is None
    assert "The next contact is notified in " in page
    for step in ("Safety event acknowledged", "Safety event acknowledgement taken back"):
        assert step in page, step


def test_of_two_who_close_a_safety_event_at_once_one_is_refused(
    service: Service, clinic: ClinicClient, kim: CareBrowser, lee: CareBrowser
) -> None:
    path = event_of(service, clinic)
    forms = [
        (who, fields_of(who.get(path).text, f"{path}/close") | {"outcome": outcome})
        for who, outcome in ((kim, "contact_made"), (lee, "no_contact"))
    ]
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda one: one[0].post(f"{path}/close", one[1]), forms))
    assert sorted(reply.status_code for reply in replies) == [303, 412]
