"""Zones: one edition for every process, names of places only, today's name beside the one that was given."""

import os
import subprocess
import sys
from datetime import UTC, datetime, time
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from app.care.patients.reminder_choices import AskTimes
from app.clinical.check_ins import zone_of
from app.foundation.zones import (
    PseudoTimeZoneError,
    UnknownTimeZoneError,
    canonical_zone,
    country_names,
    country_of_zone,
    read_zone,
    zone_edition,
    zone_names,
)


def _wheel() -> Traversable:
    return files("tzdata") / "zoneinfo"


def test_no_file_of_the_machine_decides() -> None:
    assert TZPATH == ()
    assert zone_edition() == _wheel().joinpath("tzdata.zi").read_text("ascii").split()[2]


def test_an_older_edition_on_the_machine_changes_nothing(tmp_path: Path) -> None:
    """A machine whose Vancouver still is Honolulu: our processes read the declared rules."""
    old = tmp_path / "America" / "Vancouver"
    old.parent.mkdir()
    old.write_bytes(_wheel().joinpath("Pacific/Honolulu").read_bytes())
    script = (
        "import app; from datetime import datetime, UTC; from app.clinical.check_ins import zone_of; "
        "print(datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(zone_of('America/Vancouver')).hour)"
    )
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    declared = datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(ZoneInfo("America/Vancouver")).hour
    assert said.stdout.strip() == str(declared)
    assert declared != datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(ZoneInfo("Pacific/Honolulu")).hour


def test_someone_in_vancouver_is_asked_at_six_by_the_law_of_2026() -> None:
    times = AskTimes(ask_at=time(18), quiet_from=time(21), quiet_until=time(8), paused_until=None)
    asked = times.next_moment("America/Vancouver", after=datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert asked.astimezone(zone_of("America/Vancouver")).time() == time(18)
    # The clocks of 2026 stay where they were put in spring: seven hours behind, in winter, too.
    assert asked == datetime(2026, 12, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules", "posix/Europe/Berlin", "right/UTC"])
def test_a_name_that_is_no_place_is_refused_by_name(name: str) -> None:
    with pytest.raises(PseudoTimeZoneError):
        read_zone(name)


@pytest.mark.parametrize("name", ["", "Europe", "europe/berlin", "Mars/Olympus", "../UTC", "+02:00"])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZoneError):
        read_zone(name)


def test_blanks_around_a_name_are_nothing() -> None:
    assert read_zone(" Europe/Berlin\u00a0") == "Europe/Berlin"


@pytest.mark.parametrize(
    ("given", "today"),
    [
        ("US/Pacific", "America/Los_Angeles"), ("Asia/Calcutta", "Asia/Kolkata"), ("Europe/Kiev", "Europe/Kyiv"),
        ("Europe/Amsterdam", "Europe/Amsterdam"), ("UTC", "Etc/UTC"), ("Europe/Berlin", "Europe/Berlin"),
    ],
)  # fmt: skip
def test_a_former_name_is_kept_and_has_one_of_today(given: str, today: str) -> None:
    assert read_zone(given) == given
    assert canonical_zone(given) == today


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/London", "GB"), ("US/Pacific", "US"), ("Europe/Amsterdam", "NL"), ("Asia/Calcutta", "IN"),
        ("Atlantic/Jan_Mayen", "SJ"),
        ("America/Coral_Harbour", "CA"), ("Iceland", "IS"), ("EST", None), ("CET", None),
        ("UTC", None), ("Etc/GMT+5", None), ("America/Toronto", "CA"), ("Australia/NSW", "AU"),
    ],
)  # fmt: skip
def test_a_zone_names_its_country_or_none(zone: str, country: str | None) -> None:
    assert country_of_zone(zone) == country


def test_every_zone_can_be_read_and_every_country_has_a_name() -> None:
    for name in zone_names():
        assert zone_of(name) is not None
        country = country_of_zone(name)
        assert country is None or country in country_names()
