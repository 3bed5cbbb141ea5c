"""The clinical pages are what the code says, and lead from a signal to its function by the same names."""

import re
from pathlib import Path

import pytest

from app.clinical.episodes import ALLOWED_MOVES, next_move
from app.clinical.evaluation import evaluate_history
from app.clinical.levels import FindingCode
from app.clinical.protocol import STANDARD
from app.clinical.protocol_versions import numbers_of
from app.clinical.reason_codes import ReasonCode
from app.studies.accuracy import accuracy, accuracy_markdown
from app.studies.cohort_plan import VARIANTS
from app.studies.further_studies import STUDIES
from tests.clinical.builders import BEFORE, WINDOW, at, booster, days, follow, history, induction
from tests.clinical.test_episodes import LOST, MOVES
from tests.clinical.test_shapes import RAISES, STAYS_BELOW, follow_shape
from tests.docs.clinical_pages import FOLDER, PAGES
from tests.docs.clinical_sources import facts_of, makers, number_groups, readers, reason_groups

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    made = PAGES[name]()
    assert (FOLDER / name).read_text(encoding="utf-8") == made, "`make docs` writes it again"


def test_no_number_is_without_a_reader_and_each_is_on_its_page() -> None:
    page = (FOLDER / "numbers.md").read_text()
    for number in numbers_of():
        assert readers()[number.name], number.name
        assert f'<a id="{number.name}"></a>`{number.name}` | {number.value:g} | {number.unit} |' in page
    assert [name for names in number_groups().values() for name in names] == [
        one.name for one in numbers_of()
    ]


def test_every_reason_leads_to_a_function_and_to_the_active_numbers() -> None:
    page = (FOLDER / "from-signal-to-function.md").read_text()
    for code in ReasonCode:
        assert makers()[code.value], f"{code} is given by no function"
        assert page.count(f'<a id="{code.value}"></a>') == 1
        for place in makers()[code.value]:
            source = (ROOT / "app" / "clinical" / f"{place.module}.py").read_text()
            assert f"def {place.name}(" in source
    assert {code for codes in reason_groups().values() for code in codes} == set(ReasonCode)


def test_reasons_carry_the_numbers_that_their_page_names() -> None:
    steps = [
        *(step for row in RAISES for step in follow_shape(row[1], mood_alone=row[2])),
        *(step for row in STAYS_BELOW for step in follow_shape(row[1], mood_alone=row[2])),
        *follow(LOST, from_offset=-30),
        *follow(history(*WINDOW, *days(range(9, 40), 3))),
        *follow(history(*BEFORE, *WINDOW, *days(range(9, 30), 3), infusions=(*induction(), booster(21)))),
    ]
    moves = [
        next_move(episode, evaluate_history(LOST, as_of=at(as_of)), as_of=at(as_of))
        for _, episode, as_of, _, _ in MOVES
    ]
    reasons = [
        reason
        for step in steps
        for reason in (
            step.move.reason,
            *step.evaluation.notes,
            *step.evaluation.suppressed_by,
            *(one for criterion in step.evaluation.criteria for one in criterion.reasons),
        )
    ]
    reasons += [move.reason for move in moves]
    assert len({reason.code for reason in reasons}) >= 20
    for reason in reasons:
        named = re.sub(r" \([^)]*\)", "", facts_of()[reason.code.value]).split(", ")
        assert [name for name, _ in reason.facts] == [one for one in named if one], reason.code


def test_links_of_the_clinical_pages_lead_somewhere() -> None:
    for page in FOLDER.glob("*.md"):
        for target in set(re.findall(r"\]\(([^)]+)\)", page.read_text())):
            path, _, anchor = target.partition("#")
            aimed = (page.parent / path).resolve() if path else page
            assert aimed.exists(), f"{page.name}: {target}"
            assert not anchor or f'<a id="{anchor}"></a>' in aimed.read_text(), f"{page.name}: {target}"


def test_the_state_diagram_has_every_move() -> None:
    page = (FOLDER / "signals.md").read_text()
    for state, moves in ALLOWED_MOVES.items():
        for action, target in moves.items():
            if {state.value, target.value} != {"none"}:
                start = "[*]" if state.value == "none" else state.value
                arrow = rf"^    {re.escape(start)} --> {target.value}: .*\b{action.value.replace('_', ' ')}\b"
                assert re.search(arrow, page, re.MULTILINE), (state, action)


def test_the_accuracy_page_names_its_command_the_active_rule_and_every_population() -> None:
    page = (FOLDER / "accuracy.md").read_text()
    assert re.search(r"`afterglow simulate --patients \d+ --seeds (\d+,){5,}\d+`", page)
    assert f"rule {STANDARD.name}." in page
    for name in VARIANTS:
        assert page.count(f"\n| {name} |") == 3, name


@pytest.mark.parametrize("name", STUDIES)
def test_every_further_study_has_its_page_with_its_command_and_at_least_six_seeds(name: str) -> None:
    page = (FOLDER / {"outcome": "outcome.md"}.get(name, f"accuracy-{name}.md")).read_text()
    assert re.search(rf"`afterglow simulate --{name} --patients \d+ --seeds (\d+,){{5,}}\d+`", page)
    assert headings(page) == headings(STUDIES[name].page)


def test_every_finding_has_its_page_and_no_number_of_the_specification_is_written_by_hand() -> None:
    for code in FindingCode:
        page = (FOLDER / "findings" / f"{code.value}.md").read_text()
        assert f"`{code.value}`" in page
        assert "## When it ends" in page
    assert "[[" not in (FOLDER / "README.md").read_text()


def test_the_accuracy_page_is_the_same_whenever_it_is_made() -> None:
    def made() -> str:
        report = accuracy(patients=6, seeds=(1,), variants={"reference": VARIANTS["reference"]}, processes=1)
        return accuracy_markdown(report, command="afterglow simulate")

    assert made() == made()
    assert headings(made()) == headings((FOLDER / "accuracy.md").read_text())


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ .+$", page, re.MULTILINE)
