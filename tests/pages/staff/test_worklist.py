"""Today: three lanes, safety first, then by kind and age; what stands beside it; filters, pages, one step a row."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.access.clinics.permissions import StaffRole
from app.care.worklist.queries import A_LANE
from app.clinical.domains import Domain
from app.clinical.findings import (
    Disagreement,
    ElevatedDay,
    Finding,
    NotHolding,
    Numbers,
    SilentAfterLow,
    WorseThanBefore,
)
from app.clinical.levels import FindingCode
from app.pages.staff.worklist_page import ON_A_PAGE
from app.storage.clinical_json import findings_to_json
from tests.support.browser import fields_of
from tests.support.care_browser import CareBrowser, fading
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, treated
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service


@pytest.fixture
def nurse(service: Service, clinic: ClinicClient) -> Iterator[CareBrowser]:
    browser = CareBrowser(service, clinic.clinic_id, StaffRole.CLINICIAN)
    yield browser
    browser.http.close()


def text_of(browser: CareBrowser, **params: str) -> str:
    reply = browser.get("/care/?" + urlencode(params))
    assert reply.status_code == 200, reply.text
    return reply.text


def listed(text: str) -> list[str]:
    """The chart numbers of the rows, in their order."""
    return re.findall(r'<a class="who" href="[^"]+">([^<]+)<small>', text)


def lane(text: str, code: str) -> list[str]:
    """The chart numbers of one lane's rows."""
    return listed(text.split(f'<section class="lane {code}"')[1].split("</section>", maxsplit=1)[0])


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def step(browser: CareBrowser, row: str, what: str, page: str = "/care/") -> str:
    """Press a row's button, as a browser without scripts does; gives the words of the page that follows."""
    text = browser.get(page).text
    found = re.search(rf'formaction="(/care/worklist/{row}/{what})" name="version" value="([0-9]+)"', text)
    assert found, words(text)
    fields = fields_of(text, "/care/worklist") | {"version": found[2]}
    reply = browser.post(found[1], fields)
    assert reply.status_code == 303, words(reply.text)
    return words(browser.get(reply.headers["location"]).text)


