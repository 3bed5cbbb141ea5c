"""The pages in docs/clinical, made from the core: `python -m tests.docs.clinical_pages` writes them.

A clinician can follow one signal from its words to the numbers and to the function, by the same names.
The accuracy page takes minutes and is written by `afterglow simulate --markdown`.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from app.clinical.criterion_b_scale import TotalsCode
from app.clinical.episodes import ALLOWED_MOVES, Action, Disposition, EpisodeState
from app.clinical.explanation import explain
from app.clinical.levels import CriterionName, Level
from app.clinical.number_notes import NumberNotes
from app.clinical.protocol import SAFETY_ITEMS, STANDARD, TAPER_STEPS
from app.clinical.protocol_versions import numbers_of
from app.clinical.reason_codes import ReasonCode
from app.clinical.reasons import Reason
from app.clinical.waiting import ESCALATIONS_AT_THE_LIMIT, LIMIT_NOTES
from app.studies.reports import Table
from tests.clinical.builders import raised
from tests.clinical.test_episodes import MOVES
from tests.clinical.test_shapes import RAISES, follow_shape
from tests.docs.clinical_sources import (
    Place,
    called_by,
    facts_of,
    makers,
    number_groups,
    readers,
    reason_groups,
)
from tests.docs.finding_pages import PAGES as FINDING_PAGES
from tests.docs.finding_pages import finding_page, index_page
from tests.docs.real_data import real_data_page
from tests.docs.required_answers_page import required_answers_page
from tests.docs.specification import specification_page
from tests.docs.worked_examples import examples_page, words

FOLDER: Final = Path(__file__).parents[2] / "docs" / "clinical"
MADE: Final = "<!-- Made from the code by `make docs`; a test compares. Change the code, not this page. -->"


def table(rows: Table) -> str:
    """A table of a page, its cells kept from ending it."""
    header, *rest = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rest))


def numbers_page() -> str:
    """Every number that decides, with what it is for, where it comes from, and who reads it."""
    notes = {number.name: number for number in numbers_of()}
    parts = [
        "# The numbers",
        (
            f"Every number that the rule {STANDARD.name} decides with. A clinic may set others within the safe "
            "bounds; the version then names each difference. Sources: an article by its [short name](sources.md), "
            "*lit* published, *sim* measured on the simulated cohort ([accuracy](accuracy.md)), *choice* ours, to be "
            'defended or changed with evidence. Figures after "specification" are those of the clinical '
            'specification\'s own run, which chose the number; figures after "here" are those of the accuracy page.'
        ),
    ]
    for heading, names in number_groups().items():
        rows: list[tuple[str, ...]] = [("number", "value", "unit", "safe bounds", "why", "source", "read by")]
        rows += [_number_row(notes[name]) for name in names]
        parts += [f"## {heading}", table(rows)]
    parts += [
        "## The taper plan to start from",
        (
            "Weekly, then every 2 weeks, then monthly or less ([How Many Infusions](sources.md)), each twice "
            "(*choice*); after the last step as needed. Each patient's plan is edited from here ([`taper`](../../app/clinical/taper.py))."
        ),
        table([("every", "so often"), *((f"{days} days", f"{count} times") for days, count in TAPER_STEPS)]),
        "## What no clinic can change",
        "A check-in day runs from 04:00 to 04:00. These answers to a scale's suicide item start the safety pathway:",
        table(
            [
                ("scale", "item", "from", "urgent from"),
                *((scale, *map(str, numbers)) for scale, numbers in SAFETY_ITEMS.items()),
            ]
        ),
        "## How long something may wait for someone",
        (
            "A clinic sets these itself with `PATCH /v1/clinic`; they decide nothing about a patient. A safety "
            f"event that nobody acknowledges is escalated {ESCALATIONS_AT_THE_LIMIT} times one limit apart, and then every "
            "four hours until someone does; a signal once ([`waiting`](../../app/clinical/waiting.py))."
        ),
        table(
            [
                ("limit", "value", "unit", "bounds", "why", "source"),
                *(
                    (
                        f"`{one.name}`",
                        f"{one.value:g}",
                        one.unit,
                        f"{one.lowest:g} to {one.highest:g}",
                        one.reason,
                        one.source,
                    )
                    for one in LIMIT_NOTES.values()
                ),
            ]
        ),
    ]
    return _page(parts)


def signals_page() -> str:
    """The states of a signal, what may be done in each, and what the rule does next."""
    parts = [
        "# Signals",
        (
            "One patient has one signal at a time. `watch` is a level and no signal; the first rise to "
            "*consider booster* raises one, later evidence is added to it, and it stays until someone closes it "
            "or an infusion is given."
        ),
        _diagram(),
        "## What may be done",
        "Everything else is refused (`ALLOWED_MOVES` in [`signals`](../../app/clinical/episodes.py)).",
        table(
            [
                ("in state", *(words(action.value) for action in Action)),
                *((words(state.value), *_moves_from(state)) for state in EpisodeState),
            ]
        ),
        f"Closed with: {', '.join(words(one.value) for one in Disposition)}.",
        "## What the rule does next",
        "The patient lost everything on day 9 and is at *consider booster* from day 12 on. (`test_signals.py`)",
        table(
            [
                ("before", "as of day", "the rule", "because"),
                *(
                    (name, str(as_of), words(kind.value), words(why.value))
                    for name, _, as_of, kind, why in MOVES
                ),
            ]
        ),
        "## Levels",
        (
            "Mildest first; a patient's level is the worst of the criteria: "
            f"{', '.join(words(level.value) for level in Level)}."
        ),
    ]
    return _page(parts)


def function_page() -> str:
    """One signal followed to the functions, then every reason that can be given."""
    (step,) = raised(follow_shape(RAISES[1][1], mood_alone=False))
    answer = step.evaluation
    spoken = [
        *((criterion.name, reason) for criterion in answer.criteria for reason in criterion.reasons),
        *((None, note) for note in answer.notes),
    ]
    parts = [
        "# From a signal to the function",
        f"A patient of the [worked examples](examples.md): {RAISES[1][0]}. The clinician reads:",
        f"> {explain(answer)}",
        (
            "Each statement is a coded reason with the numbers it used. The active numbers are on the "
            "[page of numbers](numbers.md) under the same names, and the function is named the same in the code."
        ),
        table(
            [
                ("criterion", "reason", "the numbers it used", "active numbers", "decided by"),
                *(_spoken_row(criterion, reason) for criterion, reason in spoken),
            ]
        ),
        (
            "The whole answer is made by [`evaluation.evaluate`](../../app/clinical/evaluation.py), and its "
            "sentences by [`explanation.explain`](../../app/clinical/explanation.py), from these reasons alone. "
            "`afterglow replay` makes a stored decision again."
        ),
        "# Every reason",
    ]
    for heading, codes in reason_groups().items():
        rows: list[tuple[str, ...]] = [
            ("reason", "numbers it carries", "active numbers", "given by", "which")
        ]
        rows += [_reason_row(code) for code in codes]
        parts += [f"## {heading}", table(rows)]
    parts += [
        "## Codes of `totals`",
        ", ".join(words(code.value) for code in TotalsCode)
        + " ([`criterion_b_scale`](../../app/clinical/criterion_b_scale.py)).",
    ]
    return _page(parts)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "numbers.md": numbers_page,
    "signals.md": signals_page,
    "examples.md": lambda: f"{MADE}\n\n{examples_page(table)}",
    "from-signal-to-function.md": function_page,
    "required-answers.md": lambda: _page([required_answers_page(table)]),
    "real-data.md": lambda: _page([real_data_page(table)]),
    "findings/README.md": lambda: _page([index_page(table)]),
    **{
        f"findings/{one.code}.md": partial(lambda one: _page([finding_page(one, table)]), one)
        for one in FINDING_PAGES
    },
    "README.md": lambda: _page([specification_page()]),
}


def _page(parts: list[str]) -> str:
    return "\n\n".join([MADE, *parts]) + "\n"


def _number_row(number: NumberNotes) -> tuple[str, ...]:
    return (
        f'<a id="{number.name}"></a>`{number.name}`',
        f"{number.value:g}",
        number.unit,
        _bounds(number),
        number.reason,
        number.source,
        _all_of(readers()[number.name]),
    )


def _bounds(number: NumberNotes) -> str:
    if number.choices:
        return " or ".join(map(str, number.choices))
    return "fixed" if number.lowest == number.highest else f"{number.lowest:g} to {number.highest:g}"


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for state, moves in ALLOWED_MOVES.items():
        for target in EpisodeState:
            actions = [words(action.value) for action, to in moves.items() if to is target]
            if actions:
                start = "[*]" if state is EpisodeState.NONE else state.value
                end = "[*]" if target is EpisodeState.NONE else target.value
                lines += (
                    [f"    {start} --> {end}: {', '.join(actions)}"] if (start, end) != ("[*]", "[*]") else []
                )
    return "\n".join([*lines, "```"])


def _moves_from(state: EpisodeState) -> list[str]:
    moves = ALLOWED_MOVES[state]
    return [words(moves[action].value) if action in moves else "" for action in Action]


def _spoken_row(criterion: CriterionName | None, reason: Reason) -> tuple[str, ...]:
    used = ", ".join(f"{words(name)} {_shown(value)}" for name, value in reason.facts)
    return (
        words(criterion.value) if criterion else "with every level",
        f"[{words(reason.code.value)}](#{reason.code.value})",
        used,
        _active_numbers(reason.code),
        _all_of(makers()[reason.code.value]),
    )


def _reason_row(code: ReasonCode) -> tuple[str, ...]:
    places = makers()[code.value]
    return (
        f'<a id="{code.value}"></a>`{code.value}`',
        words(facts_of()[code.value]),
        _active_numbers(code),
        _all_of(places),
        " ".join(place.says for place in places),
    )


def _active_numbers(code: ReasonCode) -> str:
    """The numbers that are read by the functions which give this reason, and by those that these call."""
    places = {*makers()[code.value], *called_by(makers()[code.value])}
    names = [name for name, reading in readers().items() if places & set(reading)]
    return ", ".join(f"[`{name}`](numbers.md#{name})" for name in names)


def _all_of(places: tuple[Place, ...]) -> str:
    return ", ".join(map(str, places))


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Write all pages that are made from the code alone."""
    for name, page in PAGES.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/clinical/{name}\n")


if __name__ == "__main__":
    main()
