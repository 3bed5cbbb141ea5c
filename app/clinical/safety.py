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
from app.clinical.scales import STANDARD_SCALES, Scale


class Urgency(StrEnum):
    """How soon someone must have seen it; the clinic sets the two limits."""

    PROMPT = "prompt"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyTrigger:
    """An answer that must reach someone: its source, and for a scale the item and its score."""

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


def from_total(
    scale: str, total: float, items: Mapping[int, float | None] | None = None
) -> SafetyTrigger | None:
    """What a stated total asks for: the answer to the suicide item that it leaves no way around.

    The other items cannot add up to more than 24 of 27 (PHQ-9, QIDS-SR16) or 54 of 60 (MADRS). What a higher total
    has beyond that is the suicide item's; so it is where the others were given and the total is higher than they
    are. An answer that was given to the item itself is believed, except against a total that cannot be without it.
    """
    known, form = SAFETY_ITEMS.get(scale), STANDARD_SCALES.get(scale)
    if known is None or form is None or not form.holds(total):
        return None
    answers = {number: answer for number, answer in (items or {}).items() if answer is not None}
    if known[0] in answers:
        answers = {}
    most = sum(_most_of(group, answers, form) for group in form.groups if known[0] not in group)
    return from_item(scale, known[0], min(total - most, form.highest_answer))


def _most_of(group: tuple[int, ...], answers: Mapping[int, float], form: Scale) -> float:
    """The most that a group of items can have added; what was not answered, or impossibly, counts as the highest."""
    paired = {
        item
        for pair in form.either_or
        if set(pair) <= set(group) and set(pair) & set(answers)
        for item in pair
    }
    given = [answers.get(item, 0 if item in paired else form.highest_answer) for item in group]
    return min(max(given), form.highest_answer)
