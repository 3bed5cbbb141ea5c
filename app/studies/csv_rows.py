"""Reading a CSV file row by row, whatever is in it: the cells that a format names, with line numbers.

Cells are separated by commas, semicolons, tabs or bars; text is UTF-8 or UTF-16; what was seen is noted. A cell in
quotes may hold line ends. A quote that is never closed costs its own line and not the rest of the file, and a file
without line ends cannot fill the memory.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path
from typing import Final, NamedTuple, Self

from app.clinical.check_ins import zone_of
from app.clinical.errors import UnknownTimeZoneError
from app.studies.errors import UnreadableFileError, WrongHeaderError
from app.studies.row_problems import SEEN_SEPARATORS, FileKind, Problems, RowFault, Said

LONGEST_LINE: Final = 16_384
"""Characters. The longest row of any of the formats is a few hundred."""
_MOST_LINES: Final = 50
"""That one row may take with line ends in its cells."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHeader:
    """How a file begins: its encoding, what separates its cells, and the names in its first line."""

    encoding: str
    separator: str
    names: tuple[str, ...]

    def guess(self, form: Format) -> dict[str, int]:
        """Find the columns of a format by their names: where each stands in the file."""
        names = [name.lower() for name in self.names]
        return {column: names.index(column) for column in form.columns if column in names}


Source = Path | bytes
"""A file by its path, or what is in it."""


def header_of(path: Source, form: Format) -> SeenHeader:
    """Read how a file begins.

    Raises:
        UnreadableFileError: when the file cannot be opened or read.
        WrongHeaderError: when its first line cannot be read as names.
    """
    with _Opened(path, form) as opened:
        return opened.header


