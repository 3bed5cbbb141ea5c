"""A real browser for the pages: Debian's Chromium, driven by Playwright; and a plain client without any scripts."""

import gzip
import os
import re
from collections.abc import Iterator, Mapping
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
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
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

    Comparing ``colors`` takes most of its time.
    """
    if shown.evaluate("typeof axe") == "undefined":
        shown.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": colors}}}
    found = shown.evaluate("(options) => axe.run(options).then((all) => all.violations)", options)
    return list(found)


LARGEST_PAGE, LARGEST_WITH_ITS_FILES, MOST_SHIFTED = 40_000, 55_000, 0.01
# The least size of what is touched, by the width that a window has: at 200 % a phone of 390 pixels is one of 195, and
# a desk of 1280 is one of 640.
NARROW: Final[ViewportSize] = {"width": 320, "height": 640}
TOUCHED: Final = {320: 44, 195: 24, 640: 44}
# With axe, which the browser then compiles once: sent to a page that is open, it is read again for each.
LOOKS: Final = AXE_SCRIPT + (Path(__file__).parent / "looks.js").read_text("utf-8")


@dataclass
class Seen:
    """What one walk through pages saw, for several tests to judge: each page is opened once for all of them.

    ``weights`` are a page's with its style and scripts, compressed; ``packed`` are the files' alone, by address.
    ``structures`` and ``colors`` name what axe has looked at: what looks the same to it is not looked at again.
    """

    violations: list[Any] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    languages: dict[str, str | None] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, list[str]] = field(default_factory=dict)
    help_in_sight: dict[str, bool] = field(default_factory=dict)
    loaded: dict[str, int] = field(default_factory=dict)
    places: dict[tuple[str, int], Any] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    packed: dict[str, int] = field(default_factory=dict)
    shifts: dict[str, float] = field(default_factory=dict)
    structures: set[str] = field(default_factory=set)
    colors: set[str] = field(default_factory=set)


def look_at(seen: Seen, shown: Page, name: str, folder: Path) -> None:
    """Look at a page in each size and color scheme, and take its pictures. It is not loaded again.

    It is 320 pixels wide when it comes here and when it goes, and the next page begins in the scheme that this one
    ended in.
    """
    said = shown.evaluate("looks.said()")
    seen.languages[name], seen.words[name] = said["language"], said["words"]
    seen.scripts[name], seen.help_in_sight[name] = said["scripts"], said["helpInSight"]
    html = said["html"].encode()
    for address, _size in said["files"]:
        if address not in seen.packed:
            reply = shown.request.get(address)
            assert reply.ok, address
            seen.packed[address] = len(gzip.compress(reply.body()))
    seen.weights[name] = len(gzip.compress(html)) + sum(
        seen.packed[address] for address, _size in said["files"]
    )
    seen.loaded[name] = len(html) + sum(size for _address, size in said["files"])
    seen.shifts[name], seen.places[name, NARROW["width"]] = said["shifted"], said["places"]
    _hear_axe(seen, shown, (name, "phone", said["scheme"]))
    for width in sorted(TOUCHED.keys() - {NARROW["width"]}):
        shown.set_viewport_size({"width": width, "height": 640})
        seen.places[name, width] = shown.evaluate("looks.places()")
    for size, viewport in (("phone", PHONE), ("desk", DESKTOP)):
        shown.set_viewport_size(viewport)
        for scheme in _SCHEMES:
            # Without motion: a color that is still on its way from the other scheme is nobody's to read.
            shown.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            _hear_axe(seen, shown, (name, size, scheme))
            take_picture(shown, folder / f"{name}-{size}-{scheme}.png", full_page=True)
    shown.set_viewport_size(NARROW)


def _hear_axe(seen: Seen, shown: Page, where: tuple[str, ...]) -> None:
    """Note what axe has against a page, of what none of the pages before had in just this way."""
    asked = {"structures": list(seen.structures), "colors": list(seen.colors)}
    found = shown.evaluate("(known) => looks.axe(known)", asked)
    seen.structures.update(found["structures"])
    seen.colors.update(found["colors"])
    seen.violations += [(*where, *violation) for violation in found["violations"]]


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
