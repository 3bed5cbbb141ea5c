"""Time zones by name: which are places, what they are called today, in which country they lie, and the edition.

The rules themselves come from the declared ``tzdata`` wheel alone (``app/__init__.py`` turns the machine's
own files off before any zone is read).
"""

import zoneinfo
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from app.foundation.errors import RefusalError
from app.foundation.text import one_line

# Names that the database of zones carries for programs, not for people: nobody lives there.
_NO_PLACE: Final = frozenset(
    {"localtime", "posixrules", "Factory", "zone", "zone1970", "leapseconds", "tzdata.zi"}
)
_PREFIXES: Final = ("posix/", "right/")
# Links to a zone with the same clock in another country: the clock is right, the country is not.
_ABROAD: Final = {
    "America/Coral_Harbour": "CA",
    "America/Virgin": "VI",
    "Africa/Asmera": "ER",
    "Africa/Timbuktu": "ML",
    "Antarctica/South_Pole": "AQ",
    "Atlantic/Jan_Mayen": "SJ",
    "Iceland": "IS",
    "Pacific/Johnston": "UM",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
    "Pacific/Yap": "FM",
}
# A clock that many countries share says nothing of the country.
_SHARED_CLOCKS: Final = frozenset(
    {"CET", "MET", "EET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT"}
)


class UnknownTimeZoneError(RefusalError, ValueError):
    """The time zone is not known; an IANA name is expected, such as Europe/Berlin."""

    code = "unknown-time-zone"


class UnknownCountryError(RefusalError, ValueError):
    """The country is not known; its two letters by ISO 3166 are expected, such as GB."""

    code = "unknown-country"


class PseudoTimeZoneError(RefusalError, ValueError):
    """This name is no place: localtime, Factory, posix/… and right/… stand for a machine's own settings.

    An IANA name of a place is expected, such as Europe/Berlin.
    """

    code = "pseudo-time-zone"


def read_zone(text: str) -> str:
    """Give a zone's name as it is kept: as written, without blanks around it.

    A former name (US/Pacific, Asia/Calcutta) is kept; ``canonical_zone`` gives today's.

    Raises:
        PseudoTimeZoneError: it is a name for programs, not of a place.
        UnknownTimeZoneError: there is no such zone.
    """
    if text in zone_names():
        return text
    name = one_line(text)
    if name in _NO_PLACE or name.startswith(_PREFIXES):
        raise PseudoTimeZoneError
    if name not in zone_names():
        raise UnknownTimeZoneError
    return name


def read_country(text: str) -> str:
    """Give a country's code (ISO 3166, two letters) in capitals.

    Raises:
        UnknownCountryError: there is no such country.
    """
    code = one_line(text).upper()
    if code not in country_names():
        raise UnknownCountryError
    return code


@cache
def zone_names() -> frozenset[str]:
    """Give every name that a patient's zone may have. Asked for once: it lists the whole edition."""
    return frozenset(
        name
        for name in zoneinfo.available_timezones()
        if name not in _NO_PLACE and not name.startswith(_PREFIXES)
    )


@cache
def choosable_zones() -> tuple[str, ...]:
    """Give the zones that forms offer: places by today's names, without the clocks of ships and machines.

    An older name (``US/Pacific``) is taken all the same when it is typed.
    """
    offered = (name for name in zone_names() if "/" in name and not name.startswith("Etc/"))
    return tuple(sorted(name for name in offered if canonical_zone(name) == name))


def canonical_zone(name: str) -> str:
    """Give a zone's name of today: ``US/Pacific`` is America/Los_Angeles; a current one stays as it is."""
    countries, links = _countries(), _links()
    while name not in countries and name in links:
        name = links[name]
    return name


def country_of_zone(name: str) -> str | None:
    """Give the country in which a zone lies (ISO 3166), or None where its name does not say."""
    if name in _ABROAD:
        return _ABROAD[name]
    if name in _SHARED_CLOCKS:
        return None
    return _countries().get(canonical_zone(name))


@cache
def zone_edition() -> str:
    """Name the edition of the rules, such as ``2026f``; empty where the wheel is missing."""
    try:
        first = (_root() / "tzdata.zi").read_text("ascii").partition("\n")[0]
    except (ModuleNotFoundError, OSError):
        return ""
    return first.rpartition(" ")[2]


def zone_wheel() -> str:
    """Name the version of the wheel that the rules come from."""
    return version("tzdata")


@cache
def country_names() -> dict[str, str]:
    """Give every country's English name by its code (ISO 3166), as the zones' own list has them."""
    lines = (_root() / "iso3166.tab").read_text("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


@cache
def _countries() -> dict[str, str]:
    # One country a zone; zone1970.tab would join countries whose clocks have agreed since 1970.
    lines = (_root() / "zone.tab").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


@cache
def _links() -> dict[str, str]:
    lines = (_root() / "tzdata.zi").read_text("ascii").splitlines()
    return {new: old for _, old, new in (line.split() for line in lines if line.startswith("L "))}


def _root() -> Traversable:
    return files("tzdata") / "zoneinfo"
