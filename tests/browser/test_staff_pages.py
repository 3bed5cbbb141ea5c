"""A real browser for the staff's own pages: the whole way in by keyboard; axe finds nothing; pictures to look at."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.browser.test_pages_for_patients import TARGETS, WIDTHS
from tests.support.browser import DESKTOP, PHONE, Seen, open_page, walk
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service
from tests.support.staff import PASSWORD, invited, joined, signed_in, token_of

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "staff"


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
        expect(page.locator(".notice-line")).to_have_text("You are signed out.")
        service.clock.move_to(service.clock.now() + timedelta(minutes=1))
        page.goto(f"{service.url}/care/account")
        expect(page.locator("h1")).to_have_text("Sign in")
        type_into(page, "#email", one["email"])
        type_into(page, "#password", PASSWORD)
        type_into(page, "#code", code_now(service, secret))
        press(page, "Enter")
        expect(page.locator("h1")).to_have_text("Your account")


def pages_of(page: Page, service: Service, here: ClinicClient) -> Iterator[tuple[str, Page]]:
    """Every page of the staff's own, one after the other."""
    one = invited(here, StaffRole.OWNER)
    page.goto(f"{service.url}/care/join/{token_of(one)}")
    secret = secret_on(page)
    yield "join", page
    page.locator("#password").fill("password12345")
    page.locator("#code").fill(code_now(service, secret))
    page.locator("button.wide").click()
    page.locator(".wrong").wait_for()
    yield "join with a mistake", page
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(code_now(service, secret))
    page.locator("button.wide").click()
    page.locator(".codes").wait_for()
    yield "recovery codes", page
    page.goto(f"{service.url}/care/join/{token_of(one)}")
    yield "link that was used", page
    page.goto(f"{service.url}/care/account")
    yield "account", page
    page.goto(f"{service.url}/care/account/second-factor")
    yield "another phone", page
    yield from staff_pages(page, service, here)
    page.goto(f"{service.url}/care/account")
    page.locator("form[action='/care/sign-out'] button").first.click()
    page.locator(".notice-line").wait_for()
    yield "signed out", page
    page.locator("#email").fill("nobody@clinic.example")
    page.locator("#password").fill("wrong")
    page.locator("#code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator(".wrong").wait_for()
    yield "sign-in refused", page


def staff_pages(page: Page, service: Service, here: ClinicClient) -> Iterator[tuple[str, Page]]:
    owner = page.context.cookies()
    patient = here.patient()
    someone = signed_in(service, here.clinic_id, StaffRole.COORDINATOR, name="Kim Coordinator")
    (session,) = [one for one in owner if one["name"] == "__Host-afterglow-staff"]
    page.context.add_cookies([session | {"value": someone}])  # type: ignore[list-item] # as Playwright gave them
    page.goto(f"{service.url}/care/staff")
    yield "refused", page
    page.goto(f"{service.url}/care/patients/{patient}/emergency")
    yield "emergency", page
    page.locator("#reason").fill("Called the ward in distress; nobody who may was on shift tonight.")
    page.locator("button.bad").click()
    page.locator(".notice-line").wait_for()
    yield "emergency opened", page
    page.context.add_cookies([session])  # type: ignore[list-item] # same
    out = joined(service, here, StaffRole.CLINICIAN)
    here.http.post(f"/v1/staff/{out.id}/disable")
    page.goto(f"{service.url}/care/staff")
    page.locator("summary").first.click()
    yield "staff", page
    page.locator("#name").fill("Alex Example")
    page.locator("#email").fill("alex@clinic.example")
    page.locator("#role").select_option("read_only")
    page.locator("form[action='/care/staff'] button").click()
    page.locator("h1").wait_for()
    yield "a link to hand over", page


@pytest.fixture(scope="module")
def seen(browser: Browser, shared_service: Service) -> Seen:
    """What one walk through all pages saw."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shared_service.clock.move_to(NOW)
    here = clinic_client(shared_service, "Harbour Clinic")
    with open_page(browser, viewport=PHONE, device_scale_factor=2) as page:
        page.set_default_timeout(15_000)
        pages = pages_of(page, shared_service, here)
        return walk(page, pages, PICTURES, widths=WIDTHS, places=TARGETS)


def test_every_page_weighs_less_than_40_kilobytes_compressed_and_holds_still(seen: Seen) -> None:
    assert (seen.heavy, seen.moving) == ({}, {})


def test_axe_finds_nothing_in_either_colour_scheme(seen: Seen) -> None:
    assert seen.violations == []
    assert len(seen.widths) == 13 * len(WIDTHS)
    refused = ("404", "401", "403", "410", "422")
    assert [one for one in seen.said if not any(status in one for status in refused)] == []


def test_nothing_is_cut_off_at_320_pixels_or_at_200_percent(seen: Seen) -> None:
    for (name, width), wide in seen.widths.items():
        assert wide <= width, (name, width)
        for size in seen.places[name, width]:
            assert min(size) >= WIDTHS[width] - 0.5, (name, width, size)
