"""The person's own trend as a page shows it: the picture, and the same numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.patient_pages.visitor import Visitor
from app.web.equipment import Equipment


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrend:
    """A trend in words and pictures."""

    picture: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


async def own_trend(equipment: Equipment, visitor: Visitor) -> ShownTrend | None:
    """Draw the signed-in patient's trend."""
    return None