def test_a_row_says_who_what_since_when_why_and_what_was_done(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    signal = fading(clinic, "P-1042")
    patient = signal["patient_id"]
    clinic.http.put(
        f"/v1/patients/{patient}/factors", json={"cautions": ["mania"]}, headers={"if-match": '"0"'}
    )
    clinic.http.put(f"/v1/patients/{patient}/booked-booster", json={"on": "2026-11-20"})
    service.clock.move_to(NOW + timedelta(hours=3))

    before = text_of(nurse.come_back())
    after = step(nurse, signal["id"], "acknowledge")

    for said in (
        "Test mode.",
        "P-1042 Consider a booster",
        "Mood, energy and sleep are falling",
        "70% when raised Nov 3 · booster booked Nov 20 · precautions: mania",
        "Lost: 70%",
        "24 d infusion 6",
        "3 h",
        "Next 14 days: none planned",
    ):
        assert said in words(before), said
    assert "Acknowledged. No further escalation is sent." in after
    assert "Acknowledged by Kim Example" in after or "acknowledged by Kim Example" in after
    assert f'href="/care/signals/{signal["id"]}"' in before


def test_safety_comes_first_then_decisions_then_whom_to_reach(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    old, new = fading(clinic, "P-old"), fading(clinic, "P-new")
    calm = fading(clinic, "P-calm")
    for day in range(1, 10):
        service.clock.move_to(NOW + timedelta(days=day))
        phone = clinic.enrol(calm["patient_id"], service.url)
        assert phone.check_in(service.clock.now(), (8, 8, 8)).is_success
    events = []
    for reference in ("S-taken", "S-first", "S-second"):
        service.clock.move_to(service.clock.now() + timedelta(minutes=1))
        said = clinic.enrol(clinic.patient(reference), service.url)
        assert said.check_in(service.clock.now(), (5, 5, 5), self_harm_thoughts=True).is_success
        events.append(clinic.http.get("/v1/safety-events").json()["items"][-1]["id"])
    clinic.http.post(f"/v1/safety-events/{events[0]}/acknowledge")

    text = text_of(nurse.come_back())

    assert lane(text, "now") == ["S-first", "S-second", "S-taken"]
    assert lane(text, "decide") == ["P-old", "P-new", "P-calm"]
    assert "Stable again since" in words(text)
    assert old["raised_at"] <= new["raised_at"]


def test_filters_work_by_what_is_in_the_address_and_never_hide_safety(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    mine, theirs, put_aside, done = (fading(clinic, f"P-{number}") for number in range(4))
    step(nurse, mine["id"], "take")
    assert clinic.http.post(f"/v1/signals/{theirs['id']}/acknowledge").is_success
    until = (NOW + timedelta(days=3)).isoformat()
    for one, what, body in (
        (put_aside, "snooze", {"until": until}),
        (done, "close", {"disposition": "not_a_relapse"}),
    ):
        reply = clinic.http.post(f"/v1/signals/{one['id']}/{what}", json=body)
        assert reply.is_success, reply.text
    said = clinic.enrol(clinic.patient("S-1"), service.url)
    assert said.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success

    assert listed(text_of(nurse)) == ["S-1", "P-0", "P-1"]
    assert listed(text_of(nurse, show="mine")) == ["S-1", "P-0"]
    assert listed(text_of(nurse, show="unassigned")) == ["S-1", "P-1"]
    assert listed(text_of(nurse, show="unseen")) == ["S-1", "P-0"]
    assert listed(text_of(nurse, show="snoozed")) == ["P-2"]
    assert "Snoozed until Nov 6" in words(text_of(nurse, show="snoozed"))
    # What the daily look found and ended meanwhile may stand beside the signal.
    assert set(listed(text_of(nurse, show="closed"))) == {"P-3"}
    assert words(text_of(nurse, show="closed")).count("Signal: Not a relapse") == 1
    assert listed(text_of(nurse, lane="decide")) == ["P-0", "P-1"]
    assert listed(text_of(nurse, show="what?", lane="'")) == ["S-1", "P-0", "P-1"]
    counted = words(text_of(nurse))
    assert (
        "Everyone 3 Mine 1 My patients Unassigned 2 Not acknowledged 2 Snoozed 1 Closed, 30 days" in counted
    )
    service.clock.move_to(NOW + timedelta(days=3, minutes=1))
    assert listed(text_of(nurse.come_back())) == ["S-1", "P-0", "P-2", "P-1"]


def test_what_a_patient_writes_for_the_team_is_a_row_that_is_marked_as_read_and_can_come_back(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    patient = clinic.patient("P-wrote")
    phone = clinic.enrol(patient, service.url)
    note = "I don't want to <b>get up</b>"
    assert phone.check_in(NOW, (5, 5, 5), note=note, asks_about_booster=True).is_success

    text = text_of(nurse)
    assert lane(text, "reach") == ["P-wrote", "P-wrote"]
    assert f"“{note}”" in unescape(text)
    assert "Asks to talk about a booster" in words(text)
    (row,) = re.findall(r"/care/worklist/([0-9a-f-]+)/read", text)

    whose = f"/care/patients/{patient}"
    answer = nurse.submit(whose, f"/care/worklist/{row}/answer", {"text": "will_call"})
    assert (
        "No push, text message or e-mail reaches this patient." in nurse.get(answer.headers["location"]).text
    )

    assert "Marked as read." in step(nurse, row, "read")
    assert lane(text_of(nurse), "reach") == ["P-wrote"]
    gone = nurse.get(f"/care/?done=read&row={row}&version=2").text
    fields = fields_of(gone, f"/care/worklist/{row}/reopen") | {"version": "2"}
    assert nurse.post(f"/care/worklist/{row}/reopen", fields).status_code == 303
    assert lane(text_of(nurse), "reach") == ["P-wrote", "P-wrote"]


def test_who_comes_second_is_refused_and_nothing_is_changed(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    signal = fading(clinic, "P-1")
    stale = fields_of(nurse.get("/care/").text, "/care/worklist") | {"version": "1"}
    clinic.http.post(f"/v1/signals/{signal['id']}/acknowledge")

    reply = nurse.post(f"/care/worklist/{signal['id']}/take", stale)

    assert "Someone else changed this." in words(nurse.get(reply.headers["location"]).text)
    assert [one["assignee_id"] for one in clinic.signals(signal["patient_id"])] == [None]
    assert service.clock.now() == NOW


def test_a_note_that_comes_second_is_given_back_in_the_readers_language(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    patient = clinic.patient()
    assert clinic.enrol(patient, service.url).check_in(NOW, (5, 5, 5), note="please call").is_success
    (row,) = [one["id"] for one in clinic.http.get("/v1/worklist").json()["items"]]
    page, action = f"/care/patients/{patient}", f"/care/worklist/{row}/outreach"
    typed = fields_of(nurse.get(page).text, action) | {"outcome": "no_answer", "note": "rang <twice> & again"}
    tried = {"channel": "phone", "outcome": "no_answer"}
    assert clinic.http.post(f"/v1/worklist/{row}/outreach", json=tried).is_success

    refused = nurse.post(action, typed)

    assert (refused.status_code, "rang <twice> & again" in unescape(refused.text)) == (412, True)
    assert "open the page again" in refused.text
    spanish = nurse.post(action, typed, {"accept-language": "es-MX"})
    assert ("rang <twice> & again" in unescape(spanish.text), "ETag" in spanish.text) == (True, False)
    assert "Entretanto otra persona cambió esto" in spanish.text


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/care/", "/v1/", ""])
def test_a_step_leads_back_to_our_own_pages_only(clinic: ClinicClient, nurse: CareBrowser, back: str) -> None:
    signal = fading(clinic)
    fields = fields_of(nurse.get("/care/").text, "/care/worklist") | {"version": "1", "back": back}
    reply = nurse.post(f"/care/worklist/{signal['id']}/acknowledge", fields)
    assert reply.headers["location"].startswith("/care/?done=acknowledge")


def test_a_lane_shows_so_many_and_says_that_there_are_more_each_on_exactly_one_page(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    fading(clinic, "P-first")
    more_signals(shared_database, service, clinic, MANY - 1)
    for _ in range(A_LANE + 2):
        said = clinic.enrol(clinic.patient(), service.url)
        assert said.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success

    home = text_of(nurse)
    assert len(lane(home, "now")) == len(lane(home, "decide")) == A_LANE
    assert f"All {A_LANE + 2}" in words(home)
    assert f"All {MANY}" in words(home)
    pages, path = [], "/care/?lane=decide"
    while path:
        text = nurse.get(path).text
        pages.append(re.findall(r'<a class="who" href="([^"]+)"', text))
        found = re.search(r'rel="next" href="([^"]+)"', text)
        path = unescape(found[1]) if found else ""

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [ON_A_PAGE] * (len(pages) - 1) + [
        len(rows) % ON_A_PAGE or ON_A_PAGE
    ]
    assert len(rows) == len(set(rows)) == MANY


MANY = ON_A_PAGE + 5


def more_signals(shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, count: int) -> None:
    """Registers patients as the clinic does, and gives each a copy of the one signal there is."""
    patients = [clinic.patient() for _ in range(count)]
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        for number, patient in enumerate(patients):
            connection.execute(
                """
                INSERT INTO care.signals (clinic_id, id, patient_id, state, level, criterion, criteria, raised_at,
                       raised_on, decision, latest, explanation, version, turn, known)
                SELECT clinic_id, gen_random_uuid(), %(patient)s, 'open', level, criterion, criteria,
                       raised_at + %(number)s * interval '1 minute', raised_on, decision, latest, explanation, 1,
                       turn, known
                  FROM care.signals WHERE clinic_id = %(clinic)s ORDER BY raised_at LIMIT 1
                """,
                {"clinic": clinic.clinic_id, "patient": patient, "number": number + 1},
            )
    assert service.clock.now() >= NOW


@pytest.mark.parametrize(
    ("code", "numbers", "english", "spanish"),
    [
        (
            "worse_than_before",
            (WorseThanBefore(Domain.MOOD, 1.5, 3.4, 0.5, (2, 1.5)),),
            "Worse than before treatment Mood 2, 1.5; 3.4 before. Not a booster question: call today.",
            "Peor que antes del tratamiento Ánimo 2, 1.5; 3.4 antes. No es cuestión de un refuerzo: llame hoy.",
        ),
        (
            "elevated_mood",
            (ElevatedDay(NOW.date(), 10, 9, 3),),
            "Elevated mood with 3 h of sleep on Nov 3: mood 10, energy 9.",
            "Ánimo elevado con 3 h de sueño el 3 nov: ánimo 10, energía 9.",
        ),
        (
            "silent_after_low",
            SilentAfterLow((NOW.date(), NOW.date()), 4),
            "Two low days, then silence Call.",
            "Dos días bajos y luego silencio Llame.",
        ),
        (
            "check_ins_and_scale_disagree",
            Disagreement("phq-9", 4, NOW.date(), waits_until=NOW.date() + timedelta(days=2)),
            "Check-ins and PHQ-9 disagree: PHQ-9 4 on Nov 3. The signal waits for a repeat until Nov 5.",
            "Los registros y el PHQ-9 no coinciden: PHQ-9 4 el 3 nov. El aviso espera una repetición hasta el 5 nov.",
        ),
        (
            "boosters_not_holding",
            NotHolding(((9, None), (6, None)), 14, NOW.date()),
            "Fortnightly boosters have held 9 and 6 days",
            "Los refuerzos quincenales han durado 9 y 6 días",
        ),
        (
            "worse_than_before",
            None,
            "Call today; not a booster question",
            "Llame hoy; no es cuestión de refuerzo",
        ),
    ],
)
def test_what_was_found_is_said_in_the_readers_language(
    shared_database: DatabaseUrls,
    service: Service,
    clinic: ClinicClient,
    nurse: CareBrowser,
    code: str,
    numbers: Numbers | None,
    english: str,
    spanish: str,
) -> None:
    assert clinic.enrol(clinic.patient(), service.url).check_in(NOW, (5, 5, 5), note="hello").is_success
    facts = {"said": "The words of another release, 2 and 1."}
    if numbers is not None:
        today = NOW.date()
        found = Finding(code=FindingCode(code), since=today, last_on=today, numbers=numbers)
        facts |= findings_to_json((found,))[0]
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE care.findings SET code = %s, facts = %s WHERE clinic_id = %s",
            [code, Jsonb(facts), clinic.clinic_id],
        )
    assert english in words(text_of(nurse))
    page = words(text_of(nurse, lang="es"))
    assert spanish in page
    assert "another release" not in page


@pytest.mark.parametrize("after", ["x", "c2lnbmFsc3wwfG5vfHg", "MXwwfDZ8MjAyNi0xMS0wM3wx"])
def test_a_cursor_that_is_none_of_ours_is_refused_with_a_page(nurse: CareBrowser, after: str) -> None:
    reply = nurse.get(f"/care/?after={after}")
    assert reply.status_code == 422
    assert "<h1>" in reply.text


def test_silence_no_reference_and_a_review_that_is_due_are_rows(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    silent = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=5, reference="P-silent")
    short = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=1, reference="P-short")
    done = treated(clinic, NOW, days_since=2, level=lambda _day: (8, 8, 8), reference="P-done")
    for patient in (short, done):
        assert clinic.enrol(patient, service.url).check_in(NOW, (5, 5, 5)).is_success
    for hours in range(0, 30, 6):
        service.clock.move_to(NOW + timedelta(hours=hours))
        service.sweep()

    text = text_of(nurse.come_back())

    assert sorted(lane(text, "reach")) == ["P-done", "P-short", "P-silent", "P-silent"]
    assert f'href="/care/patients/{silent}"' in text
    for said in ("No check-in", "No recent check-in", "No reference yet", "Induction review is due"):
        assert said in words(text), said
    assert clinic.enrol(silent, service.url).check_in(service.clock.now(), (8, 8, 8)).is_success
    assert "P-silent" not in listed(text_of(nurse))


@pytest.mark.parametrize(("hours", "seen"), [(0.9, False), (1.1, True)])
def test_a_sweep_that_does_not_run_is_seen(own_database: DatabaseUrls, hours: float, *, seen: bool) -> None:
    with running_service(own_database.application_url, work=False) as still:
        clinic = clinic_client(still)
        clinic.patient()
        still.clock.move_to(NOW + timedelta(hours=hours))
        said = words(text_of(CareBrowser(still, clinic.clinic_id)))
    assert ("its worker does not run" in said) is seen


def test_deliveries_that_are_undelivered_are_counted_and_a_row_each_patient(
    shared_database: DatabaseUrls,
    service: Service,
    clinic: ClinicClient,
    nurse: CareBrowser,
    receiver: Receiver,
) -> None:
    clinic.add_endpoint(receiver.url)
    fading(clinic, "P-7")
    receiver.wait_for("signal.raised")
    assert "undelivered" not in text_of(nurse).replace("undelivered, worse than before", "")
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        for table, column in (("deliveries", "state = 'held'"), ("webhook_endpoints", "state = 'disabled'")):
            connection.execute(
                f"UPDATE care.{table} SET {column} WHERE clinic_id = %s",  # noqa: S608 - the test's own names
                [clinic.clinic_id],
            )

    text = text_of(nurse)

    assert re.search(r"\d+ messages? to the clinic's systems undelivered\.", words(text))
    assert "A webhook endpoint is disabled" in words(text)
    assert lane(text, "now") == ["P-7"]
    assert service.clock.now() == NOW


def test_reading_the_worklist_is_in_the_audit_log(clinic: ClinicClient, nurse: CareBrowser) -> None:
    patient = clinic.patient("P-7")

    text_of(nurse)
    assert clinic.http.get("/v1/worklist", params={"patient_id": patient}).json() == {"items": []}

    lines = [
        (line["action"], line["actor_kind"], line["patient_id"])
        for line in clinic.http.get("/v1/audit-events").json()["items"]
        if line["action"] == "worklist.read"
    ]
    assert lines == [("worklist.read", "api_key", patient), ("worklist.read", "staff", None)]


def test_who_is_not_signed_in_is_sent_to_sign_in(service: Service, nurse: CareBrowser) -> None:
    nurse.cookies.clear()
    reply = nurse.get("/care/")
    assert (reply.status_code, reply.headers["location"]) == (303, "/care/sign-in?next=/care/")
    assert service.url


def test_another_clinics_rows_are_not_there(service: Service, clinic: ClinicClient) -> None:
    fading(clinic, "P-ours")
    other = CareBrowser(service, str(service.new_clinic("Other").clinic_id))
    assert listed(text_of(other)) == []


def test_the_score_of_four_hours_is_asked_for_until_it_is_documented_or_a_day_has_passed(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    patient = clinic.patient("P-4")
    given = {"given_at": NOW.isoformat(), "phase": "induction"}
    infusion = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).json()
    texts, rows = {}, {}
    for hours in (2, 3.5, 25, 5):
        service.clock.move_to(NOW + timedelta(hours=hours))
        texts[hours] = text_of(nurse.come_back())
        rows[hours] = clinic.http.get("/v1/worklist", params={"kind": "score_due"}).json()["items"]
    text, (row,) = texts[5], rows[5]

    assert {hours: lane(one, "reach") for hours, one in texts.items()} == {
        2: [],
        3.5: ["P-4"],
        25: [],
        5: ["P-4"],
    }
    assert "Score 4 hours after the infusion Due at 11:00 PM" in words(text)
    path = f"/care/patients/{patient}/infusions/{infusion['id']}/session"
    assert f'href="{path}#score_scale"' in text
    assert row["link"].endswith(f"{path}#score_scale")
    reader = text_of(CareBrowser(service, clinic.clinic_id, StaffRole.READ_ONLY))
    assert lane(reader, "reach") == ["P-4"]
    assert path not in reader, "who may not enter it is led to the patient"
    nurse.submit(path, path, {"score_scale": "madrs", "score_total": "11"})
    assert lane(text_of(nurse), "reach") == []
