"""From the stored signal to the core's episode, and from the core's move to what is stored and told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from app.access.clinics.queries import limits_in_force
from app.clinical import evaluation_codec
from app.clinical.episodes import (
    NO_EPISODE,
    Action,
    Disposition,
    Episode,
    EpisodeState,
    Move,
    MoveKind,
    closed_by_infusion,
    closed_by_withdrawal,
    moved,
    require_allowed,
)
from app.clinical.evaluation import Evaluation
from app.clinical.explanation import explain
from app.clinical.profiles import Caution
from app.clinical.reasons import CriterionName
from app.clinical.waiting import signal_wait
from app.foundation.audit import SYSTEM, signal_event
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import signals
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.histories import Known
from app.storage.signal_steps import StepDetails
from app.storage.signals import Signal

ESCALATE_SIGNAL: Final = "escalate_signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whom a signal is about, and where its link points."""

    patient_id: UUID
    mode: str
    public_url: str

    def about(self, signal_id: UUID) -> About:
        """What its notifications are about."""
        return About(
            patient_id=self.patient_id,
            mode=self.mode,
            subject="signal",
            subject_id=signal_id,
            url=f"{self.public_url}/v1/signals/{signal_id}",
        )


def episode_from(stored: Mapping[str, Any] | None, *, booster_booked_for: date | None) -> Episode:
    """Read the patient's latest signal, as it travels with the standing, as the core's episode."""
    if stored is None:
        return replace(NO_EPISODE, booster_booked_for=booster_booked_for)
    return Episode(
        # Somebody having seen it changes nothing for the rule.
        state=EpisodeState("open" if stored["state"] == "acknowledged" else stored["state"]),
        raised_on=date.fromisoformat(stored["raised_on"]),
        criteria=tuple(CriterionName(name) for name in stored["criteria"]),
        steady_since=_day(stored["steady_since"]),
        snoozed_until=_moment(stored["snoozed_until"]),
        closed_at=_moment(stored["closed_at"]),
        disposition=Disposition(stored["disposition"]) if stored["disposition"] else None,
        booster_booked_for=booster_booked_for,
    )


def episode_of(signal: Signal | None) -> Episode:
    """Read a stored signal as the core's episode; which booster is booked is kept with the patient."""
    if signal is None:
        return NO_EPISODE
    return Episode(
        state=EpisodeState("open" if signal.state == "acknowledged" else signal.state),
        raised_on=signal.raised_on,
        criteria=tuple(CriterionName(name) for name in signal.criteria),
        steady_since=signal.steady_since,
        snoozed_until=signal.snoozed_until,
        closed_at=signal.closed_at,
        disposition=Disposition(signal.disposition) if signal.disposition else None,
    )


async def carry_out(
    work: UnitOfWork,
    move: Move,
    evaluation: Evaluation,
    *,
    known: Known,
    told: Told,
    signal_id: UUID | None,
    episode: Episode,
    now: datetime,
) -> None:
    """Store what the rule decided to do, and tell of it; the caller holds the patient's turn."""
    if move.kind is MoveKind.RAISE:
        await _raise(work, move, evaluation, known=known, told=told, episode=episode, now=now)
    elif move.kind is not MoveKind.NONE and signal_id is not None:
        after = moved(episode, move, on=evaluation.day)
        await signals.change(
            work,
            signal_id,
            criteria=[name.value for name in after.criteria],
            steady_since=after.steady_since,
            latest=evaluation_codec.to_plain(evaluation),
            explanation=explain(evaluation, cautions=_cautions(known)),
            audit=signal_event(now, SYSTEM, f"signal.{move.kind.value}", signal_id, told.patient_id),
        )


