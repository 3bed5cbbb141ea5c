"""A real browser: keyboard only, scripts off, narrow and large, few taps; axe finds nothing; pictures to look at."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.foundation.translations import LANGUAGES
from tests.support.browser import DESKTOP, PHONE, link_for, open_page, sign_in, take_picture
from tests.support.people import ClinicClient
from tests.support.service import Service

PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "pages"


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


def test_the_form_says_no_more_in_its_address_or_title_than_what_it_is(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE)
    answer_all(page)
    page.locator("input[name=self_harm_thoughts]").check()
    page.locator("button.wide").click()
    page.locator("dl").wait_for()

    assert page.url.endswith("/p/check-in")
    assert page.title() == "Thank you · Afterglow"
