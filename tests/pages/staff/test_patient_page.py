"""A patient's page as it is read: in a fixed number of statements, with what is known and no more than asked for."""

import gzip
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.ids import new_id
from app.pages.staff.visitor import SESSION
from app.web.schemas import write_cursor
from tests.support.browser import LARGEST_PAGE, PlainBrowser
from tests.support.care_browser import CareBrowser, fading
from tests.support.databases import DatabaseUrls
from tests.support.lively import A_NIGHT
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service, running_service, statements
from tests.support.staff import joined, signed_in


def read(browser: PlainBrowser, patient: str, query: str = "") -> str:
    reply = browser.get(f"/care/patients/{patient}{query}")
    assert reply.status_code == 200, reply.text
    return unescape(reply.text)


def table_of_chart(page: str) -> str:
    return page.split("Same values as a table")[1].split("</table>", maxsplit=1)[0]


def give_boosters(clinic: ClinicClient, patient: str, *days_ago: int) -> None:
    for ago in days_ago:
        given = {"given_at": (NOW - timedelta(days=ago)).isoformat(), "phase": "booster"}
        assert (
            clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
        )


@pytest.fixture(scope="module")
def quiet(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service without a worker, which would make its own statements meanwhile."""
    with running_service(own_database.application_url, work=False) as running:
        yield running


def test_years_of_care_take_as_many_statements_as_weeks(quiet: Service) -> None:
    one_clinic = clinic_client(quiet)
    owner = PlainBrowser(quiet.url)
    owner.cookies[f"__Host-{SESSION}"] = signed_in(quiet, one_clinic.clinic_id, StaffRole.OWNER)
    weeks = treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8))
    years = treated(one_clinic, NOW, days_since=500, level=lambda day: (8 - day % 40 // 10, 8, 7))
    give_boosters(one_clinic, years, *range(460, 10, -42))
    for ago in range(480, 0, -28):
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=ago)).isoformat(), "total": 8}
        assert one_clinic.http.post(f"/v1/patients/{years}/assessments", json=form).is_success
    made = {}
    for patient in (weeks, years):
        read(owner, patient)
        with statements(quiet) as noted:
            read(owner, patient)
        made[patient] = len(noted)
    assert made[weeks] == made[years]
    assert made[weeks] < 50


def test_the_timeline_goes_on_to_the_first_entry_by_links_that_keep_the_address(quiet: Service) -> None:
    one_clinic = clinic_client(quiet)
    owner = PlainBrowser(quiet.url)
    owner.cookies[f"__Host-{SESSION}"] = signed_in(quiet, one_clinic.clinic_id, StaffRole.OWNER)
    patient = treated(one_clinic, NOW, days_since=120, level=lambda _day: (8, 8, 8))
    for number in range(3):
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=60 * number)).isoformat(), "total": 8}
        assert one_clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).is_success
    path, made, times, pages = f"/care/patients/{patient}?days=365", [], [], 0
    while path:
        with statements(quiet) as noted:
            page = unescape(owner.get(path).text)
        made.append(len(noted))
        listed = page.partition('<ol class="timeline">')[2].partition("</ol>")[0]
        times += re.findall(r'<time datetime="([^"]+)"', listed)
        pages += 1
        assert page.count("<li", page.index('<ol class="timeline">')) >= 1
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].partition("#")[0] if older else ""
        assert not path or "days=365" in path

    items = one_clinic.http.get(f"/v1/patients/{patient}/check-ins?limit=200").json()["items"]
    assert pages == 6
    # Each report, six infusions, three forms and the course, once.
    assert len(times) == len(items) + 6 + 3 + 1, times
    assert times == sorted(times, key=datetime.fromisoformat, reverse=True)
    assert max(made) < 50
    treatment = owner.get(f"/care/patients/{patient}?show=treatment").text
    assert treatment.count("<time datetime") == 7
    assert 'rel="next"' not in treatment
    for wrong in ("nonsense", write_cursor("2026-11-03 x"), write_cursor("9999-12-31T00:00:00+00:00 1")):
        assert "the latest 25" in owner.get(f"/care/patients/{patient}?before={wrong}").text


def test_the_chart_begins_a_month_before_the_course_and_never_further_back_than_three_months_unasked(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    new = treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8))
    old = treated(one_clinic, NOW, days_since=200, level=lambda _day: (8, 8, 8))
    assert re.search(r"Sep 4\W+Nov 3, 2026", read(clinician, new)), "the course began on 4 October"
    assert re.search(r"Aug 4\W+Nov 3, 2026", read(clinician, old))
    rows = [
        len(re.findall(r'<tr><th scope="row">\w{3} \d', table_of_chart(read(clinician, old, query))))
        for query in ("", "?days=365", "?days=30", "?days=all", "?days=99999999999999999999")
    ]
    assert rows[1] > 200
    assert rows[2] == 30
    assert rows[0] == rows[3] == rows[4] == 92, "what is not offered is the usual span"


def test_on_a_phone_numbers_of_close_infusions_do_not_run_together(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    patient = treated(one_clinic, NOW, days_since=10, level=lambda _day: (8, 8, 8))
    named = {
        days: re.findall(
            r'class="infword(?: (between))?"[^>]*>(\d)<', read(clinician, patient, f"?days={days}")
        )
        for days in (30, 90)
    }
    assert named[90] == [("", "1"), *(("between", str(number)) for number in range(2, 6)), ("", "6")]
    assert {between for between, _ in named[30]} == {""}


def test_it_says_where_the_patient_stands_why_and_what_would_have_changed_it(
    service: Service, clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    patient = treated(one_clinic, NOW, days_since=30, level=lambda _day: (8, 8, 8), until=22)
    phone = one_clinic.enrol(patient, service.url)
    for ago in range(7, -1, -1):
        assert phone.check_in(NOW - timedelta(days=ago), (4, 4, 4)).is_success
    page = read(clinician, patient)
    shown = one_clinic.evaluation(patient)
    assert "Consider a booster" in page
    changed = re.search(r"<strong>(What would have changed it: [^<]*)</strong>", page)
    assert changed is not None
    assert changed[1] in shown["explanation"]
    assert f"{shown['share_lost']['mood']:.0%}" in page
    (signal,) = one_clinic.signals(patient)
    assert f'href="/care/signals/{signal["id"]}"' in page


def test_past_benefits_and_the_taper_are_those_of_the_api(
    clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    patient = treated(
        one_clinic, NOW, days_since=120, level=lambda day: (8, 8, 8) if day % 40 < 30 else (3, 3, 3)
    )
    give_boosters(one_clinic, patient, 80, 40)
    interval = one_clinic.http.get(f"/v1/patients/{patient}/interval").json()
    page = read(clinician, patient)
    assert [one["lost"] for one in interval["past"]] == [True, True, True], interval
    for one in interval["past"]:
        assert f"<li>{one['days']} days, from " in page
    assert f"between {interval['shortest_days']} and {interval['longest_days']} days" in page
    suggested = one_clinic.http.get(f"/v1/patients/{patient}/taper-plan").json()["suggestion"]
    assert suggested["move"] in page.lower()
    assert not re.search(r"probab|predict|risk of", page, re.IGNORECASE)


def test_nights_stand_beside_the_report_of_their_day_or_alone_each_source_for_itself(
    service: Service, clinician: PlainBrowser, one_clinic: ClinicClient
) -> None:
    patient = one_clinic.patient()
    phone = one_clinic.enrol(patient, service.url)
    assert phone.http.put("/v1/me/sleep-import", json={"on": True}).is_success
    day_before = A_NIGHT | {
        "started_at": (NOW - timedelta(days=1, hours=19)).isoformat(),
        "ended_at": (NOW - timedelta(days=1, hours=12)).isoformat(),
    }
    other = A_NIGHT | {"source": "health_connect", "app": "com.urbandroid.sleep", "asleep_minutes": 371}
    for body in (A_NIGHT, other, day_before):
        assert phone.http.put(f"/v1/me/sleep-nights/{new_id()}", json=body).status_code == 201
    assert phone.check_in(NOW).status_code == 201
    timeline = read(clinician, patient).split('id="tl"')[1]
    beside, alone = re.findall(r"<li[^>]*>(?:(?!</li>).)*measured by phone: [^<]*", timeline, re.DOTALL)
    assert "Check-in" in beside
    assert beside.endswith("6 h 11 min (com.urbandroid.sleep), 6 h 40 min (com.apple.health) asleep")
    assert "<b>Night</b>" in alone
    assert alone.endswith("6 h 40 min (com.apple.health) asleep")


def test_of_a_patient_without_anything_it_says_so(clinician: PlainBrowser, one_clinic: ClinicClient) -> None:
    page = read(clinician, one_clinic.patient())
    for sentence in (
        "No phone or browser is signed in.",
        "No safety event and no signal is open.",
        "Not enough data yet",
        "No course is entered.",
        "No form was completed yet.",
        "Not entered yet",
    ):
        assert sentence in page, sentence


def test_times_are_by_the_clinics_clock_with_the_patients_beside_them_where_they_differ(
    service: Service, clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    patient = treated(clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=10)
    clinician = CareBrowser(service, clinic.clinic_id)

    def timeline() -> str:
        shown = unescape(clinician.get(f"/care/patients/{patient}?show=treatment").text)
        return shown.partition('<ol class="timeline">')[2].partition("</ol>")[0]

    assert "for the patient" not in timeline(), "while the clinic has chosen no zone, the patient's is meant"
    version = clinic.http.get("/v1/clinic").headers["etag"]
    chosen = clinic.http.patch(
        "/v1/clinic", json={"time_zone": "America/Chicago"}, headers={"if-match": version}
    )
    assert chosen.status_code == 200, chosen.text
    given = clinic.http.get(f"/v1/patients/{patient}/infusions").json()["items"][0]["given_at"]
    at = datetime.fromisoformat(given)
    here, there = (at.astimezone(ZoneInfo(zone)) for zone in ("America/Chicago", "Europe/Berlin"))
    for one, after in ((here, "<small>"), (there, " for the patient</small>")):
        clock = f"{one.hour % 12 or 12}:{one:%M} {'AM' if one.hour < 12 else 'PM'}"
        assert f"{one:%b} {one.day} {clock}{after}" in timeline()
    # What is known by its day alone has no hour, and is on that day for everyone.
    (course,) = clinic.http.get(f"/v1/patients/{patient}/courses").json()["items"]
    began = date.fromisoformat(course["started_on"])
    assert f">{began:%b} {began.day}</time>" in timeline()


def enter_everything(clinic: ClinicClient, patient: str, *, route: str = "intranasal") -> None:
    """Two boosters, the last with its session; a form, a therapy that began, a precaution."""
    path = f"/v1/patients/{patient}"
    session = {"side_effects": ["nausea"], "dissociation": "mild"}
    for ago, more in ((80, {}), (40, {"session": session})):
        given = {"given_at": (NOW - timedelta(days=ago)).isoformat(), "phase": "booster", "dose_mg": 84.0}
        sent = given | {"route": route} | CONFIRMED | more
        assert clinic.http.post(f"{path}/infusions", json=sent).status_code == 201
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=3)).isoformat(), "total": 17}
    assert clinic.http.post(f"{path}/assessments", json=form).status_code == 201
    since = (NOW - timedelta(days=20)).date().isoformat()
    therapy = {"kind": "tms", "since": since, "detail": "20 sessions, left"}
    assert clinic.http.post(f"{path}/circumstances", json=therapy).status_code == 201
    etag = clinic.http.get(f"{path}/factors").headers["etag"]
    factors = {"profile": None, "cautions": ["mania"]}
    written = clinic.http.put(f"{path}/factors", json=factors, headers={"if-match": etag})
    assert written.status_code == 200, written.text


def test_a_clinicians_ten_questions_are_answered_without_leaving_the_page(
    service: Service, clinic: ClinicClient
) -> None:
    member = joined(service, clinic, StaffRole.CLINICIAN)
    patient = treated(
        clinic, NOW, days_since=120, level=lambda day: (8, 8, 7) if day % 40 < 30 else (3, 3, 4)
    )
    enter_everything(clinic, patient)
    phone = clinic.enrol(patient, service.url)
    for ago in (2, 1, 0):
        assert phone.check_in(NOW - timedelta(days=ago), (3, 2, 4)).is_success
    (signal,) = clinic.signals(patient)
    assert clinic.http.post(f"/v1/worklist/{signal['id']}/assign", json={"member": member.id}).is_success
    assert phone.check_in(NOW, (3, 3, 3), note="I could not get up today").is_success
    tried = {"channel": "phone", "outcome": "left_message", "note": "Will call after noon"}
    assert clinic.http.post(f"/v1/worklist/{signal['id']}/outreach", json=tried).is_success

    page = re.sub(r"\s+", " ", read(CareBrowser(service, clinic.clinic_id), patient))
    answers = {
        "level and why": ["Consider a booster", "of the improvement is lost"],
        "what the patient wrote": ["I could not get up today"],
        "last three reports": ["mood 3", "energy 2", "sleep 4"],
        "last infusion, dose, reaction": ["84 mg", "Nausea"],
        "how long boosters held": ["days, from "],
        "scales": ["PHQ-9", "17"],
        "therapies changed": ["TMS: 20 sessions, left"],
        "precautions": ["Mania"],
        "who has it": ["Robin Example"],
        "what was tried": ["Left a message", "Will call after noon"],
    }
    missing = {
        question: [words for words in said if words.lower() not in page.lower()]
        for question, said in answers.items()
    }
    assert {question: said for question, said in missing.items() if said} == {}
    year = CareBrowser(service, clinic.clinic_id).get(f"/care/patients/{patient}?days=365").content
    assert len(gzip.compress(year)) < LARGEST_PAGE


def test_in_spanish_routes_and_how_a_session_went_are_said_in_spanish(
    service: Service, clinic: ClinicClient
) -> None:
    patient = treated(clinic, NOW, days_since=120, level=lambda _: (8, 8, 7))
    enter_everything(clinic, patient, route="subcutaneous")

    page = " ".join(
        re.sub(
            r"<[^>]+>", " ", read(CareBrowser(service, clinic.clinic_id), patient, "?lang=es&show=treatment")
        ).split()
    )

    assert "Disociación: Leve" in page
    assert page.count("Subcutánea") == 4, "in the course and in the timeline"
    assert not re.search(r"\bmild\b|subcutaneous", page, re.IGNORECASE)


def test_the_timeline_goes_on_behind_more_reports_of_a_day_than_stand_on_a_page(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    phone = clinic.enrol(patient, service.url)
    for number in range(110):
        assert phone.check_in(NOW - timedelta(minutes=10 * number)).status_code == 201
    shown: list[int] = []
    query = "?show=reports"
    while query and len(shown) < 5:
        timeline = read(CareBrowser(service, clinic.clinic_id), patient, query).partition('id="tl"')[2]
        shown.append(timeline.count("<time datetime"))
        query = next(iter(re.findall(r'rel="next" href="[^"?]*([^"#]+)', timeline)), "")
    assert shown == [25, 25, 25, 25, 10]


def test_in_spanish_the_timeline_and_the_cards_say_no_step_score_or_band_in_english(
    service: Service, clinic: ClinicClient
) -> None:
    signal = fading(clinic)
    patient, path = signal["patient_id"], f"/v1/patients/{signal['patient_id']}"
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (3, 2, 4), note="No pude levantarme").is_success
    form = {"scale": "phq-9", "taken_at": NOW.isoformat(), "total": 17}
    made = clinic.http.post(f"{path}/assessments", json=form)
    assert made.status_code == 201
    void = clinic.http.post(f"{path}/assessments/{made.json()['id']}/void", json={"reason": "Otra persona"})
    assert void.status_code == 200, void.text
    kept = clinic.http.post(f"{path}/assessments", json=form | {"total": 16})
    assert kept.status_code == 201
    tried = {"channel": "phone", "outcome": "reached", "note": "Llama otra vez"}
    assert clinic.http.post(f"/v1/worklist/{signal['id']}/outreach", json=tried).is_success
    browser = CareBrowser(service, clinic.clinic_id)

    card = read(browser, patient)
    assert "70% when raised Nov 3" in card, "what was decided on"
    assert re.search(r"70% when raised Nov 3, \d+% today\.", card), "and how it is now"

    page = " ".join(re.sub(r"<[^>]+>", " ", read(browser, patient, "?lang=es")).split())
    for said in (
        "Señal se generó",
        "se habló con la persona",
        "ánimo 3, energía 2, sueño 4",
        "moderadamente grave",
        "Formulario registrado por error",
    ):
        assert said in page, said
    timeline = page.partition("Cronología")[2]
    for english in ("raised", "reached", "mood 3", "moderately", "entered in error", "Check-in"):
        assert english not in timeline, english