async def close_by_infusion(
    work: UnitOfWork, *, told: Told, given_at: datetime, given_on: date, now: datetime
) -> None:
    """Close an open signal as "booster given", if the infusion came after it was raised."""
    signal = await signals.latest_of_patient(work, told.patient_id)
    if signal is None:
        return
    before = episode_of(signal)
    after = closed_by_infusion(before, given_at=given_at, given_on=given_on)
    if after == before:
        return
    await signals.change(
        work,
        signal.id,
        state=after.state.value,
        closed_at=after.closed_at,
        disposition=Disposition.BOOSTER_GIVEN.value,
        snoozed_until=None,
        escalate_at=None,
        step=StepDetails(id=new_id(), disposition=Disposition.BOOSTER_GIVEN.value),
        audit=signal_event(now, SYSTEM, "signal.closed_by_infusion", signal.id, told.patient_id),
    )
    await tell_closed(work, told, signal.id, Disposition.BOOSTER_GIVEN, now=now)


async def close_by_withdrawal(work: UnitOfWork, told: Told, *, now: datetime) -> None:
    """Close an open signal because the patient withdrew consent; the caller holds the patient's turn.

    It must not stay as something to act on, nor vanish: it says with what it was closed, and the clinic's
    systems are told as of every closing.
    """
    signal = await signals.latest_of_patient(work, told.patient_id)
    if signal is None or signal.state == "closed":
        return
    after = closed_by_withdrawal(episode_of(signal), at=now)
    await signals.change(
        work,
        signal.id,
        state=after.state.value,
        closed_at=after.closed_at,
        snoozed_until=after.snoozed_until,
        disposition=Disposition.CONSENT_WITHDRAWN.value,
        escalate_at=None,
        step=StepDetails(id=new_id(), disposition=Disposition.CONSENT_WITHDRAWN.value),
        audit=signal_event(now, SYSTEM, "signal.closed_by_withdrawal", signal.id, told.patient_id),
    )
    await tell_closed(work, told, signal.id, Disposition.CONSENT_WITHDRAWN, now=now)


async def tell_closed(
    work: UnitOfWork, told: Told, signal_id: UUID, disposition: Disposition, *, now: datetime
) -> None:
    """Tell that a signal was closed, and with what."""
    await notify_of_patient(
        work,
        EventType.SIGNAL_CLOSED,
        told.about(signal_id),
        now=now,
        more={"disposition": disposition.value},
    )


async def _raise(
    work: UnitOfWork,
    move: Move,
    evaluation: Evaluation,
    *,
    known: Known,
    told: Told,
    episode: Episode,
    now: datetime,
) -> None:
    require_allowed(episode.state, Action.RAISE)
    plain = evaluation_codec.to_plain(evaluation)
    escalate_at = now + signal_wait(await limits_in_force(work))
    signal = Signal(
        id=new_id(),
        patient_id=told.patient_id,
        state="open",
        level=evaluation.level.value,
        criterion=move.criteria[0].value,
        criteria=[name.value for name in move.criteria],
        raised_at=now,
        raised_on=evaluation.day,
        decision=plain,
        latest=plain,
        explanation=explain(evaluation, cautions=_cautions(known)),
        steady_since=None,
        acknowledged_at=None,
        acknowledged_by=None,
        snoozed_until=None,
        closed_at=None,
        closed_by=None,
        disposition=None,
        booster_booked_for=None,
        note_sealed=None,
        version=1,
        escalate_at=escalate_at,
        escalated_at=None,
        turn=known.turn,
        known=known.to_plain(),
    )
    await signals.add(
        work, signal, audit=signal_event(now, SYSTEM, "signal.raised", signal.id, told.patient_id)
    )
    subject, more = told.about(signal.id), {"level": signal.level, "criterion": signal.criterion}
    await notify_of_patient(work, EventType.SIGNAL_RAISED, subject, now=now, more=more)
    queue_escalation(work, signal.id, at=escalate_at)


def queue_escalation(work: UnitOfWork, signal_id: UUID, *, at: datetime) -> None:
    """Have a worker look, when its time has come, whether somebody acknowledged; the time itself is in the row."""
    work.queue(ESCALATE_SIGNAL, at=at, clinic_id=work.clinic_id, signal_id=signal_id)


def _cautions(known: Known) -> list[Caution]:
    return [Caution(name) for name in known.cautions]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
