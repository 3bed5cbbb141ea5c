"""The page of worked examples: the tables that the tests of the core run, and what the core says of each."""

from collections.abc import Callable, Iterable, Sequence

from app.clinical.criterion_b_scale import TotalsCode
from app.clinical.explanation import explain
from app.clinical.reference import NoReferenceBecause
from app.studies.reports import Table
from tests.clinical.builders import raised
from tests.clinical.test_check_in_days import DAYS
from tests.clinical.test_criterion_b import CROSSINGS
from tests.clinical.test_reference import BASELINES, INDUCTIONS, WEIGHTS, WINDOWS
from tests.clinical.test_review import CATEGORIES
from tests.clinical.test_safety import TRIGGERS
from tests.clinical.test_schedule import PLANS
from tests.clinical.test_shapes import RAISES, STAYS_BELOW, follow_shape

_INTRO = """\
# Worked examples

Every row is a test: the tables are read from `tests/clinical/`, and this page is made from them. Days count
from the last induction infusion, which is day 0."""


def examples_page(table: Callable[[Table], str]) -> str:
    """The page; `table` writes one table."""
    parts = [_INTRO]
    for title, about, rows in (
        *_shapes(),
        *_references(),
        *_others(),
    ):
        parts += [f"## {title}", about, table(rows)]
    return "\n\n".join(parts) + "\n"


def _shapes() -> Iterable[tuple[str, str, Table]]:
    intro = (
        "3 on every domain before treatment, 8 after induction, one check-in an evening in whole numbers; it begins "
        "on day 20."
    )
    rows = [("what happens", "raised after days", "by rule 1.0", "criterion", "what the clinician reads")]
    for name, shape, mood_alone, day, day_by_rule_1, criterion in RAISES:
        (step,) = raised(follow_shape(shape, mood_alone=mood_alone))
        rows.append((name, str(day), str(day_by_rule_1), words(criterion.value), explain(step.evaluation)))
    yield "What raises a signal", f"{intro} Each raises exactly one. (`test_shapes.py`)", rows
    stays = [("what happens", "worst level")]
    stays += [(name, words(worst.value)) for name, _, _, worst in STAYS_BELOW]
    yield "What raises none", f"{intro} (`test_shapes.py`)", stays


def _references() -> Iterable[tuple[str, str, Table]]:
    windows = [("what", "answered on days", "asked on day", "the reference")]
    for name, answered, as_of, expected in WINDOWS:
        windows.append((name, day_list(answered), str(as_of), _window(expected)))
    yield "The post-induction reference", "(`test_reference.py`)", windows
    baselines = [("what", "answered on days", "mood before", "days used")]
    for name, before, mood, n_days in BASELINES:
        baselines.append((name, day_list(before), "none" if mood is None else f"{mood:g}", str(n_days)))
    intro = "The first infusion is on day -10. (`test_reference.py`)"
    yield "The baseline", intro, baselines
    weights = [("what", "gains: mood, energy, sleep", "spread", "weights")]
    for name, gains, spread, expected_weights in WEIGHTS:
        weights.append((name, row_of(gains), row_of(spread), row_of(expected_weights)))
    yield "How much each domain counts", "(`test_reference.py`)", weights
    inductions = [("what", "planned", "infusions on days", "asked on day", "induction")]
    for name, plan, offsets, as_of, over in INDUCTIONS:
        planned = "none" if plan["planned_infusions"] is None else str(plan["planned_infusions"])
        state = "over" if over else "running"
        inductions.append((name, planned, day_list(offsets), str(as_of), state))
    yield "When induction ends", "(`test_reference.py`)", inductions


def _others() -> Iterable[tuple[str, str, Table]]:
    crossings = [("totals after 8 on day 3", "level", "why")]
    for since, level, why in CROSSINGS:
        totals = ", ".join(f"{total} on day {day:g}" for day, total in since) or "none"
        crossings.append((totals, words(level), words(TotalsCode(why).value)))
    intro = "MADRS: 32 before, 8 after, so its threshold is 22, its relapse level. (`test_criterion_b.py`)"
    yield "A validated total", intro, crossings
    categories = [("MADRS before", "now", "category")]
    categories += [(str(before), str(now), category) for before, now, category in CATEGORIES]
    yield "What induction achieved", "(`test_review.py`)", categories
    plans = [("what", "phase", "days since the infusion", "level", "a check-in")]
    for name, phase, days_since, at_level, boosted, burst, cadence in PLANS:
        asked = words(cadence.value) if cadence else "none"
        days_after = f"{days_since} after a booster" if boosted else str(days_since)
        at = f"{words(at_level.value)}, after a low report" if burst else words(at_level.value)
        plans.append((name, words(phase.value), days_after, at, asked))
    yield "When a check-in is due", "(`test_schedule.py`)", plans
    triggers = [("scale", "item", "score", "what it asks for")]
    for scale, item, score, urgency in TRIGGERS:
        answered = "none" if score is None else f"{score:g}"
        triggers.append((scale, str(item), answered, urgency.value if urgency else "nothing"))
    yield "Answers that start the safety pathway", "(`test_safety.py`)", triggers
    days = [("what", "recorded at", "zone", "check-in day"), *DAYS]
    yield "To which day a check-in belongs", "(`test_check_in_days.py`)", days


def _window(expected: tuple[int, int, int] | NoReferenceBecause) -> str:
    if isinstance(expected, NoReferenceBecause):
        return f"none: {words(expected.value)}"
    n_days, first, last = expected
    return f"{n_days} days, {first} to {last}"


def words(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ")


def row_of(numbers: Iterable[float | None]) -> str:
    """Numbers in a row."""
    return ", ".join("off" if number is None else f"{number:g}" for number in numbers)


def day_list(days: Sequence[int]) -> str:
    """Days in a row; a span by its ends."""
    if not days:
        return "none"
    if isinstance(days, range) and len(days) > 1:
        return f"{days[0]} to {days[-1]}"
    return ", ".join(map(str, days))
