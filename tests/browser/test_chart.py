"""The chart in a real browser: styled under its strict policy, readable, nothing cut off or overlapping.

Pictures for a person to look at are written to ``build/screenshots``.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.chart.drawing import draw_trend
from app.chart.layout import LAYOUTS, Width
from app.chart.trend import Reader, Trend
from app.chart.wording import chart_words
from tests.pages.chart.test_colors import SCHEMES
from tests.support.browser import take_picture, violations_on
from tests.support.people import ClinicClient, treated
from tests.support.pictures import Picture
from tests.support.service import NOW, Service
from tests.support.trends import BASELINE, REFERENCE, daily, day, fading, maintained, story, trend

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
TRENDS: dict[str, tuple[Trend, Reader]] = {
    "patient": (story(), Reader.PATIENT),
    "clinician": (story(), Reader.CLINICIAN),
    "month": (trend(31, daily(31, fading), baseline=BASELINE, reference=REFERENCE), Reader.PATIENT),
    "year": (maintained(365), Reader.CLINICIAN),
    "five-years": (maintained(1826), Reader.PATIENT),
    "one-check-in": (trend(31, [day(3, 5, 6, 7)]), Reader.PATIENT),
    "nothing": (trend(31), Reader.PATIENT),
}
PIXELS = {Width.COMPACT: 320, Width.WIDE: 1200}
_PLACES = """() => [...document.querySelectorAll("svg text")].flatMap(text =>
    (text.querySelector("tspan") ? [...text.querySelectorAll("tspan")] : [text]).map(one => {
        const box = one.getBoundingClientRect();
        return [one.textContent, box.left, box.top, box.right, box.bottom,
                parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a];
    })).filter(([text]) => text.trim())"""


def page_with(browser: Browser, svg: str, *, pixels: int, scheme: Any = "light", lang: str = "en") -> Page:  # noqa: ANN401 - Playwright's literal
    page = browser.new_page(viewport={"width": pixels, "height": 500}, color_scheme=scheme)
    margin = 8 if pixels < 600 else 16
    page.set_content(
        f'<!doctype html><html lang="{lang}"><title>Trend</title><meta name="color-scheme" content="light dark">'
        f'<body style="margin:{margin}px"><main><h1 style="font-size:1rem">Trend</h1>{svg}</main>'
    )
    return page


@pytest.mark.parametrize("name", TRENDS)
@pytest.mark.parametrize("width", Width)
def test_every_text_is_large_enough_inside_the_picture_and_covers_no_other(
    browser: Browser, name: str, width: Width
) -> None:
    one, reader = TRENDS[name]
    language = "es" if width is Width.COMPACT else "en"
    svg = draw_trend(one, chart_words(language), width=width, reader=reader)
    page = page_with(browser, svg, pixels=PIXELS[width], lang=language)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        PICTURES.mkdir(parents=True, exist_ok=True)
        take_picture(page, PICTURES / f"chart-{name}-{PIXELS[width]}-{scheme}.png", full_page=True)
    texts = page.evaluate(_PLACES)
    frame = page.locator("svg").bounding_box()
    page.close()

    assert frame is not None
    assert len(texts) >= 10
    for text, left, top, right, bottom, size in texts:
        assert size >= 10.5, text
        assert left >= frame["x"], text
        assert right <= frame["x"] + frame["width"], text
        assert top >= frame["y"], text
        assert bottom <= frame["y"] + frame["height"], text
    assert [pair for pair in _pairs(texts) if _cover(*pair)] == []


def _pairs(texts: list[list[Any]]) -> list[tuple[list[Any], list[Any]]]:
    return [(one, other) for number, one in enumerate(texts) for other in texts[number + 1 :]]


def _cover(one: list[Any], other: list[Any]) -> bool:
    """Whether two texts touch; a line's box is a little higher than what is written in it."""
    slack = 4
    across = min(one[3], other[3]) - max(one[1], other[1])
    down = min(one[4], other[4]) - max(one[2], other[2])
    return bool(across > 0 and down > slack)


def _pixel(page: Page, svg: str, x: float, y: float, width: int, height: int) -> str:
    """The colour at a place of the drawn picture, as the browser paints it."""
    red, green, blue, _ = page.evaluate(
        """async ([svg, x, y, width, height]) => {
            const image = new Image(width, height);
            image.src = "data:image/svg+xml," + encodeURIComponent(svg);
            await image.decode();
            const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0, width, height);
            return [...pen.getImageData(Math.round(x), Math.round(y), 1, 1).data];
        }""",
        [svg, x, y, width, height],
    )
    return f"#{red:02x}{green:02x}{blue:02x}"


def test_a_check_in_without_neighbours_is_painted(browser: Browser) -> None:
    svg = draw_trend(trend(31, [day(3, 5, 6, 7)]), chart_words("en"))
    picture = Picture(svg)
    _, _, width, height = map(int, (picture.root.get("viewBox") or "").split())
    page = browser.new_page()
    for domain, name in enumerate(("mood", "energy", "sleep")):
        ((place,),) = picture.lines(domain)
        assert _pixel(page, svg, *place, width, height) == SCHEMES["light"][name]
    assert _pixel(page, svg, LAYOUTS[Width.WIDE].left + 3, 75, width, height) == "#ffffff"
    page.close()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_page_with_two_charts(browser: Browser, language: str, scheme: str) -> None:
    words = chart_words(language)
    both = "".join(
        draw_trend(story(), words, width=width, reader=Reader.CLINICIAN, prefix=width.value)
        for width in Width
    )
    page = page_with(browser, both, pixels=1200, scheme=scheme, lang=language)
    found = violations_on(page)
    page.close()
    assert found == []


def test_opened_alone_it_is_styled_by_its_own_sheet_and_by_nothing_else(
    browser: Browser, service: Service, clinic: ClinicClient
) -> None:
    patient = treated(clinic, NOW, days_since=20, level=lambda _day: (8, 7, 6), until=19)
    phone = clinic.enrol(patient, service.url)
    messages: list[str] = []
    context = browser.new_context(
        color_scheme="dark", extra_http_headers={"authorization": f"Bearer {phone.access_token}"}
    )
    page = context.new_page()
    page.on("console", lambda message: messages.append(message.text))
    first = (NOW - timedelta(days=40)).date().isoformat()

    page.goto(f"{service.url}/v1/me/progress.svg?from={first}&width=compact")

    paper = page.evaluate("getComputedStyle(document.querySelector('rect.paper')).fill")
    assert paper == "rgb(20, 24, 28)", "the dark paper of the chart's own style"
    assert messages == [], "nothing was refused"
    context.close()


def test_in_print_it_is_dark_on_light_even_for_a_reader_of_dark_pages(browser: Browser) -> None:
    page = page_with(browser, draw_trend(story(), chart_words("en")), pixels=1200, scheme="dark")
    page.emulate_media(media="print")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('rect.paper')).fill") == "rgb(255, 255, 255)"
    )
    page.close()
