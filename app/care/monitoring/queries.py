"""A patient's answer as of now, as it is shown; reading it changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.care.monitoring.history import latest_in, protocol_of, snapshot_of
from app.care.monitoring.timeline_replay import kept_state, timeline_now
from app.care.patients.consent_status import ConsentWithdrawnError
from app.clinical.answer import Evaluation
from app.clinical.check_ins import calendar_day
from app.clinical.evaluation import evaluate
from app.clinical.explanation import explanation_parts, render
from app.clinical.findings import Finding
from app.clinical.headline import Beside, steady_without_infusion
from app.clinical.levels import CriterionName
from app.clinical.profiles import Caution
from app.clinical.taper import PlannedDate
from app.context import AppContext, Work
from app.storage import care_plans, signals
from app.storage.care_plans import PlanKind
from app.storage.check_in_path import PatientSnapshot
from app.storage.clinical_json import answer_to_json, parts_to_json
from app.storage.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationView:
    """An answer as it is shown: its plain form and its sentences."""

    evaluation: Evaluation
    plain: dict[str, Any]
    explanation: str


def findings_before(context: AppContext, snapshot: PatientSnapshot, *, now: datetime) -> tuple[Finding, ...]:
    """Give the findings by the state as it was kept; none where this rule has none."""
    protocol = protocol_of(snapshot, context)
    kept = kept_state(snapshot, protocol)
    if kept is None:
        return ()
    state = kept.timeline.state
    return evaluate(state, as_of=latest_in(state, snapshot, now=now), protocol=protocol).findings


async def evaluation_now(
    work: Work, patient_id: UUID, *, planned: PlannedDate | None = None, locale: str = "en"
) -> EvaluationView:
    """Give the answer as of now, explained in English or Spanish; it changes nothing.

    Raises:
        NotFoundError: the clinic has no such patient.
        ConsentWithdrawnError: the patient has withdrawn consent.
    """
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    if snapshot.consent_withdrawn_at is not None:
        raise ConsentWithdrawnError
    protocol = protocol_of(snapshot, work.context)
    timeline = await timeline_now(work, snapshot, protocol=protocol, now=work.now)
    factors = await care_plans.find(work, patient_id, PlanKind.FACTORS)
    signal = await signals.latest_of_patient(work, patient_id)
    work.record_access("evaluation", patient_id=patient_id)
    cautions = factors.content["cautions"] if factors.content else []
    evaluation = evaluate(
        timeline.state, as_of=latest_in(timeline.state, snapshot, now=work.now), protocol=protocol
    )
    beside = beside_of(cautions, signal, time_zone=snapshot.time_zone, planned=planned)
    return view_of(evaluation, beside, cautions, locale=locale)


def beside_of(
    cautions: Sequence[str], signal: Signal | None, *, time_zone: str, planned: PlannedDate | None
) -> Beside:
    """Give what stands beside an answer: open cautions, the planned date, what an open signal said when raised."""
    known = Beside(cautions=tuple(Caution(name) for name in cautions), planned=planned)
    if signal is None or signal.state == "closed":
        return known
    of_mood = signal.criterion == CriterionName.ONE_DOMAIN.value
    share = signal.decision["smoothed_share"]["mood"] if of_mood else signal.decision.get("smoothed")
    due = signal.escalate_at
    return replace(
        known,
        raised=None if share is None else (signal.raised_on, share),
        call_by=None if due is None else calendar_day(due, time_zone),
        became_steady=signal.steady_since,
    )


def view_of(
    evaluation: Evaluation, beside: Beside, cautions: Sequence[str], *, locale: str = "en"
) -> EvaluationView:
    """Give an answer as it is shown, with what stands beside it."""
    parts = explanation_parts(evaluation, beside=beside, locale=locale)
    return EvaluationView(
        evaluation=evaluation,
        plain={
            **answer_to_json(evaluation),
            "cautions": list(cautions),
            "explanation_parts": parts_to_json(parts),
            "remarks": ["steady_without_infusion"] if steady_without_infusion(evaluation, beside) else [],
        },
        explanation=render(parts),
    )
