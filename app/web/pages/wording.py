"""Speaking on pages: a table of words a language, and days and moments as people write them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final

from babel.dates import format_date, format_datetime, format_skeleton

# The languages that pages are written in, each by its own name.
LANGUAGES: Final = {"en": "English", "es": "Español"}
_DAY: Final = {"en": "EEEE, MMMM d", "es": "EEEE d 'de' MMMM"}
_MOMENT: Final = {"en": "MMMM d, h:mm a", "es": "d 'de' MMMM, H:mm"}
Say = Callable[..., str]


def speaking(words: Mapping[str, str]) -> Say:
    """Give the function that a page speaks with: a word's name in, the words out, with values in their places."""

    def say(name: str, /, **values: object) -> str:
        return words[name].format(**values) if values else words[name]

    return say


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
