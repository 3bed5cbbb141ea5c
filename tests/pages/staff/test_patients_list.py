"""The list of patients: where each stands in a line, lists with their counts, orders that stay in the address."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest

from app.pages.staff import patients_page
from tests.pages.staff.test_worklist import step
from tests.support.care_browser import CareBrowser, fading
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service

PATH = "/care/patients"


@pytest.fixture
def nurse(service: Service, clinic: ClinicClient) -> Iterator[CareBrowser]:
    browser = CareBrowser(service, clinic.clinic_id)
    yield browser
    browser.http.close()


def rows(text: str) -> dict[str, str]:
    """The words of each row by its chart number, in their order."""
    found = re.findall(r'<tr><th scope="row"><a href="[^"]+">([^<]+)</a>(.*?)</tr>', text, re.DOTALL)
    return {number: " ".join(unescape(re.sub(r"<[^>]+>", " ", rest)).split()) for number, rest in found}


def counts(text: str) -> dict[str, int]:
    """How many patients each list has."""
    found = re.findall(r'>([^<>]+) <span class="num">([0-9]+)</span></a>', text)
    return {name: int(count) for name, count in found}


def test_a_line_says_where_a_patient_stands_and_lists_count_who_is_on_them(
    clinic: ClinicClient, nurse: CareBrowser
) -> None:
    signal = fading(clinic, "P-1")
    patient = signal["patient_id"]
    clinic.http.put(f"/v1/patients/{patient}/booked-booster", json={"on": "2026-11-20"})
    series = clinic.patient("P-2")
    began = NOW - timedelta(days=2)
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": began.date().isoformat()}
    clinic.http.post(f"/v1/patients/{series}/courses", json=course)
    for given_at in (began, NOW - timedelta(hours=2)):
        given = {"given_at": given_at.isoformat(), "phase": "induction"}
        assert clinic.http.post(f"/v1/patients/{series}/infusions", json=given).status_code == 201
    left = clinic.patient("P-3")
    assert clinic.http.post(f"/v1/patients/{left}/archive", json={"reason": "care_ended"}).status_code == 200
    step(nurse, signal["id"], "take")

    text = nurse.get(PATH).text
    listed = rows(text)

    assert list(listed) == ["P-1", "P-2"]
    assert listed["P-1"].startswith("After induction Consider a booster 70%")
    for said in ("24 d", "Nov 20", "Kim Example"):
        assert said in listed["P-1"], (said, listed["P-1"])
    assert '<svg class="spark"' in text
    assert listed["P-2"].startswith("Induction 2 of 6 Not enough data yet")
    assert counts(text) | {"Silent": 0, "No reference": 0} == {
        "In care": 2,
        "Mine": 1,
        "Induction": 1,
        "Silent": 0,
        "No reference": 0,
        "Left care": 1,
    }
    assert list(rows(nurse.get(f"{PATH}?show=mine").text)) == ["P-1"]
    assert list(rows(nurse.get(f"{PATH}?show=induction").text)) == ["P-2"]
    gone = rows(nurse.get(f"{PATH}?show=left").text)
    assert gone["P-3"].startswith("Planned Care ended")


def test_orders_put_the_most_lost_the_longest_silent_and_the_next_booster_first(
    clinic: ClinicClient, nurse: CareBrowser
) -> None:
    steady = treated(
        clinic, NOW - timedelta(days=3), days_since=20, level=lambda _day: (8, 8, 8), reference="A"
    )
    fading(clinic, "B")
    clinic.patient("C")
    clinic.http.put(f"/v1/patients/{steady}/booked-booster", json={"on": "2026-11-20"})

    assert list(rows(nurse.get(PATH).text)) == ["A", "B", "C"]
    assert list(rows(nurse.get(f"{PATH}?order=lost").text)) == ["B", "A", "C"]
    assert list(rows(nurse.get(f"{PATH}?order=check-in").text)) == ["A", "B", "C"]
    assert next(iter(rows(nurse.get(f"{PATH}?order=booster").text))) == "A"
    assert 'aria-sort="descending"' in nurse.get(f"{PATH}?order=lost").text
    assert list(rows(nurse.get(f"{PATH}?order=nonsense&show=nonsense&page=x").text)) == ["A", "B", "C"]


def test_who_is_booked_for_today_where_they_are_comes_first(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    clinic.patient("A")
    west = clinic.patient("B", time_zone="America/Los_Angeles")
    booked = clinic.http.put(f"/v1/patients/{west}/booked-booster", json={"on": "2026-11-03"})
    assert booked.is_success
    service.clock.move_to(NOW + timedelta(hours=7))  # 17:00 there, and the next day by UTC
    nurse.come_back()
    assert list(rows(nurse.get(f"{PATH}?order=booster").text)) == ["B", "A"]
    assert "Nov 3" in rows(nurse.get(PATH).text)["B"]


def test_what_who_travels_east_reports_on_their_day_is_drawn_on_the_day_of_today(
    service: Service, clinic: ClinicClient, nurse: CareBrowser
) -> None:
    patient = treated(clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), reference="A")
    service.clock.move_to(NOW + timedelta(days=1))
    nurse.come_back()
    phone = clinic.enrol(patient, service.url)
    reported = phone.check_in(service.clock.now(), (3, 3, 3), time_zone="Pacific/Auckland")
    assert reported.status_code == 201  # where it is the day after
    assert '<circle class="end" cx="118"' in nurse.get(PATH).text


def test_a_list_and_its_order_stay_on_the_next_page(
    clinic: ClinicClient, nurse: CareBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        clinic.patient(f"P-{number}")
    monkeypatch.setattr(patients_page, "_ON_A_PAGE", 2)

    first = nurse.get(f"{PATH}?order=lost").text
    following = re.search(r'rel="next" href="([^"]+)"', first)

    assert following
    assert unescape(following[1]) == f"{PATH}?order=lost&page=2"
    assert list(rows(first)) + list(rows(nurse.get(unescape(following[1])).text)) == ["P-0", "P-1", "P-2"]
