"""Looking at signals, each with its note, the infusions so far, open cautions and an open safety event, as of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.care.alerts.signals.commands import open_note
from app.clinical.answer import Exposure, exposure_on
from app.clinical.check_ins import check_in_day
from app.clinical.explanation import with_safety_first
from app.context import Work
from app.storage import care_plans, patients, safety_events, schedules, signals
from app.storage.care_plans import PlanKind
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
    work: Work, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[Signal]:
    """List signals in these states, oldest first."""
    found = await signals.TABLE.page(work, states=states, patient_id=patient_id, after=after, limit=limit)
    work.record_access("signals", patient_id=patient_id)
    return found


async def views_of(work: Work, listed: Sequence[Signal]) -> list[SignalView]:
    """Give each signal with what stands beside it; four statements, however many they are."""
    whose = sorted({signal.patient_id for signal in listed})
    zones = {one.id: one.time_zone for one in (await patients.find_many(work, whose)).values()}
    given = await schedules.of_patients(work, whose)
    plans = await care_plans.find_all(work, whose, PlanKind.FACTORS)
    cautions = {patient_id: tuple(content["cautions"]) for patient_id, content in plans.items()}
    unsafe = await safety_events.patients_with_open(work, whose)
    return [
        SignalView(
            signal=signal,
            note=open_note(work, signal),
            exposure=_exposure(work, given.get(signal.patient_id, ()), zones[signal.patient_id]),
            cautions=cautions.get(signal.patient_id, ()),
            safety_event_open=signal.patient_id in unsafe,
        )
        for signal in listed
    ]


def _exposure(work: Work, days: Sequence[date], time_zone: str) -> Exposure:
    numbers = tuple(sorted(day.toordinal() for day in days))
    return exposure_on(numbers, check_in_day(work.now, time_zone).toordinal(), total=len(numbers))
