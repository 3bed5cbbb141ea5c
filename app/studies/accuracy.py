"""How accurate the rule is: the reference cohort, its variants, and what the rule is held against.

Each comparator gets the threshold at which it gives as many false signals as the rule does, found on
patients of a calibration seed that is evaluated nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from math import inf, nextafter
from os import cpu_count
from typing import Any, Final, NamedTuple

from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reference import ReferenceKind
from app.studies.backtest import PatientResult, RaisedSignal, backtested
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import VARIANTS, CohortPlan
from app.studies.comparators import DETECTORS, Highs, comparator_highs, day_reached
from app.studies.measures import Measures
from app.studies.onset_figures import Figures, OnsetCounts
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table, days, finite, listed, markdown, measures_json, percent, plain, rate
from app.studies.side_by_side import Compared, compared_table, raised_days, rules_beside
from app.studies.tally import Tally

SEEDS: Final = (1, 2, 3, 4, 5, 6)
CALIBRATION_SEED: Final = 101
PATIENTS: Final = 1000
CALIBRATION_COHORTS: Final = 2
"""So many times the patients of a seed: a threshold from few patients is itself a matter of chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDetector:
    """One detector at the threshold that was found for it; only its first signals are looked at."""

    name: str
    threshold: float
    measures: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """Everything an evaluation on simulated cohorts reports, with what made it.

    Attributes:
        rule: name and version of the rule.
        patients: of each seed; the seeds are pooled.
        reference: the rule on the reference cohort.
        comparators: on the same patients.
        variants: the rule on every population asked for, the reference cohort first.
        compared: both published rules on the same patients of each population, seed by seed.
    """

    rule: str
    patients: int
    seeds: tuple[int, ...]
    calibration_seed: int
    reference: Measures
    comparators: tuple[ComparedDetector, ...]
    variants: Mapping[str, Measures]
    compared: tuple[Compared, ...]


class _Seen(NamedTuple):
    """What the rules and all comparators saw in one patient; `results` are those of the rules, in their order."""

    counted: bool
    onset: float | None
    results: tuple[PatientResult, ...]
    highs: dict[str, Highs]

    @property
    def result(self) -> PatientResult:
        """The present rule's."""
        return self.results[0]


