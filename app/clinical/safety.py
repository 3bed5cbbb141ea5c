"""The trigger that nothing can switch off: an answer about self-harm or suicide.

It acts on the answer itself, before and regardless of scoring, references, snoozes or duplicates, and
also from an incomplete form. No protocol may override its numbers. A low answer is never a relief.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.clinical.check_ins import CheckIn
from app.clinical.protocol import SAFETY_ITEMS


class Urgency(StrEnum):
    """How soon somebody must have seen it; the clinic sets the two limits."""

    PROMPT = "prompt"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyTrigger:
    """An answer that must reach somebody: its source, and for a scale the item and its score."""

    source: str
    urgency: Urgency
    item: int | None = None
    score: float | None = None


OWN_STATEMENT: Final = SafetyTrigger(source="own_statement", urgency=Urgency.URGENT)
"""The patient's own statement, "I am thinking about harming myself", is always urgent."""


def from_check_in(check_in: CheckIn) -> SafetyTrigger | None:
    """What a check-in asks for: nothing but the patient's own statement acts."""
    return OWN_STATEMENT if check_in.self_harm_thoughts else None


def from_item(scale: str, item: int, score: float | None) -> SafetyTrigger | None:
    """What one answer to one item of a scale asks for.

    PHQ-9 item 9 and QIDS item 12 act from 1 on, urgently from 3; MADRS item 10 from 2 on, urgently from
    4. A score above the item's range acts as the highest does.

    Args:
        scale: the scale's code: "phq-9", "qids-sr16" or "madrs"; others have no such item.
        item: the item's number, from 1.
        score: None when it was not answered.
    """
    known = SAFETY_ITEMS.get(scale)
    if known is None or score is None:
        return None
    number, triggers_at, urgent_at = known
    if item != number or score < triggers_at:
        return None
    urgency = Urgency.URGENT if score >= urgent_at else Urgency.PROMPT
    return SafetyTrigger(source=scale, urgency=urgency, item=item, score=score)


def from_items(scale: str, items: Mapping[int, float | None]) -> SafetyTrigger | None:
    """What the answers of a form ask for, complete or not; `items` are scores by item number."""
    known = SAFETY_ITEMS.get(scale)
    return None if known is None else from_item(scale, known[0], items.get(known[0]))
