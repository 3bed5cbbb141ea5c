"""What staff enter about a patient: kept by the API's rules, nothing typed is lost, nobody is overwritten."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest

from app.access.clinics.permissions import StaffRole
from tests.storage.catalogue import ask
from tests.support.browser import PlainBrowser, fields_of
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service

ROLES = Callable[[StaffRole], PlainBrowser]


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    assert service.clock.now() == NOW
    return treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)


@pytest.fixture(scope="module")
def unchanged(shared_service: Service, one_clinic: ClinicClient) -> str:
    """A patient for all tests in which nothing is entered."""
    shared_service.clock.move_to(NOW)
    return treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)


@pytest.fixture
def phone(service: Service, one_clinic: ClinicClient, patient: str) -> str:
    one_clinic.enrol(patient, service.url)
    return patient


def send(browser: PlainBrowser, path: str, **fields: str) -> tuple[int, str]:
    """Open a form, fill it in and send it; gives the status and the page, or where it leads."""
    hidden = fields_of(browser.get(path).text, path)
    reply = browser.post(path, hidden | fields)
    return reply.status_code, reply.headers.get("location", "") or unescape(reply.text)


def path_of(patient: str, name: str = "") -> str:
    return f"/care/patients/{patient}" + (f"/{name}" if name else "")


def test_an_infusion_is_read_by_the_clock_on_the_patients_wall(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    status, where = send(
        clinician, path_of(patient, "infusion"), on="2026-11-02", at="09:30", phase="booster", route="iv"
    )
    assert (status, where.partition("&entered=")[0]) == (303, f"{path_of(patient)}?notice=infusion")
    last = one_clinic.http.get(f"/v1/patients/{patient}/courses/current").json()["infusions"][-1]
    assert last["given_at"].startswith("2026-11-02T08:30:00"), "Berlin is an hour ahead in November"


def test_an_infusion_like_the_last_one_takes_two_taps_from_the_patients_page(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    given = {"given_at": (NOW - timedelta(days=10)).isoformat(), "phase": "booster", "dose_mg": 84.0}
    sent = given | {"route": "intranasal"} | CONFIRMED
    assert one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=sent).status_code == 201
    path = path_of(patient, "infusion")
    assert f'href="{path}"' in clinician.get(path_of(patient)).text

    page = clinician.get(path).text
    assert "filled in as on Oct 24" in page
    stands = dict(re.findall(r'name="(on|at|dose_mg|dose_mg_per_kg)" value="([^"]*)"', page))
    for name, place in (
        ("phase", r'id="phase_\w+" value="(\w+)" checked'),
        ("route", r'value="(\w+)" selected'),
    ):
        (stands[name],) = re.findall(place, page)
    status, where = send(clinician, path, **stands)

    assert (status, where.partition("&entered=")[0]) == (303, f"{path_of(patient)}?notice=infusion")
    last = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"][0]
    assert (last["phase"], last["dose_mg"], last["route"]) == ("booster", 84.0, "intranasal")


def test_an_infusion_that_was_entered_just_now_is_undone_and_its_score_is_asked_for_until_then(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    status, where = send(
        clinician, path_of(patient, "infusion"), on="2026-11-03", at="18:00", phase="booster"
    )
    page = clinician.get(where).text
    undo = f"{path_of(patient, 'infusion')}/{where.partition('entered=')[2]}/undo"
    assert (status, f'action="{undo}"' in page) == (303, True)
    assert "Due at 10:00 PM, 4 hours after the infusion" in page
    assert undo not in clinician.get(path_of(patient)).text, "offered where it was entered, not for ever"

    undone = clinician.post(undo, fields_of(page, undo))
    assert (undone.status_code, undone.headers["location"]) == (
        303,
        f"{path_of(patient)}?notice=infusion-undone",
    )
    page = clinician.get(undone.headers["location"]).text
    assert "counts as entered in error" in page
    assert "4 hours after the infusion" not in page
    kept = one_clinic.http.get(f"/v1/patients/{patient}/infusions?include=entered_in_error").json()["items"][
        0
    ]
    assert kept["status"] == "entered_in_error"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"phase": "booster", "on": "2026-11-04"}, "this time lies in the future"),
        ({"phase": "booster", "on": "someday"}, "Please give a date and a time"),
        ({"phase": "booster", "on": "2026-03-29", "at": "02:30"}, "the clocks skipped this time"),
        ({"phase": ""}, "Please choose one."),
        ({"phase": "booster", "dose_mg_per_kg": "15.1"}, "at most 15"),
        ({"phase": "booster", "dose_mg_per_kg": "1_0"}, "at most 15"),
        ({"phase": "booster", "route": "by air"}, "Please check this."),
    ],
)
def test_what_cannot_be_is_said_beside_the_field_and_nothing_typed_is_lost(
    clinician: PlainBrowser, unchanged: str, fields: dict[str, str], said: str
) -> None:
    typed = {"on": "2026-11-01", "at": "10:15", "dose_mg_per_kg": "0.75"} | fields
    status, page = send(clinician, path_of(unchanged, "infusion"), **typed)
    assert status == 422, page
    assert said in page
    assert 'role="alert"' in page
    for name in ("on", "at", "dose_mg_per_kg"):
        assert f'id="{name}" name="{name}" value="{typed[name]}"' in page
    assert 'aria-invalid="true"' in page or "has-mistake" in page


def test_a_dose_that_is_possible_but_unlikely_is_asked_about_and_nothing_is_entered_before(
    clinician: PlainBrowser, patient: str, one_clinic: ClinicClient
) -> None:
    path = path_of(patient, "infusion")
    typed = {"phase": "booster", "on": "2026-11-01", "at": "10:15", "dose_mg_per_kg": "11", "route": "iv"}
    before = one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]
    status, page = send(clinician, path, **typed)
    assert status == 409, page
    assert "This dose is above 1.5 mg/kg" in page
    assert 'id="dose_mg_per_kg" name="dose_mg_per_kg" value="11"' in page
    assert one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"] == before
    status, page = send(clinician, path, **typed, confirm_high_dose="yes", confirm_dose_unit="yes")
    assert status == 303, page
    assert len(one_clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"]) == len(before) + 1


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("booster", {"on": "soon"}, "Please give a day, such as 2026-11-24."),
        ("course", {"planned_infusions": "21", "reviewed_on": "soon"}, "A whole number from 1 to 20."),
        ("details", {"locale": "english!"}, "Like en-US: a language, a hyphen, a region."),
        ("factors", {"profile": "of some kind"}, "Please check this."),
        ("taper", {"steps": "now and then", "interval_days": "14"}, "Each line is like “14 x 2”."),
        ("taper", {"interval_days": "0"}, "A whole number of days, from 1 to 365."),
        ("reference", {"from": "soon", "to": "2026-10-27", "reason": "Stable"}, "Please give a day."),
        ("consent", {"reason": "x" * 2001}, "At most 2000 characters, please."),
        ("assessment/phq-9", {"on": "2026-11-03", "at": "08:00", "total": "many"}, "The total is a number."),
    ],
)
def test_every_form_says_in_its_own_words_what_cannot_be_read(
    clinician: PlainBrowser, unchanged: str, name: str, fields: dict[str, str], said: str
) -> None:
    status, page = send(clinician, path_of(unchanged, name), **fields)
    assert status == 422, page
    assert said in page
    assert 'role="alert"' in page
    assert "see errors" not in page, "that sentence is for programs"


def test_a_total_that_differs_from_its_items_is_refused_with_both_numbers(
    clinician: PlainBrowser, unchanged: str
) -> None:
    answers = {f"item_{number}": "1" for number in range(1, 9)} | {"item_9": "0", "total": "12"}
    status, page = send(
        clinician, path_of(unchanged, "assessment/phq-9"), on="2026-11-03", at="08:00", **answers
    )
    assert status == 422
    assert "The stated total is 12; the items add up to 8." in page
    assert page.count(" checked>") == 9


def test_items_that_are_missing_are_named_each_beside_itself(clinician: PlainBrowser, unchanged: str) -> None:
    answers = {f"item_{number}": "1" for number in range(1, 7)}
    status, page = send(
        clinician, path_of(unchanged, "assessment/gad-7"), on="2026-11-03", at="08:00", **answers
    )
    assert status == 422
    assert "These items are not answered: 7." in page
    assert 'id="item_7-mistake"' in page
    assert 'id="item_6-mistake"' not in page


@pytest.mark.parametrize("scale", ["madrs", "qids-sr16"])
def test_scales_whose_wording_is_not_shipped_are_entered_by_number_or_total(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str, scale: str
) -> None:
    page = clinician.get(path_of(patient, f"assessment/{scale}")).text
    assert "Item 10" in page
    status, where = send(
        clinician, path_of(patient, f"assessment/{scale}"), on="2026-11-03", at="08:00", total="14"
    )
    assert (status, where) == (303, f"{path_of(patient)}?notice=assessment")
    (kept,) = one_clinic.http.get(f"/v1/patients/{patient}/assessments").json()["items"]
    assert (kept["scale"], kept["total"]) == (scale, 14)


def events(shared_database: DatabaseUrls, patient: str) -> list[str]:
    rows = ask(
        shared_database.superuser_url,
        "SELECT source FROM care.safety_events WHERE patient_id = %(patient)s ORDER BY id",
        patient=patient,
    )
    return [str(row["source"]) for row in rows]


SUICIDAL = {"on": "2026-11-03", "at": "08:00", "item_9": "2"}


def test_an_answer_about_self_harm_acts_with_the_form_and_the_page_says_so(
    clinician: PlainBrowser, shared_database: DatabaseUrls, patient: str
) -> None:
    answers = {f"item_{number}": "1" for number in range(1, 9)} | SUICIDAL
    status, where = send(clinician, path_of(patient, "assessment/phq-9"), **answers)
    assert (status, where) == (303, f"{path_of(patient)}?notice=assessment-safety")
    assert events(shared_database, patient) == ["assessment"]
    assert "opened a safety event" in clinician.get(where).text


def test_it_acts_also_when_the_form_is_refused_and_the_event_is_linked(
    clinician: PlainBrowser, shared_database: DatabaseUrls, patient: str
) -> None:
    status, page = send(clinician, path_of(patient, "assessment/phq-9"), **SUICIDAL)
    assert status == 422
    assert re.search(r'href="/care/safety-events/[0-9a-f-]{36}"', page)
    send(clinician, path_of(patient, "assessment/phq-9"), **SUICIDAL)
    assert events(shared_database, patient) == ["refused_assessment"], "sent twice it is one event"


@pytest.mark.parametrize("how", ["forged", "read only", "no such scale"])
def test_it_acts_also_when_the_form_is_not_even_looked_at(
    as_role: ROLES, shared_database: DatabaseUrls, patient: str, how: str
) -> None:
    browser = as_role(StaffRole.READ_ONLY if how == "read only" else StaffRole.CLINICIAN)
    scale = "phq-9x" if how == "no such scale" else "phq-9"
    reply = browser.post(path_of(patient, f"assessment/{scale}"), {"form_token": "made up"} | SUICIDAL)
    assert reply.status_code in {403, 404}
    assert events(shared_database, patient) == ["refused_assessment"]


def test_it_acts_also_when_the_session_ran_out_while_typing(
    service: Service, clinician: PlainBrowser, shared_database: DatabaseUrls, patient: str
) -> None:
    path = path_of(patient, "assessment/phq-9")
    opened = fields_of(clinician.get(path).text, path)
    service.clock.move_to(NOW + timedelta(minutes=45))
    reply = clinician.post(path, opened | SUICIDAL)
    assert (reply.status_code, 'action="/care/sign-in"' in reply.text) == (401, True)
    assert events(shared_database, patient) == ["refused_assessment"]


def test_nobody_who_is_not_signed_in_makes_an_event(
    service: Service, shared_database: DatabaseUrls, patient: str
) -> None:
    reply = PlainBrowser(service.url).post(path_of(patient, "assessment/phq-9"), SUICIDAL)
    assert reply.headers["location"].startswith("/care/sign-in")
    assert events(shared_database, patient) == []


STALE = {
    "factors": ({"profile": "first_time", "cautions_mania": "yes"}, {"cautions_pregnancy": "yes"}, "Mania"),
    "taper": (
        {"steps": "14 x 2\n28 x on", "interval_days": "14"},
        {"steps": "21 x on", "interval_days": "21"},
        "14 x 2, 28 x on",
    ),
    "course": (
        {"planned_infusions": "6", "reviewed_on": "2026-11-01"},
        {"planned_infusions": "8"},
        "reviewed on",
    ),
    "details": (
        {"time_zone": "America/Chicago", "locale": "en-US"},
        {"time_zone": "Asia/Tokyo", "locale": "ja-JP"},
        "America/Chicago",
    ),
    "booster": ({"on": "2026-11-12"}, {"on": "2026-11-19"}, "Nov 12, 2026"),
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_tab_shows_that_someone_else_changed_it_with_its_own_entries_kept(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str, name: str
) -> None:
    theirs, mine, now_so = STALE[name]
    path = path_of(patient, name)
    opened = fields_of(clinician.get(path).text, path)
    if name == "details":
        number = {"external_ref": one_clinic.http.get(f"/v1/patients/{patient}").json()["external_ref"]}
        theirs, mine = theirs | number, mine | number
    assert clinician.post(path, opened | theirs).status_code == 303
    late = clinician.post(path, opened | mine)
    page = unescape(late.text)
    assert late.status_code == 412
    assert "Someone else changed this" in page
    assert now_so in page
    for field, value in mine.items():
        kept = rf'id="{field}"[^>]*value="{value}"' if value != "yes" else rf'id="{field}"[^>]* checked'
        assert re.search(kept, page) or value in page, field
    again = clinician.post(path, fields_of(late.text, path) | mine)
    assert again.status_code == 303, "knowing what is now the case, the second try is meant"


def test_a_reference_is_chosen_with_a_reason(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    first, last = (NOW - timedelta(days=ago) for ago in (18, 11))
    days = {"from": first.date().isoformat(), "to": last.date().isoformat()}
    status, page = send(clinician, path_of(patient, "reference"), **days, reason="")
    assert (status, "Please say why" in page) == (422, True)
    status, where = send(clinician, path_of(patient, "reference"), **days, reason="Stable on a new dose")
    assert (status, where) == (303, f"{path_of(patient)}?notice=reference")
    assert one_clinic.evaluation(patient)["reference"]["chosen"] is True


def test_a_patient_is_archived_and_taken_into_care_again_and_both_stand_on_the_timeline(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    status, page = send(clinician, path_of(patient, "archive"), note="Moved away")
    assert (status, "Please choose why." in page, "Moved away" in page) == (422, True, True)
    why = {"reason": "care_ended", "note": "Moved away"}
    assert send(clinician, path_of(patient, "archive"), **why) == (
        303,
        f"{path_of(patient)}?notice=archived",
    )
    assert one_clinic.http.get(f"/v1/patients/{patient}").json()["archived"]["reason"] == "care_ended"
    page = clinician.get(path_of(patient)).text
    assert "<dt>Archived</dt><dd>Care ended, Nov 3, 2026" in page
    assert f'href="{path_of(patient, "archive")}"' not in page
    assert send(clinician, path_of(patient, "archive"), **why)[0] == 409, "it was done before"

    assert send(clinician, path_of(patient, "unarchive"), note="Came back")[0] == 303
    assert one_clinic.http.get(f"/v1/patients/{patient}").json()["archived"] is None
    timeline = unescape(clinician.get(f"{path_of(patient)}?show=corrections").text).partition('id="tl"')[2]
    for said in ("<b>Archived</b> Care ended", "Moved away", "<b>In care again</b>", "Came back"):
        assert said in timeline, said


def test_a_device_is_ended_and_a_withdrawal_noted_after_one_more_question(
    as_role: ROLES, one_clinic: ClinicClient, phone: str
) -> None:
    browser = as_role(StaffRole.COORDINATOR)
    link = re.search(r'href="(/care/patients/[^"]*/devices/[^"]*)"', browser.get(path_of(phone)).text)
    assert link is not None
    assert send(browser, link[1]) == (303, f"{path_of(phone)}?notice=device")
    assert one_clinic.http.get(f"/v1/patients/{phone}/devices").json()["items"] == []
    assert send(browser, path_of(phone, "consent"), reason="Said on the phone")[0] == 303
    page = browser.get(path_of(phone)).text
    assert "Consent is withdrawn, so nothing is evaluated." in page
    assert "Note a withdrawal" not in page


def test_a_new_patient_may_come_with_a_course_and_a_reference_is_taken_once(
    clinician: PlainBrowser, one_clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    new = {"external_ref": "P-77", "time_zone": "Europe/Madrid", "locale": "es-ES", "email": ""}
    course = {"protocol": "standard", "planned_infusions": "6", "started_on": "2026-11-02"}
    path = "/care/patients/new"
    status, page = send(clinician, path, **(new | {"time_zone": "Madrid", "email": "nobody"}))
    assert (status, "Please choose a zone" in page, "not one e-mail" in page) == (422, True, True)
    status, where = send(clinician, path, **new, **course)
    assert status == 303
    patient = where.split("/")[3]
    kept = one_clinic.http.get(f"/v1/patients/{patient}").json()
    assert (kept["external_ref"], kept["locale"]) == ("P-77", "es-ES")
    assert one_clinic.http.get(f"/v1/patients/{patient}/courses/current").json()["phase"] == "planned"
    written = "SELECT xmin::text AS work FROM care.{} WHERE {} = %(patient)s"
    both = [
        ask(shared_database.superuser_url, written.format(table, column), patient=patient)
        for table, column in (("patients", "id"), ("courses", "patient_id"))
    ]
    assert both[0] == both[1] != [], "in one transaction: both or neither"
    status, page = send(clinician, path, **new)
    assert (status, "has a patient with this chart number already" in page) == (409, True)


def test_a_patient_is_found_by_any_part_of_the_chart_number_in_any_case(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    made = one_clinic.patient("MRN 4711/b")
    other = one_clinic.patient("MRN 4712/b")

    def listed(part: str) -> tuple[bool, bool]:
        page = clinician.http.get("/care/patients", params={"q": part}, headers=clinician._cookie()).text
        return f"/care/patients/{made}" in page, f"/care/patients/{other}" in page

    assert f"/care/patients/{made}" in clinician.get("/care/patients?q=MRN+4711%2Fb").text
    for part in ("MRN 4711/b", "mrn 4711/B", "MRN 4711", "4711", " 4711/b "):
        assert listed(part) == (True, False), part
    for near in ("MRN 4711/b x", "MRN 4713", "4711b"):
        assert listed(near) == (False, False), near
    assert listed("MRN 471") == (True, True)
    suggested = clinician.get("/care/patients/find?q=mrn+4711").json()
    assert ("MRN 4711/b" in suggested, "MRN 4712/b" in suggested) == (True, False)


def test_the_links_to_the_next_page_show_every_patient_once(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    made = {one_clinic.patient() for _ in range(60)}
    seen: list[str] = []
    path = "/care/patients"
    while path:
        page = clinician.get(path).text
        seen += re.findall(r'href="/care/patients/([0-9a-f-]{36})"', page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


OFFERED = {
    "infusion": "TREATMENT_RECORD",
    "assessment": "TREATMENT_RECORD",
    "booster": "TREATMENT_RECORD",
    "factors": "TREATMENT_DECIDE",
    "taper": "TREATMENT_DECIDE",
    "reference": "TREATMENT_DECIDE",
    "details": "PATIENTS_EDIT",
    "code": "PATIENTS_EDIT",
    "consent": "PATIENTS_EDIT",
    "archive": "PATIENTS_EDIT",
}
MAY = {
    StaffRole.OWNER: {"TREATMENT_RECORD", "TREATMENT_DECIDE", "PATIENTS_EDIT", "AUDIT"},
    StaffRole.CLINICIAN: {"TREATMENT_RECORD", "TREATMENT_DECIDE", "PATIENTS_EDIT"},
    StaffRole.COORDINATOR: {"TREATMENT_RECORD", "PATIENTS_EDIT"},
    StaffRole.READ_ONLY: set(),
}


@pytest.mark.parametrize("role", StaffRole)
def test_what_a_role_may_not_do_is_not_offered_and_refused_all_the_same(
    as_role: ROLES, unchanged: str, role: StaffRole
) -> None:
    browser = as_role(role)
    page = browser.get(path_of(unchanged)).text
    assert ('id="audit-log"' in page) == ("AUDIT" in MAY[role])
    for name, permission in OFFERED.items():
        may = permission in MAY[role]
        assert (f'href="{path_of(unchanged, name)}"' in page) == may, name
        assert browser.get(path_of(unchanged, name)).status_code == (200 if may else 403), name


def test_the_page_is_read_with_one_line_in_the_audit_log(
    clinician: PlainBrowser, shared_database: DatabaseUrls, patient: str
) -> None:
    def read() -> list[str]:
        rows = ask(
            shared_database.superuser_url,
            "SELECT action FROM care.audit_events WHERE patient_id = %(patient)s AND actor_kind = 'staff'",
            patient=patient,
        )
        return [str(row["action"]) for row in rows]

    assert clinician.get(path_of(patient)).status_code == 200
    assert read() == ["patient_page.read"]


def test_another_clinics_patient_is_not_there(service: Service, clinician: PlainBrowser) -> None:
    other = clinic_client(service, "Other")
    theirs = other.patient()
    for name in ("", *OFFERED):
        reply = clinician.get(path_of(theirs, name))
        assert reply.status_code == 404, name
    other.close()
