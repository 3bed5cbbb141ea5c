"""The owner's settings in a real browser: axe, sizes, both color schemes, and an owner's way through them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service


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
