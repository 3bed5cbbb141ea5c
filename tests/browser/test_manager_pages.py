"""The pages of figures and rule settings in a browser: keyboard alone, scripts off, printed."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP
from tests.support.manager_clinic import clinic_with_a_past
from tests.support.people import ClinicClient
from tests.support.service import Service


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with a past."""
    with clinic_with_a_past(shared_service) as client:
        yield client


def wait_for_the_try(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("What would have been raised", timeout=40_000)


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
    reach(page, "main a.btn")
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
