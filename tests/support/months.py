"""Months as the audit log's partitions count them: in UTC, by the machine's own clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_LEAST_LEFT: Final = timedelta(minutes=1)


def months_on(months: int) -> datetime:
    """The beginning of a month, counted from this one."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def before() -> str:
    """The month before which old ones are archived."""
    return f"{months_on(-4):%Y-%m}"


def old() -> list[str]:
    """The audit log's partitions before it, one after the other."""
    return ["before", f"{months_on(-6):%Y_%m}", f"{months_on(-5):%Y_%m}"]


def wait_for_a_whole_month() -> None:
    """Wait while the month is about to end: nothing that counts months comes into another one half way."""
    left = months_on(1) - datetime.now(UTC)
    if left < _LEAST_LEFT:
        time.sleep(left.total_seconds())
