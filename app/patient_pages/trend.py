"""The person's own trend as a page shows it: the picture, and the same numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrend:
    """A trend in words and pictures."""

    picture: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
