"""A patient's page, the list and the forms in a real browser: keyboard, scripts off, on paper."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP, take_picture
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "pages" / "care-patient"


@pytest.fixture(scope="module")
def patient(shared_service: Service, one_clinic: ClinicClient) -> str:
    """A patient who has lost much of the gain: a signal, a safety event, totals, a caution, a booked booster."""
    shared_service.clock.move_to(NOW)
    made = treated(one_clinic, NOW, days_since=34, level=lambda _day: (8, 7, 8), until=26)
    http = one_clinic.http
    before, after = NOW - timedelta(days=46), NOW - timedelta(days=33)
    for at, scale, total in ((before, "phq-9", 19), (after, "phq-9", 6), (before, "madrs", 31)):
        form = {"scale": scale, "taken_at": at.isoformat(), "total": total}
        assert http.post(f"/v1/patients/{made}/assessments", json=form).is_success
    phone = one_clinic.enrol(made, shared_service.url)
    for ago in range(7, 0, -1):
        assert phone.check_in(NOW - timedelta(days=ago), (4, 4, 5)).is_success
    phone.check_in(NOW - timedelta(hours=1), (3, 3, 4), self_harm_thoughts=True)
    version = http.get(f"/v1/patients/{made}/factors").headers["etag"]
    known = {"profile": "severe_or_chronic", "cautions": ["urinary_symptoms"]}
    assert http.put(f"/v1/patients/{made}/factors", json=known, headers={"if-match": version}).is_success
    return made


def test_the_tables_at_the_side_are_whole_on_a_desk(
    opened: Callable[..., Page], service: Service, patient: str
) -> None:
    page = opened(viewport=DESKTOP)
    page.goto(f"{service.url}/care/patients/{patient}")
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.outerHTML.slice(0, 80))"
    assert page.locator(".factual .scroll").evaluate_all(cut) == []


def test_an_infusion_is_entered_by_keyboard_alone_with_scripts_off(
    opened: Callable[..., Page], service: Service, one_clinic: ClinicClient
) -> None:
    new = treated(one_clinic, NOW, days_since=20, level=lambda _day: (8, 8, 8), until=3)
    page = opened(StaffRole.COORDINATOR, viewport=DESKTOP, java_script_enabled=False)
    page.goto(f"{service.url}/care/patients/{new}")
    page.get_by_role("link", name="Enter an infusion").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Enter an infusion")
    page.locator("#phase_booster").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("0,5")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("The infusion is entered")
    (given,) = [
        one
        for one in one_clinic.http.get(f"/v1/patients/{new}/courses/current").json()["infusions"]
        if one["phase"] == "booster"
    ]
    assert given["dose_mg_per_kg"] == 0.5


def test_on_paper_a_patient_is_the_numbers_without_buttons_links_or_the_audit_log(
    opened: Callable[..., Page], service: Service, patient: str
) -> None:
    page = opened(viewport=DESKTOP)
    page.goto(f"{service.url}/care/patients/{patient}")
    page.emulate_media(media="print")
    for hidden in (".factual .foot", "#audit-log", ".range", "header nav", ".dock"):
        assert not page.locator(hidden).first.is_visible(), hidden
    for shown in ("h1", "figure svg", ".say", ".print-only", "#scales"):
        assert page.locator(shown).first.is_visible(), shown
    sheet = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) <= 2, "one sheet for the file, both sides"
    PICTURES.mkdir(parents=True, exist_ok=True)
    take_picture(page, PICTURES / "patient-print.png", full_page=True)


def test_the_chart_has_its_numbers_beside_it(
    opened: Callable[..., Page], service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    page = opened(viewport=DESKTOP)
    page.goto(f"{service.url}/care/patients/{patient}?days=92")
    drawn = one_clinic.http.get(f"/v1/patients/{patient}/chart.svg").text
    assert drawn.startswith("<svg")
    page.locator("summary", has_text="Same values as a table").click()
    rows = page.locator("figure + details tbody tr").count()
    assert page.locator(".chart .hit").count() == rows, "each row is a place on the chart that says the same"
    reported = 9 + 26 + 8
    assert rows == reported + 6, "every day with a report or an infusion has its row"


def test_a_code_is_shown_as_a_picture_and_to_read_out_and_stays_on_a_reload(
    opened: Callable[..., Page], service: Service
) -> None:
    page = opened(viewport=DESKTOP, java_script_enabled=False)
    page.goto(f"{service.url}/care/patients/new")
    page.locator("#external_ref").fill("P-1042")
    page.locator("#time_zone").fill("America/New_York")
    page.locator("main form button").click()
    code = page.locator(".read-out").inner_text()
    assert len(code.replace("-", "")) == 12
    page.reload()
    assert page.locator(".read-out").inner_text() == code
    page.get_by_role("button", name="New code").click()
    assert page.locator(".read-out").inner_text() != code
    service.clock.move_to(NOW + timedelta(minutes=16))
    page.reload()
    expect(page.locator("main")).to_contain_text("There is no code that works just now.")


def test_before_an_unused_session_ends_it_is_said_and_whoever_was_signed_out_does_not_stay(
    opened: Callable[..., Page], service: Service
) -> None:
    page = opened(viewport=DESKTOP)
    page.clock.install()
    page.goto(f"{service.url}/care/")
    ending = page.locator("#ending")
    expect(ending).to_be_hidden()
    page.clock.fast_forward("28:01")
    expect(ending).to_be_visible()
    ending.locator("button").click()
    expect(ending).to_be_hidden()
    page.clock.fast_forward("28:01")
    # Signed out meanwhile, in another window: the answer is the sign-in page, which is no session.
    page.context.clear_cookies()
    with page.expect_response(lambda reply: "sign-in" in reply.url):
        ending.locator("button").click()
    page.evaluate("fetch('/care/account').then((reply) => reply.text())")
    assert ending.is_visible()
