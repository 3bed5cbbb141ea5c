"""Both rules on the same patients, seed by seed, with as many patients a seed as a difference of a point needs."""

from collections.abc import Mapping, Sequence
from functools import partial
from os import cpu_count
from typing import Final

from app.clinical.protocol import PUBLISHED
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import VARIANTS
from app.studies.onset_figures import Figures, OnsetCounts, rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.side_by_side import is_better, seen_by_rules

POPULATION: Final = "reference"


def paired(
    *, patients: int, seeds: Sequence[int], processes: int | None = None, watch: Watch = unwatched
) -> dict[int, tuple[Figures, ...]]:
    """The figures of both published rules over `patients` of each seed, by seed."""
    at_once = processes or cpu_count() or 1
    return {seed: _figures(patients, seed, at_once, watch) for seed in seeds}


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds)


def _figures(patients: int, seed: int, processes: int, watch: Watch) -> tuple[Figures, ...]:
    plan = VARIANTS[POPULATION]
    cohort = SimulatedCohort(plan=plan, size=patients, seed=seed)
    counts = [OnsetCounts(plan.followed_days) for _ in PUBLISHED]
    seen = in_processes(partial(seen_by_rules, cohort, PUBLISHED), patients, processes=processes)
    for onset, by_rule in watch(seen):
        for count, one in zip(counts, by_rule, strict=True):
            if one is not None:
                count.add(onset, one[0], rule_on=one[1])
    return tuple(count.figures() for count in counts)


HEADER: Final = (
    "seed",
    "2.0: false a year",
    "1.0: false a year",
    "2.0: 14 days %",
    "1.0: 14 days %",
    "2.0: 40 days %",
    "1.0: 40 days %",
    "better",
)


def paired_table(found: Mapping[int, Sequence[Figures]]) -> Table:
    """A row for each seed, and one for all of them with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for seed, figures in found.items():
        rates = (f"{one.false_a_year:.3f}" for one in figures)
        strict = (f"{one.strict * 100:.2f}" for one in figures)
        late = (f"{one.late * 100:.2f}" for one in figures)
        rows.append((str(seed), *rates, *strict, *late, "yes" if is_better(*figures) else "no"))
    by_rule = list(zip(*found.values(), strict=True))
    rates = (rate_with_error([one.false_a_year for one in every]) for every in by_rule)
    strict = (share_with_error([one.strict for one in every]) for every in by_rule)
    late = (share_with_error([one.late for one in every]) for every in by_rule)
    better = sum(is_better(*figures) for figures in found.values())
    rows.append(("all", *rates, *strict, *late, f"{better} of {len(found)}"))
    return rows
