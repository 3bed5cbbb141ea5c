"""Every page there is, and how a person comes to it: one list for the walk in a browser and for the house's test."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Final

import pyotp
from playwright.sync_api import Page

from app.access.clinics.staff_sessions import IDLE
from tests.pages.staff.test_import_page import check_ins_file, induced, infusions_file, patients_file
from tests.support.service import Service
from tests.support.staff import PASSWORD


class Who(Enum):
    """Whose window it is; each has cookies to itself."""

    ANYBODY = "anybody"
    OWNER = "owner"
    COORDINATOR = "coordinator"
    JOINING = "joining"
    AT_THE_TABLET = "at the tablet"
    PATIENT = "patient"
    NEW_PATIENT = "new patient"


@dataclass(frozen=True, slots=True)
class Clinic:
    """The running service, and what fills the addresses: ids and tokens, and what is typed."""

    service: Service
    ids: dict[str, str]

    def totp(self, secret: str) -> str:
        """Give the code that a phone shows now."""
        return pyotp.TOTP(secret).at(self.service.clock.now())


Steps = Callable[[Page, Clinic], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A page in one state: its address with places for ids, and what a person does there before it is looked at.

    Without an address the steps go on where the place before ended, in the same window.
    """

    name: str
    address: str | None = None
    who: Who = Who.OWNER
    steps: Steps | None = None


def click(*selectors: str, until: str = "") -> Steps:
    """Press one after the other, and wait for what comes."""

    def act(page: Page, _clinic: Clinic) -> None:
        for one in selectors:
            page.locator(one).first.click()
        if until:
            page.locator(until).first.wait_for()

    return act


def fill(values: dict[str, str], *selectors: str, until: str = "") -> Steps:
    """Type into fields, then press."""

    def act(page: Page, clinic: Clinic) -> None:
        for place, text in values.items():
            page.locator(place).fill(text)
        click(*selectors, until=until)(page, clinic)

    return act


def unfold(page: Page, _clinic: Clinic) -> None:
    """Open everything that is folded."""
    for one in page.locator("main summary").all():
        if one.is_visible():
            one.click()


def _secret(page: Page) -> str:
    return page.locator("code.secret").inner_text().replace(" ", "")


def _join(page: Page, clinic: Clinic) -> None:
    clinic.ids["secret"] = _secret(page)
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(clinic.totp(clinic.ids["secret"]))
    click("button.wide", until=".codes")(page, clinic)


def _join_badly(page: Page, clinic: Clinic) -> None:
    page.locator("#password").fill("password12345")
    page.locator("#code").fill(clinic.totp(_secret(page)))
    click("button.wide", until=".notice.bad")(page, clinic)


def _save_after_the_session_ended(page: Page, clinic: Clinic) -> None:
    page.locator("#dose_mg_per_kg").fill("0.5")
    clinic.service.clock.move_to(clinic.service.clock.now() + IDLE + timedelta(minutes=1))
    click("main form button", until="#password")(page, clinic)


def _sign_in(page: Page, clinic: Clinic) -> None:
    page.locator("#email").fill(clinic.ids["email"])
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(clinic.totp(clinic.ids["secret"]))
    page.locator("main form:has(#password) button.wide").first.click()
    page.locator("form.actions a[href='/care/']").wait_for()


def _invite(page: Page, clinic: Clinic) -> None:
    page.locator("#name").fill("Alex Example")
    page.locator("#email").fill(f"alex-{clinic.ids['language']}@clinic.example")
    page.locator("#role").select_option("read_only")
    click("form[action='/care/staff'] button", until="code.secret")(page, clinic)


def _send_file(page: Page, content: bytes) -> None:
    page.locator("#file").set_input_files({"name": "old.csv", "mimeType": "text/csv", "buffer": content})
    page.locator("form:has(#file) button").last.click()
    page.locator("#kind").wait_for()


def _upload(page: Page, clinic: Clinic) -> None:
    # In each language others: whoever is there already is not imported twice.
    patients = [replace(one, name=f"{clinic.ids['language']}-{one.name}") for one in induced(3)]
    unknown = [patients[0].name, "2026-03-09 20:00", "eleven", "", "", ""]
    files = {"infusions": infusions_file(patients), "check-ins": check_ins_file(patients, unknown)}
    _send_file(page, patients_file(patients))
    for kind, content in files.items():
        page.locator("#kind").select_option(kind)
        _send_file(page, content)
    page.locator("[id='patients/patient']").select_option("0")
    page.locator("[id='patients/started_on']").select_option("1")


