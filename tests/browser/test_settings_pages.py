"""The owner's settings in a real browser: axe, sizes, both color schemes, and an owner's way through them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.pages.staff.test_import_page import check_ins_file, induced, infusions_file, patients_file
from tests.support.browser import DESKTOP, PHONE, Seen, walk
from tests.support.care_browser import care_page
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "settings"
PAGES = (
    "",
    "/clinic",
    "/go-live",
    "/days-off",
    "/channels",
    "/webhooks",
    "/keys",
    "/connections",
    "/scales",
    "/protocols",
    "/erasure",
    "/data",
)


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with an endpoint and a channel."""
    client = clinic_client(shared_service, "Riverbend Clinic")
    made = client.http.post("/v1/webhook-endpoints", json={"url": "https://ehr.example.org/afterglow"})
    assert made.status_code in {201, 422}, made.text
    channel = {"kind": "email", "address": "team@clinic.example"}
    assert client.http.post("/v1/notice-channels", json=channel).status_code == 201
    yield client
    client.close()


def pages_of(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    """Every page, and one with a mistake."""
    for path in PAGES:
        page.goto(f"{service.url}/care/settings{path}")
        yield f"settings{path.replace('/', ' ')}", page
    page.goto(f"{service.url}/care/settings/clinic")
    page.locator("#time_zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save changes").click()
    page.locator(".error").wait_for()
    yield "settings clinic with a mistake", page
    yield from import_of(page, service)
    for step in ("clinic", "contacts", "try"):
        page.goto(f"{service.url}/care/setup/{step}")
        yield f"setup {step}", page


def import_of(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    """An import: where it begins, its columns, and what would be imported."""
    page.goto(f"{service.url}/care/settings/import")
    yield "settings import", page
    patients = induced(3)
    files = {
        "infusions": infusions_file(patients),
        "check-ins": check_ins_file(patients, [patients[0].name, "2026-03-09 20:00", "eleven", "", "", ""]),
    }
    send_file(page, patients_file(patients))
    for kind, content in files.items():
        page.locator("#kind").select_option(kind)
        send_file(page, content)
    page.locator("[id='patients/patient']").select_option("0")
    page.locator("[id='patients/started_on']").select_option("1")
    yield "settings import columns", page
    page.get_by_role("button", name="Check every row").click()
    page.locator("#quarter").wait_for()
    yield "settings import checked", page


def send_file(page: Page, content: bytes) -> None:
    page.locator("#file").set_input_files({"name": "old.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Upload").click()
    page.locator("#kind").wait_for()


@pytest.fixture(scope="module")
def seen(browser: Browser, shared_service: Service, one_clinic: ClinicClient) -> Seen:
    """What one walk through all pages saw."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with care_page(browser, shared_service, one_clinic.clinic_id, StaffRole.OWNER, viewport=PHONE) as page:
        return walk(page, pages_of(page, shared_service), PICTURES, widths=[320])


def test_every_page_weighs_less_than_40_kilobytes_compressed_and_holds_still(seen: Seen) -> None:
    assert (seen.heavy, seen.moving) == ({}, {})


def test_axe_finds_nothing_on_any_page_in_either_color_scheme(seen: Seen) -> None:
    assert seen.violations == []
    assert [one for one in seen.said if "422" not in one] == []


def test_nothing_is_cut_off_at_320_pixels(seen: Seen) -> None:
    assert seen.widths
    for (name, _), wide in seen.widths.items():
        assert wide <= 320, (name, wide)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_an_owner_sets_the_clinic_up_and_makes_a_key(
    opened: Callable[..., Page], service: Service, scripts: bool
) -> None:
    page = opened(StaffRole.OWNER, viewport=DESKTOP, java_script_enabled=scripts)
    page.goto(f"{service.url}/care/settings")
    page.get_by_role("link", name="Clinic and contacts").first.click()
    page.locator("#time_zone").fill("America/New_York")
    page.locator("#country").select_option("US")
    page.locator("[id='safety_contact/name']").fill("R. Ortega")
    page.locator("[id='safety_contact/email']").fill("ortega@clinic.example")
    page.locator("[id='second_contact/name']").fill("L. Brandt")
    page.locator("[id='second_contact/email']").fill("brandt@clinic.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.goto(f"{service.url}/care/settings/go-live")
    expect(page.locator("main")).to_contain_text("2 of 4 done")
    page.goto(f"{service.url}/care/settings/keys")
    page.locator("#name").fill("Chart system")
    page.locator("input[name='scope_signals']").check()
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_role("status")).to_contain_text("it is not shown again")
