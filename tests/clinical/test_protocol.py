"""The page of numbers: complete, bounded, and changed only within its bounds."""

import re
from pathlib import Path

import pytest

from app.clinical.errors import (
    ClinicalError,
    NotAmongChoicesError,
    NotANumberError,
    OutsideSafeBoundsError,
    ThresholdsOutOfOrderError,
    UnknownNumberError,
)
from app.clinical.evaluation import evaluate_history
from app.clinical.levels import Level
from app.clinical.protocol import STANDARD
from app.clinical.protocol_versions import numbers_of, with_numbers
from tests.clinical.builders import BEFORE, WINDOW, at, days, history

CLINICAL_PAGES = Path(__file__).parents[2] / "docs" / "clinical"
ACCURACY = CLINICAL_PAGES / "accuracy.md"
SOURCES = CLINICAL_PAGES / "sources.md"


def test_every_number_has_a_unit_a_reason_a_source_and_lies_within_its_bounds() -> None:
    listed = set(re.findall(r"^\| ([^|]+) \|", SOURCES.read_text("utf-8"), re.MULTILINE))
    for notes in numbers_of():
        assert notes.unit
        assert notes.reason
        assert set(notes.source.split(", ")) <= listed, notes.name
        assert notes.lowest <= notes.value <= notes.highest, notes.name


def test_a_changed_number_is_named_in_the_version() -> None:
    changed = with_numbers({"consider_at": 0.6, "watch_at": 0.35})
    assert (STANDARD.name, changed.name) == ("gain-lost 2.0", "gain-lost 2.0, consider_at=0.6")
    assert with_numbers({}) is STANDARD


def test_definitions_of_the_field_leave_a_clinic_no_room() -> None:
    fixed = {notes.name for notes in numbers_of() if notes.lowest == notes.highest}
    assert {"response_share", "partial_share", "early_sensitivity", "early_specificity"} <= fixed
    for name in fixed:
        with pytest.raises(OutsideSafeBoundsError):
            with_numbers({name: getattr(STANDARD, name) * 1.1 + 1})


# what                          numbers                                  refused as
REFUSED = [
    ("no such number", {"consider": 0.6}, UnknownNumberError),
    ("the version is no number", {"version": 2}, UnknownNumberError),
    ("text", {"consider_at": "0.6"}, NotANumberError),
    ("yes is no number", {"consider_at": True}, NotANumberError),
    ("half a day", {"consider_least_days": 3.5}, NotANumberError),
    ("too high", {"consider_at": 1.5}, OutsideSafeBoundsError),
    ("not a number at all", {"consider_at": float("nan")}, OutsideSafeBoundsError),
    ("endless", {"consider_least_days": float("inf")}, OutsideSafeBoundsError),
    ("not one of the few", {"madrs_remission": 11}, NotAmongChoicesError),
    ("watch above consider", {"watch_at": 0.6}, ThresholdsOutOfOrderError),
    (
        "impossible together",
        {"correlation_mood_energy": 0.8, "correlation_mood_sleep": 0.8, "correlation_energy_sleep": 0},
        ThresholdsOutOfOrderError,
    ),
]


@pytest.mark.parametrize(
    ("numbers", "refusal"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_unsafe_numbers_are_refused(numbers: dict[str, object], refusal: type[ClinicalError]) -> None:
    with pytest.raises(refusal):
        with_numbers(numbers)


def test_the_numbers_decide() -> None:
    """12 days at 5, 60% of the gain: above half smoothed, and never above 0.65."""
    patient = history(*BEFORE, *WINDOW, *days(range(9, 40), 5))
    assert evaluate_history(patient, as_of=at(40)).level is Level.CONSIDER_BOOSTER
    stricter = with_numbers({"consider_at": 0.65, "consider_at_assumed": 0.7})
    answer = evaluate_history(patient, as_of=at(40), protocol=stricter)
    assert answer.level is Level.WATCH
    assert answer.version == "2.0, consider_at=0.65, consider_at_assumed=0.7"
