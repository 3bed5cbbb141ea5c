"""From the stored signal to the core's episode, and from the core's move to what is stored and told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from app.clinical import evaluation_codec
from app.clinical.evaluation import Evaluation
from app.clinical.explanation import explain
from app.clinical.grounds import GroundName
from app.clinical.signals import (
    NO_EPISODE,
    Disposition,
    Episode,
    EpisodeState,
    Move,
    MoveKind,
    closed_by_infusion,
    closed_by_withdrawal,
    moved,
)
from app.clinical.waiting import signal_wait
from app.clinics.service import limits_in_force
from app.foundation.audit import SYSTEM, AuditEvent
from app.foundation.ids import new_id
from app.storage import signals
from app.storage.signals import Signal
from app.storage.unit_of_work import UnitOfWork
from app.webhooks.events import EventType
from app.webhooks.notifying import About, notify_of_patient

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


def episode_from(stored: Mapping[str, Any] | None) -> Episode:
    """Read the patient's latest signal, as it travels with the standing, as the core's episode."""
    if stored is None:
        return NO_EPISODE
    return Episode(
        # Somebody having seen it changes nothing for the rule.
        state=EpisodeState("open" if stored["state"] == "acknowledged" else stored["state"]),
        raised_on=date.fromisoformat(stored["raised_on"]),
        grounds=tuple(GroundName(name) for name in stored["grounds"]),
        steady_since=_day(stored["steady_since"]),
        snoozed_until=_moment(stored["snoozed_until"]),
        closed_at=_moment(stored["closed_at"]),
        disposition=Disposition(stored["disposition"]) if stored["disposition"] else None,
        booster_booked_for=_day(stored["booster_booked_for"]),
    )


def episode_of(signal: Signal | None) -> Episode:
    """Read a stored signal as the core's episode."""
    if signal is None:
        return NO_EPISODE
    return Episode(
        state=EpisodeState("open" if signal.state == "acknowledged" else signal.state),
        raised_on=signal.raised_on,
        grounds=tuple(GroundName(name) for name in signal.grounds),
        steady_since=signal.steady_since,
        snoozed_until=signal.snoozed_until,
        closed_at=signal.closed_at,
        disposition=Disposition(signal.disposition) if signal.disposition else None,
        booster_booked_for=signal.booster_booked_for,
    )


async def carry_out(
    work: UnitOfWork,
    move: Move,
    evaluation: Evaluation,
    *,
    told: Told,
    signal_id: UUID | None,
    episode: Episode,
    now: datetime,
) -> None:
    """Store what the rule decided to do, and tell of it; the caller holds the patient's turn."""
    if move.kind is MoveKind.RAISE:
        await _raise(work, move, evaluation, told=told, episode=episode, now=now)
    elif move.kind is not MoveKind.NONE and signal_id is not None:
        after = moved(episode, move, on=evaluation.day)
        await signals.change(
            work,
            signal_id,
            grounds=[name.value for name in after.grounds],
            steady_since=after.steady_since,
            latest=evaluation_codec.to_plain(evaluation),
            explanation=explain(evaluation),
            audit=_event(now, f"signal.{move.kind.value}", signal_id, told.patient_id),
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
    was_closed = after.state is EpisodeState.CLOSED and before.state is not EpisodeState.CLOSED
    await signals.change(
        work,
        signal.id,
        state="closed" if was_closed else signal.state,
        closed_at=after.closed_at,
        disposition=after.disposition.value if after.disposition else None,
        snoozed_until=after.snoozed_until,
        booster_booked_for=after.booster_booked_for,
        escalate_at=None if was_closed else signal.escalate_at,
        audit=_event(
            now,
            "signal.closed_by_infusion" if was_closed else "signal.booking_kept",
            signal.id,
            told.patient_id,
        ),
    )
    if was_closed:
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
        audit=_event(now, "signal.closed_by_withdrawal", signal.id, told.patient_id),
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
    work: UnitOfWork, move: Move, evaluation: Evaluation, *, told: Told, episode: Episode, now: datetime
) -> None:
    after = moved(episode, move, on=evaluation.day)
    plain = evaluation_codec.to_plain(evaluation)
    escalate_at = now + signal_wait(await limits_in_force(work))
    signal = Signal(
        id=new_id(),
        patient_id=told.patient_id,
        state="open",
        level=evaluation.level.value,
        ground=move.grounds[0].value,
        grounds=[name.value for name in move.grounds],
        raised_at=now,
        raised_on=evaluation.day,
        decision=plain,
        latest=plain,
        explanation=explain(evaluation),
        steady_since=None,
        acknowledged_at=None,
        acknowledged_by=None,
        snoozed_until=None,
        closed_at=None,
        closed_by=None,
        disposition=None,
        booster_booked_for=after.booster_booked_for,
        note_sealed=None,
        version=1,
        escalate_at=escalate_at,
        escalated_at=None,
    )
    await signals.add(work, signal, audit=_event(now, "signal.raised", signal.id, told.patient_id))
    await notify_of_patient(
        work,
        EventType.SIGNAL_RAISED,
        told.about(signal.id),
        now=now,
        more={"level": signal.level, "ground": signal.ground},
    )
    queue_escalation(work, signal.id, at=escalate_at)


def queue_escalation(work: UnitOfWork, signal_id: UUID, *, at: datetime) -> None:
    """Have a worker look, when its time has come, whether somebody acknowledged; the time itself is in the row."""
    work.queue(ESCALATE_SIGNAL, at=at, clinic_id=work.clinic_id, signal_id=signal_id)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _event(now: datetime, action: str, signal_id: UUID, patient_id: UUID) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=SYSTEM,
        action=action,
        subject_kind="signal",
        subject_id=signal_id,
        patient_id=patient_id,
    )
