"""Looking at signals, each with its note, the infusions so far, open cautions and an open safety event, as of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access.clinics.erased import no_such_signal
from app.care.alerts.notes import open_note
from app.clinical.answer import Exposure, exposure_on
from app.clinical.check_ins import check_in_day
from app.clinical.sentences import with_safety_first
from app.context import AppContext
from app.foundation.audit import Actor
from app.storage import care_plans, patients, safety_events, signals, treatment
from app.storage.access_records import record_access
from app.storage.care_plans import PlanKind
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalView:
    """A signal with what stands beside it now.

    ``exposure`` makes a rising frequency visible; nothing here changes what is recommended. The decision keeps
    what was known when it was made.
    """

    signal: Signal
    note: str | None
    exposure: Exposure
    cautions: tuple[str, ...]
    safety_event_open: bool

    @property
    def explanation(self) -> str:
        """The signal's sentences; an open safety event comes first."""
        said = self.signal.explanation
        return with_safety_first(said) if self.safety_event_open else said


async def list_signals(
    context: AppContext,
    clinic_id: UUID,
    *,
    states: list[str],
    patient_id: UUID | None,
    after: UUID | None,
    limit: int,
    actor: Actor,
) -> list[Signal]:
    """List signals in these states, oldest first."""
    async with context.database.work(clinic_id) as work:
        found = await signals.page(work, states=states, patient_id=patient_id, after=after, limit=limit)
        await record_access(work, "signals", now=context.clock.now(), actor=actor, patient_id=patient_id)
    return found


async def read_signal(context: AppContext, clinic_id: UUID, signal_id: UUID, *, actor: Actor) -> Signal:
    """Give one signal.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await existing(work, signal_id)
        whose = signal.patient_id
        await record_access(work, "signal", now=now, actor=actor, patient_id=whose, subject_id=signal_id)
    return signal


async def existing(work: UnitOfWork, signal_id: UUID) -> Signal:
    """Find a signal of this clinic.

    Raises:
        NotFoundError: there is none under this id.
        PatientErasedError: it was of a patient who was erased.
    """
    signal = await signals.find(work, signal_id)
    if signal is None:
        raise await no_such_signal(work, signal_id)
    return signal


async def views_of(context: AppContext, clinic_id: UUID, listed: Sequence[Signal]) -> list[SignalView]:
    """Give each signal with what stands beside it; four statements, however many they are."""
    now, whose = context.clock.now(), sorted({signal.patient_id for signal in listed})
    async with context.database.work(clinic_id) as work:
        zones = {one.id: one.time_zone for one in (await patients.find_many(work, whose)).values()}
        given = await treatment.infusion_days(work, whose)
        cautions = await _cautions(work, whose)
        unsafe = await safety_events.patients_with_open(work, whose)
    return [
        SignalView(
            signal=signal,
            note=open_note(context.vault, clinic_id, signal),
            exposure=_exposure(given.get(signal.patient_id, ()), zones[signal.patient_id], now),
            cautions=cautions.get(signal.patient_id, ()),
            safety_event_open=signal.patient_id in unsafe,
        )
        for signal in listed
    ]


async def _cautions(work: UnitOfWork, whose: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    plans = await care_plans.find_all(work, whose, PlanKind.FACTORS)
    return {patient_id: tuple(content["cautions"]) for patient_id, content in plans.items()}


def _exposure(days: Sequence[date], time_zone: str, now: datetime) -> Exposure:
    numbers = tuple(sorted(day.toordinal() for day in days))
    return exposure_on(numbers, check_in_day(now, time_zone).toordinal(), total=len(numbers))
