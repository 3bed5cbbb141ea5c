"""A member of the staff at the care team's pages: without scripts, or in Chromium."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import httpx2
from playwright.sync_api import Browser, Page

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient, Values, treated
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

SESSION = "__Host-afterglow-staff"


class CareBrowser(PlainBrowser):
    """A browser without scripts in which a member is signed in."""

    def __init__(
        self,
        service: Service,
        clinic_id: str,
        role: StaffRole = StaffRole.CLINICIAN,
        *,
        name: str = "Kim Example",
    ) -> None:
        super().__init__(service.url)
        self._coming_in: Callable[[], str] = lambda: signed_in(service, clinic_id, role, name=name)
        self.come_back()

    def come_back(self) -> "CareBrowser":
        """Sign in again, as someone of the same name: a session that is not used ends."""
        self.cookies[SESSION] = self._coming_in()
        return self

    def submit(self, page: str, action: str, fields: Mapping[str, str] | None = None) -> httpx2.Response:
        """Open a page and send a form of it, with what was typed into it."""
        return self.post(action, fields_of(self.get(page).text, action) | dict(fields or {}))


@contextmanager
def care_page(
    browser: Browser, service: Service, clinic_id: str, role: StaffRole, **options: object
) -> Iterator[Page]:
    """Open a window in which a member with this role is signed in."""
    context = browser.new_context(**options)  # type: ignore[arg-type] # as Playwright takes them
    token = signed_in(service, clinic_id, role)
    context.add_cookies(
        [
            {
                "name": SESSION,
                "value": token,
                "url": "https://127.0.0.1/",
                "secure": True,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    try:
        page = context.new_page()
        page.set_default_timeout(15_000)
        yield page
    finally:
        context.close()


def fading(clinic: ClinicClient, reference: str | None = None) -> dict[str, str]:
    """A patient with a signal; gives the signal."""
    return fading_at(clinic, NOW, reference)


def fading_at(clinic: ClinicClient, now: datetime, reference: str | None = None) -> dict[str, str]:
    """The same at another time."""

    def level(day: int) -> Values:
        return (8, 8, 8) if day < 17 else (3, 3, 3)

    patient = treated(clinic, now, days_since=24, level=level, reference=reference)
    (signal,) = clinic.signals(patient)
    return signal
