"""What the tests in a real browser share: Debian's Chromium, driven by Playwright, and windows in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import running_browser
from tests.support.care_browser import care_page
from tests.support.page_fixtures import as_role, clinician, patient, plain
from tests.support.people import ClinicClient
from tests.support.service import Service

__all__ = ["as_role", "clinician", "patient", "plain"]

# Playwright's five seconds are less than a busy machine may take for one page.
expect.set_options(timeout=15_000)


# One for each file, not for the process: while Playwright's driver runs, no other event loop may in its thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def whole_browser() -> Iterator[Browser]:
    """With what a person sees around a page: notifications, and what the browser itself asks."""
    with running_browser(whole=True) as running:
        yield running


@pytest.fixture
def opened(browser: Browser, service: Service, one_clinic: ClinicClient) -> Iterator[Callable[..., Page]]:
    """Opens a window in which a member is signed in; all are closed afterwards."""
    with ExitStack() as windows:

        def open_one(role: StaffRole = StaffRole.OWNER, **options: object) -> Page:
            return windows.enter_context(care_page(browser, service, one_clinic.clinic_id, role, **options))

        yield open_one