_TAPPED: Final = tuple(
    f"label:has(input[name={name}][value='{value}'])"
    for name, value in (("mood", 6), ("energy", 4), ("sleep_quality", 7))
)


def _say_self_harm(page: Page, _clinic: Clinic) -> None:
    page.locator("main summary").first.click()
    page.locator("input[name=self_harm_thoughts]").check()


def _send_nothing(page: Page, _clinic: Clinic) -> None:
    page.locator("button.wide").click(no_wait_after=True)
    page.evaluate("document.querySelector('form[data-id]').submit()")
    page.locator("#wrong").wait_for()


def _answer_gad_7(page: Page, _clinic: Clinic) -> None:
    for number in range(1, 8):
        page.locator(f"label:has(input[name=item_{number}][value='1'])").click()
    page.locator("button.wide").click()
    page.locator("main:not(:has(form))").wait_for()


_RECORD: Final = {
    "infusions": "infusion_id",
    "courses": "course_id",
    "assessments": "assessment_id",
    "circumstances": "circumstance_id",
    "references": "choice_id",
    "check-ins": "report_id",
}
_FORMS: Final = (
    "infusion", "assessment", "assessment/phq-9", "assessment/madrs", "booster", "factors", "course", "course/new",
    "taper", "reference", "details", "consent", "code", "contact", "care-team", "merge", "archive",
    "unarchive", "appointments/new", "circumstances/new", "transfer/new",
)  # fmt: skip
_OF_LIVELY: Final = {
    "record": "record",
    **{f"record {kind}": f"record/{kind}/{{{name}}}" for kind, name in _RECORD.items()},
    "record void": "record/infusions/{infusion_id}/void",
    "record restore": "record/assessments/{assessment_id}/restore",
    "session": "infusions/{infusion_id}/session",
    "appointments": "appointments",
    "appointment": "appointments/{appointment_id}",
    "appointment cancel": "appointments/{appointment_id}/cancel",
    "appointment give": "appointments/{appointment_id}/give",
    "merge both": "merge/{into_id}",
    "transfers": "transfer",
    "transfer receipt": "transfer/{transfer_id}/confirm",
    "device": "devices/{device_id}",
}
_OF_SETTINGS: Final = (
    "", "/clinic", "/go-live", "/days-off", "/channels", "/webhooks", "/webhooks/{endpoint_id}", "/keys",
    "/connections", "/retention", "/scales", "/protocols", "/protocols/{template_id}", "/erasure", "/data",
)  # fmt: skip

