"""What one more check-in costs the rule, against the same arithmetic bare, in alternating slices of one process.

Ours is what the check-in path calls: a core and a check-in in, a core and an evaluation out. The bare
step (`bare_step`) is given the same check-ins and must say the same about every one of them.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from random import Random

from app.clinical.answer import Evaluation
from app.clinical.check_ins import CheckIn, zone_of
from app.clinical.criterion_a_gain import consider_threshold, is_small
from app.clinical.criterion_b_scale import TotalsSoFar
from app.clinical.domains import DOMAINS, Domain
from app.clinical.evaluation import evaluate
from app.clinical.history import ScaleTotals
from app.clinical.levels import FindingCode, Level
from app.clinical.protocol import STANDARD
from app.clinical.reason_codes import ReasonCode
from app.clinical.reasons import Reason
from app.clinical.reference import Reference, usual_sleep_hours
from app.clinical.scales import PHQ_9, AssessmentTotal, with_remission_of
from app.clinical.signs import Signs
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import PatientState, advance
from app.clinical.state.timeline import replay
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import REFERENCE_COHORT, CohortPlan
from app.studies.patients import StudyPatient
from tests.bench.bare_records import BareAnswer, BareLoss, BarePatient, BareSigns, BareState, BareTotals
from tests.bench.bare_step import bare_step

ZONE = "America/New_York"
PATIENTS, SEED = 12, 20
"""The patients of one measurement, from the reference cohort: some lose their gain, every other one has totals."""
STEPS_OF_A_LEVEL = 40
SLICES = 100
TARGET = 3.0


@dataclass(frozen=True)
class Series:
    """One patient from the day on which the reference holds, and the check-ins after it."""

    core: PatientState
    patient: BarePatient
    state: BareState
    check_ins: tuple[CheckIn, ...]


@dataclass(frozen=True)
class Step:
    """One check-in that is due to be taken, ours and bare."""

    core: PatientState
    patient: BarePatient
    state: BareState
    check_in: CheckIn


@dataclass(frozen=True)
class Figures:
    """Seconds of processor time a step takes, slice by slice."""

    ours: list[float]
    bare: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours to bare in each slice."""
        return [ours / bare for ours, bare in zip(self.ours, self.bare, strict=True)]

    @property
    def ratio(self) -> float:
        """The middle one: what others do on the machine meets both halves of a short slice."""
        return statistics.median(self.ratios)


def series(patients: int = PATIENTS, seed: int = SEED, plan: CohortPlan = REFERENCE_COHORT) -> list[Series]:
    """So many patients with a reference, in a zone whose clocks change."""
    cohort = SimulatedCohort(plan=plan, size=patients * 3, seed=seed)
    return list(islice(_with_reference(cohort), patients))


def _with_reference(cohort: SimulatedCohort) -> Iterator[Series]:
    for number, one in enumerate(cohort.patients(0, cohort.size)):
        check_ins = tuple(_as_people_answer(one))
        totals = tuple(_questionnaires(one)) if number % 2 else ()
        history = replace(
            one.history,
            time_zone=ZONE,
            check_ins=check_ins,
            assessments=(ScaleTotals(scale=PHQ_9, totals=totals),) if totals else (),
        )
        from_day = totals[-1].taken_at if totals else check_ins[0].recorded_at
        for position, check_in in enumerate(check_ins[:-1], start=1):
            core = replay(history, as_of=check_in.recorded_at, protocol=STANDARD)
            if isinstance(core.reference, Reference) and check_in.recorded_at > from_day:
                yield Series(core, *_bare_of(core), check_ins[position:])
                break


