"""The colours of a chart: enough contrast in light and dark, for everybody."""

import re

import pytest

from app.chart.drawing import STYLE

LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", part)) for part in STYLE.split("@media screen")
)
SCHEMES = {"light": LIGHT, "dark": DARK}
# What is read, and what it is read on.
TEXT = ("ink", "quiet")
MARKS = ("mood", "energy", "sleep", "reference", "baseline", "infusion", "watch", "level", "quiet")
GROUNDS = ("paper", "reference-tint", "baseline-tint")


def luminance(colour: str) -> float:
    """The relative luminance of a colour, by WCAG 2.2."""
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_both_schemes_name_every_colour() -> None:
    assert set(LIGHT) == set(DARK) >= {*TEXT, *MARKS, *GROUNDS}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXT)
def test_text_has_a_contrast_of_four_and_a_half(scheme: str, text: str) -> None:
    assert contrast(SCHEMES[scheme][text], SCHEMES[scheme]["paper"]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("mark", MARKS)
def test_marks_and_lines_have_a_contrast_of_three_also_on_the_bands(
    scheme: str, ground: str, mark: str
) -> None:
    assert contrast(SCHEMES[scheme][mark], SCHEMES[scheme][ground]) >= 3


def test_dark_is_for_screens_only_so_that_print_is_dark_on_light() -> None:
    assert re.findall(r"@media [^{]+", STYLE) == ["@media screen and (prefers-color-scheme: dark) "]


def test_every_rule_is_about_charts_only_since_a_page_takes_the_style_along() -> None:
    selectors = re.findall(r"^([^@{}\n]+)\{", STYLE, re.MULTILINE)
    assert selectors
    assert all(one.startswith(".afterglow-trend") for one in selectors)
