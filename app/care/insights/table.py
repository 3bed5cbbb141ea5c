"""The same numbers as a table of two columns, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from app.foundation.csv_cells import inert

COLUMNS: Final = ("figure", "value")
# What an entry of a list is named by.
_NAMES: Final = ("scale", "week")


def csv_of(document: Mapping[str, object]) -> str:
    """Write each number on a separate line, named by its way through the JSON document; null is an empty cell."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for figure, value in _lines(document, ""):
        writer.writerow((inert(figure), _cell(value)))
    return written.getvalue()


def _lines(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _lines(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for entry in value:
            name = next(str(entry[key]) for key in _NAMES if key in entry)
            rest = {key: inner for key, inner in entry.items() if key not in _NAMES}
            yield from _lines(rest, f"{path}.{name}")
    else:
        yield path, value


def _cell(value: object) -> str:
    return "" if value is None else inert(str(value))
