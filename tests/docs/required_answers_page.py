"""The page of required answers: section 10 of the specification, as the table that the test runs."""

from collections.abc import Callable

from app.studies.reports import Table
from tests.clinical.test_required_answers import TABLE, Required

_INTRO = """\
# Required answers

Patients as stories, and what must be said of each: every row is a test (`tests/clinical/test_required_answers.py`), and this page
is made from it. Day 0 is the last of six induction infusions; baseline 3/3/3, reference 8/7.5/7 and one check-in an evening in whole
numbers, no noise, unless the story says otherwise. *Signal*: the one signal must be raised on one of these days. *By day*: a
finding or a remark must stand then at the latest. The first words are those of the headline, after safety."""


def required_answers_page(table: Callable[[Table], str]) -> str:
    """The page; `table` writes it."""
    rows: list[tuple[str, ...]] = [("patient", "signal", "level", "finding or remark, by day", "first words")]
    rows += [_row(one) for one in TABLE]
    return "\n\n".join([_INTRO, table(rows)])


def _row(one: Required) -> tuple[str, ...]:
    if one.raised is None:
        signal = "never"
    else:
        first, last = one.raised
        signal = f"day {first}" if first == last else f"day {first} to {last}"
        signal += ", or never" if one.may_stay_below else ""
    levels = "; ".join(f"day {day}: {level.value.replace('_', ' ')}" for day, level in one.levels.items())
    by = [f"`{code.value}` {day}" for code, day in (*one.findings.items(), *one.notes.items())]
    words = "; ".join(
        [
            *(f"day {day}: “{said.strip()}”" for day, said in one.words.items()),
            *(f"day {day}, further on: “{said}”" for day, said in one.says.items()),
        ]
    )
    return one.patient, signal, levels, ", ".join(by), words
