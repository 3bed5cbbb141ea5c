"""The answer: what a patient's reports say as of a moment, with coded reasons and every number used.

`evaluate_history` works from a whole history. Where each check-in must cost a step only, keep the `PatientState`:
`advance` it with the check-in and `evaluate` it. Both ways give the same answer, always.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from app.clinical import reasons as why
from app.clinical.answer import Answered, DataQuality, Evaluation, Exposure, LastKnown, LastTotal, exposure_on
from app.clinical.answering import Answering, answered_on, fell, last_days
from app.clinical.boosters import Stretch
from app.clinical.check_ins import day_number
from app.clinical.criterion_a_gain import consider_threshold, criterion_a, criterion_a_missing
from app.clinical.criterion_b_scale import criterion_b
from app.clinical.criterion_c_domain import criterion_c
from app.clinical.criterion_d_request import criterion_d
from app.clinical.domains import NOTHING, PerDomain
from app.clinical.findings import (
    Finding,
    WorseThanBefore,
    below_best,
    boosters_not_holding,
    elevated_mood,
    scale_disagrees,
    silent_after_low,
    worse_by_rule_1,
    worse_than_before,
)
from app.clinical.history import History
from app.clinical.known_now import Known, what_is_known
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.notes import notes_on, suppressed_by
from app.clinical.protocol import RULE, STANDARD, Protocol
from app.clinical.reasons import Criterion, NoReportSinceInfusion, worst_level
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, window_days
from app.clinical.schedule import Cadence
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import (
    PatientState,
    asked_on,
    cadence_of,
    known_days,
    proposed_now,
    settled,
)
from app.clinical.state.timeline import current_stretch, replay

_UNSTEADY: Final = (Level.WATCH, Level.CONSIDER_BOOSTER)
_DAYS_SHOWN: Final = 3


def evaluate_history(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a whole history. The order of its parts has no effect, nor has anything later."""
    state = replay(history, as_of=as_of, protocol=protocol)
    return evaluate(state, as_of=as_of, protocol=protocol)


