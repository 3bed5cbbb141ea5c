"""The page that says what the rule decides: one text, its numbers read from the code."""

import re
from pathlib import Path

from app.clinical.protocol import STANDARD

TEXT = Path(__file__).with_name("specification.md.in")
_NUMBER = re.compile(r"\[\[(\w+)(%|\+1)?\]\]")


def specification_page() -> str:
    """The text with its numbers; `[[name]]` is one, `[[name%]]` as a percentage, `[[name+1]]` one more."""
    return _NUMBER.sub(_number, TEXT.read_text(encoding="utf-8")).rstrip()


def _number(found: re.Match[str]) -> str:
    name, how = found.groups()
    value = getattr(STANDARD, name)
    if how == "%":
        return f"{value:.0%}"
    return f"{value + 1:g}" if how else f"{value:g}"
