"""The languages of pages, and days and moments as people write them."""

import unicodedata
from collections.abc import Collection
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import get_decimal_symbol

from app.foundation.translations import SOURCE_LANGUAGE, SPANISH_WITH_POINT
from app.foundation.zones import country_names

_DAY: Final = {
    "en": "EEEE, MMMM d",
    "es": "EEEE d 'de' MMMM",
    "de": "EEEE, d. MMMM",
    "fr": "EEEE d MMMM",
}
_MOMENT: Final = {
    "en": "MMMM d, h:mm a",
    "es": "d 'de' MMMM, H:mm",
    "de": "d. MMMM, H:mm",
    "fr": "d MMMM, H:mm",
}


@lru_cache(maxsize=256)
def write_day(day: date, language: str) -> str:
    """Write a day with its weekday, as one says it."""
    return format_date(day, _DAY[language], locale=language)


@lru_cache(maxsize=256)
def write_short_day(day: date, language: str) -> str:
    """Write a day with its short weekday, as a list shows it."""
    return format_skeleton("MMMEd", day, locale=language)


@lru_cache(maxsize=256)
def write_weekday(day: date, language: str) -> str:
    """Write a day's weekday."""
    return format_date(day, "EEEE", locale=language)


def write_moment(moment: datetime, zone: tzinfo, language: str) -> str:
    """Write a moment by the clock on the person's wall."""
    return format_datetime(moment.astimezone(zone), _MOMENT[language], locale=language)


def locale_for(language: str, accepted: str) -> str:
    """Choose how a language is written: Spanish has a decimal point where the browser's first region has one."""
    regions = (tag.strip().replace("_", "-").partition("-")[2] for tag in _in_order(accepted))
    region = next((one for one in regions if one), "")
    return SPANISH_WITH_POINT if language == "es" and _has_point(region.upper()) else language


@lru_cache(maxsize=64)
def _has_point(region: str) -> bool:
    try:
        return get_decimal_symbol(Locale.parse(f"es_{region}")) == "."
    except (UnknownLocaleError, ValueError):
        return False


@cache
def countries_in(language: str) -> dict[str, str]:
    """Give every country's name by its code, in the order of the language's alphabet."""
    named = dict(country_names())
    if language != SOURCE_LANGUAGE:
        territories = Locale(language).territories
        named = {code: territories.get(code, name) for code, name in named.items()}
    return dict(sorted(named.items(), key=lambda one: _plain_letters(one[1])))


def _plain_letters(name: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", name.casefold()) if one.isalnum())


def language_for(
    spoken: Collection[str], *, chosen: str, locale: str | None, accepted: str, default: str = "en"
) -> str:
    """Choose a language.

    Args:
        spoken: the languages that there are.
        chosen: what the person switched to on a page, or an empty text.
        locale: the signed-in person's own, such as ``es-MX``.
        accepted: the browser's ``Accept-Language``.
        default: when none of these is spoken.
    """
    wanted = [chosen, locale or "", *_in_order(accepted)]
    return next((tongue for one in wanted if (tongue := _tongue(one)) in spoken), default)


def _tongue(tag: str) -> str:
    return tag.strip().replace("_", "-").partition("-")[0].lower()


def _in_order(accepted: str) -> list[str]:
    weighed = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.partition(";")
        weighed.append((_weight(weight), tag))
    return [tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
