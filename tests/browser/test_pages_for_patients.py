"""A real browser: keyboard only, scripts off, narrow and large, few taps; axe finds nothing; pictures to look at."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.foundation.translations import LANGUAGES
from tests.support.browser import (
    DESKTOP,
    PHONE,
    Seen,
    agree,
    link_for,
    open_page,
    sign_in,
    take_picture,
    walk,
)
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "pages"
MINUTES = count(1)
LOCALES = {"en": "en-US", "es": "es-MX"}


@pytest.fixture(scope="module")
def treated_patient(shared_service: Service, one_clinic: ClinicClient) -> str:
    """A patient with weeks behind them, so that there is a trend to see."""
    shared_service.clock.move_to(NOW)
    version = one_clinic.http.get("/v1/clinic").headers["etag"]
    one_clinic.http.patch("/v1/clinic", json={"crisis_phone": "+1 555 0100"}, headers={"if-match": version})
    made = treated(
        one_clinic, NOW, days_since=24, level=lambda day: (8, 7, None if day % 6 == 0 else 8), until=23
    )
    agree(one_clinic, made, shared_service.url)
    return made


@pytest.fixture
def opened(
    browser: Browser, service: Service, one_clinic: ClinicClient, patient: str
) -> Iterator[Callable[..., Page]]:
    """Opens a signed-in window; all are closed afterwards."""
    contexts = []

    def open_one(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type] # as Playwright takes them
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        sign_in(page, service, one_clinic, patient)
        return page

    yield open_one
    for context in contexts:
        context.close()


def choose(page: Page, name: str, value: int) -> None:
    """Tap a number as a person does: on its label."""
    page.locator(f"label:has(input[name={name}][value='{value}'])").click()


def answer_all(page: Page) -> None:
    for name, value in (("mood", 6), ("energy", 4), ("sleep_quality", 7)):
        choose(page, name, value)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_five_taps_from_the_link_to_thank_you(
    browser: Browser, service: Service, one_clinic: ClinicClient, patient: str, scripts: bool
) -> None:
    taps = 0
    with open_page(browser, viewport=PHONE, has_touch=True, java_script_enabled=scripts) as page:
        page.goto(service.url + link_for(one_clinic, patient))
        for place in (
            "main button",
            "label:has(input[name=mood][value='6'])",
            "label:has(input[name=energy][value='4'])",
            "label:has(input[name=sleep_quality][value='7'])",
            "button.wide",
        ):
            page.locator(place).tap()
            taps += 1
        expect(page.locator("h1")).to_have_text("Thank you")
    assert taps <= 6


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_the_keyboard_is_enough(opened: Callable[..., Page], scripts: bool) -> None:
    page = opened(viewport=DESKTOP, java_script_enabled=scripts)
    page.goto(page.url)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the page's content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for arrows in (6, 4, 7):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        for _ in range(arrows):
            page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "self_harm_thoughts"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "where the keyboard is must be seen"
    for _ in range(50):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('button.wide')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Thank you")
    assert re.findall(r"(\d+) of 10", page.locator("dl").inner_text()) == ["6", "4", "7"]

    page.goto(page.url.replace("check-in", "settings"))
    withdraw = page.locator("button", has_text="Withdraw consent")
    expect(withdraw).to_be_hidden()
    unfold(page)
    expect(withdraw).to_be_visible()
    expect(page.locator("button", has_text="Sign out here")).to_be_visible()


def unfold(page: Page) -> None:
    """Open everything that is folded, by keyboard alone."""
    for one in page.locator("main summary").all():
        one.press("Enter")


def pages_of(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    """Every page that a patient sees, one after the other, in the window's own language."""
    page.goto(f"{service.url}/p/check-in")
    yield "check-in", page
    page.locator("button.wide").click(no_wait_after=True)
    page.evaluate("document.querySelector('form[data-id]').submit()")
    page.locator("#wrong").wait_for()
    yield "check-in with a mistake", page
    page.goto(f"{service.url}/p/check-in")
    page.locator("main summary").click()
    page.locator("input[name=self_harm_thoughts]").check()
    yield "check-in opened wide", page
    answer_all(page)
    page.locator("button.wide").click()
    page.locator("dl").wait_for()
    yield "help first", page
    page.goto(f"{service.url}/p/check-in")
    page.locator("button.wide").click()
    page.locator("main:not(:has(.first)) dl").wait_for()
    yield "thank you", page
    page.goto(f"{service.url}/p/questionnaires/phq-9")
    yield "questionnaire", page
    page.locator("label:has(input[name=item_1][value='2'])").click()
    page.locator("button.wide").click()
    page.locator("#wrong").wait_for()
    yield "questionnaire with answers missing", page
    # Each time at another moment: a patient has one form of a kind at a time.
    service.clock.move_to(NOW + timedelta(minutes=next(MINUTES)))
    page.goto(f"{service.url}/p/questionnaires/gad-7")
    for number in range(1, 8):
        choose(page, f"item_{number}", 1)
    page.locator("button.wide").click()
    page.locator("main:not(:has(form))").wait_for()
    yield "questionnaire answered", page
    page.goto(f"{service.url}/p/history")
    page.locator(".days summary").first.click()
    yield "history", page
    for place in ("Correct", "Take back"):
        name = {"Correct": "a[href*='correct=']", "Take back": "a[href$='/take-back']"}[place]
        page.goto(f"{service.url}/p/history")
        page.locator(".days summary").first.click()
        page.locator(f".days {name}").first.click()
        page.locator("h1:has-text('?'), form[data-id]").first.wait_for()
        yield place.lower(), page
    for name in ("home-screen", "settings", "help", "no-such-page", "sure?about=consent", "consent"):
        page.goto(f"{service.url}/p/{name}")
        if name == "settings":
            unfold(page)
        yield name.replace("?about=", " "), page


