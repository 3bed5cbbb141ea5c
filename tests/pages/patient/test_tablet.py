"""The clinic's tablet in a patient's hands: one form of one patient, and nothing before or after it."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.access.clinics.logos import put_logo
from app.access.clinics.permissions import StaffRole
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from tests.support.browser import PlainBrowser, agree, fields_of, new_patient
from tests.support.care_browser import CareBrowser
from tests.support.lively import small_picture
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service
from tests.support.staff import PASSWORD, joined

MINUTE = timedelta(minutes=1)
STAFF, TABLET = "__Host-afterglow-staff", "__Host-afterglow-tablet"
HANDED_OVER = "__Host-afterglow-handed-over"
THANKS = "Please hand the tablet back."


def hand_over(tablet: CareBrowser, patient: str, form: str = "check-in") -> str:
    """Hand the tablet over; gives the page that the patient sees."""
    reply = tablet.submit(f"/care/patients/{patient}", f"/care/patients/{patient}/tablet", {"form": form})
    assert (reply.status_code, reply.headers["location"]) == (303, "/tablet"), reply.text
    return str(tablet.get("/tablet").text)


def send(tablet: PlainBrowser, page: str, **answers: str) -> str:
    """Send the form that is shown; gives what is shown then."""
    reply = tablet.post("/tablet", fields_of(page, "/tablet") | answers)
    assert reply.headers["cache-control"] == "no-store"
    return str(reply.text)


def check_ins(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    return list(clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"])


def actions(clinic: ClinicClient, patient: str) -> set[str]:
    lines = clinic.http.get("/v1/audit-events", params={"patient_id": patient, "limit": 200}).json()["items"]
    return {one["action"] for one in lines}


@pytest.fixture
def tablet(service: Service, one_clinic: ClinicClient) -> CareBrowser:
    """The clinic's tablet, with a nurse signed in."""
    return CareBrowser(service, one_clinic.clinic_id, StaffRole.CLINICIAN)


