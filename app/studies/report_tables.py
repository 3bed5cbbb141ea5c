"""Tables of plain text and of markdown from the same rows, and how figures are written in them."""

from collections.abc import Sequence
from math import isinf
from typing import Final

NOTHING: Final = "\N{EN DASH}"

Table = Sequence[Sequence[str]]
"""The first row is the header; every row has as many cells."""


def plain(table: Table) -> str:
    """The table for a terminal: columns two spaces apart, figures to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(table: Table) -> str:
    """The table for a page, figures to the right."""
    header, *rows = table
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal."""
    return NOTHING if share is None else f"{share * 100:.1f} %"


def rate(value: float | None) -> str:
    """A rate with two decimals."""
    if value is None:
        return NOTHING
    return "all" if isinf(value) else f"{value:.2f}"


def days(value: int | None) -> str:
    """A number of days."""
    return NOTHING if value is None else str(value)


def part_of(part: int, whole: int) -> str:
    """A count of a whole with its share: "902 of 1000 (90.2 %)"."""
    return f"{part} of {whole} ({percent(part / whole)})" if whole else "0"


def listed(counts: Sequence[tuple[str, int]]) -> str:
    """Counts by name: "too few days 12, gain too small 3"."""
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts) or "none"
