"""How the rule does across boosters: where they hold, where the benefit is lost in spite of them, or wears off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from typing import Final

from app.clinical.protocol import PUBLISHED, Protocol
from app.studies.maintenance_patients import BOOSTER_PLANS, FOLLOWED_DAYS, Course, MaintenanceCohort
from app.studies.onset_figures import Figures, OnsetCounts, rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.report_tables import Table
from app.studies.side_by_side import seen_by_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceFigures:
    """One plan of boosters: by course of the benefit and version of the rule, the figures seed by seed."""

    plan: str
    figures: Mapping[Course, Mapping[str, tuple[Figures, ...]]]


def maintenance(
    *,
    patients: int,
    seeds: Sequence[int],
    rules: Sequence[Protocol] = PUBLISHED,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> tuple[MaintenanceFigures, ...]:
    """Run the rules over the same patients of every plan of boosters; `patients` are of each seed and course."""
    at_once = processes or cpu_count() or 1
    return tuple(
        MaintenanceFigures(
            plan=name,
            figures={
                course: _by_rule(name, course, patients, seeds, rules, at_once, watch) for course in Course
            },
        )
        for name in BOOSTER_PLANS
    )


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds) * len(BOOSTER_PLANS) * len(Course)


def _by_rule(
    plan: str,
    course: Course,
    patients: int,
    seeds: Sequence[int],
    rules: Sequence[Protocol],
    processes: int,
    watch: Watch,
) -> dict[str, tuple[Figures, ...]]:
    found: dict[str, list[Figures]] = {rule.version: [] for rule in rules}
    for seed in seeds:
        cohort = MaintenanceCohort(boosters=BOOSTER_PLANS[plan], course=course, size=patients, seed=seed)
        counts = [OnsetCounts(FOLLOWED_DAYS) for _ in rules]
        seen = in_processes(partial(seen_by_rules, cohort, tuple(rules)), patients, processes=processes)
        for onset, by_rule in watch(seen):
            for count, one in zip(counts, by_rule, strict=True):
                if one is not None and not (course is Course.WEARS_OFF and onset is None):
                    count.add(onset, one[0], rule_on=one[1])
        for rule, count in zip(rules, counts, strict=True):
            found[rule.version].append(count.figures())
    return {version: tuple(figures) for version, figures in found.items()}


HEADER: Final = (
    "boosters",
    "rule",
    "holds: false a year",
    "in spite: 14 days %",
    "in spite: 40 days %",
    "wears off: 28 days %",
    "notices a year, in spite",
)


def maintenance_table(found: Sequence[MaintenanceFigures]) -> Table:
    """Table 9.3: a row for each plan and rule, each figure with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for one in found:
        for number, version in enumerate(one.figures[Course.HOLDS]):
            holds, spite, wears = (one.figures[course][version] for course in Course)
            rows.append(
                (
                    "" if number else one.plan,
                    version,
                    rate_with_error([each.false_a_year for each in holds]),
                    share_with_error([each.strict for each in spite]),
                    share_with_error([each.late for each in spite]),
                    share_with_error([each.in_28 for each in wears]),
                    rate_with_error([each.notices_a_year for each in spite]),
                )
            )
    return rows
