"""Writing tables for a spreadsheet: the one way by which this product writes CSV, so that no cell of it ever runs.

A spreadsheet takes a text for a formula by its first character, also after blanks, and also where that is full-width;
such a text gets an apostrophe before it. Numbers stay numbers.
"""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Final, TextIO

_FORMULA_STARTS: Final = frozenset("=+-@")
_BREAKS: Final = ("\t", "\r", "\n")


def inert(text: str) -> str:
    """The text so that no spreadsheet runs it: an apostrophe before what could begin a formula."""
    if text.startswith(_BREAKS):
        return f"'{text}"
    first = next((one for one in text if not _is_passed_over(one)), "")
    # Full-width and small forms are read as the plain ones.
    return f"'{text}" if unicodedata.normalize("NFKC", first)[:1] in _FORMULA_STARTS else text


def write_rows(file: TextIO, rows: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV (RFC 4180): nothing is an empty cell, times have their offset, what has parts is JSON."""
    csv.writer(file).writerows([_cell(one) for one in row] for row in rows)


def table_of(rows: Iterable[Iterable[object]]) -> str:
    """Give rows as the text of a CSV file; the first are the names of its columns."""
    written = io.StringIO()
    write_rows(written, rows)
    return written.getvalue()


def _is_passed_over(one: str) -> bool:
    return one.isspace() or unicodedata.category(one) in {"Cc", "Cf"}


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return inert(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return inert(str(value))
