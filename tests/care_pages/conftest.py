"""What the tests of the care team's pages share: one browser, a clinic to which something happened, its staff."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page

from app.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, running_browser
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

COOKIE = "__Host-afterglow-staff"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with three patients: one lost everything, one three fifths, one nothing; one signal was closed."""
    shared_service.clock.move_to(NOW)
    client = clinic_client(shared_service)
    for low in ((3, 3, 3), (5, 5, 5), (8, 8, 8)):
        treated(client, NOW, days_since=40, level=lambda day, low=low: (8, 8, 8) if day < 20 else low)
    shared_service.clock.move_to(NOW + timedelta(hours=3))
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
