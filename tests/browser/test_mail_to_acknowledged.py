"""The mail of an escalation, followed on a phone: from its link to acknowledged, in two taps."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PHONE, open_page, take_picture, violations_on
from tests.support.clinics import SECOND_CONTACT, name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.people import ClinicClient, clinic_client
from tests.support.processes import wait_until
from tests.support.service import NOW, Service, running_service
from tests.support.staff import PASSWORD, JoinedMember, joined

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "care" / "a-mail"


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls, mail_server: MailServer) -> Iterator[Service]:
    with running_service(own_database.application_url, mail=mail_server.relay()) as running:
        yield running


def escalated(service: Service, clinic: ClinicClient) -> str:
    """A patient said it, and nobody acknowledged it within the limit; gives the event's id."""
    name_contacts(clinic)
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(service.clock.now(), self_harm_thoughts=True).status_code == 201
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    service.clock.move_to(NOW + timedelta(minutes=31))
    service.sweep()
    return str(event["id"])


def link_in_the_mail(service: Service, mail_server: MailServer, event_id: str) -> str:
    """The address in the second contact's mail about the event, at this test's own host."""

    def letters() -> list[str]:
        of_second = [one.body for one in mail_server.letters if one.to == SECOND_CONTACT["email"]]
        return [one for one in of_second if event_id in one]

    assert wait_until(lambda: bool(letters()), 20)
    (letter,) = letters()
    (link,) = re.findall(r"https://\S+", letter)
    return str(link).replace("https://afterglow.test", service.url)


def sign_in(page: Page, service: Service, member: JoinedMember) -> None:
    """Type what the member knows, and what the authenticator shows now."""
    expect(page.locator("h1")).to_have_text("Sign in")
    for field, text in (("email", member.email), ("password", PASSWORD), ("code", member.code(service))):
        page.locator(f"#{field}").fill(text)
    page.locator("main button:has-text('Sign in')").first.tap()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "scripts-off"])
def test_the_link_of_an_escalation_leads_to_acknowledged_in_two_taps(
    browser: Browser, service: Service, mail_server: MailServer, scripts: bool
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    mail_server.letters.clear()
    clinic = clinic_client(service)
    member = joined(service, clinic, StaffRole.CLINICIAN)
    event_id = escalated(service, clinic)
    link = link_in_the_mail(service, mail_server, event_id)

    with open_page(
        browser, viewport=PHONE, has_touch=True, is_mobile=True, java_script_enabled=scripts
    ) as page:
        page.set_default_timeout(15_000)
        # The first tap is the link itself. Whoever is not signed in signs in, and is where the link leads.
        page.goto(link)
        sign_in(page, service, member)
        expect(page).to_have_url(f"{service.url}/care/safety-events/{event_id}")
        page.wait_for_load_state("load")
        button = page.get_by_role("button", name="Acknowledge")
        expect(button).to_be_in_viewport(ratio=1)
        take_picture(page, PICTURES / f"event-{scripts}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] if scripts else True
        button.tap()
        expect(page.locator(".notice.good")).to_contain_text("Acknowledged.")
        take_picture(page, PICTURES / f"acknowledged-{scripts}.png")
        if scripts:
            assert violations_on(page) == []
        # Signed in, as on a phone that was used today: the link and one tap are all.
        page.goto(link)
        expect(page.locator("h1")).not_to_have_text("Sign in")

    kept = clinic.http.get(f"/v1/safety-events/{event_id}").json()
    assert (kept["state"], kept["acknowledged_by"]) == ("acknowledged", member.id)
    assert kept["escalate_at"] is None
    clinic.close()