def pages_before_sign_in(
    page: Page, service: Service, one_clinic: ClinicClient, patient: str, language: str
) -> Iterator[tuple[str, Page]]:
    link = link_for(one_clinic, patient)
    for name, path in (
        ("sign-in", "/p/enrol"),
        ("link", link),
        ("link cut off", link[:-9]),
        ("offline", f"/p/offline/{language}"),
    ):
        page.goto(service.url + path)
        yield name, page
    page.goto(service.url + link)
    page.locator("main button").click()
    page.locator("form[data-id]").wait_for()


@dataclass
class Walk:
    """What was seen before and after signing in, in what language, where help was in sight, and what pages weigh."""

    before: Seen
    after: Seen
    languages: list[str | None] = field(default_factory=list)
    help_in_sight: dict[str, bool] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def walked(
    browser: Browser, shared_service: Service, one_clinic: ClinicClient, treated_patient: str
) -> Callable[[str], Walk]:
    """Gives what one walk through all pages in a language saw."""

    @cache
    def walk_in(language: str) -> Walk:
        folder = PICTURES / language
        folder.mkdir(parents=True, exist_ok=True)
        result = Walk(Seen(), Seen())

        def noted(pages: Iterator[tuple[str, Page]], help_line: str) -> Iterator[tuple[str, Page]]:
            for name, shown in pages:
                result.languages.append(shown.locator("html").get_attribute("lang"))
                result.help_in_sight[name] = shown.locator(f"aside.crisis {help_line}").first.is_visible()
                parts = [shown.request.get(path).body() for path in shown.evaluate(LOADED)]
                result.weights[name] = len(shown.content().encode()) + sum(len(part) for part in parts)
                yield name, shown

        options = {"locale": LOCALES[language], "device_scale_factor": 2}
        with open_page(browser, viewport=PHONE, **options) as page:
            page.set_default_timeout(15_000)
            page.goto(f"{shared_service.url}/p/help?lang={language}")
            # Before anybody has signed in, nothing says where the browser is; then it is where the patient is: in
            # Berlin.
            first = pages_before_sign_in(page, shared_service, one_clinic, treated_patient, language)
            result.before = walk(page, noted(first, "li > b:only-child"), folder, colors=language == "en")
            rest = noted(pages_of(page, shared_service), "a[href='tel:08001110111']")
            widths = WIDTHS if language == "en" else ()
            result.after = walk(
                page, rest, folder, widths=widths, places=PLACES_TO_TOUCH, colors=language == "en"
            )
        return result

    return walk_in


@pytest.mark.parametrize("language", ["en", "es"])
def test_axe_finds_nothing_on_any_page_in_either_colour_scheme(
    walked: Callable[[str], Walk], language: str
) -> None:
    walk = walked(language)
    assert set(walk.languages) == {language}
    assert [name for name, in_sight in walk.help_in_sight.items() if not in_sight] == []
    assert walk.before.violations + walk.after.violations == []
    assert len(walk.languages) == 21


def test_every_page_weighs_less_than_40_kilobytes_compressed_and_holds_still(
    walked: Callable[[str], Walk],
) -> None:
    walk = walked("en")
    assert (walk.before.heavy | walk.after.heavy, walk.before.moving | walk.after.moving) == ({}, {})


SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_every_language_fits_a_small_phone_also_when_it_is_written_from_right_to_left(
    opened: Callable[..., Page], service: Service
) -> None:
    page = opened(viewport={"width": 320, "height": 740})
    folder = PICTURES / "languages"
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for path in ("check-in", "history", "settings", "help"):
            page.goto(f"{service.url}/p/{path}?lang={language}")
            expect(page.locator("html")).to_have_attribute("lang", language)
            page.locator(".switch summary").click()
            for width, direction in ((1280, "ltr"), (320, "ltr"), (320, "rtl")):
                page.set_viewport_size({"width": width, "height": 740})
                page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
                assert page.evaluate(SIDEWAYS) == 0, (language, path, width, direction)
                take_picture(page, folder / f"{path}-{language}-{width}-{direction}.png")


PLACES = """[...document.querySelectorAll('.q10')].map((one) => {
    const numbers = [...one.querySelectorAll('.eleven label')].map((label) => label.getBoundingClientRect());
    const [low, high] = [...one.querySelectorAll('.ends span')].map((end) => end.getBoundingClientRect());
    return {
        lines: new Set(numbers.map((number) => Math.round(number.top))).size,
        low: low.top >= numbers[0].bottom && low.left - numbers[0].left,
        high: high.top >= numbers[10].bottom && numbers[10].right - high.right,
    }; })"""


def test_the_whole_form_is_in_sight_on_a_small_phone_and_each_scale_is_one_line_at_every_width(
    opened: Callable[..., Page],
) -> None:
    page = opened(viewport={"width": 360, "height": 740})
    for last in (page.locator("details.fold summary"), page.locator(".send button")):
        box = last.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 740
    covered = page.locator("details.fold summary").evaluate(
        "(one) => { const box = one.getBoundingClientRect();"
        " return !one.contains(document.elementFromPoint(box.x + 40, box.bottom - 6)); }"
    )
    assert not covered, "what can be added must not lie behind Send"
    bar = page.locator("aside.crisis").bounding_box()
    assert bar is not None
    assert bar["height"] <= 48, "crisis help is one line"
    for width in (320, 360, 640, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        for one in page.evaluate(PLACES):
            assert one["lines"] == 1, width
            assert abs(one["low"]) <= 2, (width, "the lowest stands under 0")
            assert abs(one["high"]) <= 2, (width, "the highest stands under 10")
    page.set_viewport_size({"width": 360, "height": 740})
    take_picture(page, PICTURES / "small-phone.png")
    page.goto(page.url.replace("check-in", "questionnaires/phq-9"))
    send = page.locator(".send button").bounding_box()
    assert send is not None
    assert send["y"] + send["height"] <= 740, "Send is in sight however long the form is"


WIDTHS = {320: 44, 195: 24, 640: 44}


def test_nothing_is_cut_off_at_320_pixels_or_at_200_percent(walked: Callable[[str], Walk]) -> None:
    """At 200 % a phone of 390 pixels is one of 195, and a desk of 1280 is one of 640."""
    seen = walked("en").after
    assert len(seen.widths) == 17 * len(WIDTHS)
    for (name, width), page_wide in seen.widths.items():
        assert page_wide <= width, (name, width)
        for size in seen.places[name, width]["targets"]:
            assert min(size) >= WIDTHS[width] - 0.5, (name, width, size)
        for wide, high in seen.places[name, width]["eleven"]:
            assert wide >= 24, (name, width)
            assert high >= 44, (name, width)


ELEVEN = """[...document.querySelectorAll('.eleven label')].map((one) => one.getBoundingClientRect())
    .map((one) => [one.width, one.height])"""
TARGETS = """[...document.querySelectorAll(
    '.scale label, button, .button, summary, .lines a, .numbers a, nav a, footer a')]
    .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
    .map((one) => [one.width, one.height])"""
PLACES_TO_TOUCH = f"({{targets: {TARGETS}, eleven: {ELEVEN}}})"
LOADED = """[...document.querySelectorAll('link[rel=stylesheet], script[src], link[rel=manifest]')]
    .map((one) => one.href || one.src)"""


def test_every_page_weighs_less_than_fifty_five_kilobytes_and_needs_nothing_that_its_policy_refuses(
    walked: Callable[[str], Walk],
) -> None:
    walk = walked("en")
    assert {name: weight for name, weight in walk.weights.items() if weight >= 55_000} == {}
    assert [one for one in walk.after.said if "404" not in one and "422" not in one] == []


def test_the_form_says_no_more_in_its_address_or_title_than_what_it_is(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE)
    answer_all(page)
    page.locator("input[name=self_harm_thoughts]").check()
    page.locator("button.wide").click()
    page.locator("dl").wait_for()

    assert page.url.endswith("/p/check-in")
    assert page.title() == "Thank you · Afterglow"