def accuracy(
    *,
    patients: int = PATIENTS,
    seeds: Sequence[int] = SEEDS,
    calibration_seed: int = CALIBRATION_SEED,
    variants: Mapping[str, CohortPlan] = VARIANTS,
    protocol: Protocol = STANDARD,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> AccuracyReport:
    """Evaluate the rule on simulated cohorts.

    Args:
        patients: of each seed.
        seeds: their results are pooled.
        calibration_seed: of the patients on which comparators get their thresholds; not one of `seeds`.
        variants: the populations; the first one is the reference and is compared.
        protocol: the numbers of the rule.
        processes: how many; None for as many as the machine has processors.
        watch: sees every patient pass; `patients_run` says how many there will be.
    """
    at_once = processes or cpu_count() or 1
    first, *others = variants
    rules = rules_beside(protocol)
    see = partial(_seen_by_all, variants[first], rules=rules, processes=at_once, watch=watch)
    by_seed = [see(patients, seed) for seed in seeds]
    calibration = see(CALIBRATION_COHORTS * patients, calibration_seed)
    seen = [one for every in by_seed for one in every]
    reference = _pooled([one.result for one in seen])
    measures, compared = {first: reference}, [_beside(first, variants[first], by_seed, rules)]
    for name in others:
        plan = variants[name]
        found = (_seen(plan, patients, seed, rules=rules, processes=at_once, watch=watch) for seed in seeds)
        tally, figures = Tally(), []
        for every in found:
            for one in every:
                tally.add(one.result)
            figures.append(_figures(plan, every, rules))
        measures[name] = tally.measures()
        compared.append(_compared_as(name, figures, rules))
    return AccuracyReport(
        rule=protocol.name,
        patients=patients,
        seeds=tuple(seeds),
        calibration_seed=calibration_seed,
        reference=reference,
        comparators=tuple(_compared(name, calibration, seen) for name in DETECTORS),
        variants=measures,
        compared=tuple(compared),
    )


def _beside(
    name: str, plan: CohortPlan, by_seed: Sequence[Sequence[_Seen]], rules: Sequence[Protocol]
) -> Compared:
    return _compared_as(name, [_figures(plan, every, rules) for every in by_seed], rules)


def _compared_as(name: str, by_seed: Sequence[Sequence[Figures]], rules: Sequence[Protocol]) -> Compared:
    by_rule = zip(*by_seed, strict=True)
    versions = (rule.version for rule in rules)
    return Compared(population=name, figures=dict(zip(versions, by_rule, strict=True)))


def _figures(plan: CohortPlan, every: Sequence[_Seen], rules: Sequence[Protocol]) -> list[Figures]:
    """The figures of each rule on one seed, over everyone with a reference and an outcome that counts."""
    counts = [OnsetCounts(plan.followed_days) for _ in rules]
    for one in every:
        for count, result in zip(counts, one.results, strict=True):
            if one.counted and result.reference is not ReferenceKind.NONE:
                count.add(one.onset, raised_days(result), rule_on=result.rule_on)
    return [count.figures() for count in counts]


def patients_run(*, patients: int, seeds: Sequence[int], variants: Mapping[str, CohortPlan]) -> int:
    """How many patients an evaluation of this size runs."""
    return patients * (len(seeds) * len(variants) + CALIBRATION_COHORTS)


def _pooled(results: Sequence[PatientResult]) -> Measures:
    tally = Tally()
    for result in results:
        tally.add(result)
    return tally.measures()


def _seen_by_all(
    plan: CohortPlan, patients: int, seed: int, *, rules: Sequence[Protocol], processes: int, watch: Watch
) -> list[_Seen]:
    see = partial(_see, SimulatedCohort(plan=plan, size=patients, seed=seed), tuple(rules), True)
    return list(watch(in_processes(see, patients, processes=processes)))


def _seen(
    plan: CohortPlan, patients: int, seed: int, *, rules: Sequence[Protocol], processes: int, watch: Watch
) -> list[_Seen]:
    see = partial(_see, SimulatedCohort(plan=plan, size=patients, seed=seed), tuple(rules), False)
    return list(watch(in_processes(see, patients, processes=processes)))


def _see(
    cohort: SimulatedCohort,
    rules: Sequence[Protocol],
    beside_others: bool,
    numbers: tuple[int, int],
) -> list[_Seen]:
    return [
        _Seen(
            one.counted,
            one.truth.onset,
            tuple(backtested(one.patient, protocol=rule) for rule in rules),
            comparator_highs(one, protocol=rules[0]) if beside_others else {},
        )
        for one in cohort.with_truth(*numbers)
    ]


def _compared(name: str, calibration: Sequence[_Seen], seen: Sequence[_Seen]) -> ComparedDetector:
    threshold = equal_threshold(
        [one.highs[name] for one in calibration if _is_stable(one.result)],
        sum(bool(one.result.signals) for one in calibration if _is_stable(one.result)),
    )
    results = [_as_result(one.result, one.highs[name], threshold) for one in seen]
    return ComparedDetector(name=name, threshold=threshold, measures=_pooled(results))


def equal_threshold(stable: Sequence[Highs], with_any: int) -> float:
    """The threshold that as many of these patients reach as the rule raised a signal for.

    Args:
        stable: what the detector saw in patients who lost nothing.
        with_any: how many of them the rule raised a signal for.
    """
    tops = sorted((highs[-1].value if highs else -inf for highs in stable), reverse=True)
    if not with_any:
        return nextafter(tops[0], inf) if tops else inf
    return tops[with_any - 1]


def _is_stable(result: PatientResult) -> bool:
    return result.rule_on and result.outcome is not None and result.outcome.lost_on is None


def _as_result(result: PatientResult, highs: Highs, threshold: float) -> PatientResult:
    """The result that a detector's first signal makes, on the same patient over the same days."""
    raised_on = day_reached(highs, threshold)
    if raised_on is None:
        return replace(result, signals=(), watches=())
    signal = RaisedSignal(
        raised_at=datetime.combine(raised_on, time(), UTC),
        raised_on=raised_on,
        level=Level.CONSIDER_BOOSTER,
        criterion=CriterionName.GAIN_LOST,
        criteria=(CriterionName.GAIN_LOST,),
        share_lost=None,
        reference_kind=ReferenceKind.MEASURED,
        explanation="",
    )
    return replace(result, signals=(signal,), watches=())


_HEADER: Final = (
    "",
    "first false a year",
    "found in 14 days",
    "found in 40 days",
    "median delay",
    "90th percentile",
    "raised before",
)
_MORE: Final = ("", "all false a year", "false watches a year", "lost, rule on", "stable, rule on")

_PAGE: Final = """\
# How accurate the rule is

Measured on simulated patients with `{command}`: {patients} patients of each of the seeds {seeds}; {check_ins}
check-ins of the reference cohort; rule {rule}. The cohort is described in `app/studies/cohort_plan.py`; every
patient is the same on every machine. No real patient is in these figures, and none of them says how the rule does
in your clinic: run a backtest on your own check-ins for that. The other studies have pages of their own: [across
boosters](accuracy-boosters.md), [plans of check-ins](accuracy-plans.md), [findings](accuracy-findings.md), [what
it is worth](outcome.md) and [real data](real-data.md).

## Both rules side by side

The same patients for both rules. Counted over everyone with a reference, and where the rule is off nothing is
found; *strict* is fewer than 14.0 days from the fractional onset, *inclusive* fewer than 15.0, of the losses with
no earlier signal. *False a year*: first false signals, -ln(1 - share of stable patients with any) / years
watched. ± is the standard error over the {n_seeds} seeds, in the unit of its figure. *Better in*: the seeds on
which the present rule found more within 14 days at a false rate not higher.

{compared}

For {off} of the {all} patients of the reference cohort the rule was off: {off_because}.

## Against simpler detectors

Pooled over the seeds, over patients with the rule on, in whole days. Each detector has the threshold that gives
as many false signals as the rule, found on seed {calibration_seed}, which is evaluated nowhere. "True parameters"
knows each patient's true level, gain and spread, which nobody can: it is the limit. Only first signals are
compared.

{comparators}

## Other populations and habits

The same count for each population: *found* is of the losses with the rule on and no earlier signal, *raised
before* of those with the rule on.

{variants}

{more}

How often patients are asked matters more than any rule: asked weekly, a loss is old before a rule can know.
"""


def accuracy_json(report: AccuracyReport) -> dict[str, Any]:
    """The whole evaluation as JSON values, with what made it."""
    return {
        "rule": report.rule,
        "patients": report.patients,
        "seeds": list(report.seeds),
        "calibration_seed": report.calibration_seed,
        "reference": measures_json(report.reference),
        "comparators": {
            one.name: {"threshold": one.threshold, **measures_json(one.measures)}
            for one in report.comparators
        },
        "side_by_side": {
            one.population: {
                "better_in": one.better_in,
                **{
                    version: [finite(asdict(each)) for each in seeds]
                    for version, seeds in one.figures.items()
                },
            }
            for one in report.compared
        },
        "variants": {name: measures_json(measures) for name, measures in report.variants.items()},
    }


def accuracy_text(report: AccuracyReport) -> str:
    """The evaluation as text for a terminal, without a line break at the end."""
    seeds = listed_seeds(report.seeds)
    return "\n\n".join(
        (
            (
                f"Rule {report.rule}; {report.patients} simulated patients of each of the seeds {seeds}, "
                f"pooled; thresholds from seed {report.calibration_seed}"
            ),
            plain(compared_table(report.compared)),
            plain(_comparators(report)),
            plain(_variants(report.variants)),
            plain(_more(report.variants)),
        )
    )


def accuracy_markdown(report: AccuracyReport, *, command: str) -> str:
    """The page `docs/clinical/accuracy.md`.

    Args:
        report: the evaluation.
        command: what made it, so that a reader can make it again.
    """
    off = report.reference.rule_off
    return _PAGE.format(
        command=command,
        patients=report.patients,
        seeds=listed_seeds(report.seeds),
        check_ins=report.reference.check_ins,
        rule=report.rule,
        off=sum(off.values()),
        all=report.reference.patients,
        off_because=listed(list(off.items())),
        n_seeds=len(report.seeds),
        compared=markdown(compared_table(report.compared)),
        calibration_seed=report.calibration_seed,
        comparators=markdown(_comparators(report)),
        variants=markdown(_variants(report.variants)),
        more=markdown(_more(report.variants)),
    )


def listed_seeds(seeds: Iterable[int]) -> str:
    """The seeds in a row."""
    return ", ".join(map(str, seeds))


def _comparators(report: AccuracyReport) -> Table:
    rows = [_row(f"rule {report.rule}", report.reference)]
    rows += [_row(one.name, one.measures) for one in report.comparators]
    return [_HEADER, *rows]


def _variants(variants: Mapping[str, Measures]) -> Table:
    return [_HEADER, *(_row(name, measures) for name, measures in variants.items())]


def _more(variants: Mapping[str, Measures]) -> Table:
    return [_MORE, *(_more_row(name, measures) for name, measures in variants.items())]


def _row(name: str, measures: Measures) -> tuple[str, ...]:
    false, found = measures.false_signals, measures.found
    return (
        name,
        rate(false.first_a_year if false else None),
        percent(found.share_within_14 if found else None),
        percent(found.share_within_40 if found else None),
        days(found.median_delay if found else None),
        days(found.ninetieth_delay if found else None),
        percent(found.share_raised_before if found else None),
    )


def _more_row(name: str, measures: Measures) -> tuple[str, ...]:
    false, found = measures.false_signals, measures.found
    return (
        name,
        rate(false.episodes_a_year if false else None),
        rate(false.watches_a_year if false else None),
        f"{found.rule_on} of {found.lost}" if found else "0",
        f"{false.rule_on} of {false.stable}" if false else "0",
    )
