"""The tablet in a real browser: Back shows nothing of the form, nothing is kept, and an idle form ends by itself."""

from playwright.sync_api import Browser, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import agree, new_patient
from tests.support.care_browser import care_page
from tests.support.people import ClinicClient
from tests.support.service import Service

_KEPT = """async () => ({
  local: localStorage.length + sessionStorage.length,
  databases: (await indexedDB.databases()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  caches: (await caches.keys()).length,
})"""
_NOTHING = {"local": 0, "databases": 0, "workers": 0, "caches": 0}


def test_back_shows_nothing_nothing_is_kept_and_an_idle_form_ends(
    browser: Browser, service: Service, one_clinic: ClinicClient
) -> None:
    patient = new_patient(one_clinic)
    agree(one_clinic, patient, service.url)
    with care_page(browser, service, one_clinic.clinic_id, StaffRole.CLINICIAN) as page:
        page.clock.install()
        page.goto(f"{service.url}/care/patients/{patient}")
        page.get_by_role("button", name="Hand over the tablet").click()
        page.locator("label:has(input[name=mood][value='6'])").click()
        assert page.evaluate(_KEPT) == _NOTHING
        page.get_by_role("button", name="Send").click()
        thanks = page.get_by_text("Please hand the tablet back.")
        expect(thanks).to_be_visible()
        for _ in range(2):
            page.go_back()
            expect(page.locator("input[name=mood]")).to_have_count(0)
            expect(page.get_by_text(patient)).to_have_count(0)
        assert page.evaluate(_KEPT) == _NOTHING
    with care_page(browser, service, one_clinic.clinic_id, StaffRole.CLINICIAN) as page:
        page.clock.install()
        page.goto(f"{service.url}/care/patients/{patient}")
        page.get_by_role("button", name="Hand over the tablet").click()
        expect(page.locator("input[name=mood]").first).to_be_attached()
        service.clock.move_to(service.clock.now().replace(minute=10))
        page.clock.run_for(301_000)
        expect(page.get_by_text("Please hand the tablet back.")).to_be_visible()
        expect(page.locator("input[name=mood]")).to_have_count(0)