def _questionnaires(one: StudyPatient) -> Iterator[AssessmentTotal]:
    """A PHQ-9 before treatment, after induction, and twice in the weeks after it; at times a relapse."""
    random = Random(one.name)  # noqa: S311 - must repeat, guards nothing
    last = max(infusion.given_at for infusion in one.history.infusions)
    totals = (20, 5, random.randint(3, 16), random.randint(3, 16))
    for days, total in zip((-20, 3, 17, 30), totals, strict=True):
        yield AssessmentTotal((last + timedelta(days=days)).astimezone(zone_of(ZONE)), total)


def _as_people_answer(one: StudyPatient) -> Iterator[CheckIn]:
    """At times one answer is left out, a second report comes the same evening, or a wish to talk."""
    random = Random(one.name)  # noqa: S311 - must repeat, guards nothing
    for check_in in one.history.check_ins:
        mood, energy, sleep = (None if random.random() < 0.05 else value for value in check_in.values)
        first = CheckIn(
            id=check_in.id,
            recorded_at=check_in.recorded_at,
            time_zone=ZONE,
            mood=mood,
            energy=energy,
            sleep_quality=sleep,
            asks_about_booster=random.random() < 0.01,
        )
        yield first
        if random.random() < 0.05:
            yield replace(
                first, id=first.id + "b", recorded_at=first.recorded_at + timedelta(hours=1), mood=4
            )


def _bare_of(core: PatientState) -> tuple[BarePatient, BareState]:
    """A core in the bare step's form."""
    reference, treatment, today, answering = core.reference, core.treatment, core.open_day, core.answering
    assert isinstance(reference, Reference)
    assert core.loss_before is not None
    assert core.loss is not None
    assert core.last_at is not None
    assert treatment.last_at is not None
    assert treatment.last_day is not None
    assert treatment.induction_over is not None
    assert answering is not None
    patient = BarePatient(
        tuple(reference.rule_values),
        tuple(reference.rule_gains),
        tuple(reference.values),
        tuple(reference.weights),
        tuple(reference.spread),
        tuple(reference.baseline.values),
        reference.mean_gain,
        reference.mean_rule_gain,
        usual_sleep_hours(reference, core.baseline, STANDARD),
        consider_threshold(reference, STANDARD),
        treatment.last_at,
        treatment.last_day,
        treatment.induction_over,
        treatment.course_closed,
        tuple(_bare_totals(totals) for totals in core.totals),
        tuple(_notes_of(reference, core.loss)),
    )
    state = BareState(
        _bare_loss(core.loss_before),
        _bare_loss(core.loss),
        _bare_signs(core.signs_before),
        _bare_signs(core.signs),
        today.day if today else None,
        tuple(today.sums) if today else (0.0, 0.0, 0.0),
        tuple(today.counts) if today else (0, 0, 0),
        (today.hours, today.n_hours) if today else (0.0, 0),
        core.recent_days,
        (core.last_day, core.last_at, core.last_id),
        core.asked_on,
        (*answering,),
    )
    return patient, state


def _notes_of(reference: Reference, loss: Loss) -> Iterator[tuple[object, ...]]:
    """What is said of a reference with every answer."""
    threshold = consider_threshold(reference, STANDARD)
    if reference.assumes_baseline:
        yield "assumed_baseline", threshold
    if loss.weighted is not None and is_small(reference, STANDARD):
        yield "small_gain", reference.mean_gain, threshold
    if reference.falling:
        yield "falling_reference", reference.n_days
    for index, (value, n_days) in enumerate(zip(reference.values, reference.days, strict=True)):
        if value is None:
            yield "domain_off", index, n_days, STANDARD.window_least_days


