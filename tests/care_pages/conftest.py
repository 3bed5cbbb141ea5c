"""What the tests of the care team's pages share: one browser, a clinic for each file, members signed in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from app.access.clinics.permissions import StaffRole
from tests.support.browser import running_browser
from tests.support.care_browser import CareBrowser, care_page
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service


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
def as_role(service: Service, one_clinic: ClinicClient) -> Iterator[Callable[[StaffRole], CareBrowser]]:
    """Gives a browser without scripts, signed in as a member with a role; all are closed afterwards."""
    with ExitStack() as opened:

        def open_one(role: StaffRole) -> CareBrowser:
            plain = CareBrowser(service, one_clinic.clinic_id, role)
            opened.callback(plain.http.close)
            return plain

        yield open_one


@pytest.fixture
def clinician(as_role: Callable[[StaffRole], CareBrowser]) -> CareBrowser:
    return as_role(StaffRole.CLINICIAN)


@pytest.fixture
def opened(browser: Browser, service: Service, one_clinic: ClinicClient) -> Iterator[Callable[..., Page]]:
    """Opens a window in which a member is signed in; all are closed afterwards."""
    with ExitStack() as windows:

        def open_one(role: StaffRole = StaffRole.OWNER, **options: object) -> Page:
            return windows.enter_context(care_page(browser, service, one_clinic.clinic_id, role, **options))

        yield open_one