def evaluate(state: PatientState, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a state, which must not know anything later than `as_of`."""
    day = day_number(as_of, state.time_zone)
    today = max(day, state.last_day)
    state = settled(state, today, protocol)
    reference, loss = _reference_now(state, today, protocol), state.loss
    asks = criterion_d(state.asked_on, today, protocol)
    totals = _totals(state, reference, day, protocol)
    if isinstance(reference, NoReference) or loss is None:
        missing = reference if isinstance(reference, NoReference) else _not_treated()
        criteria = (criterion_a_missing(missing), *totals, *asks)
        return _answer(state, as_of, today, criteria, missing, None, None, protocol)
    last_known, by_check_ins = _by_check_ins(state, loss, reference, today, protocol)
    return _answer(
        state, as_of, today, (*by_check_ins, *totals, *asks), reference, loss, last_known, protocol
    )


def _by_check_ins(
    state: PatientState, loss: Loss, reference: Reference, today: int, protocol: Protocol
) -> tuple[LastKnown | None, tuple[Criterion, ...]]:
    """Criteria A and C as far as check-ins speak about now; what they last said where they do not."""
    if protocol.generation == 1 or loss.weighted is None:
        return None, _a_and_c(loss, reference, today, state.recent_days, protocol)
    infusion, last = state.treatment.last_day, loss.weighted.days[-1] if loss.weighted.days else None
    daily = cadence_of(state, today, protocol) is Cadence.DAILY
    known = what_is_known(last, infusion, today, asked_daily=daily, protocol=protocol)
    if known is Known.FRESH:
        return None, _a_and_c(loss, reference, today, loss.weighted.days, protocol)
    if known is Known.NO_REPORT_SINCE_INFUSION and infusion is not None:
        level = state.boosters.level_before or Level.STEADY
        since = NoReportSinceInfusion(date.fromordinal(infusion), today - infusion)
        return None, (Criterion(CriterionName.GAIN_LOST, level, (since,)),)
    level, on = _last_said(state, loss, reference, last, infusion, protocol)
    reason = why.LastKnown(level.value, date.fromordinal(on), today - on)
    shown = level if level is Level.CONSIDER_BOOSTER else Level.UNKNOWN
    since_day = date.fromordinal(on) if shown in _UNSTEADY else None
    criterion = Criterion(CriterionName.GAIN_LOST, shown, (reason,), since_day)
    return LastKnown(level, date.fromordinal(on)), (criterion,)


def _last_said(
    state: PatientState,
    loss: Loss,
    reference: Reference,
    last: int | None,
    infusion: int | None,
    protocol: Protocol,
) -> tuple[Level, int]:
    """The level by check-ins on the day of the last report, and that day."""
    if last is None or (infusion is not None and last <= infusion):
        return state.boosters.level_before or Level.STEADY, last or infusion or 0
    recent = loss.weighted.days if loss.weighted else ()
    return worst_level(_a_and_c(loss, reference, last, recent, protocol)), last


def _a_and_c(
    loss: Loss, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[Criterion, ...]:
    return (
        criterion_a(loss.weighted, reference, today, recent_days, protocol),
        *criterion_c(loss.domains, reference, today, recent_days, protocol),
    )


def _level_of(criteria: Sequence[Criterion]) -> Level:
    """The worst of the criteria; but unless one says watch or worse, what check-ins do not know is unknown."""
    worst = worst_level(criteria)
    return Level.UNKNOWN if worst is Level.STEADY and criteria[0].level is Level.UNKNOWN else worst


def _answer(
    state: PatientState,
    as_of: datetime,
    today: int,
    criteria: tuple[Criterion, ...],
    reference: Reference | NoReference,
    loss: Loss | None,
    last_known: LastKnown | None,
    protocol: Protocol,
) -> Evaluation:
    level, day = _level_of(criteria), date.fromordinal(today)
    known = reference if isinstance(reference, Reference) else None
    (mood, energy, sleep), weighted = (loss.domains, loss.weighted) if loss else ((None, None, None), None)
    answering = _answering_now(state, today, protocol)
    stretches = _stretches(state, loss, today, protocol)
    findings = _findings(state, known, loss, criteria, answering, stretches, today, protocol)
    # By place: thirty names take a microsecond to match, a thirtieth of a step.
    return Evaluation(
        as_of,
        day,
        state.time_zone,
        level,
        criteria,
        notes_on(state, criteria, level, known, loss, answering, today, protocol) if known and loss else (),
        suppressed_by(state, criteria, level, reference, findings, as_of, today, protocol),
        _reports(state, loss, protocol),
        PerDomain(mood and mood.share, energy and energy.share, sleep and sleep.share),
        PerDomain(mood and mood.smoothed, energy and energy.smoothed, sleep and sleep.smoothed),
        _levels(state, loss, protocol),
        weighted.share if weighted else None,
        weighted.smoothed if weighted else None,
        consider_threshold(known, protocol) if known and weighted else None,
        reference,
        state.baseline,
        _data_quality(state, day, protocol),
        _exposure(state, today, stretches, protocol),
        _last_totals(state),
        _worse(findings, loss, known, today, state.recent_days, protocol),
        _unsteady_since(criteria, day) if level in _UNSTEADY else None,
        date.fromordinal(loss.steady_on) if loss and loss.steady_on is not None else None,
        RULE,
        protocol.version,
        findings,
        last_known,
        state.signs.recent[-_DAYS_SHOWN:],
        _means_now(state) if protocol.generation > 1 else NOTHING,
        answering and _answered(answering, protocol),
        stretches,
    )


def _findings(
    state: PatientState,
    reference: Reference | None,
    loss: Loss | None,
    criteria: Sequence[Criterion],
    answering: Answering | None,
    stretches: Sequence[Stretch],
    today: int,
    protocol: Protocol,
) -> tuple[Finding, ...]:
    """What is for review by a clinician, in the order in which it is said."""
    if protocol.generation == 1:
        return ()
    track, signs = (loss.weighted if loss else None), state.signs
    confirmed = any(
        one.name is CriterionName.SCALE_RELAPSE and one.level is Level.CONSIDER_BOOSTER for one in criteria
    )
    considered_on = loss.considered_on if loss else None
    current = stretches[-1] if stretches else None
    steady = criteria[0].level is Level.STEADY and track is not None and track.share is not None
    found = (
        worse_than_before(signs, reference, state.baseline, today, protocol),
        elevated_mood(signs, today, protocol),
        silent_after_low(track, answering, today, protocol),
        scale_disagrees(state.totals, track, signs, considered_on, confirmed, today, protocol),
        boosters_not_holding(state.boosters, current, steady=steady, today=today, protocol=protocol),
        below_best(signs, track, state.baseline, today, protocol) if steady else None,
    )
    return tuple(one for one in found if one is not None)


def _worse(
    findings: Sequence[Finding],
    loss: Loss | None,
    reference: Reference | None,
    today: int,
    recent_days: Sequence[int],
    protocol: Protocol,
) -> tuple[WorseThanBefore, ...]:
    if protocol.generation == 1:
        return worse_by_rule_1(loss, reference, today, recent_days, protocol) if loss and reference else ()
    for one in findings:
        if one.code is FindingCode.WORSE_THAN_BEFORE:
            return tuple(worse for worse in one.numbers if isinstance(worse, WorseThanBefore))  # type: ignore[union-attr]  # its numbers are these
    return ()


def _reports(state: PatientState, loss: Loss | None, protocol: Protocol) -> PerDomain[float | None]:
    """Each domain's last answered day since the last infusion; before rule 2.0 by the reference alone."""
    if protocol.generation == 1:
        return loss.reports if loss else NOTHING
    since = state.treatment.last_day or 0
    mood: float | None = None
    energy: float | None = None
    sleep: float | None = None
    for one in reversed(state.signs.recent):
        if one.day < since:
            break
        said_mood, said_energy, said_sleep = one.values
        mood = said_mood if mood is None else mood
        energy = said_energy if energy is None else energy
        sleep = said_sleep if sleep is None else sleep
        if mood is not None and energy is not None and sleep is not None:
            break
    return PerDomain(mood, energy, sleep)


def _means_now(state: PatientState) -> PerDomain[float | None]:
    """The means of the latest three check-in days, as far as they came since the last infusion."""
    since, means = state.treatment.last_day or 0, []
    days = [one for one in state.signs.recent[-_DAYS_SHOWN:] if one.day >= since]
    for index in range(len(NOTHING)):
        values = [value for one in days if (value := one.values[index]) is not None]
        means.append(sum(values) / len(values) if values else None)
    return PerDomain(*means)


def _levels(state: PatientState, loss: Loss | None, protocol: Protocol) -> PerDomain[float | None]:
    if protocol.generation == 1:
        return loss.levels if loss else NOTHING
    mood, energy, sleep = state.signs.levels
    return PerDomain(
        mood.level if mood else None, energy.level if energy else None, sleep.level if sleep else None
    )


def _answering_now(state: PatientState, today: int, protocol: Protocol) -> Answering | None:
    """The asked and answered days through yesterday: today may still be answered."""
    answering = state.answering
    if answering is None or today <= answering.day + 1:
        return answering
    return answered_on(answering, today - 1, asked_on(state, protocol), answered=False)


def _answered(answering: Answering, protocol: Protocol) -> Answered:
    recent, before = protocol.answering_recent_days, protocol.answering_before_days
    return Answered(
        last_days(answering, recent),
        last_days(answering, before, skip=recent),
        fell(answering, protocol) is not None,
    )


def _stretches(state: PatientState, loss: Loss | None, today: int, protocol: Protocol) -> tuple[Stretch, ...]:
    if protocol.generation == 1 or loss is None:
        return ()
    return (*state.boosters.stretches, current_stretch(state, loss, today, protocol))


def _reference_now(state: PatientState, today: int, protocol: Protocol) -> Reference | NoReference:
    """The reference, or the reason why there is none now; none holds while induction is running."""
    treatment = state.treatment
    if treatment.taken_on is not None and treatment.day_zero is None:
        return state.reference or _awaiting(state, treatment.taken_on, today, protocol)
    if treatment.first_day is None:
        return _not_treated()
    if treatment.day_zero is None or treatment.induction_over is None:
        return NoReference(because=NoReferenceBecause.NO_INDUCTION_INFUSION)
    if today < treatment.induction_over:
        until = date.fromordinal(treatment.induction_over)
        return NoReference(because=NoReferenceBecause.INDUCTION_RUNNING, until=until)
    if state.reference is not None:
        return state.reference
    zero = date.fromordinal(treatment.day_zero)
    until = date.fromordinal(treatment.day_zero + protocol.window_latest_day)
    window = window_days(known_days(state), day_zero=zero, until=until, protocol=protocol)
    return NoReference(
        because=NoReferenceBecause.WINDOW_OPEN,
        n_days=len(window),
        days_needed=protocol.window_least_days,
        until=until,
    )


def _awaiting(state: PatientState, taken_on: int, today: int, protocol: Protocol) -> NoReference:
    """Taken on in maintenance: a clinician names the days of the reference, or accepts the proposed ones."""
    proposed = proposed_now(state, today, protocol)
    first = state.treatment.proposes_from or 0
    return NoReference(
        because=NoReferenceBecause.TAKEN_ON_AWAITING_REFERENCE,
        n_days=len(proposed) or sum(one.day.toordinal() >= first for one in known_days(state)),
        days_needed=protocol.taken_on_least_days,
        taken_on_at=date.fromordinal(taken_on),
        proposed_from=proposed[0].day if proposed else None,
        proposed_to=proposed[-1].day if proposed else None,
    )


def _not_treated() -> NoReference:
    return NoReference(because=NoReferenceBecause.NOT_TREATED)


def _totals(
    state: PatientState, reference: Reference | NoReference, day: int, protocol: Protocol
) -> tuple[Criterion, ...]:
    """Scales speak without check-ins, but not while induction is running."""
    running = isinstance(reference, NoReference) and reference.because is NoReferenceBecause.INDUCTION_RUNNING
    treatment = state.treatment
    if running or not state.totals or (treatment.last_induction_at is None and treatment.taken_on is None):
        return ()
    return criterion_b(state.totals, date.fromordinal(day), protocol)


def _unsteady_since(criteria: Sequence[Criterion], day: date) -> date | None:
    """The earliest day on which a measured criterion left steady; a wish to talk is no measurement."""
    left = [
        criterion.since or day
        for criterion in criteria
        if criterion.level in _UNSTEADY and criterion.name is not CriterionName.PATIENT_ASKS
    ]
    return min(left) if left else None


def _data_quality(state: PatientState, day: date, protocol: Protocol) -> DataQuality:
    at = state.last_at
    return DataQuality(
        day,
        state.recent_days,
        None if at is None else datetime.fromtimestamp(at, UTC),
        date.fromordinal(state.recent_days[-1]) if state.recent_days else None,
        protocol.gaps_counted,
    )


def _exposure(state: PatientState, today: int, stretches: Sequence[Stretch], protocol: Protocol) -> Exposure:
    treatment = state.treatment
    lasted = treatment.response_durations
    if protocol.generation > 1:
        lasted = tuple(one.held_days for one in stretches[:-1] if one.held_to is not None)
    return exposure_on(
        treatment.recent_days,
        today,
        total=treatment.total + treatment.earlier,
        response_durations=lasted,
        about=treatment.earlier,
    )


def _last_totals(state: PatientState) -> tuple[LastTotal, ...]:
    if not state.totals:
        return ()
    return tuple(
        LastTotal(totals.scale.key, totals.last.day, totals.last.total)
        for totals in state.totals
        if totals.last is not None
    )