def _bare_totals(totals: TotalsSoFar) -> BareTotals:
    line, latest, first = totals.threshold, totals.latest, next(iter(totals.crossings), None)
    last, scale = totals.last, with_remission_of(totals.scale, STANDARD)
    remitted = last is not None and bool(scale.in_remission(last.total))
    well = remitted
    if last is not None and totals.reference is not None and totals.baseline is not None:
        best, worst = scale.severity(totals.reference.total), scale.severity(totals.baseline.total)
        lost = scale.severity(last.total) - best
        well = well or (worst > best and lost / (worst - best) < STANDARD.disagree_least_share)
    return BareTotals(
        totals.scale.key,
        totals.missing,
        totals.awaited_until.toordinal() if totals.awaited_until else None,
        line.total if line else None,
        latest.total if latest else None,
        latest.day.toordinal() if latest else None,
        len(totals.crossings),
        first.day.toordinal() if first else None,
        totals.scale.days_apart or 0,
        totals.baseline is not None,
        last.day.toordinal() if last else None,
        last.total if last else None,
        well,
        remitted,
        totals.scale.recall_days or 0,
    )


def _bare_loss(loss: Loss) -> BareLoss:
    tracks = (*loss.domains, loss.weighted)
    return BareLoss(
        tuple(track.day if track else 0 for track in tracks),
        tuple(track.days if track else () for track in tracks),
        tuple(track and track.share for track in tracks),
        tuple(track and track.share_before for track in tracks),
        tuple(track and track.smoothed for track in tracks),
        tuple(track and track.smoothed_before for track in tracks),
        tuple(track.rate if track else 0.0 for track in tracks),
        tuple(track.low_days if track else 0 for track in tracks),
        tuple(track and track.watching_since for track in tracks),
        tuple(track.n_days if track else 0 for track in tracks),
        tuple(track and track.run_from for track in tracks),
        tuple(track and track.run_after for track in tracks),
        tuple(loss.reports),
        loss.considered_on,
        loss.steady_on,
        loss.crossed_on,
        loss.crossed_run,
        loss.burst,
    )


def _bare_signs(signs: Signs) -> BareSigns:
    return BareSigns(
        tuple(one.day if one else 0 for one in signs.levels),
        tuple(one and (one.level, one.days, one.worse_since, one.back) for one in signs.levels),
        signs.elevated_run,
        signs.elevated_since,
        signs.elevated_on,
        tuple((one.day, tuple(one.values), one.smoothed, one.sleep_hours) for one in signs.recent),
        signs.best_mood,
        signs.recoveries,
    )


def comparable(evaluation: Evaluation) -> tuple[object, ...]:
    """What our answer says, in plain values."""
    day, stretch = evaluation.unsteady_since, evaluation.stretches[-1]
    return (
        evaluation.day.toordinal(),
        evaluation.level.rank,
        _plain(reason for criterion in evaluation.criteria for reason in criterion.reasons),
        _plain(evaluation.suppressed_by),
        (*evaluation.share_lost, evaluation.weighted),
        (*evaluation.smoothed_share, evaluation.smoothed),
        tuple(evaluation.smoothed_level),
        tuple(DOMAINS.index(one.domain) for one in evaluation.worse_than_before),
        day and day.toordinal(),
        _plain(evaluation.notes),
        evaluation.steady_on and evaluation.steady_on.toordinal(),
        tuple(
            (list(FindingCode).index(one.code), one.since.toordinal(), one.last_on.toordinal())
            for one in evaluation.findings
        ),
        evaluation.answered,
        (stretch.n_days, stretch.held_days, stretch.held_to, stretch.observed),
        tuple(evaluation.means_now),
    )


def bare_comparable(state: BareState, answer: BareAnswer) -> tuple[object, ...]:
    """The same of the bare step."""
    return (
        answer.day,
        answer.level,
        answer.reasons,
        answer.suppressed_by,
        state.now.shares,
        state.now.smoothed,
        tuple(one and one[0] for one in state.signs.levels),
        answer.worse,
        answer.unsteady_since,
        answer.notes,
        state.now.steady_on,
        answer.findings,
        answer.answered,
        answer.stretch,
        answer.means,
    )


