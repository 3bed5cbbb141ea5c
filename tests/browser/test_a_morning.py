"""An owner's first day and a nurse's morning, in a real browser and with the keyboard alone."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from app.storage import contact_tests
from tests.browser.test_from_sign_in_to_closed import sign_in, tab_to
from tests.pages.staff.test_import_page import (
    check_ins_file,
    induced,
    infusions_file,
    patients_file,
    totals_file,
)
from tests.support.browser import DESKTOP, MOST_SHIFTED, PHONE, open_page
from tests.support.care_browser import care_page, fading
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT
from tests.support.people import ClinicClient
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service
from tests.support.staff import joined

IMPORTED, ITEMS = 40, 12
SHIFTS = """window.shifted = 0; new PerformanceObserver((all) => {
  for (const one of all.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({type: 'layout-shift', buffered: true});"""

UNDOING = "(form) => [form.action, [...new FormData(form, form.querySelector('button'))]]"
UNDO = """(forms) => Promise.all(forms.map(async ([action, fields]) => {
  const reply = await fetch(action, {method: 'POST', body: new URLSearchParams(fields), redirect: 'manual'});
  return reply.type === 'opaqueredirect';
}))"""


def press(page: Page, what: str) -> None:
    """Go to something that leads to a page, and press Enter on it."""
    tab_to(page, what)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def send(page: Page) -> None:
    """Send the form in which one types."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, **fields: str) -> None:
    """Go to fields one after the other, and type; ``__`` stands for a slash in a name."""
    for name, text in fields.items():
        tab_to(page, f"[id='{name.replace('__', '/')}']")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)


def sets_the_clinic_up(page: Page) -> None:
    press(page, ".mode a[href='/care/setup']")
    expect(page.locator("h1")).to_have_text("Your clinic")
    tab_to(page, "#country")
    page.keyboard.type("United States")
    write(page, time_zone="America/New_York")
    send(page)
    expect(page.locator("h1")).to_have_text("Contacts")
    for role, contact in (("safety_contact", SAFETY_CONTACT), ("second_contact", SECOND_CONTACT)):
        write(page, **{f"{role}__name": str(contact["name"]), f"{role}__email": str(contact["email"])})
    send(page)
    expect(page.locator("h1")).to_have_text("Try it")


def adds_a_webhook(page: Page, receiver: Receiver) -> None:
    press(page, "main a[href='/care/settings/webhooks']")
    write(page, url=receiver.url)
    send(page)
    expect(page.get_by_role("status")).to_contain_text("whsec_")
    page.goto(page.url)
    press(page, "form[action$='/test'] button")
    receiver.wait_for("endpoint.test")


def reloaded(page: Page) -> str:
    page.reload()
    return page.locator("main").inner_text()


def goes_live(page: Page, service: Service, clinic: ClinicClient) -> None:
    press(page, "nav a[href='/care/settings/go-live']")
    press(page, "form[action$='/drill'] button")
    expect(page.locator("main")).to_contain_text("Sent. No answer within 30 minutes yet: R. Ortega")

    async def answer() -> None:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            for one in await contact_tests.latest(work, limit=2):
                await contact_tests.answer(work, one.id)
                work.audit("contact.answered", "contact_test", one.id)

    service.run(answer())
    assert wait_until(lambda: "4 of 4 done" in reloaded(page), 20)
    press(page, "form[action$='/go-live'] button")
    expect(page.locator(".notice.good")).to_contain_text("The clinic is live")


def invites_a_nurse(page: Page) -> None:
    press(page, "nav a[href='/care/staff']")
    write(page, name="Nora Nurse", email="nora@clinic.example")
    tab_to(page, "#role")
    page.keyboard.type("Clinician")
    page.keyboard.press("Tab")
    send(page)
    expect(page.locator("h1")).to_contain_text("Nora Nurse")


def imports_patients(page: Page) -> None:
    # Every infusion and scale; of the check-ins each tenth, for every one is evaluated when it is imported.
    patients = [replace(one, reports=one.reports[::10]) for one in induced(IMPORTED)]
    files = {
        "Patients and courses": patients_file(patients),
        "Infusions": infusions_file(patients),
        "Past check-ins": check_ins_file(patients),
        "Scale totals": totals_file(patients),
    }
    for kind, content in files.items():
        if kind != "Patients and courses":
            tab_to(page, "#kind")
            page.keyboard.type(kind)
        tab_to(page, "#file")
        # Enter would open the machine's own window for files, which no browser lets a test type into.
        page.locator("#file").set_input_files({"name": "old.csv", "mimeType": "text/csv", "buffer": content})
        page.keyboard.press("Tab")
        send(page)
        expect(page.locator("#kind")).to_be_visible()
    for field, column in (("patient", "Chart"), ("started_on", "course")):
        tab_to(page, f"[id='patients/{field}']")
        page.keyboard.type(column)
    press(page, "form[action$='/check'] button")
    expect(page.locator("#quarter")).to_have_text("This would have been your last quarter", timeout=90_000)
    expect(page.locator("[aria-labelledby=quarter] .lead")).to_contain_text(
        f"of {IMPORTED} patients in the last"
    )
    expect(page.locator("main")).to_contain_text("Nothing is imported yet")
    press(page, "form[action$='/confirm'] button.primary")
    given = [sum(len(part) for part in (one.infusions, one.reports, one.totals)) for one in patients]
    expect(page.get_by_role("status")).to_contain_text(f"Imported. {IMPORTED} patients", timeout=180_000)
    amounts = map(
        int, re.findall(r"(\d+) (?:infusions|check-ins|totals)", page.get_by_role("status").inner_text())
    )
    assert sum(amounts) == sum(given), "with all of their infusions, check-ins and scores"


def test_an_owner_opens_a_clinic_takes_it_live_and_imports_its_patients_with_the_keyboard_alone(
    browser: Browser, service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    owner = joined(service, clinic, StaffRole.OWNER)
    # A code opens once: joining has used the one of this half minute.
    service.clock.move_to(NOW + timedelta(minutes=1))
    with open_page(browser, viewport=DESKTOP) as page:
        page.set_default_timeout(15_000)
        page.goto(f"{service.url}/care/")
        sign_in(page, service, owner)
        sets_the_clinic_up(page)
        adds_a_webhook(page, receiver)
        goes_live(page, service, clinic)
        invites_a_nurse(page)
        page.goto(f"{service.url}/care/settings")
        press(page, "main a[href='/care/settings/import']")
        imports_patients(page)
    assert len(clinic.http.get("/v1/patients", params={"limit": 200}).json()["items"]) == IMPORTED


def a_busy_night(service: Service, clinic: ClinicClient) -> None:
    """Three signals, three safety events, three notes, three who asked."""
    for number in range(3):
        fading(clinic, f"S-{number}")
    for _ in range(3):
        phones = [clinic.enrol(clinic.patient(), service.url) for _ in range(3)]
        sent = (
            phones[0].check_in(NOW, self_harm_thoughts=True),
            phones[1].check_in(NOW, note="I slept badly"),
            phones[2].check_in(NOW, asks_about_booster=True),
        )
        assert [one.status_code for one in sent] == [201, 201, 201]


def works_through(page: Page, service: Service, do: Callable[[str], None]) -> list[list[object]]:
    """Do the first step of each row, one after the other; gives what would undo each."""
    page.add_init_script(SHIFTS)
    loads = []
    page.on("load", lambda _: loads.append(page.url))
    page.goto(f"{service.url}/care/")
    waiting = ".row button[data-key]"
    expect(page.locator(waiting)).to_have_count(ITEMS)
    stops = page.evaluate("[...document.querySelectorAll('[tabindex]')].map((one) => one.tabIndex)")
    assert max(stops) == 0, "the order of the keyboard is that of the page"
    assert page.evaluate("window.shifted") < MOST_SHIFTED
    actions, began, undone = 0, len(loads), []
    for left in range(ITEMS, 0, -1):
        do(waiting)
        actions += 1
        expect(page.locator(waiting)).to_have_count(left - 1)
        undone.append(page.locator("form[data-undo]").evaluate(UNDOING))
    assert (actions, len(loads) - began) == (ITEMS, 0), "one action an item, and no page is loaded"
    return undone


def test_a_nurse_works_through_a_morning_with_one_step_an_item_by_touch_and_by_keyboard(
    opened: Callable[..., Page], one_clinic: ClinicClient, service: Service
) -> None:
    a_busy_night(service, one_clinic)
    phone = opened(StaffRole.CLINICIAN, viewport=PHONE, has_touch=True, is_mobile=True)
    undone = works_through(phone, service, lambda what: phone.locator(what).first.tap())
    # The same morning again.
    assert phone.evaluate(UNDO, undone) == [True] * ITEMS
    page = opened(StaffRole.CLINICIAN, viewport=DESKTOP)

    def press_enter(what: str) -> None:
        tab_to(page, what)
        page.keyboard.press("Enter")

    works_through(page, service, press_enter)
    page.locator(".row > .who").first.press("Enter")
    expect(page.locator("#pane svg.chart")).to_be_visible()
    expect(page.locator("#pane h2 a").first).to_be_focused()
    send(page)
    expect(page.locator("main > .cols svg.chart")).to_be_visible()
    assert page.evaluate("window.shifted") < MOST_SHIFTED
    undo_ends_and_the_session_warns(page, service)


def test_a_nurse_works_through_a_morning_by_touch_on_the_patients_own_pages(
    browser: Browser, service: Service, clinic: ClinicClient
) -> None:
    a_busy_night(service, clinic)
    touch = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    with care_page(browser, service, clinic.clinic_id, StaffRole.CLINICIAN, **touch) as page:
        kinds = by_touch_from_page_to_page(page, service)
    assert kinds == {
        "safety-events: Acknowledge",
        "signals: Acknowledge",
        "patients: Mark as read",
        "patients: Contacted",
    }


def by_touch_from_page_to_page(page: Page, service: Service) -> set[str]:
    """Take the main step of each page, then go on to the next; gives which steps there were on which pages."""
    page.goto(f"{service.url}/care/")
    expect(page.locator(".row button[data-key]")).to_have_count(ITEMS)
    loads, kinds = [], set[str]()
    page.on("load", lambda _: loads.append(page.url))
    page.locator(".row > .who").first.tap()
    taps, onward = 1, page.get_by_role("link", name="Next on Today")
    for _ in range(ITEMS):
        step = page.locator(".dock > button:first-child")
        expect(step).to_be_visible()
        kinds.add(f"{page.url.rpartition('/')[0].rpartition('/')[2]}: {step.inner_text()}")
        at = page.url
        step.tap()
        expect(onward).to_be_focused()
        assert page.url == at, "the step is taken in place"
        with page.expect_event("load"):
            onward.tap()
        taps += 2
    assert page.url == f"{service.url}/care/", "nothing is left"
    expect(page.locator(".row button[data-key]")).to_have_count(0)
    assert (taps, len(loads)) == (1 + 2 * ITEMS, 1 + ITEMS)
    return kinds


def undo_ends_and_the_session_warns(page: Page, service: Service) -> None:
    """Undo stays 20 seconds, longer while it has the focus; two minutes before its end the session says so."""
    page.clock.install()
    page.goto(f"{service.url}/care/?done=read&row={UUID(int=1)}&version=1")
    undo = page.get_by_role("button", name="Undo")
    tab_to(page, "form[data-undo] button")
    page.clock.fast_forward(21_000)
    expect(undo).to_be_visible()
    page.keyboard.press("Tab")
    page.clock.fast_forward(21_000)
    expect(undo).to_be_hidden()
    warning = page.get_by_role("button", name="Stay signed in")
    expect(warning).to_be_hidden()
    page.clock.fast_forward(28 * 60_000)
    expect(warning).to_be_visible()
    warning.press("Enter")
    expect(warning).to_be_hidden()
