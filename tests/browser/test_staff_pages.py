"""A real browser for the staff's own pages: the whole way in by keyboard; axe finds nothing; pictures to look at."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP, open_page
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service
from tests.support.staff import PASSWORD, invited, token_of


@pytest.fixture
def here(service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(service, "Harbour Clinic")
    yield client
    client.close()


def press(page: Page, key: str, times: int = 1) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def tab_to(page: Page, place: str) -> None:
    """Go there with the Tab key alone."""
    for _ in range(60):
        if page.evaluate("place => document.activeElement.matches(place)", place):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "where the keyboard is must be seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(place)


def type_into(page: Page, place: str, text: str) -> None:
    tab_to(page, place)
    page.keyboard.type(text)


def secret_on(page: Page) -> str:
    return page.locator("code.secret").inner_text().replace(" ", "")


def code_now(service: Service, secret: str) -> str:
    return pyotp.TOTP(secret).at(service.clock.now())


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_the_keyboard_is_enough_from_the_invitation_to_signing_in_again(
    browser: Browser, service: Service, here: ClinicClient, scripts: bool, tmp_path: Path
) -> None:
    one = invited(here, StaffRole.OWNER)
    with open_page(browser, viewport=DESKTOP, java_script_enabled=scripts) as page:
        page.set_default_timeout(15_000)
        page.goto(f"{service.url}/care/join/{token_of(one)}")
        secret = secret_on(page)
        press(page, "Tab")
        assert page.locator(":focus").inner_text() == "Skip to content"
        type_into(page, "#password", PASSWORD)
        type_into(page, "#code", code_now(service, secret))
        press(page, "Enter")
        expect(page.locator("h1")).to_have_text("Your recovery codes")
        codes = page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        tab_to(page, "a[download]")
        with page.expect_download() as download:
            press(page, "Enter")
        kept = tmp_path / "codes.txt"
        download.value.save_as(kept)
        assert download.value.suggested_filename == "afterglow-recovery-codes.txt"
        assert kept.read_text().split()[-10:] == codes
        page.locator("a[href='/care/account']").last.focus()
        press(page, "Enter")
        expect(page.locator("h1")).to_have_text("Your account")
        tab_to(page, "main form[action='/care/sign-out'] button")
        press(page, "Enter")
        expect(page.locator(".notice")).to_have_text("You are signed out.")
        service.clock.move_to(service.clock.now() + timedelta(minutes=1))
        page.goto(f"{service.url}/care/account")
        expect(page.locator("h1")).to_have_text("Sign in")
        type_into(page, "#email", one["email"])
        type_into(page, "#password", PASSWORD)
        type_into(page, "#code", code_now(service, secret))
        press(page, "Enter")
        expect(page.locator("h1")).to_have_text("Your account")
