"""How days, shares, counts and names are written in English prose."""

from datetime import date
from typing import Final

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_TO: Final = "\N{EN DASH}"
_TEENS: Final = range(11, 14)


def day_in(day: date, *, year: int) -> str:
    """A day as "Nov 3", with its year when that is another one: "Nov 3, 2025"."""
    written = f"{MONTHS[day.month - 1][:3]} {day.day}"
    return written if day.year == year else f"{written}, {day.year}"


def days_from_to(first: date, last: date, *, year: int) -> str:
    """A span of days, as short as it can be said: "Oct 11-18" with the right dash."""
    if first == last:
        return day_in(first, year=year)
    if (first.year, first.month) == (last.year, last.month):
        written = f"{MONTHS[first.month - 1][:3]} {first.day}{_TO}{last.day}"
        return written if last.year == year else f"{written}, {last.year}"
    return f"{day_in(first, year=year)} {_TO} {day_in(last, year=year)}"


def percent(share: float) -> str:
    """A share as whole percent: "61%"."""
    return f"{share * 100:.0f}%"


def ordinal(number: int) -> str:
    """A place in an order: 1st, 2nd, 3rd, 4th, 11th."""
    if number % 100 in _TEENS:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def capitalised(words: str) -> str:
    """The words with a capital at the start and nothing else changed."""
    return words[:1].upper() + words[1:]
