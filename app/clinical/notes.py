"""What is said beside the criteria: remarks on the data, and why nothing may be raised now."""

from collections.abc import Sequence
from datetime import date, datetime

from app.clinical.check_ins import SECONDS_AN_HOUR
from app.clinical.counterfactual import counterfactual
from app.clinical.domains import DOMAINS
from app.clinical.protocol import Protocol
from app.clinical.reasons import Criterion, CriterionName, Level, Reason, ReasonCode
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, ReferenceKind
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import PatientState


def suppressed_by(
    state: PatientState,
    criteria: Sequence[Criterion],
    level: Level,
    reference: Reference | NoReference,
    as_of: datetime,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    """Why nothing may be raised now: no reference, induction, acute effects, a course that is over."""
    held: list[Reason] = []
    treatment = state.treatment
    if isinstance(reference, NoReference):
        if reference.because is NoReferenceBecause.INDUCTION_RUNNING:
            held.append(Reason(ReasonCode.INDUCTION_RUNNING, (("until", reference.until),)))
        elif level < Level.CONSIDER_BOOSTER:
            held.extend(criteria[0].reasons)
    if treatment.last_at is not None:
        hours = (as_of.timestamp() - treatment.last_at) / SECONDS_AN_HOUR
        if hours < protocol.acute_hours:
            facts = (("hours", hours), ("needed", protocol.acute_hours))
            held.append(Reason(ReasonCode.WITHIN_A_DAY_OF_INFUSION, facts))
    closed = treatment.course_closed
    if closed is not None and closed <= today:
        held.append(Reason(ReasonCode.COURSE_CLOSED, (("on", date.fromordinal(closed)),)))
    return tuple(held)


def notes_on(
    state: PatientState,
    criteria: Sequence[Criterion],
    level: Level,
    reference: Reference,
    loss: Loss,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    """What is said with every level: how far the data can be trusted, and what would have changed it."""
    complete = None not in reference.values
    if level is not Level.CONSIDER_BOOSTER and complete and reference.kind is ReferenceKind.MEASURED:
        return ()
    notes: list[Reason] = []
    if level is Level.CONSIDER_BOOSTER:
        notes.extend(_did_not_hold(state, criteria, loss, today, protocol))
    if reference.assumes_baseline:
        notes.append(Reason(ReasonCode.ASSUMED_BASELINE, (("threshold", protocol.consider_at_assumed),)))
    if reference.falling:
        notes.append(Reason(ReasonCode.FALLING_REFERENCE, (("n_days", reference.n_days),)))
    if not complete:
        notes.extend(_domains_off(reference, protocol))
    if level is Level.CONSIDER_BOOSTER:
        notes.extend(_counterfactual(state, criteria, reference, loss, protocol))
    return tuple(notes)


def _domains_off(reference: Reference, protocol: Protocol) -> list[Reason]:
    """Domains with too few days of their own in the window."""
    return [
        Reason(
            ReasonCode.DOMAIN_OFF,
            (("domain", domain.value), ("n_days", n_days), ("days_needed", protocol.window_least_days)),
        )
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
    facts = (("booster_on", date.fromordinal(treatment.last_day)), ("days", lasted))
    return (Reason(ReasonCode.BOOSTER_DID_NOT_HOLD, facts),)
