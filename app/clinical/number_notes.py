"""What the page of numbers says about one number, and how a number of the rule is written down."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberNotes:
    """What the page of numbers says about one of them.

    `lowest` and `highest` are the safe bounds, both included; where they meet, no clinic can change the
    number. `choices` are the only values in published use, where these are few.
    """

    name: str
    value: float
    unit: str
    lowest: float
    highest: float
    reason: str
    source: str
    choices: tuple[int, ...] = ()


def number(value: float, unit: str, lowest: float, highest: float, reason: str, source: str) -> float:
    """A number with its unit, safe bounds, reason and source."""
    notes = {"unit": unit, "lowest": lowest, "highest": highest, "reason": reason, "source": source}
    stated: float = field(default=float(value), metadata=notes)
    return stated


def count(value: int, unit: str, lowest: int, highest: int, reason: str, source: str) -> int:
    """A whole number, likewise."""
    notes = {"unit": unit, "lowest": lowest, "highest": highest, "reason": reason, "source": source}
    stated: int = field(default=value, metadata=notes)
    return stated


def choice(value: int, unit: str, choices: tuple[int, ...], reason: str, source: str) -> int:
    """One of the few values in published use."""
    bounds = {"lowest": min(choices), "highest": max(choices), "choices": choices}
    stated: int = field(default=value, metadata={"unit": unit, "reason": reason, "source": source, **bounds})
    return stated
