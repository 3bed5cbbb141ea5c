"""The worklist: safety first, then by level and age; what stands beside it; filters, pages, few statements."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import psycopg
import pytest

from app.access.clinics.permissions import StaffRole
from app.care.worklist.queries import ROWS
from tests.support.care_browser import CareBrowser, fading
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
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
    """The references of the rows, in their order."""
    return re.findall(r'<span class="unseen">(?:Signal|Safety event) of </span>([^<]+)</a></h3>', text)


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_row_says_who_what_since_when_why_how_sure_and_what_was_done(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    signal = fading(clinic, "P-1042")
    patient = signal["patient_id"]
    clinic.http.put(
        f"/v1/patients/{patient}/factors", json={"cautions": ["mania"]}, headers={"if-match": '"0"'}
    )
    clinic.http.put(f"/v1/patients/{patient}/booked-booster", json={"on": "2026-11-20"})
    service.clock.move_to(NOW + timedelta(hours=3))

    before = words(text_of(nurse.come_back()))
    nurse.submit(f"/care/signals/{signal['id']}", f"/care/signals/{signal['id']}/acknowledge")
    after = text_of(nurse)

    for said in (
        "Test mode.",
        "P-1042",
        "▲ Consider a booster",
        "3 hours ago",
        "3 November 2026, 19:00",
        "Not acknowledged",
        "Mood, energy and sleep together have lost most of what was gained",
        "of the improvement gained in induction has been lost (smoothed; raised at 55 %).",
        "Cautions: mania",
        "10 check-in days in the last 10, last report 3 November 2026, reference from 8 days",
        "Raised by Afterglow itself",
        "Booster booked for 20 November 2026",
    ):
        assert said in before, said
    assert "Mood 3." not in before, "one sentence of the explanation, no more"
    assert "Acknowledged by Kim Example, just now" in words(after)
    assert f'href="/care/patients/{patient}"' in after
    assert f'href="/care/signals/{signal["id"]}"' in after


def test_safety_events_come_first_then_signals_by_level_and_age(
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

    assert listed(text) == ["S-first", "S-second", "S-taken", "P-old", "P-new", "P-calm"]
    assert "Steady again since" in words(text)
    assert old["raised_at"] <= new["raised_at"]
    assert listed(text_of(nurse, level="steady")) == ["P-calm"]
    assert listed(text_of(nurse, level="consider")) == ["P-old", "P-new"]


def test_filters_work_by_what_is_in_the_address(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    mine, theirs, put_aside, done = (fading(clinic, f"P-{number}") for number in range(4))
    nurse.submit(f"/care/signals/{mine['id']}", f"/care/signals/{mine['id']}/acknowledge")
    clinic.http.post(f"/v1/signals/{theirs['id']}/acknowledge")
    until = (NOW + timedelta(days=3)).isoformat()
    clinic.http.post(f"/v1/signals/{put_aside['id']}/snooze", json={"until": until})
    clinic.http.post(f"/v1/signals/{done['id']}/close", json={"disposition": "not_a_relapse"})
    clinic.http.put(
        f"/v1/patients/{theirs['patient_id']}/factors",
        json={"cautions": ["pregnancy"]},
        headers={"if-match": '"0"'},
    )

    assert listed(text_of(nurse)) == ["P-0", "P-1"]
    assert listed(text_of(nurse, mine="yes")) == ["P-0"]
    assert listed(text_of(nurse, state="open")) == []
    assert listed(text_of(nurse, state="acknowledged")) == ["P-0", "P-1"]
    assert listed(text_of(nurse, state="snoozed")) == ["P-2"]
    assert listed(text_of(nurse, state="closed")) == ["P-3"]
    assert "Closed: Not a relapse" in words(text_of(nurse, state="closed"))
    assert listed(text_of(nurse, caution="pregnancy")) == ["P-1"]
    assert listed(text_of(nurse, criterion="gain_lost")) == ["P-0", "P-1"]
    assert listed(text_of(nurse, criterion="scale_relapse")) == []
    assert listed(text_of(nurse, text="P-1")) == ["P-1"]
    assert listed(text_of(nurse, text="P-")) == []
    assert "No patient has exactly this reference" in text_of(nurse, text="P-")
    assert listed(text_of(nurse, state="what?", criterion="none", caution="'")) == ["P-0", "P-1"]
    fold = words(text_of(nurse))
    assert "Snoozed: 1, next back 6 November 2026, 19:00" in fold
    service.clock.move_to(NOW + timedelta(days=3, minutes=1))
    assert listed(text_of(nurse.come_back())) == ["P-0", "P-1", "P-2"]


MANY = 2 * ROWS + 5


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


def test_every_row_is_on_exactly_one_page(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    fading(clinic, "P-first")
    more_signals(shared_database, service, clinic, MANY - 1)
    for _ in range(ROWS + 2):
        said = clinic.enrol(clinic.patient(), service.url)
        assert said.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success

    pages, path = [], "/care/"
    while path:
        text = nurse.get(path).text
        pages.append(re.findall(r'<h3><a href="([^"]+)"', text))
        found = re.search(r'href="([^"]+)" rel="next"', text)
        path = unescape(found[1]) if found else ""

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [ROWS] * (len(pages) - 1) + [len(rows) % ROWS or ROWS]
    assert len(rows) == len(set(rows)) == MANY + ROWS + 2
    assert all("safety-events" in row for row in rows[: ROWS + 2])


@pytest.mark.parametrize("after", ["x", "c2lnbmFsc3wwfG5vfHg", "c2FmZXR5fDl8MjAyNi0xMS0wM3wx"])
def test_a_cursor_that_is_none_of_ours_is_refused_with_a_page(nurse: CareBrowser, after: str) -> None:
    reply = nurse.get(f"/care/?after={after}")
    assert reply.status_code == 422
    assert "<h1>" in reply.text


def test_what_must_be_looked_after_stands_above(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    silent = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=5, reference="P-silent")
    short = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=1, reference="P-short")
    done = treated(clinic, NOW, days_since=2, level=lambda _day: (8, 8, 8), reference="P-done")
    for patient in (short, done):
        assert clinic.enrol(patient, service.url).check_in(NOW, (5, 5, 5)).is_success
    for hours in range(0, 30, 6):
        service.clock.move_to(NOW + timedelta(hours=hours))
        service.run(service.worker.sweep())

    text = text_of(nurse.come_back())

    assert f'href="/care/patients/{silent}"' in text
    assert "Check-ins overdue: 1" in text
    assert "No reference could be established: 1" in text
    assert "Induction reviews due: 1" in text


@pytest.mark.parametrize(("hours", "seen"), [(0.9, False), (1.1, True)])
def test_a_sweep_that_does_not_run_is_seen(
    shared_database: DatabaseUrls, hours: float, *, seen: bool
) -> None:
    with running_service(shared_database.application_url, work=False) as still:
        clinic = clinic_client(still)
        clinic.patient()
        still.clock.move_to(NOW + timedelta(hours=hours))
        said = words(text_of(CareBrowser(still, clinic.clinic_id)))
    assert ("its worker does not run" in said) is seen


def test_deliveries_that_did_not_get_out_are_counted(
    shared_database: DatabaseUrls,
    service: Service,
    clinic: ClinicClient,
    nurse: CareBrowser,
    receiver: Receiver,
) -> None:
    clinic.add_endpoint(receiver.url)
    fading(clinic)
    receiver.wait_for("signal.raised")
    assert "did not get out" not in text_of(nurse)
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        for table, column in (("deliveries", "state = 'held'"), ("webhook_endpoints", "state = 'disabled'")):
            connection.execute(
                f"UPDATE care.{table} SET {column} WHERE clinic_id = %s",  # noqa: S608 - the test's own names
                [clinic.clinic_id],
            )

    said = words(text_of(nurse))

    assert re.search(r"\d+ messages? to the clinic's systems did not get out\.", said)
    assert "An endpoint is disabled" in said
    assert service.clock.now() == NOW


def test_reading_the_worklist_is_told_to_the_trail_and_names_the_patient_who_was_looked_for(
    clinic: ClinicClient, nurse: CareBrowser
) -> None:
    patient = clinic.patient("P-7")

    text_of(nurse)
    text_of(nurse, text="P-7")

    lines = [
        (line["action"], line["actor_kind"], line["patient_id"])
        for line in clinic.http.get("/v1/audit-events").json()["items"]
        if line["action"] == "worklist.read"
    ]
    assert lines == [("worklist.read", "staff", patient), ("worklist.read", "staff", None)]


def test_who_is_not_signed_in_is_sent_to_sign_in(service: Service, nurse: CareBrowser) -> None:
    nurse.cookies.clear()
    reply = nurse.get("/care/")
    assert (reply.status_code, reply.headers["location"]) == (303, "/care/sign-in?next=/care/")
    assert service.url


def test_another_clinics_rows_are_not_there(service: Service, clinic: ClinicClient) -> None:
    fading(clinic, "P-ours")
    other = CareBrowser(service, str(service.new_clinic("Other").clinic_id))
    assert listed(text_of(other)) == []
    assert "No patient has exactly this reference" in text_of(other, text="P-ours")
