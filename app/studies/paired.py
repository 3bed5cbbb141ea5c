"""Both rules on the same patients, seed by seed, with as many patients a seed as a difference of a point needs."""

from collections.abc import Mapping, Sequence
from functools import partial
from os import cpu_count
from typing import Final

from app.clinical.protocol import PUBLISHED
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import VARIANTS
from app.studies.onset_figures import OnsetCounts, rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.report_tables import Table
from app.studies.side_by_side import Compared, is_better, seen_by_rules

POPULATIONS: Final = ("reference", "mood first")


def paired(
    *, patients: int, seeds: Sequence[int], processes: int | None = None, watch: Watch = unwatched
) -> dict[tuple[int, ...], tuple[Compared, ...]]:
    """Both published rules over `patients` of each seed and population; by the seeds that made them."""
    at_once = processes or cpu_count() or 1
    return {tuple(seeds): tuple(_compared(name, patients, seeds, at_once, watch) for name in POPULATIONS)}


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds) * len(POPULATIONS)


def _compared(name: str, patients: int, seeds: Sequence[int], processes: int, watch: Watch) -> Compared:
    plan, by_seed = VARIANTS[name], []
    for seed in seeds:
        cohort = SimulatedCohort(plan=plan, size=patients, seed=seed)
        counts = [OnsetCounts(plan.followed_days) for _ in PUBLISHED]
        seen = in_processes(partial(seen_by_rules, cohort, PUBLISHED), patients, processes=processes)
        for onset, by_rule in watch(seen):
            for count, one in zip(counts, by_rule, strict=True):
                if one is not None:
                    count.add(onset, one[0], rule_on=one[1])
        by_seed.append([count.figures() for count in counts])
    versions = (rule.version for rule in PUBLISHED)
    return Compared(population=name, figures=dict(zip(versions, zip(*by_seed, strict=True), strict=True)))


HEADER: Final = (
    "population",
    "seed",
    "2.0: false a year",
    "1.0",
    "2.0: 14 days %",
    "1.0",
    "2.0: 40 days %",
    "1.0",
    "better",
)


def paired_table(found: Mapping[tuple[int, ...], Sequence[Compared]]) -> Table:
    """A row for each seed, and one for all of them with its standard error over seeds."""
    rows: list[Sequence[str]] = [HEADER]
    for seeds, compared in found.items():
        for one in compared:
            now, before = (one.figures[rule.version] for rule in PUBLISHED)
            for number, (seed, a, b) in enumerate(zip(seeds, now, before, strict=True)):
                rates = (f"{a.false_a_year:.2f}", f"{b.false_a_year:.2f}")
                shares = (f"{each * 100:.1f}" for each in (a.strict, b.strict, a.late, b.late))
                better = "yes" if is_better(a, b) else "no"
                rows.append(("" if number else one.population, str(seed), *rates, *shares, better))
            rates = tuple(rate_with_error([each.false_a_year for each in every]) for every in (now, before))
            strict = [share_with_error([each.strict for each in every]) for every in (now, before)]
            late = [share_with_error([each.late for each in every]) for every in (now, before)]
            rows.append(("", "all", *rates, *strict, *late, f"{one.better_in} of {len(seeds)}"))
    return rows
