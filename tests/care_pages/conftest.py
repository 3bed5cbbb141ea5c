"""What the tests of the care team's pages share: one browser, a clinic for each file, members signed in."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from app.care_pages.visitor import SESSION
from app.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, running_browser
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service
from tests.support.staff import signed_in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(shared_service)
    yield client
    client.close()


@pytest.fixture
def as_role(service: Service, one_clinic: ClinicClient) -> Callable[[StaffRole], PlainBrowser]:
    """Gives a browser without scripts that a member of a role is signed in with."""

    def open_one(role: StaffRole) -> PlainBrowser:
        plain = PlainBrowser(service.url)
        # Over plain http in the tests, to a service that believes to be behind https.
        plain.cookies[f"__Host-{SESSION}"] = signed_in(service, one_clinic.clinic_id, role)
        return plain

    return open_one


@pytest.fixture
def clinician(as_role: Callable[[StaffRole], PlainBrowser]) -> PlainBrowser:
    return as_role(StaffRole.CLINICIAN)


@pytest.fixture
def opened(browser: Browser, service: Service, one_clinic: ClinicClient) -> Iterator[Callable[..., Page]]:
    """Opens a window that a member is signed in with; all are closed afterwards."""
    contexts = []

    def open_one(role: StaffRole = StaffRole.OWNER, **options: object) -> Page:
        token = signed_in(service, one_clinic.clinic_id, role)
        context = browser.new_context(**options)  # type: ignore[arg-type] # as Playwright takes them
        context.add_cookies(
            [
                {
                    "name": f"__Host-{SESSION}",
                    "value": token,
                    "url": service.url.replace("http:", "https:"),
                    "secure": True,
                }
            ]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_one
    for context in contexts:
        context.close()
