"""What people with phones do in the three and a half weeks after an infusion: where they are, when they report."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.offline_phone import OfflinePhone

# Sydney loses an hour on 4 October 2026, and Berlin and London get one on the 25th: who travels has both.
LAST_INFUSION = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)
DAYS = 24
ZONES = ("Europe/Berlin", "Europe/London", "Australia/Sydney", "America/New_York", "Asia/Kathmandu")
# When people fill it in, by their own clocks: also in the hour that comes twice or never, and just before 04:00.
HOURS = ((8, 0), (13, 15), (20, 40), (23, 59), (1, 30), (2, 30), (3, 59), (4, 0))


def evening_of(day: int) -> datetime:
    """When this day's phones go online."""
    return LAST_INFUSION + timedelta(days=day, hours=11)


def live_a_day(phone: OfflinePhone, number: int, end: datetime) -> None:
    """What a person does on one day: mostly one report, sometimes two or none; corrections, withdrawals."""
    chance = phone.chance
    day = (end - LAST_INFUSION).days
    moments = sorted(moment_in(chance, zone_of(number, day), end) for _ in range(chance.choice([0, 1, 1, 1])))
    for at, zone in moments:
        phone.report(at, zone, answers(chance, number, day))
    if chance.random() < 0.08:
        phone.correct(answers(chance, number, day))
    if chance.random() < 0.05:
        phone.withdraw()


def zone_of(number: int, day: int) -> str:
    """Where someone is: every third person travels, every nine days, to the next zone."""
    moved = day // 9 if number % 3 == 0 else 0
    return ZONES[(number + moved) % len(ZONES)]


def moment_in(chance: random.Random, zone: str, end: datetime) -> tuple[datetime, str]:
    """A moment of the day before this end, by the clock on the wall there."""
    hour, minute = chance.choice(HOURS)
    local = end.astimezone(ZoneInfo(zone)).replace(hour=hour, minute=minute, fold=chance.choice([0, 1]))
    at = local.astimezone(UTC)
    return (at if at <= end else at - timedelta(days=1)), zone


def answers(chance: random.Random, number: int, day: int) -> dict[str, Any]:
    """Good at first; every other person loses all of it between days 9 and 14."""
    level = 8.0 if number % 2 else 8 - 5 * min(1, max(0, (day - 9) / 5))
    entry = {
        name: min(10, max(0, round(level + chance.gauss(0, 0.6))))
        for name in ("mood", "energy", "sleep_quality")
        if name == "mood" or chance.random() > 0.1
    }
    return entry | ({"note": f"day {day}"} if chance.random() < 0.1 else {})


def has_network(phone: OfflinePhone, number: int, end: datetime) -> bool:
    """Some often, some once a week, some not before the three weeks are over."""
    day = (end - LAST_INFUSION).days
    if number % 4 == 0:
        return day >= DAYS - 1
    return phone.chance.random() < (0.25 if number % 4 == 1 else 0.1)


def skew_of(chance: random.Random) -> timedelta:
    """Mostly seconds, sometimes minutes or hours, and now and then a year either way."""
    kind = chance.random()
    if kind < 0.6:
        return timedelta(seconds=chance.randrange(-60, 60))
    if kind < 0.8:
        return timedelta(minutes=chance.randrange(-9, 9))
    if kind < 0.9:
        return timedelta(hours=chance.randrange(1, 9))
    return timedelta(days=chance.choice([-366, 366]))