FRONT: Final = (
    Place("start", "/", Who.ANYBODY),
    Place("API reference", "/docs", Who.ANYBODY),
    Place("API chapter", "/docs/patient/check-ins", Who.ANYBODY),
    Place("problems", "/problems", Who.ANYBODY),
    Place("problem", "/problems/not-found", Who.ANYBODY),
    Place("front no such page", "/problems/no-such", Who.ANYBODY),
)
SIGNING_IN: Final = (
    Place("sign-in", "/care/sign-in", Who.ANYBODY),
    Place(
        "sign-in refused",
        None,
        Who.ANYBODY,
        fill(
            {"#email": "nobody@clinic.example", "#password": "wrong", "#code": "000000"},
            "main form:has(#password) button.wide",
            until=".notice.bad",
        ),
    ),
    Place("sign-in elsewhere that failed", "/care/sign-in/callback", Who.ANYBODY),
    Place("sign-in with a service that does not answer", "/care/sign-in/with/{clinic_id}", Who.ANYBODY),
    Place("launch that failed", "/care/launch/{clinic_id}", Who.ANYBODY),
    Place("contact test", "/care/contact-test/{contact_test}", Who.ANYBODY),
    Place(
        "contact test answered", None, Who.ANYBODY, click("main form button", until="main:not(:has(form))")
    ),
    Place("join", "/care/join/{invitation}", Who.JOINING),
    Place("join with a mistake", None, Who.JOINING, _join_badly),
    Place("recovery codes", None, Who.JOINING, _join),
    Place("link that was used", "/care/join/{invitation}", Who.JOINING),
    Place("account", "/care/account", Who.JOINING),
    Place("passkeys", "/care/account/passkeys", Who.JOINING),
    Place("another phone", "/care/account/second-factor", Who.JOINING),
    Place(
        "session that ended", "/care/patients/{faded_id}/infusion", Who.JOINING, _save_after_the_session_ended
    ),
    Place("signed in again", None, Who.JOINING, _sign_in),
    Place(
        "signed out",
        "/care/account",
        Who.JOINING,
        click("main form[action='/care/sign-out'] button", until=".notice.good"),
    ),
    Place("refused", "/care/staff", Who.COORDINATOR),
    Place("emergency", "/care/patients/{faded_id}/emergency", Who.COORDINATOR),
    Place(
        "emergency opened",
        None,
        Who.COORDINATOR,
        fill(
            {"#reason": "Called the ward in distress; nobody who may was on shift tonight."},
            "main form button.danger",
            until=".notice.good",
        ),
    ),
)
TODAY: Final = (
    Place("worklist", "/care/"),
    Place("worklist of what is closed", "/care/?show=closed"),
    Place("worklist of one lane", "/care/?lane=decide"),
    Place("worklist of nothing", "/care/?show=snoozed&lane=now"),
    Place("worklist opened wide", "/care/", steps=unfold),
    Place("signal", "/care/signals/{signal_id}"),
    Place(
        "signal that was not closed",
        None,
        steps=click(
            "summary:has(+ form[action$='/close'])", "form[action$='/close'] button", until=".notice.bad"
        ),
    ),
    Place("signal beside a safety event", "/care/signals/{signal_beside_id}"),
    Place("snoozed signal", "/care/signals/{snoozed_id}"),
    Place("closed signal", "/care/signals/{closed_id}"),
    Place("safety event", "/care/safety-events/{event_id}"),
    Place("care no such page", "/care/no-such-page"),
)
PATIENTS: Final = (
    Place("list", "/care/patients"),
    Place("nobody found", "/care/patients?q=nobody"),
    Place("patient", "/care/patients/{faded_id}"),
    Place("patient a year", "/care/patients/{faded_id}?days=365"),
    Place("patient beside a safety event", "/care/patients/{beside_id}"),
    Place("patient with everything", "/care/patients/{patient_id}"),
    Place("new", "/care/patients/new"),
    *(Place(one.replace("/", " "), f"/care/patients/{{faded_id}}/{one}") for one in _FORMS),
    Place("taking on", "/care/patients/{new_id}/course/taken-on"),
    Place("unmerge", "/care/patients/{into_id}/unmerge/{other_id}"),
    Place("transfer received", "/care/transfers/receive"),
    *(Place(name, f"/care/patients/{{patient_id}}/{rest}") for name, rest in _OF_LIVELY.items()),
    Place(
        "infusion with mistakes",
        "/care/patients/{faded_id}/infusion",
        steps=fill({"#dose_mg_per_kg": "lots"}, "main form button", until="#wrong"),
    ),
    Place("code made", "/care/patients/{faded_id}/code", steps=click("main form button", until=".qr svg")),
)
RUNNING: Final = (
    Place("figures", "/care/reports"),
    Place("figures with a mistake", "/care/reports?first=2026-11-01&end=2026-10-01"),
    Place("audit log", "/care/audit-log"),
    Place("audit log with a mistake", "/care/audit-log?patient=nobody"),
    Place("what-if", "/care/what-if", steps=unfold),
    Place(
        "what-if with a mistake",
        None,
        steps=fill({"#consider_at": "0.95"}, "main form button.primary", until=".notice.bad"),
    ),
    Place(
        "what-if tried",
        "/care/what-if/{what_if_id}",
    ),
    Place("what-if activate", "/care/what-if/{what_if_id}/activate"),
    Place("staff", "/care/staff", steps=click("summary")),
    Place(
        "staff link to hand over",
        None,
        steps=_invite,
    ),
    *(
        Place(f"settings{one}".replace("/", " ").replace("{", "").replace("_id}", ""), f"/care/settings{one}")
        for one in _OF_SETTINGS
    ),
    Place(
        "settings clinic with a mistake",
        "/care/settings/clinic",
        steps=fill({"#time_zone": "Mars/Olympus"}, "form:has(#time_zone) button", until=".error"),
    ),
    Place("settings import", "/care/settings/import"),
    Place("settings import columns", None, steps=_upload),
    Place("settings import checked", None, steps=click("form[action$='/check'] button", until="#quarter")),
    Place("settings import done", None, steps=click("button[value='good']", until=".notice.good")),
    Place("setup", "/care/setup"),
    *(Place(f"setup {step}", f"/care/setup/{step}") for step in ("clinic", "contacts", "try")),
)
TABLET: Final = (
    Place("tablet thanks", "/tablet", Who.AT_THE_TABLET),
    Place(
        "tablet",
        "/care/patients/{tablet_id}",
        Who.AT_THE_TABLET,
        click("form[action$='/tablet'] button", until="input[name=mood]"),
    ),
    Place(
        "tablet sent", None, Who.AT_THE_TABLET, click(*_TAPPED, "button.wide", until="main:not(:has(form))")
    ),
)
OF_PATIENTS: Final = (
    Place("p sign-in", "/p/enrol", Who.NEW_PATIENT),
    Place("p link", "{new_link}", Who.NEW_PATIENT),
    Place("p link cut off", "/p/link/cut-off", Who.NEW_PATIENT),
    Place("p offline", "/p/offline/{language}", Who.NEW_PATIENT),
    Place("p offline questionnaire", "/p/offline/{language}/phq-9", Who.NEW_PATIENT),
    Place(
        "p consent asked", "{new_link}", Who.NEW_PATIENT, click("main button", until="button[name=answer]")
    ),
    Place("p check-in", "/p/check-in", Who.PATIENT),
    Place("p check-in with a mistake", None, Who.PATIENT, _send_nothing),
    Place("p check-in opened wide", "/p/check-in", Who.PATIENT, _say_self_harm),
    Place("p help first", None, Who.PATIENT, click(*_TAPPED, "button.wide", until="dl")),
    Place("p thank you", "/p/check-in", Who.PATIENT, click("button.wide", until="main:not(:has(.first)) dl")),
    Place("p questionnaire", "/p/questionnaires/phq-9", Who.PATIENT),
    Place(
        "p questionnaire with answers missing",
        None,
        Who.PATIENT,
        click("label:has(input[name=item_1][value='2'])", "button.wide", until="#wrong"),
    ),
    Place("p questionnaire about long exposure", "/p/questionnaires/long-exposure", Who.PATIENT),
    Place("p questionnaire answered", "/p/questionnaires/gad-7", Who.PATIENT, _answer_gad_7),
    Place("p history", "/p/history", Who.PATIENT, click(".days summary")),
    Place("p correct", None, Who.PATIENT, click(".days a[href*='correct=']", until="form[data-id]")),
    Place(
        "p take back",
        "/p/history",
        Who.PATIENT,
        click(".days summary", ".days a[href$='/take-back']", until="h1:has-text('?')"),
    ),
    Place("p nights", "/p/nights", Who.PATIENT),
    Place("p home-screen", "/p/home-screen", Who.PATIENT),
    Place("p settings", "/p/settings", Who.PATIENT, unfold),
    Place("p help", "/p/help", Who.PATIENT),
    Place("p no such page", "/p/no-such-page", Who.PATIENT),
    Place("p sure consent", "/p/sure?about=consent", Who.PATIENT),
    Place("p sure erasure", "/p/sure?about=erasure", Who.PATIENT),
    Place("p consent", "/p/consent", Who.PATIENT),
)
EVERY: Final = (*FRONT, *SIGNING_IN, *TODAY, *PATIENTS, *RUNNING, *TABLET, *OF_PATIENTS)
# Whose addresses hold what is made on the way there: the places that lead to them.
BY_STEPS: Final = {
    "/care/settings/import/{import_id}": "settings import checked",
    "/p/history/{check_in_id}/take-back": "p take back",
}
# What these routes give is no page, each with its reason.
NO_PAGE: Final = {
    "/care/reports.csv": "a table to download",
    "/care/settings/import/templates/{kind}.csv": "a table to download",
    "/care/settings/import/{import_id}/rows.csv": "a table to download",
    "/care/patients/{patient_id}/transfer/{transfer_id}/file": "a sealed file to download",
    "/care/worklist/{item_id}/next": "leads on to the next row's page",
    "/care/patients/find": "what the search field suggests",
    "/care/settings/clinic/logo/{digest}": "a picture",
    "/p/logo/{digest}": "a picture",
    "/tablet/logo/{digest}": "a picture",
    "/p/export": "a copy to download",
    "/p/": "leads on to the form or to signing in",
    "/tablet/used": "an answer to the tablet's script",
    "/p/state": "an answer to the form's script",
    "/p/worker.js": "the form's script",
    "/p/manifest.webmanifest": "says how the form is put on a home screen",
    "/p/static/{name}": "style, script, icons",
    "/care/static/{name}": "style, script, icons",
    "/docs/static/{name}": "style",
}