def _plain(reasons: Iterable[Reason]) -> tuple[object, ...]:
    """Reasons as code and numbers; criterion C's request for a questionnaire is no arithmetic."""
    return tuple(
        tuple(_bare_value(value) for _, value in reason.facts)
        if reason.code is ReasonCode.TOTALS
        else (reason.code.value, *(_bare_value(value) for _, value in reason.facts))
        for reason in reasons
        if reason.code is not ReasonCode.ASK_SCALE
    )


def _bare_value(value: object) -> object:
    if isinstance(value, date):
        return value.toordinal()
    return DOMAINS.index(Domain(value)) if isinstance(value, str) and value in set(DOMAINS) else value


def our_steps(one: Series) -> Iterator[tuple[PatientState, Evaluation]]:
    """Every check-in by the rule."""
    core = one.core
    for check_in in one.check_ins:
        advanced = advance(core, check_in, protocol=STANDARD)
        assert advanced is not None
        core = advanced
        yield core, evaluate(core, as_of=check_in.recorded_at, protocol=STANDARD)


def bare_steps(one: Series) -> Iterator[tuple[BareState, BareAnswer]]:
    """Every check-in by the bare step."""
    state = one.state
    for check_in in one.check_ins:
        state, answer = bare_step(one.patient, state, check_in, STANDARD)
        yield state, answer


def steps_by_level(every: Sequence[Series]) -> dict[Level, list[Step]]:
    """As many steps that end in each level as one slice takes, spread over the patients."""
    found: dict[Level, list[Step]] = {Level.STEADY: [], Level.WATCH: [], Level.CONSIDER_BOOSTER: []}
    for one in every:
        core, state = one.core, one.state
        for check_in, ours, bare in zip(one.check_ins, our_steps(one), bare_steps(one), strict=True):
            found[ours[1].level].append(Step(core, one.patient, state, check_in))
            core, state = ours[0], bare[0]
    return {
        level: steps[:: len(steps) // STEPS_OF_A_LEVEL][:STEPS_OF_A_LEVEL] for level, steps in found.items()
    }


def measure(steps: Mapping[Level, Sequence[Step]], slices: int = SLICES) -> dict[Level, Figures]:
    """Time both on the same steps, in turns, for every level that a check-in can lead to."""
    figures = {level: Figures([], []) for level in steps}
    gc.collect()
    for _ in range(slices):
        for level, taken in steps.items():
            figures[level].ours.append(_seconds_a_step(_take_ours, taken))
            figures[level].bare.append(_seconds_a_step(_take_bare, taken))
    return figures


def _take_ours(steps: Sequence[Step]) -> None:
    for step in steps:
        core = advance(step.core, step.check_in, protocol=STANDARD)
        assert core is not None
        evaluate(core, as_of=step.check_in.recorded_at, protocol=STANDARD)


def _take_bare(steps: Sequence[Step]) -> None:
    for step in steps:
        bare_step(step.patient, step.state, step.check_in, STANDARD)


def _seconds_a_step(take: Callable[[Sequence[Step]], None], steps: Sequence[Step]) -> float:
    start = time.thread_time()
    take(steps)
    return (time.thread_time() - start) / len(steps)


def report(figures: dict[Level, Figures]) -> list[str]:
    """The lines of the table, one a level."""
    lines = [f"{'level':>17} {'ours µs':>8} {'bare µs':>8} {'ours÷bare':>10} {'least':>6} {'most':>6}"]
    lines += [
        f"{level.value:>17} {min(one.ours) * 1e6:>8.1f} {min(one.bare) * 1e6:>8.1f}"
        f" {one.ratio:>10.2f} {min(one.ratios):>6.2f} {max(one.ratios):>6.2f}"
        for level, one in figures.items()
    ]
    return lines


def missed(figures: dict[Level, Figures]) -> list[str]:
    """The levels at which a step costs more than it may."""
    return [
        f"a step to {level.value}: {one.ratio:.2f} times the bare step, at most {TARGET:g} wanted"
        for level, one in figures.items()
        if one.ratio > TARGET
    ]
