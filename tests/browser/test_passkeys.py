"""Passkeys in a real browser, with Chromium's own authenticator: set up on the account page, then used to sign in."""

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.access.clinics.permissions import StaffRole
from tests.support.care_browser import SESSION
from tests.support.people import NO_TLS, ClinicClient
from tests.support.service import NOW, Service
from tests.support.staff import PASSWORD, JoinedMember, joined

ORIGIN = "https://afterglow.test"


@pytest.fixture
def member(service: Service, clinic: ClinicClient) -> JoinedMember:
    made = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(NOW + timedelta(minutes=1))
    return made


@pytest.fixture
def page(whole_browser: Browser, service: Service) -> Iterator[Page]:
    """A window at the service's public address, where passkeys belong, with a phone's lock as its authenticator."""

    def pass_on(route: Route) -> None:
        request = route.request
        reply = httpx2.request(
            request.method,
            request.url.replace(ORIGIN, service.url),
            headers=request.all_headers() | {"host": "afterglow.test", "accept-encoding": "identity"},
            content=request.post_data_buffer,
            verify=NO_TLS,
        )
        route.fulfill(status=reply.status_code, headers=dict(reply.headers), body=reply.content)

    context = whole_browser.new_context()
    context.route(f"{ORIGIN}/**", pass_on)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    devtools = context.new_cdp_session(opened)
    devtools.send("WebAuthn.enable")
    lock = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": lock})
    yield opened
    context.close()


def test_a_passkey_is_set_up_and_signs_in_with_the_lock_of_the_device(
    page: Page, service: Service, member: JoinedMember
) -> None:
    page.context.add_cookies(
        [{"name": SESSION, "value": member.session, "url": f"{ORIGIN}/", "secure": True, "httpOnly": True}]
    )
    page.goto(f"{ORIGIN}/care/account/passkeys")
    page.get_by_label("Name of this device").fill("Test phone")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page).to_have_url(f"{ORIGIN}/care/account?passkey")
    expect(page.locator("main")).to_contain_text("1 set up")

    page.context.clear_cookies()
    service.clock.move_to(NOW + timedelta(minutes=2))
    page.goto(f"{ORIGIN}/care/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{ORIGIN}/care/")
