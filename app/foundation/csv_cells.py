"""Text for a cell of a CSV file that someone will open in a spreadsheet."""

from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def inert(text: str) -> str:
    """The text so that no spreadsheet runs it: an apostrophe before what could begin a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
