"""The pages of figures, rule settings and the audit log in a browser: axe, keyboard, sizes, schemes, scripts off."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP, PHONE, Seen, walk
from tests.support.care_browser import care_page
from tests.support.manager_clinic import clinic_with_a_past
from tests.support.people import ClinicClient
from tests.support.service import Service

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "care_pages"
WIDTHS = {320: 44, 195: 24, 640: 44}
TARGETS = """['main button, main .button, main summary, main nav a, main h3 a',
        'main .audit-log a', 'main input', 'main select'].flatMap((one) => [...document.querySelectorAll(one)])
    .filter((one) => one.checkVisibility() && one.type !== 'hidden').map((one) => [one, one.getBoundingClientRect()])
    .map(([one, box]) => [one.outerHTML.slice(0, 80), box.width, box.height])"""

BEYOND = """[...document.querySelectorAll('main *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll'))
    .map((one) => one.outerHTML.slice(0, 120))"""
PLACES = f"({{targets: {TARGETS}, beyond: {BEYOND}}})"


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with a past."""
    with clinic_with_a_past(shared_service) as client:
        yield client


def wait_for_the_try(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("What would have been raised", timeout=40_000)


def pages_of(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    """Every page, one after the other, as an owner goes through them."""
    page.goto(f"{service.url}/care/reports")
    yield "figures", page
    page.goto(f"{service.url}/care/reports?first=2026-11-01&end=2026-10-01")
    yield "figures with a mistake", page
    page.goto(f"{service.url}/care/audit-log")
    yield "audit log", page
    page.goto(f"{service.url}/care/audit-log?patient=nobody")
    yield "audit log with a mistake", page
    page.goto(f"{service.url}/care/what-if")
    page.locator("summary").click()
    yield "other numbers", page
    page.locator("#consider_at").fill("0.95")
    page.get_by_role("button", name="Try these numbers").click()
    page.locator(".wrong").wait_for()
    yield "other numbers with a mistake", page
    page.locator("#consider_at").fill("0.65")
    page.get_by_role("button", name="Try these numbers").click()
    wait_for_the_try(page)
    yield "tried", page
    page.get_by_role("link", name="Activate").click()
    yield "activate", page


@pytest.fixture(scope="module")
def seen(browser: Browser, shared_service: Service, one_clinic: ClinicClient) -> Seen:
    """What one walk through all pages saw."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with care_page(
        browser, shared_service, one_clinic.clinic_id, StaffRole.OWNER, viewport=PHONE, device_scale_factor=2
    ) as page:
        return walk(page, pages_of(page, shared_service), PICTURES, widths=WIDTHS, places=PLACES)


def test_every_page_weighs_less_than_40_kilobytes_compressed_and_holds_still(seen: Seen) -> None:
    assert (seen.heavy, seen.moving) == ({}, {})


def test_axe_finds_nothing_on_any_page_in_either_colour_scheme(seen: Seen) -> None:
    assert seen.violations == []
    assert [one for one in seen.said if "422" not in one and "404" not in one] == []


def test_nothing_is_cut_off_at_320_pixels_or_at_200_percent(seen: Seen) -> None:
    assert len(seen.widths) == 8 * len(WIDTHS)
    for (name, width), page_wide in seen.widths.items():
        places = seen.places[name, width]
        assert page_wide <= width, (name, width, places["beyond"])
        for what, wide, high in places["targets"]:
            assert min(wide, high) >= WIDTHS[width] - 0.5, (name, width, what, wide, high)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_the_keyboard_is_enough_to_try_numbers_and_activate_them(
    opened: Callable[..., Page], service: Service, scripts: bool
) -> None:
    page = opened(viewport=DESKTOP, java_script_enabled=scripts)
    page.goto(f"{service.url}/care/what-if")
    reach(page, "#consider_at")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.64")
    page.keyboard.press("Enter")
    wait_for_the_try(page)
    reach(page, "a[href$='/activate']")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Activate these rule settings?")
    reach(page, "#day")
    reach(page, "main a.button.quiet")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("What would have been raised")


def reach(page: Page, place: str) -> None:
    """Go on by the keyboard until something has the focus, which must be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(place) => document.activeElement.matches(place)", place):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", place
            return
    raise AssertionError(place)


def test_printed_the_figures_are_figures_and_nothing_to_press(
    opened: Callable[..., Page], service: Service
) -> None:
    page = opened(StaffRole.READ_ONLY, viewport=DESKTOP)
    page.goto(f"{service.url}/care/reports")
    page.emulate_media(media="print")
    assert page.locator(".tiles > li").first.is_visible()
    for hidden in ("main nav", "main form", "header nav", "main .btn"):
        assert not page.locator(hidden).first.is_visible(), hidden
