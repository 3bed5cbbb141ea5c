"""A real browser: from the worklist to a signal and through its life by keyboard alone; axe; narrow; scripts off."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP, PHONE
from tests.support.care_browser import SESSION, care_page, fading
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "care"
WIDTHS = {320: 44, 195: 24, 640: 44}
TARGETS = """[...document.querySelectorAll('button, .button, summary, nav a, .row h3 a, .foot a, .later')]
    .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
    .map((one) => [one.width, one.height])"""


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the focus is on something, as a person does who has no mouse."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(what) => document.activeElement.matches(what)", what):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "where the keyboard is must be seen"
            return
    raise AssertionError(what)


def write_day(page: Page, days: int) -> None:
    """Type a day into a date field, part by part, as Chromium in this language asks for it."""
    page.keyboard.type((NOW + timedelta(days=days)).strftime("%m%d%Y"))


def come_back(page: Page, service: Service, clinic: ClinicClient) -> None:
    """Sign in anew: a session that was not used for days has ended."""
    token = signed_in(service, clinic.clinic_id, StaffRole.CLINICIAN)
    page.context.add_cookies(
        [{"name": SESSION, "value": token, "url": "https://127.0.0.1/", "secure": True, "httpOnly": True}]
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_a_signal_is_acknowledged_snoozed_returns_and_is_closed_by_keyboard_alone(
    browser: Browser, service: Service, clinic: ClinicClient, scripts: bool
) -> None:
    signal = fading(clinic, "P-1042")
    with care_page(
        browser, service, clinic.clinic_id, StaffRole.CLINICIAN, viewport=DESKTOP, java_script_enabled=scripts
    ) as page:
        page.goto(f"{service.url}/care/")
        tab_to(page, f"a[href='/care/signals/{signal['id']}']")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Signal of P-1042")

        tab_to(page, "form[action$='/acknowledge'] button")
        page.keyboard.press("Enter")
        expect(page.locator(".told")).to_have_text("Noted: you have seen it.")

        tab_to(page, "#until")
        write_day(page, 3)
        tab_to(page, "#reason")
        page.keyboard.type("on holiday")
        page.keyboard.press("Enter")
        expect(page.locator(".state")).to_contain_text("Snoozed: comes back 6 November 2026, 08:00")
        page.goto(f"{service.url}/care/")
        assert page.locator(".row").count() == 0
        tab_to(page, ".fold summary")
        page.keyboard.press("Enter")
        expect(page.locator(".fold li")).to_contain_text("P-1042 comes back 6 November 2026, 08:00")

        service.clock.move_to(NOW + timedelta(days=3))
        # The sweep would come by itself, perhaps between a page and its form.
        service.run(service.worker.sweep())
        come_back(page, service, clinic)
        page.goto(f"{service.url}/care/")
        expect(page.locator(".row")).to_have_count(1)
        tab_to(page, f"a[href='/care/signals/{signal['id']}']")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Signal of P-1042")
        tab_to(page, "input[name=disposition]")
        page.keyboard.press("Space")
        for _ in range(2):
            page.keyboard.press("ArrowDown")
        tab_to(page, "#note")
        page.keyboard.type("the patient wants to wait")
        tab_to(page, "form[action$='/close'] button")
        page.keyboard.press("Enter")
        expect(page.locator(".state")).to_contain_text("Watchful waiting")
    (stored,) = clinic.signals(signal["patient_id"])
    assert (stored["state"], stored["note"]) == ("closed", "the patient wants to wait")


@pytest.fixture(scope="module")
def busy(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """A clinic with something of everything, and the paths of its pages."""
    shared_service.clock.move_to(NOW)
    clinic = clinic_client(shared_service, "Busy")
    signals = [fading(clinic, f"P-{number}") for number in range(4)]
    paths = [f"/v1/signals/{signal['id']}" for signal in signals]
    factors = f"/v1/patients/{signals[0]['patient_id']}/factors"
    clinic.http.put(factors, json={"cautions": ["mania", "pregnancy"]}, headers={"if-match": '"0"'})
    until = (NOW + timedelta(days=5)).isoformat()
    clinic.http.post(f"{paths[2]}/snooze", json={"until": until, "reason": "on holiday"})
    clinic.http.post(f"{paths[3]}/close", json={"disposition": "watchful_waiting", "note": "wait a week"})
    phone = clinic.enrol(signals[1]["patient_id"], shared_service.url)
    assert phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True).is_success
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    yield (
        clinic,
        {
            "worklist": "/care/",
            "worklist of what is closed": "/care/?state=closed",
            "worklist of nothing": "/care/?text=nobody",
            "signal": f"/care/signals/{signals[0]['id']}",
            "signal beside a safety event": f"/care/signals/{signals[1]['id']}",
            "snoozed signal": f"/care/signals/{signals[2]['id']}",
            "closed signal": f"/care/signals/{signals[3]['id']}",
            "safety event": f"/care/safety-events/{event['id']}",
            "no such page": "/care/signals/none",
        },
    )
    clinic.close()


@contextmanager
def opened(
    browser: Browser,
    service: Service,
    clinic: ClinicClient,
    role: StaffRole = StaffRole.CLINICIAN,
    **more: object,
) -> Iterator[Page]:
    service.clock.move_to(NOW)
    with care_page(browser, service, clinic.clinic_id, role, viewport=PHONE, **more) as page:
        yield page


def pages_of(page: Page, service: Service, paths: dict[str, str]) -> Iterator[tuple[str, Page]]:
    """Every page, one after the other; also what a refusal makes of one."""
    for name, path in paths.items():
        page.goto(service.url + path)
        yield name, page
    page.goto(service.url + paths["signal"])
    page.locator("form[action$='/close'] button").click()
    page.locator(".wrong").wait_for()
    yield "signal that was not closed", page
    page.goto(service.url + paths["worklist"])
    for fold in page.locator("summary").all():
        fold.click()
    yield "worklist opened wide", page


def look_at(shown: Page, name: str) -> list[Any]:
    """Let axe look at a page in both colour schemes and both sizes, and take pictures for a person to look at."""
    found = []
    for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
        shown.set_viewport_size(viewport)
        for scheme in ("dark", "light"):
            shown.emulate_media(color_scheme=scheme)
            result = Axe().run(shown)
            found += [
                (name, size, scheme, one["id"], [node["html"][:200] for node in one["nodes"]])
                for one in result.response["violations"]
            ]
            shown.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png", full_page=True)
    return found


def test_axe_finds_nothing_on_any_page_in_either_colour_scheme(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    clinic, paths = busy
    found: list[Any] = []
    with opened(browser, service, clinic) as page:
        for name, shown in pages_of(page, service, paths):
            found += look_at(shown, name)
    assert found == []


def test_nothing_is_cut_off_at_320_pixels_or_at_200_percent(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    """At 200 % a phone of 390 pixels is one of 195, and a desk of 1280 is one of 640."""
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        for name, shown in pages_of(page, service, paths):
            for width, least in WIDTHS.items():
                shown.set_viewport_size({"width": width, "height": 640})
                assert shown.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                for size in shown.evaluate(TARGETS):
                    assert min(size) >= least - 0.5, (name, width, size)
            shown.set_viewport_size(PHONE)


def test_the_pages_need_nothing_that_their_policy_refuses_and_run_no_script(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    said: list[str] = []
    with opened(browser, service, clinic) as page:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for _, shown in pages_of(page, service, paths):
            assert shown.locator("script").count() == 0
    assert [one for one in said if "404" not in one and "422" not in one] == []


def test_nothing_about_a_patient_stands_in_an_address_or_a_title_but_the_reference(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        page.goto(service.url + paths["signal"])
        assert page.title() == "Signal of P-0 · Afterglow"
        page.goto(service.url + paths["worklist"])
        assert page.title() == "Worklist · Afterglow"


def test_on_paper_there_are_no_buttons(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        for name in ("worklist", "signal"):
            page.goto(service.url + paths[name])
            page.emulate_media(media="print")
            assert page.locator("form:visible, nav:visible, button:visible").count() == 0
            assert page.locator("h1").is_visible()