def rows_of(
    path: Source, form: Format, problems: Problems, *, columns: Mapping[str, int] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file: line number and cells, in the order of the format's columns.

    Cells are stripped; those of an optional column that the file does not have are empty. Empty lines
    are passed over; a row that is no row at all is refused by line number and passed over.

    Args:
        path: the file, or what is in it.
        form: its columns.
        problems: where refused rows and what was seen are noted.
        columns: where each column stands in the file; None: where the first line names it.

    Raises:
        UnreadableFileError: when the file cannot be opened or read.
        WrongHeaderError: when the first line does not name the columns.
        BadRowError: at the first refused row, when problems are strict.
    """
    with _Opened(path, form) as opened:
        _say_what_was_seen(opened.header, form, problems)
        places = _places(opened.header, form, problems, columns)
        yield from _rows(opened, places, form, problems)


class _Opened:
    """A file that is being read: its header, then line number and line, one after the other."""

    def __init__(self, source: Source, form: Format) -> None:
        self._source, self._form = source, form
        self._number = 0
        self._back: deque[tuple[int, str | None]] = deque()

    def __enter__(self) -> Self:
        """Open it, and read its header."""
        source = self._source
        try:
            binary = BufferedReader(BytesIO(source)) if isinstance(source, bytes) else source.open("rb")
            encoding = _encoding(binary.peek(2)[:2])
            # Bytes that are no text arrive as surrogates or U+FFFD, so that one bad row does not end the reading.
            errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
            self._file = TextIOWrapper(binary, encoding, errors, newline="")
        except OSError as unreadable:
            raise self._unreadable(unreadable) from unreadable
        try:
            self.header = self._header(encoding)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self._file.close()

    def next(self) -> tuple[int, str | None] | None:
        """Line number and line, without its end; None for a line that is too long to be one."""
        if self._back:
            return self._back.popleft()
        try:
            line = self._file.readline(LONGEST_LINE)
            if not line:
                return None
            self._number += 1
            if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                self._skip_to_line_end()
                return self._number, None
        except OSError as unreadable:
            raise self._unreadable(unreadable) from unreadable
        return self._number, line.rstrip("\r\n")

    def give_back(self, lines: Sequence[tuple[int, str | None]]) -> None:
        """Have lines read again."""
        self._back.extendleft(reversed(lines))

    def _skip_to_line_end(self) -> None:
        while (more := self._file.readline(LONGEST_LINE)) and more[-1] not in "\r\n":
            pass

    def _header(self, encoding: str) -> SeenHeader:
        _, line = self.next() or (0, None)
        separator = None
        named = _SEPARATOR_LINE.fullmatch(line or "")
        if named:
            # What Excel writes above the header to name the separator.
            separator, (_, line) = named[1], self.next() or (0, None)
        separator = separator or _separator(line or "", self._form)
        cells = _cells(line, separator) if line is not None else None
        if cells is None:
            raise WrongHeaderError(file=self._form.file.value, missing=self._form.required)
        return SeenHeader(encoding=encoding, separator=separator, names=tuple(cells))

    def _unreadable(self, error: OSError) -> UnreadableFileError:
        return UnreadableFileError(file=self._form.file.value, problem=error.strerror)


SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE: Final = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
_BYTE_ORDER: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_WITHOUT_MARK: Final = {True: "utf-16-le", False: "utf-16-be"}


def _encoding(head: bytes) -> str:
    """UTF-16 by its mark or by its zeros, as spreadsheets save "Unicode text"; else UTF-8."""
    if head in _BYTE_ORDER:
        return _BYTE_ORDER[head]
    return _WITHOUT_MARK[head[1:] == b"\0"] if b"\0" in head else "utf-8-sig"


def _separator(line: str, form: Format) -> str:
    """What separates the cells: what finds most of the format's names, then what finds most cells."""

    def found(separator: str) -> tuple[int, int]:
        cells = _cells(line, separator) or []
        return sum(cell.lower() in form.columns for cell in cells), len(cells)

    return max(SEPARATORS, key=found)


def _say_what_was_seen(header: SeenHeader, form: Format, problems: Problems) -> None:
    if header.separator != ",":
        problems.say(form.file, 1, SEEN_SEPARATORS[header.separator])
    if header.encoding != "utf-8-sig":
        problems.say(form.file, 1, Said.UTF_16)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each column of the format stands in the file (None: nowhere), and how many cells a row has."""

    of_columns: tuple[int | None, ...]
    width: int

    @property
    def as_they_are(self) -> bool:
        """Whether rows can be taken without rearranging."""
        return self.of_columns == tuple(range(self.width))


def _places(
    header: SeenHeader, form: Format, problems: Problems, columns: Mapping[str, int] | None
) -> _Places:
    names = [name.lower() for name in header.names]
    at = header.guess(form) if columns is None else columns
    missing = tuple(column for column in form.required if column not in at)
    repeated = tuple(column for column in form.columns if columns is None and names.count(column) > 1)
    if missing or repeated:
        # What else the line holds is not shown: without a header it would be someone's data.
        raise WrongHeaderError(
            file=form.file.value,
            missing=missing,
            repeated=repeated,
            separated_by=SEPARATORS[header.separator],
            cells=len(names),
        )
    if len(set(at.values())) < len(names):
        problems.say(form.file, 1, Said.COLUMNS_LEFT_OUT)
    return _Places(tuple(at.get(column) for column in form.columns), len(names))


def _rows(
    opened: _Opened, places: _Places, form: Format, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    of_columns, width, as_they_are = places.of_columns, places.width, places.as_they_are
    separator, commas_said = opened.header.separator, False
    blank = f"{separator} \t"
    while (numbered := opened.next()) is not None:
        number, line = numbered
        if line is None:
            problems.refuse(form.file, number, RowFault.TOO_LONG)
            continue
        if not line.strip(blank):
            continue
        cells = _cells(line, separator)
        if cells is None:
            cells = _over_line_ends(opened, line, width)
        fault = _fault(line, cells, width)
        if fault is not None or cells is None:
            problems.refuse(form.file, number, fault or RowFault.BAD_QUOTES)
            continue
        row = cells if as_they_are else ["" if place is None else cells[place] for place in of_columns]
        if not commas_said and (separator != "," or '"' in line) and any(map(_COMMA_NUMBER.fullmatch, row)):
            commas_said = True
            problems.say(form.file, number, Said.DECIMAL_COMMAS)
        yield number, row


def _cells(line: str, separator: str) -> list[str] | None:
    """The cells of a line, stripped; None when its quotes do not match."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except (csv.Error, StopIteration):
        return None


def _over_line_ends(opened: _Opened, line: str, width: int) -> list[str] | None:
    """The cells of a row with line ends within its quotes; None, and no line more is read, where it is none."""
    taken = list[tuple[int, str | None]]()
    while len(taken) < _MOST_LINES and len(line) < LONGEST_LINE and (numbered := opened.next()) is not None:
        taken.append(numbered)
        if numbered[1] is None:
            break
        line = f"{line}\n{numbered[1]}"
        if line.count('"') % 2 == 0:
            cells = _cells(line, opened.header.separator)
            if cells is not None and len(cells) == width:
                return cells
    opened.give_back(taken)
    return None


def _fault(line: str, cells: list[str] | None, width: int) -> RowFault | None:
    if cells is None:
        return RowFault.BAD_QUOTES
    if not line.isascii() and _has_foreign_bytes("".join(cells)):
        return RowFault.NOT_UTF8
    return None if len(cells) == width else RowFault.CELL_COUNT


def _has_foreign_bytes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return "\ufffd" in text


EARLIEST: Final = datetime(1950, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_NAME: Final = 200
_MINUTE: Final = timedelta(minutes=1)
_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"[+-]?\d*,\d+", re.ASCII)
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


def decimal(text: str) -> float | None:
    """A plain number with a decimal point or comma; None when it is none."""
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=_MANY)
def number(text: str, column: str, lowest: float, highest: float) -> float | None:
    """A number between two bounds, both included; None for an empty cell.

    Raises:
        CellError: when it is not a plain decimal number, or out of range.
    """
    if not text:
        return None
    value = decimal(text)
    if value is None:
        raise CellError(RowFault.NOT_A_NUMBER, column)
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
