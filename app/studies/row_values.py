"""What the cells of a row mean: times with their offset, numbers, ranges, names of things."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from app.clinical.check_ins import zone_of
from app.clinical.errors import UnknownTimeZoneError
from app.studies.row_problems import RowFault

EARLIEST: Final = datetime(1950, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_NAME: Final = 200
_MINUTE: Final = timedelta(minutes=1)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_MANY: Final = 65_536


class CellError(Exception):
    """A cell of this column cannot be read."""

    def __init__(self, fault: RowFault, column: str | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.column = column


class Moment(NamedTuple):
    """A time as seconds since 1970 and the offset it was written with, in minutes."""

    seconds: float
    offset: int


def moment(text: str, column: str) -> Moment:
    """A time with an offset.

    Raises:
        CellError: when it is none, has no offset, or lies where no patient can have been treated.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise CellError(RowFault.NOT_A_TIME if text else RowFault.EMPTY, column) from None
    offset = parsed.utcoffset()
    if offset is None:
        raise CellError(RowFault.NO_OFFSET, column)
    if offset % _MINUTE:
        raise CellError(RowFault.ODD_OFFSET, column)
    if not EARLIEST <= parsed < LATEST:
        raise CellError(RowFault.TIME_FAR_AWAY, column)
    return Moment(parsed.timestamp(), offset // _MINUTE)


@lru_cache(maxsize=_MANY)
def number(text: str, column: str, lowest: float, highest: float) -> float | None:
    """A number between two bounds, both included; None for an empty cell.

    Raises:
        CellError: when it is not a plain decimal number, or out of range.
    """
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise CellError(RowFault.NOT_A_NUMBER, column)
    value = float(text)
    if not lowest <= value <= highest:
        raise CellError(RowFault.OUT_OF_RANGE, column)
    return value


@lru_cache(maxsize=_MANY)
def name(text: str, column: str) -> str:
    """A patient's name in the files.

    Raises:
        CellError: when it is empty or too long to be one.
    """
    if not text:
        raise CellError(RowFault.EMPTY, column)
    if len(text) > LONGEST_NAME:
        raise CellError(RowFault.TOO_LONG, column)
    return text


@lru_cache(maxsize=_MANY)
def zone(text: str, column: str) -> str | None:
    """A time zone by its name; None for an empty cell.

    Raises:
        CellError: when there is no such zone.
    """
    if not text:
        return None
    try:
        zone_of(text)
    except UnknownTimeZoneError:
        raise CellError(RowFault.UNKNOWN_ZONE, column) from None
    return text
