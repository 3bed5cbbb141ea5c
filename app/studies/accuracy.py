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
from app.studies.processes import Watch, in_processes, results_of, unwatched
from app.studies.tally import Tally

SEEDS: Final = (1, 2, 3, 4, 5)
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
    """

    rule: str
    patients: int
    seeds: tuple[int, ...]
    calibration_seed: int
    reference: Measures
    comparators: tuple[ComparedDetector, ...]
    variants: Mapping[str, Measures]


class _Seen(NamedTuple):
    """What the rule and all comparators saw in one patient."""

    result: PatientResult
    highs: dict[str, Highs]


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
    see = partial(_seen_by_all, variants[first], protocol=protocol, processes=at_once, watch=watch)
    seen = [one for seed in seeds for one in see(patients, seed)]
    calibration = see(CALIBRATION_COHORTS * patients, calibration_seed)
    reference = _pooled([one.result for one in seen])
    by_variant = {first: reference}
    for name in others:
        by_variant[name] = cohort_measures(
            variants[name],
            patients=patients,
            seeds=seeds,
            protocol=protocol,
            processes=at_once,
            watch=watch,
        )
    return AccuracyReport(
        rule=protocol.name,
        patients=patients,
        seeds=tuple(seeds),
        calibration_seed=calibration_seed,
        reference=reference,
        comparators=tuple(_compared(name, calibration, seen) for name in DETECTORS),
        variants=by_variant,
    )


def patients_run(*, patients: int, seeds: Sequence[int], variants: Mapping[str, CohortPlan]) -> int:
    """How many patients an evaluation of this size runs."""
    return patients * (len(seeds) * len(variants) + CALIBRATION_COHORTS)


def cohort_measures(
    plan: CohortPlan,
    *,
    patients: int = PATIENTS,
    seeds: Sequence[int] = SEEDS,
    protocol: Protocol = STANDARD,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> Measures:
    """The rule on one simulated population, its seeds pooled."""
    tally = Tally()
    for seed in seeds:
        cohort = SimulatedCohort(plan=plan, size=patients, seed=seed)
        for result in watch(results_of(cohort, protocol=protocol, processes=processes)):
            tally.add(result)
    return tally.measures()


def _pooled(results: Sequence[PatientResult]) -> Measures:
    tally = Tally()
    for result in results:
        tally.add(result)
    return tally.measures()


def _seen_by_all(
    plan: CohortPlan, patients: int, seed: int, *, protocol: Protocol, processes: int, watch: Watch
) -> list[_Seen]:
    cohort = SimulatedCohort(plan=plan, size=patients, seed=seed)
    return list(watch(in_processes(partial(_see, cohort, protocol), patients, processes=processes)))


def _see(cohort: SimulatedCohort, protocol: Protocol, numbers: tuple[int, int]) -> list[_Seen]:
    return [
        _Seen(backtested(one.patient, protocol=protocol), comparator_highs(one, protocol=protocol))
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
