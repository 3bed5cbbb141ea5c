"""Staff correct their own entries in place: amended, marked as entered in error, restored, always with a reason."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape

import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    assert service.clock.now() == NOW
    return treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)


def send(browser: PlainBrowser, path: str, **fields: str) -> tuple[int, str]:
    """Open a form, change some of what stands in it, and send it."""
    page = browser.get(path).text
    reply = browser.post(path, fields_of(page, path) | values_in(page) | fields)
    return reply.status_code, reply.headers.get("location", "") or unescape(reply.text)


def values_in(page: str) -> dict[str, str]:
    """Read what a form holds when it is opened."""
    typed = re.findall(r'id="(\w+)" name="\1" value="([^"]*)"', page)
    chosen = re.findall(r'type="radio" name="(\w+)" id="\w+" value="([^"]*)" checked', page)
    lists = re.findall(r'<select id="(\w+)".*?<option value="([^"]*)" selected', page, re.DOTALL)
    return {name: unescape(value) for name, value in (*typed, *chosen, *lists)}


def infusions(clinic: ClinicClient, patient: str) -> list[dict[str, object]]:
    params = {"include": "entered_in_error"}
    return list(clinic.http.get(f"/v1/patients/{patient}/infusions", params=params).json()["items"])


def test_an_infusion_is_amended_in_place_with_what_was_there(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    (latest, *_) = infusions(one_clinic, patient)
    record = f"/care/patients/{patient}/record"
    path = f"{record}/infusions/{latest['id']}"
    assert path in clinician.get(record).text
    status, page = send(clinician, path, dose_mg="40", reason=" ")
    assert (status, "Please say why" in page) == (422, True), page
    status, where = send(clinician, path, dose_mg="40", route="subcutaneous", reason="Mistyped")
    assert (status, where) == (303, f"{record}?notice=amended")
    (now, *_) = infusions(one_clinic, patient)
    assert (now["dose_mg"], now["route"], now["version"]) == (40, "subcutaneous", 2)
    assert (now["given_at"], now["phase"]) == (latest["given_at"], latest["phase"])


def test_an_entry_is_marked_as_entered_in_error_and_restored(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    (latest, *_) = infusions(one_clinic, patient)
    record = f"/care/patients/{patient}/record"
    path = f"{record}/infusions/{latest['id']}"
    status, where = send(clinician, f"{path}/void", reason="Another patient's")
    assert (status, where) == (303, f"{record}?notice=voided")
    assert 'class="chip">Entered in error' in clinician.get(record).text
    assert infusions(one_clinic, patient)[0]["status"] == "entered_in_error"
    assert clinician.get(path).status_code == 404
    status, where = send(clinician, f"{path}/restore", reason="")
    assert (status, where) == (303, f"{record}?notice=restored")
    assert infusions(one_clinic, patient)[0]["status"] == "active"


def test_a_course_and_a_form_are_amended_too(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=2)).isoformat(), "total": 21}
    made = one_clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).json()["id"]
    record = f"/care/patients/{patient}/record"
    status, where = send(clinician, f"{record}/assessments/{made}", total="12", reason="Digits swapped")
    assert (status, where) == (303, f"{record}?notice=amended")
    (kept,) = one_clinic.http.get(f"/v1/patients/{patient}/assessments").json()["items"]
    assert (kept["total"], kept["version"]) == (12, 2)
    (course,) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    path = f"{record}/courses/{course['id']}"
    assert send(clinician, path, planned_infusions="5", reason="Miscounted")[0] == 303
    assert one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"][0]["planned_infusions"] == 5


def test_an_unlikely_value_is_asked_about_on_the_page_and_kept_when_ticked(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    path = f"/care/patients/{patient}/infusion"
    typed = {"phase": "booster", "dose_mg_per_kg": "5", "route": "iv"}
    status, page = send(clinician, path, **typed)
    assert (status, "Is this right?" in page) == (409, True), page
    assert 'name="confirm_high_dose"' in page
    assert 'name="confirm_dose_unit"' in page
    status, where = send(clinician, path, **typed, confirm_high_dose="yes", confirm_dose_unit="yes")
    assert (status, where.partition("&entered=")[0]) == (303, f"/care/patients/{patient}?notice=infusion")
    assert infusions(one_clinic, patient)[0]["dose_mg_per_kg"] == 5


def test_the_timeline_leads_to_the_correction_of_each_of_staffs_own_entries_and_says_what_was_corrected(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    entered = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=2)).isoformat(), "total": 21}
    form = one_clinic.http.post(f"/v1/patients/{patient}/assessments", json=entered).json()
    page, record = f"/care/patients/{patient}", f"/care/patients/{patient}/record"
    shown = clinician.get(page).text
    (latest, earlier, *_) = infusions(one_clinic, patient)
    for path in (f"infusions/{latest['id']}", f"assessments/{form['id']}"):
        assert f'href="{record}/{path}">Correct<' in shown, path
    assert "heck-in</b> mood 8, energy 8, sleep 8" in shown
    assert "/record/check_ins/" not in shown, "a patient's own report is the patient's to correct"

    send(clinician, f"{record}/infusions/{latest['id']}/void", reason="Another patient's")
    send(clinician, f"{record}/infusions/{earlier['id']}", dose_mg="40", reason="Mistyped")

    after = unescape(clinician.get(f"{page}?show=treatment").text)
    timeline = after.partition('<ol class="timeline">')[2].partition("</ol>")[0]
    assert timeline.count('<li class="void">') == 1
    assert "Entered in error" in timeline
    assert "heck-in</b>" not in timeline
    assert 'aria-current="true">Treatment</a>' in after
    corrections = unescape(clinician.get(f"{page}?show=corrections&days=30").text)
    for said in ("Infusion entered in error", "Another patient's", "Infusion corrected", "Mistyped"):
        assert said in corrections, said
    assert f'href="{page}?days=30#tl">All' in corrections


def test_a_reader_finds_the_timeline_without_a_way_to_correct(
    as_role: Callable[[StaffRole], PlainBrowser], patient: str
) -> None:
    shown = as_role(StaffRole.READ_ONLY).get(f"/care/patients/{patient}").text

    assert "Booster" in shown or "Induction infusion" in shown
    assert ">Correct<" not in shown


def test_a_chosen_reference_is_amended_and_marked_as_entered_in_error_by_a_clinician_alone(
    service: Service, one_clinic: ClinicClient, clinician: PlainBrowser, as_role: Callable[..., PlainBrowser]
) -> None:
    patient = treated(one_clinic, NOW, days_since=40, level=lambda _day: (8, 8, 8))
    days = [f"{NOW - timedelta(days=ago):%F}" for ago in (36, 29, 15, 6)]
    chosen = {"from": days[0], "to": days[1], "reason": "Stable"}
    assert one_clinic.http.put(f"/v1/patients/{patient}/reference", json=chosen).status_code == 200
    (made,) = one_clinic.http.get(f"/v1/patients/{patient}/references").json()["items"]
    record = f"/care/patients/{patient}/record"
    path = f"{record}/references/{made['id']}"
    assert f'href="{path}">Correct<' in clinician.get(f"/care/patients/{patient}").text
    assert f'href="{path}/void"' in clinician.get(record).text
    coordinator = as_role(StaffRole.COORDINATOR)
    assert path not in coordinator.get(record).text
    assert [coordinator.get(one).status_code for one in (path, f"{path}/void")] == [403, 403]

    assert "this" in send(clinician, path, to=f"{NOW:%F}", reason="The week was mistyped")[1]
    amended = {"from": days[2], "to": days[3], "reason": "The week was mistyped"}
    assert send(clinician, path, **amended) == (303, f"{record}?notice=amended")
    kept = one_clinic.evaluation(patient)["reference"]
    assert (kept["kind"], kept["from_day"]) == ("clinician_set", days[2])
    assert send(clinician, f"{path}/void", reason="Another patient's") == (303, f"{record}?notice=voided")
    assert one_clinic.evaluation(patient)["reference"]["kind"] != "clinician_set"
    assert send(clinician, f"{path}/restore", reason="") == (303, f"{record}?notice=restored")
    assert one_clinic.evaluation(patient)["reference"]["from_day"] == days[2]
    assert service.clock.now() == NOW


def test_an_imported_check_in_is_amended_and_marked_as_entered_in_error_and_a_patients_own_never(
    service: Service, one_clinic: ClinicClient, clinician: PlainBrowser, patient: str
) -> None:
    phone = one_clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (5, 5, 5)).status_code == 201
    latest, *imported = one_clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"]
    record = f"/care/patients/{patient}/record"
    path = f"{record}/check-ins/{imported[0]['id']}"
    page = clinician.get(f"/care/patients/{patient}").text
    assert f'href="{path}">Correct<' in page
    assert f'href="{path}/void"' in clinician.get(record).text
    own = f"{record}/check-ins/{latest['id']}"
    assert own not in clinician.get(record).text + page
    for each in (own, f"{own}/void"):
        assert clinician.get(each).status_code == 404

    typed = {"mood": "3,5", "energy": "", "sleep_hours": "6.1", "reason": "Columns swapped"}
    assert "to 10" in send(clinician, path, **typed | {"mood": "11"})[1]
    assert send(clinician, path, **typed) == (303, f"{record}?notice=amended")
    _, amended, *_ = one_clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"]
    assert [amended[name] for name in ("mood", "energy", "sleep_quality", "sleep_hours")] == [3.5, None, 8, 6]
    assert (amended["recorded_at"], amended["version"]) == (imported[0]["recorded_at"], 2)
    assert clinician.get(path).status_code == 404, "another stands in its place"
    path = f"{record}/check-ins/{amended['id']}"
    moved = f"{datetime.fromisoformat(amended['recorded_at']) - timedelta(days=1):%F}"
    status, asked = send(
        clinician, path, **typed | {"on": moved, "mood": "8", "energy": "8", "sleep_hours": ""}
    )
    assert (status, 'name="confirm_same_check_in"' in asked) == (409, True), asked

    assert send(clinician, f"{path}/void", reason="Another patient's") == (303, f"{record}?notice=voided")
    current = one_clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"]
    assert [one["id"] for one in current] == [one["id"] for one in (latest, *imported[1:])]
    assert send(clinician, f"{path}/restore", reason="") == (303, f"{record}?notice=restored")
    assert len(one_clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"]) == 1 + len(imported)


def test_more_imported_check_ins_than_fit_on_the_page_are_on_the_next(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    one_clinic.import_days(patient, NOW - timedelta(days=300), [(4, 4, 4)] * 100)
    page = clinician.get(f"/care/patients/{patient}/record").text
    shown, older = page.count("Imported check-in, "), re.search(r'href="([^"]*after=[^"]*)">Older', page)
    assert older
    page = clinician.get(unescape(older[1])).text
    every = one_clinic.http.get(f"/v1/patients/{patient}/check-ins", params={"limit": 200}).json()["items"]
    assert shown + page.count("Imported check-in, ") == 3 * len(every), "each once, and for its two links"
    assert "Older" not in page


def test_a_course_is_corrected_from_the_timeline_and_a_near_double_is_asked_about(
    clinician: PlainBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    earlier = {"protocol": "standard", "started_on": f"{NOW - timedelta(days=200):%F}"}
    made = one_clinic.http.post(f"/v1/patients/{patient}/courses", json=earlier).json()["id"]
    (present, _) = one_clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    record = f"/care/patients/{patient}/record"
    path = f"{record}/courses/{made}"
    page = clinician.get(f"/care/patients/{patient}?show=treatment").text
    for one in (path, f"{record}/courses/{present['id']}"):
        assert f'href="{one}">Correct<' in page
    near = {"started_on": f"{NOW - timedelta(days=36):%F}", "reason": "Mistyped"}
    status, asked = send(clinician, path, **near)
    assert (status, 'name="confirm_same_course"' in asked) == (409, True), asked
    assert send(clinician, path, **near, confirm_same_course="yes")[0] == 303
