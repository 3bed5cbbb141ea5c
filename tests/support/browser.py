"""A real browser for the pages: Debian's Chromium, driven by Playwright; and a plain client without any scripts."""

import gzip
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx2
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize, sync_playwright

from app.notifications.messages.consent_text import CURRENT_VERSION
from tests.support.people import NO_TLS, ClinicClient, made
from tests.support.service import Service

PICTURES_WANTED: Final = "AFTERGLOW_TEST_PICTURES"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
_CHROMIUM: Final = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class ChromiumMissingError(AssertionError):
    """There is no Chromium in /usr/bin, nor where AFTERGLOW_TEST_CHROMIUM says: apt-get install chromium."""


def chromium(*, whole: bool = False) -> str:
    """Find the browser; a test of the pages never passes without one.

    The one that never shows a window comes first, unless the ``whole`` browser is needed, as for notifications: the
    same engine takes a third less of the machine there.
    """
    named = os.environ.get("AFTERGLOW_TEST_CHROMIUM")
    for path in (named,) if named else _CHROMIUM[whole:]:
        if Path(path).exists():
            return path
    raise ChromiumMissingError(ChromiumMissingError.__doc__)


@contextmanager
def running_browser(*, whole: bool = False) -> Iterator[Browser]:
    """Run Chromium until the end of the block."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(whole=whole), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def new_patient(clinic: ClinicClient, *, locale: str = "en-US", time_zone: str = "America/New_York") -> str:
    """Register a patient who uses the pages."""
    body = {"external_ref": os.urandom(6).hex(), "time_zone": time_zone, "locale": locale}
    reply = clinic.http.post("/v1/patients", json=body)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def link_for(clinic: ClinicClient, patient: str) -> str:
    """Have the clinic make a sign-in link; gives its path."""
    reply = clinic.http.post(f"/v1/patients/{patient}/sign-in-links")
    assert reply.status_code == 201, reply.text
    return str(urlsplit(str(reply.json()["url"])).path)


def code_for(clinic: ClinicClient, patient: str) -> str:
    """Have the clinic make an enrolment code."""
    return str(clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()["code"])


def agree(clinic: ClinicClient, patient: str, url: str) -> None:
    """Let a patient have agreed before, with a phone."""
    phone = clinic.enrol(patient, url)
    body = {"version": CURRENT_VERSION, "accepted": True}
    assert phone.http.post("/v1/me/consent", json=body).is_success


def sign_in(page: Page, service: Service, clinic: ClinicClient, patient: str) -> None:
    """Sign a browser in by link, as the patient does."""
    page.goto(service.url + link_for(clinic, patient))
    page.locator("main button").click()


@contextmanager
def open_page(browser: Browser, **options: object) -> Iterator[Page]:
    """Open a separate window: nothing is shared with any other."""
    context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type] # as Playwright takes them
    try:
        yield context.new_page()
    finally:
        context.close()


def violations_on(shown: Page, *, colors: bool = True) -> list[dict[str, Any]]:
    """Give what axe has against a page; it stays in the page, and only what it finds comes out.

    Comparing ``colors`` takes most of its time, and only where a page's styles are seen for the first time is there
    anything to find: not again in another language.
    """
    if shown.evaluate("typeof axe") == "undefined":
        shown.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": colors}}}
    found = shown.evaluate("(options) => axe.run(options).then((all) => all.violations)", options)
    return list(found)


LARGEST_PAGE, MOST_SHIFTED = 40_000, 0.01
_SHIFTED = """() => new Promise((done) => {
    let far = 0;
    const add = (all) => { for (const one of all.getEntries()) if (!one.hadRecentInput) far += one.value; };
    new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});
    requestAnimationFrame(() => setTimeout(() => done(far), 0));
})"""


@dataclass
class Seen:
    """What one walk through pages saw, for several tests to judge: each page is opened once for all of them."""

    violations: list[Any] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    widths: dict[tuple[str, int], int] = field(default_factory=dict)
    places: dict[tuple[str, int], Any] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    shifts: dict[str, float] = field(default_factory=dict)

    @property
    def heavy(self) -> dict[str, int]:
        """The pages of 40 kB or more, compressed and without pictures and styles, and how heavy they are."""
        return {name: weight for name, weight in self.weights.items() if weight >= LARGEST_PAGE}

    @property
    def moving(self) -> dict[str, float]:
        """The pages whose layout shifted while they were made, and how far."""
        return {name: shift for name, shift in self.shifts.items() if shift >= MOST_SHIFTED}


def walk(
    page: Page,
    pages: Iterable[tuple[str, Page]],
    folder: Path,
    *,
    widths: Iterable[int] = (),
    places: str = "[]",
    colors: bool = True,
) -> Seen:
    """Look at pages one after the other: with axe, and at each width how wide they are and what ``places`` gives."""
    seen = Seen()
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    for name, shown in pages:
        seen.weights[name] = len(gzip.compress(shown.content().encode()))
        seen.shifts[name] = shown.evaluate(_SHIFTED)
        for width in widths:
            shown.set_viewport_size({"width": width, "height": 640})
            seen.widths[name, width] = shown.evaluate("document.documentElement.scrollWidth")
            seen.places[name, width] = shown.evaluate(places)
        shown.set_viewport_size(PHONE)
        seen.violations += look_at(shown, name, folder, colors=colors)
    return seen


def look_at(shown: Page, name: str, folder: Path, *, colors: bool = True) -> list[Any]:
    """Let axe look at a page, dark on a phone and light on a desk, with four pictures where they are wanted."""
    found = []
    for size, viewport, dark in (("phone", PHONE, True), ("desktop", DESKTOP, False)):
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        shown.set_viewport_size(viewport)
        # Without motion: a color that is still on its way from the other scheme is nobody's to read.
        shown.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        violations = violations_on(shown, colors=colors)
        found += [
            (name, size, scheme, one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in violations
        ]
        take_picture(shown, folder / f"{name}-{size}-{scheme}.png", full_page=True)
        if os.environ.get(PICTURES_WANTED):
            other: Literal["dark", "light"] = "light" if dark else "dark"
            shown.emulate_media(color_scheme=other, reduced_motion="reduce")
            take_picture(shown, folder / f"{name}-{size}-{other}.png", full_page=True)
    shown.set_viewport_size(PHONE)
    return found


def take_picture(shown: Page, path: Path, *, full_page: bool = False) -> None:
    """Write a picture where a person wants to look at it (AFTERGLOW_TEST_PICTURES=1): each takes as long as a page.

    Chromium on a busy machine sometimes has none at the first try.
    """
    if not os.environ.get(PICTURES_WANTED):
        return
    try:
        shown.screenshot(path=path, full_page=full_page)
    except Error as error:
        if "Unable to capture" not in str(error):
            raise
        shown.screenshot(path=path, full_page=full_page)


class PlainBrowser:
    """A browser without scripts, and without opinions: it keeps cookies and sends what it is asked to."""

    def __init__(self, url: str, language: str = "en-US") -> None:
        self.http = made(
            httpx2.Client(base_url=url, timeout=30, headers={"accept-language": language}, verify=NO_TLS)
        )
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx2.Response:
        return self._keep(self.http.get(path, headers=self._cookie()))

    def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        sent = {"sec-fetch-site": "same-origin", **self._cookie(), **(headers or {})}
        return self._keep(self.http.post(path, data=dict(fields), headers=sent))

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, str, bytes]) -> httpx2.Response:
        """Send a form with a file: its field, its name and its content."""
        field, name, content = file
        sent = {"sec-fetch-site": "same-origin", **self._cookie()}
        return self._keep(
            self.http.post(path, data=dict(fields), files={field: (name, content)}, headers=sent)
        )

    def sign_in(self, clinic: ClinicClient, patient: str) -> None:
        path = link_for(clinic, patient)
        reply = self.post(path, fields_of(self.get(path).text))
        assert reply.status_code == 303, reply.text

    def _cookie(self) -> dict[str, str]:
        return (
            {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            if self.cookies
            else {}
        )

    def _keep(self, reply: httpx2.Response) -> httpx2.Response:
        # Its own jar would drop what is for https only, and keep what the test throws away.
        self.http.cookies.clear()
        for header in reply.headers.get_list("set-cookie"):
            # Python 3.11 does not know this attribute, and drops the cookie.
            for name, morsel in SimpleCookie(header.removesuffix("; Partitioned")).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return reply


def fields_of(text: str, action: str | None = None) -> dict[str, str]:
    """Give the hidden fields of a page's form: the first one that has any, or the first that goes there."""
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL):
        hidden = 'type="hidden"' in form
        if (action is None and hidden) or f'action="{action}"' in form:
            return {
                unescape(name): unescape(value)
                for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
            }
    raise AssertionError(text)