def test_the_member_is_signed_out_and_one_form_is_sent_once(
    one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    session = tablet.cookies[STAFF]
    page = hand_over(tablet, patient)
    assert set(tablet.cookies) == {TABLET, HANDED_OVER}
    for gone in ("check-in.js", "worker", "manifest", 'id="queue"', "/p/history", "/p/settings"):
        assert gone not in page
    assert "/p/static/tablet" in page
    assert 'content="300;url=/tablet"' in page
    tablet.cookies[STAFF] = session
    assert tablet.get("/care/").headers["location"].startswith("/care/sign-in")
    del tablet.cookies[STAFF]

    used, sent = tablet.cookies[TABLET], send(tablet, page, mood="6", energy="5", note="a note")
    assert THANKS in sent
    assert "a note" not in sent
    assert TABLET not in tablet.cookies
    (kept,) = check_ins(one_clinic, patient)
    assert (kept["mood"], kept["note"]) == (6, "a note")
    assert {"tablet.handed_over", "device.revoked"} <= actions(one_clinic, patient)
    # What was in the browser before, brought back: the form has been sent.
    tablet.cookies[TABLET] = used
    assert THANKS in tablet.get("/tablet").text
    tablet.cookies[TABLET] = used
    again = tablet.post("/tablet", fields_of(page, "/tablet") | {"mood": "1"})
    assert again.headers["location"] == "/tablet"
    assert len(check_ins(one_clinic, patient)) == 1


def test_the_clinics_logo_opens_while_the_form_is_open_and_not_after_it(
    service: Service, one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    async def upload() -> None:
        async with service.context.work(UUID(one_clinic.clinic_id), actor=OPERATOR) as work:
            await put_logo(work, small_picture("PNG"))

    service.run(upload())
    page = hand_over(tablet, patient)
    (address,) = re.findall(r'src="(/tablet/logo/[^"]+)"', page)
    shown = tablet.get(address)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    sent = send(tablet, page, mood="6")
    assert "/logo/" not in sent, "a picture that nothing opens any more"
    assert tablet.get(address).status_code == 404


def test_the_browser_is_marked_as_handed_over_until_a_member_signs_in(
    service: Service, one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    nurse = joined(service, one_clinic, StaffRole.CLINICIAN)
    here = f"/care/patients/{patient}"
    reply = tablet.submit(here, f"{here}/tablet", {"form": "check-in"})
    (mark,) = [one for one in reply.headers.get_list("set-cookie") if one.startswith(f"{HANDED_OVER}=1;")]
    assert {"HttpOnly", "Max-Age=43200", "Path=/", "Secure"} <= set(mark.split("; "))
    assert THANKS in send(tablet, tablet.get("/tablet").text, mood="6")
    assert set(tablet.cookies) == {HANDED_OVER}
    service.clock.move_to(NOW + MINUTE)
    sign_in = "/care/sign-in"
    entered = {"email": nurse.email, "password": PASSWORD, "code": nurse.code(service)}
    wrong = tablet.submit(sign_in, sign_in, entered | {"password": "not theirs"})
    assert (wrong.status_code, HANDED_OVER in tablet.cookies) == (401, True)
    assert tablet.submit(sign_in, sign_in, entered).status_code == 303
    assert STAFF in tablet.cookies
    assert HANDED_OVER not in tablet.cookies


def test_what_the_tablet_holds_opens_nothing_else(
    service: Service, patient: str, tablet: CareBrowser
) -> None:
    hand_over(tablet, patient)
    other = PlainBrowser(service.url)
    for name in ("__Host-afterglow-session", STAFF):
        other.cookies[name] = tablet.cookies[TABLET]
    for path in ("/p/check-in", "/p/history", "/p/settings", "/care/"):
        assert [one.get(path).status_code for one in (tablet, other)] == [303, 303]
    other.cookies[TABLET] = "x" + tablet.cookies[TABLET][1:]
    assert THANKS in other.get("/tablet").text


def test_it_ends_after_five_idle_minutes_and_after_half_an_hour(
    service: Service, one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    page = hand_over(tablet, patient)
    for minute in (4, 8, 12, 16, 20, 24, 28):
        service.clock.move_to(NOW + minute * MINUTE)
        assert tablet.get("/tablet/used").status_code == 204
    service.clock.move_to(NOW + 30 * MINUTE)
    assert tablet.get("/tablet/used").status_code == 410
    assert THANKS in tablet.get("/tablet").text

    service.clock.move_to(NOW)
    page = hand_over(tablet.come_back(), patient)
    service.clock.move_to(NOW + 5 * MINUTE)
    reply = tablet.post("/tablet", fields_of(page, "/tablet") | {"mood": "6"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/tablet")
    over = tablet.get("/tablet")
    assert THANKS in over.text
    assert over.headers["cache-control"] == "no-store"
    assert check_ins(one_clinic, patient) == []
    devices = one_clinic.http.get(f"/v1/patients/{patient}/devices").json()["items"]
    assert "Tablet at the clinic" not in {one["name"] for one in devices}


def test_a_mistake_shows_the_form_again_with_the_answers(
    service: Service, patient: str, tablet: CareBrowser
) -> None:
    page = hand_over(tablet, patient)
    service.clock.move_to(NOW + 4 * MINUTE)
    again = send(tablet, page, note="only words")
    assert 'role="alert"' in again
    assert "only words" in again
    service.clock.move_to(NOW + 8 * MINUTE)
    assert THANKS in send(tablet, again, mood="4", note="only words")


def test_a_disclosure_on_the_tablet_also_notifies_the_front_desk_at_once(
    service: Service, one_clinic: ClinicClient, tablet: CareBrowser
) -> None:
    desk = joined(service, one_clinic, StaffRole.COORDINATOR)
    for form, answers in (
        ("check-in", {"mood": "2", "self_harm_thoughts": "yes"}),
        # Not finished: it is refused, and heard all the same.
        ("phq-9", {"item_9": "3"}),
    ):
        patient = new_patient(one_clinic)
        agree(one_clinic, patient, service.url)
        page = hand_over(tablet.come_back(), patient, form)
        sent = send(tablet, page, **answers)
        assert 'class="crisis first"' in sent
        assert ("The front desk has been notified." in sent) is (form == "check-in"), (
            "the other is not kept yet"
        )
        events = one_clinic.http.get("/v1/safety-events", params={"state": "open"}).json()["items"]
        assert [one["urgent"] for one in events if one["patient_id"] == patient] == [True]
    lines = one_clinic.http.get("/v1/audit-events", params={"action": "front_desk.notified"}).json()["items"]
    assert [one["subject_id"] for one in lines] == [desk.id] * 2


def test_a_disclosure_after_the_idle_minutes_is_heard_as_the_patients(
    service: Service, one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    asked = {"form": "check-in"} | fields_of(
        tablet.get(f"/care/patients/{patient}").text, f"/care/patients/{patient}/tablet"
    )
    handed = tablet.post(f"/care/patients/{patient}/tablet", asked)
    written = next(one for one in handed.headers.get_list("set-cookie") if one.startswith(TABLET))
    assert "max-age=1800" in written.lower()
    page = str(tablet.get("/tablet").text)
    service.clock.move_to(NOW + 6 * MINUTE)
    sent = send(tablet, page, mood="2", self_harm_thoughts="yes")
    assert 'class="crisis first"' in sent
    events = one_clinic.http.get("/v1/safety-events", params={"state": "open"}).json()["items"]
    assert [one["urgent"] for one in events if one["patient_id"] == patient] == [True]
    assert check_ins(one_clinic, patient) == []


def test_where_nobody_is_at_the_front_desk_nobody_is_said_to_be_notified(
    service: Service, clinic: ClinicClient
) -> None:
    patient = new_patient(clinic)
    agree(clinic, patient, service.url)
    tablet = CareBrowser(service, clinic.clinic_id, StaffRole.CLINICIAN)
    sent = send(tablet, hand_over(tablet, patient), mood="2", self_harm_thoughts="yes")
    assert 'class="crisis first"' in sent
    assert "front desk" not in sent


def test_a_questionnaire_is_answered_on_the_tablet(
    one_clinic: ClinicClient, patient: str, tablet: CareBrowser
) -> None:
    page = hand_over(tablet, patient, "gad-7")
    assert THANKS in send(tablet, page, **{f"item_{number}": "1" for number in range(1, 8)})
    (form,) = one_clinic.http.get(f"/v1/patients/{patient}/assessments").json()["items"]
    assert (form["scale"], form["total"]) == ("gad-7", 7)


def test_who_may_not_and_for_whom_not(service: Service, one_clinic: ClinicClient, patient: str) -> None:
    reader = CareBrowser(service, one_clinic.clinic_id, StaffRole.READ_ONLY)
    assert "Hand over the tablet" not in reader.get(f"/care/patients/{patient}").text
    nurse = CareBrowser(service, one_clinic.clinic_id, StaffRole.CLINICIAN)
    token = fields_of(nurse.get(f"/care/patients/{patient}").text, f"/care/patients/{patient}/tablet")
    not_agreed = new_patient(one_clinic)
    assert "Hand over the tablet" not in nurse.get(f"/care/patients/{not_agreed}").text
    for whose, form, status in (
        (not_agreed, "check-in", 409),
        (patient, "madrs", 404),
        (str(new_id()), "check-in", 404),
    ):
        assert nurse.post(f"/care/patients/{whose}/tablet", token | {"form": form}).status_code == status
    assert nurse.post(f"/care/patients/{patient}/tablet", {"form": "check-in"}).status_code == 403
    assert nurse.get("/care/").status_code == 200
    own = fields_of(reader.get("/care/").text)
    assert reader.post(f"/care/patients/{patient}/tablet", own | {"form": "check-in"}).status_code == 403
