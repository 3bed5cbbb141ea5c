"""What the tests of the care team's pages share: one browser, a clinic to which something happened, its staff."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page

from app.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, running_browser
from tests.support.people import ClinicClient, Values, clinic_client, treated
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

COOKIE = "__Host-afterglow-staff"


def falling_to(low: float) -> Callable[[int], Values]:
    """Well for nineteen days, then at this level."""
    return lambda day: (8.0, 8.0, 8.0) if day < 20 else (low, low, low)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with three patients: one lost everything, one three fifths, one nothing; one signal was closed."""
    began = NOW - timedelta(hours=4)
    shared_service.clock.move_to(began)
    client = clinic_client(shared_service)
    for low in (3.0, 5.0, 8.0):
        treated(client, began, days_since=40, level=falling_to(low))
    shared_service.clock.move_to(NOW - timedelta(hours=1))
    first, *_ = client.signals()
    for act, body in (("acknowledge", None), ("close", {"disposition": "other_treatment"})):
        reply = client.http.post(f"/v1/signals/{first['id']}/{act}", json=body)
        assert reply.is_success, reply.text
    yield client
    client.close()


@pytest.fixture
def as_role(service: Service, one_clinic: ClinicClient) -> Iterator[Callable[[StaffRole], PlainBrowser]]:
    """Gives a browser without scripts, signed in as a member with a role."""
    made = []

    def one(role: StaffRole) -> PlainBrowser:
        plain = PlainBrowser(service.url)
        plain.cookies[COOKIE] = signed_in(service, one_clinic.clinic_id, role)
        made.append(plain)
        return plain

    yield one
    for plain in made:
        plain.http.close()


@pytest.fixture
def opened(browser: Browser, service: Service, one_clinic: ClinicClient) -> Iterator[Callable[..., Page]]:
    """Opens a window in which an owner is signed in; all are closed afterwards."""
    contexts = []

    def open_one(role: StaffRole = StaffRole.OWNER, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type] # as Playwright takes them
        contexts.append(context)
        token = signed_in(service, one_clinic.clinic_id, role)
        home = service.url.replace("http:", "https:")
        context.add_cookies([{"name": COOKIE, "value": token, "url": home, "secure": True}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_one
    for context in contexts:
        context.close()
