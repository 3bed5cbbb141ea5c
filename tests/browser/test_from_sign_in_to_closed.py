"""What a nurse does with a signal, in a real browser and with the keyboard alone: from signing in to closing it."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.clinics.permissions import StaffRole
from tests.support.browser import DESKTOP, PHONE, open_page, take_picture, violations_on
from tests.support.care_browser import fading
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service
from tests.support.staff import PASSWORD, JoinedMember, joined

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "care" / "a-signal"


# Whether the focus is on one of these; else how many things that Tab stops at lie before the next of them, at the
# least: of a group of radio buttons it stops at one.
TO_THE_NEXT = """(sought) => {
  const here = document.activeElement, groups = new Set([here.type === 'radio' && here.name]);
  if (sought.includes(here)) return {outline: getComputedStyle(here).outlineStyle};
  const isStop = (one) => {
    if (one.tabIndex < 0 || one.matches(':disabled, [inert] *') || !one.checkVisibility({visibilityProperty: true}))
      return false;
    if (one.type !== 'radio') return true;
    return !groups.has(one.name) && groups.add(one.name);
  };
  const stops = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter((one) => one === here || sought.includes(one) || isStop(one));
  const from = stops.indexOf(here), to = stops.findIndex((one, at) => at > from && sought.includes(one));
  return {between: from < 0 || to < 0 ? 0 : to - from - 1};
}"""


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the focus is on something, as a person does who has no mouse."""
    for _ in range(120):
        page.keyboard.press("Tab")
        found = page.locator(what).evaluate_all(TO_THE_NEXT)
        if "outline" in found:
            assert found["outline"] != "none", "where the keyboard is must be seen"
            return
        for _ in range(found["between"]):
            page.keyboard.press("Tab")
    raise AssertionError(what)


def follow(page: Page, link: str, heading: str) -> None:
    """Go to a link and open it."""
    tab_to(page, f"a[href='{link}']")
    page.keyboard.press("Enter")
    # On a desk with scripts a row opens beside the list first, with the focus on the link to its page.
    beside = page.locator("#pane h2 a:focus")
    expect(page.locator("h1").filter(has_text=heading).or_(beside)).to_be_visible()
    if beside.is_visible():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(heading)


def sign_in(page: Page, service: Service, member: JoinedMember) -> None:
    """Type what the member knows, and what the phone shows now."""
    expect(page.locator("h1")).to_have_text("Sign in")
    for field, text in (("email", member.email), ("password", PASSWORD), ("code", member.code(service))):
        tab_to(page, f"#{field}")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Today")


class Nurse:
    """Someone at a keyboard, and the pictures of what they see."""

    def __init__(self, page: Page, service: Service, pictures: str, *, scripts: bool) -> None:
        self.page, self._service, self._pictures, self._scripts, self._stops = (
            page,
            service,
            pictures,
            scripts,
            0,
        )
        page.set_default_timeout(15_000)

    def worklist(self) -> None:
        """Open the worklist as from a bookmark."""
        self.page.goto(f"{self._service.url}/care/")

    def look(self, name: str) -> None:
        """Take a picture for a person to look at; axe, which is a script, looks as well."""
        self._stops += 1
        take_picture(self.page, PICTURES / f"{self._pictures}-{self._stops}-{name}.png", full_page=True)
        if self._scripts:
            # Each of these pages has its colors looked at in `test_every_page`, in both schemes.
            assert violations_on(self.page, colors=False) == [], name

    def press(self, what: str) -> None:
        """Go to something and press Enter on it."""
        tab_to(self.page, what)
        self.page.keyboard.press("Enter")

    def write(self, what: str, text: str) -> None:
        """Go to a field and type."""
        tab_to(self.page, what)
        self.page.keyboard.type(text)


def comes_in_and_sees_the_patient(nurse: Nurse, service: Service, member: JoinedMember, patient: str) -> None:
    nurse.worklist()
    nurse.look("sign-in")
    sign_in(nurse.page, service, member)
    nurse.look("worklist")
    nurse.page.goto(f"{service.url}/care/patients/{patient}")
    expect(nurse.page.locator("h1")).to_contain_text("P-1042")
    assert nurse.page.locator("figure svg").count() >= 1
    nurse.look("patient-with-chart")


def acknowledges_and_snoozes(nurse: Nurse, own: str) -> None:
    page = nurse.page
    nurse.worklist()
    follow(page, own, "P-1042")
    nurse.look("signal")
    nurse.press("main button:has-text('Acknowledge'):visible")
    expect(page.locator(".notice.good")).to_contain_text("Acknowledged.")
    nurse.worklist()
    follow(page, own, "P-1042")
    nurse.press("summary:has-text('Snooze')")
    # Part by part, as Chromium in this language asks for a date.
    nurse.write("#until", (NOW + timedelta(days=3)).strftime("%m%d%Y"))
    nurse.write("#reason", "on holiday")
    page.keyboard.press("Enter")
    expect(page.locator(".card.decide header")).to_contain_text("Snoozed: comes back Nov 6, 2026, 8:00 AM")
    nurse.look("snoozed")
    nurse.worklist()
    assert page.locator(".row").count() == 0
    nurse.press(".filters a[href$='show=snoozed']")
    expect(page.locator(".row")).to_contain_text("Snoozed until Nov 6")
    nurse.look("worklist-while-it-sleeps")


def closes_it_when_it_is_back(nurse: Nurse, service: Service, member: JoinedMember, own: str) -> None:
    page = nurse.page
    nurse.worklist()
    # A session that was not used for days has ended.
    sign_in(page, service, member)
    expect(page.locator(".row")).to_have_count(1)
    nurse.look("worklist-when-it-is-back")
    follow(page, own, "P-1042")
    nurse.press("summary:has-text('Close')")
    tab_to(page, "input[name=disposition]")
    for key in ("Space", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    nurse.write("#note", "the patient wants to wait")
    nurse.press("form[action$='/close'] button")
    expect(page.locator(".card.decide header")).to_contain_text("Watchful waiting")
    nurse.look("closed")


@pytest.mark.parametrize(
    ("size", "scripts"), [("phone", True), ("desktop", True), ("desktop", False)], ids=str
)
def test_signed_in_with_a_second_factor_a_signal_is_seen_snoozed_returns_and_is_closed(
    browser: Browser, service: Service, clinic: ClinicClient, size: str, scripts: bool
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    signal, member = fading(clinic, "P-1042"), joined(service, clinic, StaffRole.CLINICIAN)
    # A code opens once: joining has used the one of this half minute.
    service.clock.move_to(NOW + timedelta(minutes=1))
    own, viewport = f"/care/signals/{signal['id']}", {"phone": PHONE, "desktop": DESKTOP}[size]
    with open_page(browser, viewport=viewport, java_script_enabled=scripts) as page:
        nurse = Nurse(page, service, size if scripts else f"{size}-scripts-off", scripts=scripts)
        comes_in_and_sees_the_patient(nurse, service, member, signal["patient_id"])
        acknowledges_and_snoozes(nurse, own)
        service.clock.move_to(NOW + timedelta(days=3))
        # The sweep would come by itself, perhaps between a page and its form.
        service.sweep()
        closes_it_when_it_is_back(nurse, service, member, own)
    (stored,) = clinic.signals(signal["patient_id"])
    assert (stored["state"], stored["note"]) == ("closed", "the patient wants to wait")
    steps = clinic.http.get(f"/v1/signals/{signal['id']}/history").json()["items"]
    assert {step["by"] for step in steps if step["by_kind"] == "staff"} == {member.id}
