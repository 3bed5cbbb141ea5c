"""The planned date of the next booster is shown with how it was reached, and the learned interval beside it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from tests.support.care_browser import CareBrowser
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.service import NOW, Service


def day(ago: int) -> str:
    return (NOW - timedelta(days=ago)).date().isoformat()


def taper(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    reply = clinic.http.get(f"/v1/patients/{patient}/taper-plan")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


@pytest.fixture
def patient(clinic: ClinicClient) -> str:
    """Well for 60 days; boosters 42, 28 and 14 days ago; every 14 days twice, then every 28."""
    made = treated(clinic, NOW, days_since=60, level=lambda _day: (8, 8, 8))
    for ago in (42, 28, 14):
        given = {"given_at": (NOW - timedelta(days=ago, hours=6)).isoformat(), "phase": "booster"}
        reply = clinic.http.post(f"/v1/patients/{made}/infusions", json=given | CONFIRMED)
        assert reply.status_code == 201, reply.text
    steps = [{"interval_days": 14, "count": 2}, {"interval_days": 28, "count": None}]
    written = clinic.http.put(
        f"/v1/patients/{made}/taper-plan",
        json={"steps": steps, "interval_days": 14, "since": day(42)},
        headers={"if-match": '"0"'},
    )
    assert written.status_code == 200, written.text
    return made


def test_the_api_says_from_which_infusion_step_and_benefits_the_planned_date_comes(
    clinic: ClinicClient, patient: str
) -> None:
    found = taper(clinic, patient)
    planned, suggestion = found["planned"], found["suggestion"]
    assert (suggestion["move"], suggestion["interval_days"]) == ("lengthen", 28)
    assert (planned["on"], planned["since"], planned["interval_days"]) == (day(14 - 28), day(14), 28)
    assert (planned["step"], planned["steps"]) == (2, 2)
    assert [(one["from_day"], one["lost"]) for one in planned["benefits"]] == [
        (day(42), False),
        (day(28), False),
    ]


def test_the_explanation_and_the_page_say_it_and_the_learned_interval_stands_beside(
    service: Service, clinic: ClinicClient, patient: str
) -> None:
    said = (
        "By the taper plan the next booster is for Nov 17: 28 days after the infusion of Oct 20, step 2 of 2; "
        "at this interval so far: at least 14 days from Sep 22 and at least 14 days from Oct 6."
    )
    parts = {one["code"]: one for one in clinic.evaluation(patient)["explanation_parts"]}
    assert said in parts["treatment"]["text"]
    assert parts["treatment"]["numbers"]["planned.interval_days"] == 28
    assert said in clinic.evaluation(patient)["explanation"]

    spanish = clinic.http.get(f"/v1/patients/{patient}/evaluation", params={"locale": "es-MX"}).json()
    assert spanish["explanation_parts"][0]["text"].startswith("Estable.")
    assert (
        "Según el plan, el próximo refuerzo es para el 17 nov: 28 días tras la infusión"
        in spanish["explanation"]
    )
    assert [one["numbers"] for one in spanish["explanation_parts"]] == [
        one["numbers"] for one in clinic.evaluation(patient)["explanation_parts"]
    ]

    browser = CareBrowser(service, clinic.clinic_id)
    try:
        page = browser.get(f"/care/patients/{patient}").text
    finally:
        browser.http.close()
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
    maintenance = words[words.index("Interval between boosters") :]
    assert said in maintenance
    assert "Learned from this patient, beside the plan: 18 days, so Nov 7" in maintenance


def test_while_induction_runs_there_is_no_planned_date(clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=1), count=2)
    assert taper(clinic, patient)["planned"] is not None, "two of two: induction is over"
    other = clinic.patient()
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": day(3)}
    assert clinic.http.post(f"/v1/patients/{other}/courses", json=course).status_code == 201
    given = {"given_at": (NOW - timedelta(days=1)).isoformat(), "phase": "induction"}
    assert clinic.http.post(f"/v1/patients/{other}/infusions", json=given | CONFIRMED).status_code == 201
    assert taper(clinic, other)["planned"] is None
