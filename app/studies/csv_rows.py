"""Reading a CSV file row by row, whatever is in it: the cells that a format names, with line numbers.

A row of these formats is a line. So a quote that is never closed costs its own line and not the rest of
the file, and a file without line ends cannot fill the memory.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from app.clinical.check_ins import zone_of
from app.clinical.errors import UnknownTimeZoneError
from app.studies.errors import UnreadableFileError, WrongHeaderError
from app.studies.row_problems import FileKind, Problems, RowFault, Said

LONGEST_LINE: Final = 16_384
"""Characters. The longest row of any of the formats is a few hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The columns of a file: those that must be there and those that may."""

    file: FileKind
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, in the order in which cells are given."""
        return (*self.required, *self.optional)


def rows_of(path: Path, form: Format, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file: line number and cells, in the order of the format's columns.

    Cells are stripped; those of an optional column that the file does not have are empty. Empty lines
    are passed over; a row that is no row at all is refused by line number and passed over.

    Raises:
        UnreadableFileError: when the file cannot be opened or read.
        WrongHeaderError: when the first line does not name the columns.
        BadRowError: at the first refused row, when problems are strict.
    """
    try:
        # Bytes that are no UTF-8 arrive as surrogates, so that one bad row does not end the reading.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            lines = _lines(file)
            places = _places(_header(lines, form), form, problems)
            yield from _rows(lines, places, form, problems)
    except OSError as unreadable:
        raise UnreadableFileError(file=form.file.value, problem=unreadable.strerror) from unreadable


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each column of the format stands in the file (None: nowhere), and how many cells a row has."""

    of_columns: tuple[int | None, ...]
    width: int

    @property
    def as_they_are(self) -> bool:
        """Whether rows can be taken without rearranging."""
        return self.of_columns == tuple(range(self.width))


def _lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Line number and line, without its end; None for a line that is too long to be one."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            _skip_to_line_end(file)
            yield number, None
        else:
            yield number, line.rstrip("\r\n")


def _skip_to_line_end(file: TextIO) -> None:
    while (more := file.readline(LONGEST_LINE)) and more[-1] not in "\r\n":
        pass


def _header(lines: Iterator[tuple[int, str | None]], form: Format) -> list[str]:
    _, line = next(lines, (0, None))
    cells = _cells(line) if line is not None else None
    if cells is None:
        raise WrongHeaderError(file=form.file.value, missing=form.required)
    return [cell.lower() for cell in cells]


def _places(names: Sequence[str], form: Format, problems: Problems) -> _Places:
    missing = tuple(column for column in form.required if column not in names)
    repeated = tuple(column for column in form.columns if names.count(column) > 1)
    if missing or repeated:
        # What else the line holds is not shown: without a header it would be someone's data.
        raise WrongHeaderError(file=form.file.value, missing=missing, repeated=repeated)
    if any(name not in form.columns for name in names):
        problems.say(form.file, 1, Said.COLUMNS_LEFT_OUT)
    places = tuple(names.index(column) if column in names else None for column in form.columns)
    return _Places(places, len(names))


def _rows(
    lines: Iterator[tuple[int, str | None]], places: _Places, form: Format, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    of_columns, width, as_they_are = places.of_columns, places.width, places.as_they_are
    for number, line in lines:
        if line is None:
            problems.refuse(form.file, number, RowFault.TOO_LONG)
            continue
        if not line.strip(", \t"):
            continue
        cells = _cells(line)
        fault = _fault(line, cells, width)
        if fault is not None or cells is None:
            problems.refuse(form.file, number, fault or RowFault.BAD_QUOTES)
        elif as_they_are:
            yield number, cells
        else:
            yield number, ["" if place is None else cells[place] for place in of_columns]


def _cells(line: str) -> list[str] | None:
    """The cells of a line, stripped; None when its quotes do not match."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration):
        return None


def _fault(line: str, cells: list[str] | None, width: int) -> RowFault | None:
    if cells is None:
        return RowFault.BAD_QUOTES
    if not line.isascii() and _has_foreign_bytes(line):
        return RowFault.NOT_UTF8
    return None if len(cells) == width else RowFault.CELL_COUNT


def _has_foreign_bytes(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


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
