"""The numbers that a clinic may set, as the fields of a form, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.clinical.number_notes import NumberNotes
from app.clinical.protocol import Protocol
from app.clinical.protocol_versions import numbers_of
from app.foundation.translations import Words, capitalized, joined, number_written, say
from app.web.pages.forms import Form

# What raises a signal or holds it back comes first; all else is folded away.
FIRST: Final = (
    "consider_at",
    "consider_at_assumed",
    "watch_at",
    "mood_consider_at",
    "mood_watch_at",
    "consider_least_days",
    "consider_within_days",
    "smoothing_days",
    "steady_below",
    "least_gain",
    "totals_share_lost",
    "rearm_after_days",
)
_LONGEST: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """One number as a field: its bounds in words, its present value, and what was typed."""

    name: str
    title: str
    unit: str
    bounds: str
    reason: str
    present: str
    typed: str
    mistake: str

    @property
    def changed(self) -> bool:
        """Whether something else was typed than what is active."""
        return self.typed.replace(",", ".") != self.present


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number that would change."""

    title: str
    unit: str
    before: str
    after: str


def may_be_set(notes: NumberNotes) -> bool:
    """Whether the bounds leave a clinic any room."""
    return notes.lowest < notes.highest


def fields_of(present: Protocol, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> list[NumberField]:
    """Give all numbers that may be set, those that raise signals first; what was typed stays."""
    listed = [one for one in numbers_of(present) if may_be_set(one)]
    listed.sort(key=lambda one: FIRST.index(one.name) if one.name in FIRST else len(FIRST))
    return [
        NumberField(
            name=one.name,
            title=title_of(one.name),
            unit=Words(one.unit),
            bounds=_bounds(one),
            reason=capitalized(Words(one.reason)),
            present=written(one.value),
            typed=typed.get(one.name, written(one.value)),
            mistake=mistakes.get(one.name, ""),
        )
        for one in listed
    ]


def numbers_in(form: Form, *, present: Protocol, base: Protocol) -> tuple[dict[str, Any], list[str]]:
    """Read the numbers that differ from the service's own; besides, the names of those that are no number.

    An empty field means the active number.
    """
    numbers, wrong = dict[str, Any](), list[str]()
    for one in numbers_of(present):
        text = form[one.name].strip()[:_LONGEST].replace(",", ".") if may_be_set(one) else ""
        try:
            value = _number(text) if text and text != written(one.value) else one.value
        except ValueError:
            wrong.append(one.name)
            continue
        if value != getattr(base, one.name):
            numbers[one.name] = value
    return numbers, wrong


def differences(before: Protocol, after: Protocol) -> Sequence[Difference]:
    """Say what would change."""
    return [
        Difference(
            title=title_of(one.name), unit=Words(one.unit), before=written(one.value), after=written(new)
        )
        for one in numbers_of(before)
        if (new := getattr(after, one.name)) != one.value
    ]


def title_of(name: str) -> Words:
    """Give a number's name in words."""
    return Words(name.replace("_", " ").capitalize())


def written(value: float) -> Words:
    """Write a number as it is typed: with a point, or as the reader's language has it."""
    return number_written(value) if float(f"{value:g}") == value else number_written(value, "")


def _number(text: str) -> float:
    value = float(text)
    # What is not finite is never within bounds, but would have to be written somewhere first.
    if not abs(value) < float("inf"):
        raise ValueError
    return int(value) if value == int(value) else value


def _bounds(notes: NumberNotes) -> str:
    if notes.choices:
        return joined((str(one) for one in notes.choices), say(" or "))
    return say("{written} to {value2}", written=written(notes.lowest), value2=written(notes.highest))
