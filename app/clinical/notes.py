"""What is said beside the criteria: notes on the data, and why nothing may be raised now."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from app.clinical.answering import Answering, fell
from app.clinical.check_ins import SECONDS_AN_HOUR
from app.clinical.counterfactual import counterfactual
from app.clinical.criterion_a_gain import consider_threshold, is_small
from app.clinical.domains import DOMAINS
from app.clinical.findings import Disagreement, Finding
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.protocol import Protocol
from app.clinical.reasons import (
    AnsweringFell,
    AssumedBaseline,
    BoosterDidNotHold,
    CourseClosed,
    Criterion,
    DomainOff,
    FallingReference,
    InductionRunning,
    LastKnown,
    MoodElevated,
    NoReportSinceInfusion,
    Reason,
    Recurs,
    ScaleDisagrees,
    SmallGain,
    WithinADayOfInfusion,
)
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, ReferenceKind
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import PatientState

# A tuple made once: a union is made again at each use.
_NOT_BY_A_REPORT: Final = (LastKnown, NoReportSinceInfusion)


def suppressed_by(
    state: PatientState,
    criteria: Sequence[Criterion],
    level: Level,
    reference: Reference | NoReference,
    findings: Sequence[Finding],
    as_of: datetime,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    """Why nothing may be raised now.

    No reference, induction, acute effects, a course that is over; check-ins that do not speak about now; elevated
    mood until 3 days after its last day; a total that disagrees, while its repeat is awaited.
    """
    suppressed: list[Reason] = []
    treatment = state.treatment
    if isinstance(reference, NoReference):
        if reference.because is NoReferenceBecause.INDUCTION_RUNNING:
            suppressed.append(InductionRunning(reference.until))
        elif level < Level.CONSIDER_BOOSTER:
            suppressed.extend(criteria[0].reasons)
    if treatment.last_at is not None:
        hours = (as_of.timestamp() - treatment.last_at) / SECONDS_AN_HOUR
        if hours < protocol.acute_hours:
            suppressed.append(WithinADayOfInfusion(hours, protocol.acute_hours))
    closed = treatment.course_closed
    if closed is not None and closed <= today:
        suppressed.append(CourseClosed(date.fromordinal(closed)))
    if protocol.generation > 1:
        suppressed.extend(_while_not_known(criteria))
        suppressed.extend(_by_findings(findings, state, criteria, today, protocol))
    return tuple(suppressed)


def _while_not_known(criteria: Sequence[Criterion]) -> list[Reason]:
    """Check-ins that do not speak about now raise nothing; a validated total still may."""
    if any(
        one.level is Level.CONSIDER_BOOSTER and one.name is CriterionName.SCALE_RELAPSE for one in criteria
    ):
        return []
    return [reason for reason in criteria[0].reasons if isinstance(reason, _NOT_BY_A_REPORT)]


def _by_findings(
    findings: Sequence[Finding],
    state: PatientState,
    criteria: Sequence[Criterion],
    today: int,
    protocol: Protocol,
) -> list[Reason]:
    found: list[Reason] = []
    elevated_on = state.signs.elevated_on
    if elevated_on is not None and today - elevated_on <= protocol.elevated_holds_days:
        until = date.fromordinal(elevated_on + protocol.elevated_holds_days)
        found.append(MoodElevated(date.fromordinal(elevated_on), until))
    by_check_ins_alone = not any(
        one.level is Level.CONSIDER_BOOSTER and one.name is CriterionName.SCALE_RELAPSE for one in criteria
    )
    worse = any(one.code is FindingCode.WORSE_THAN_BEFORE for one in findings)
    for one in findings:
        numbers = one.numbers
        if not isinstance(numbers, Disagreement) or not by_check_ins_alone:
            continue
        until_day = numbers.waits_until if numbers.quiet_until is None else numbers.quiet_until
        if worse and numbers.quiet_until is not None:
            continue
        if until_day is not None and today <= until_day.toordinal():
            found.append(ScaleDisagrees(numbers.scale, numbers.total, numbers.on, until_day))
    return found


def notes_on(
    state: PatientState,
    criteria: Sequence[Criterion],
    level: Level,
    reference: Reference,
    loss: Loss,
    answering: Answering | None,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    """What is said with every level: how far the data can be trusted, and what would have changed it."""
    complete, considers = None not in reference.values, level is Level.CONSIDER_BOOSTER
    if protocol.generation == 1 and not considers and complete and reference.kind is ReferenceKind.MEASURED:
        return ()
    notes: list[Reason] = []
    if considers:
        notes.extend(_did_not_hold(state, criteria, loss, today, protocol))
    if reference.assumes_baseline:
        notes.append(AssumedBaseline(_assumed_threshold(reference, protocol)))
    if protocol.generation > 1 and loss.weighted is not None and is_small(reference, protocol):
        notes.append(SmallGain(reference.mean_gain, consider_threshold(reference, protocol)))
    if reference.falling:
        notes.append(FallingReference(reference.n_days))
    if not complete:
        notes.extend(_domains_off(reference, protocol))
    if protocol.generation > 1:
        notes.extend(_answering_fell(answering, protocol))
        if considers:
            notes.extend(_recurs(state, protocol))
            notes.extend(_was_elevated(state, today, protocol))
    if considers:
        notes.extend(_counterfactual(state, criteria, reference, loss, protocol))
    return tuple(notes)


def _assumed_threshold(reference: Reference, protocol: Protocol) -> float:
    if protocol.generation == 1:
        return protocol.consider_at_assumed
    return consider_threshold(reference, protocol)


def _answering_fell(answering: Answering | None, protocol: Protocol) -> list[Reason]:
    """The answered share of asked days is 30 points below that of before."""
    found = None if answering is None else fell(answering, protocol)
    if found is None:
        return []
    now, before = found
    return [AnsweringFell(now.answered, now.asked, before.answered, before.asked)]


def _recurs(state: PatientState, protocol: Protocol) -> list[Reason]:
    """Two earlier losses became steady within 10 days without an infusion: that speaks against this one."""
    quick = [
        (began, over) for began, over in state.signs.recoveries if over - began <= protocol.recurs_within_days
    ]
    if len(quick) < protocol.recurs_times:
        return []
    lengths = [over - began for began, over in quick]
    apart = quick[-1][0] - quick[-2][0]
    return [Recurs(len(quick), min(lengths), max(lengths), apart)]


def _was_elevated(state: PatientState, today: int, protocol: Protocol) -> list[Reason]:
    """For 60 days after elevated mood every signal says it first."""
    on = state.signs.elevated_on
    if on is None or today - on > protocol.elevated_said_days:
        return []
    return [MoodElevated(date.fromordinal(on), date.fromordinal(on + protocol.elevated_said_days))]


def _domains_off(reference: Reference, protocol: Protocol) -> list[Reason]:
    """Domains with too few days of their own in the window."""
    return [
        DomainOff(domain.value, n_days, protocol.window_least_days)
        for domain, value, n_days in zip(DOMAINS, reference.values, reference.days, strict=True)
        if value is None
    ]


def _counterfactual(
    state: PatientState, criteria: Sequence[Criterion], reference: Reference, loss: Loss, protocol: Protocol
) -> list[Reason]:
    """What other report would have kept it below consider; nothing when a validated total says so too."""
    names = [criterion.name for criterion in criteria if criterion.level is Level.CONSIDER_BOOSTER]
    if CriterionName.SCALE_RELAPSE in names:
        return []
    if protocol.generation > 1 and any(isinstance(one, _NOT_BY_A_REPORT) for one in criteria[0].reasons):
        return []
    reason = counterfactual(
        state.loss_before,
        loss,
        reference,
        gain_lost=CriterionName.GAIN_LOST in names,
        mood_alone=CriterionName.ONE_DOMAIN in names,
        protocol=protocol,
    )
    return [reason]


def _did_not_hold(
    state: PatientState, criteria: Sequence[Criterion], loss: Loss, today: int, protocol: Protocol
) -> tuple[Reason, ...]:
    """Consider again within 14 days of a booster: review rather than repeat."""
    treatment = state.treatment
    if not treatment.last_is_booster or treatment.last_day is None:
        return ()
    since = [loss.considered_on] if loss.considered_on is not None else []
    since += [
        criterion.since.toordinal()
        for criterion in criteria
        if criterion.name is CriterionName.SCALE_RELAPSE
        and criterion.level == Level.CONSIDER_BOOSTER
        and criterion.since
    ]
    lasted = min(since, default=today) - treatment.last_day
    if not 0 <= lasted <= protocol.not_held_days:
        return ()
    return (BoosterDidNotHold(date.fromordinal(treatment.last_day), lasted),)
