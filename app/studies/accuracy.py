"""How accurate the rule is: the reference cohort, its variants, and what the rule is held against.

Each comparator gets the threshold at which it gives as many false signals as the rule does, found on
patients of a calibration seed that is evaluated nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from math import inf, nextafter
from os import cpu_count
from typing import Final, NamedTuple

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
from app.studies.side_by_side import Compared, raised_days, rules_beside
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
