"""Looking at alerts: a page of one kind, what was done to one, and what stands beside a signal as of now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.care.alerts.life_cycle import LifeCycle, open_words
from app.care.alerts.signal_commands import open_note
from app.clinical.answer import Exposure, exposure_on
from app.clinical.check_ins import check_in_day
from app.clinical.explanation import with_safety_first
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import alert_steps, care_plans, patients, safety_events, schedules, staff_members
from app.storage.alert_steps import AlertStep
from app.storage.alerts import Alert, AlertT
from app.storage.care_plans import PlanKind
from app.storage.signals import Signal


async def list_alerts(
    work: Work,
    kind: LifeCycle[AlertT],
    *,
    states: Sequence[str],
    patient_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[AlertT]:
    """List alerts of one kind in these states, oldest first."""
    found = await kind.table.page(work, states=states, patient_id=patient_id, after=after, limit=limit)
    work.record_access(f"{kind.noun}s", patient_id=patient_id)
    return found


class SafetyEventOpenError(RefusalError):
    """A safety event is open; someone has to see to it and close it first."""

    kind = RefusalKind.CONFLICT
    code = "safety-event-open"


async def refuse_open_events(work: Work, *patient_ids: UUID) -> None:
    """Refuse what nobody may do while a safety event of one of these patients is open.

    Raises:
        SafetyEventOpenError: one is.
    """
    if await safety_events.patients_with_open(work, patient_ids):
        raise SafetyEventOpenError


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStep:
    """A step and the reason or note that came with it."""

    step: AlertStep
    words: str | None


async def read_history(work: Work, kind: LifeCycle[AlertT], alert_id: UUID) -> list[OpenedStep]:
    """Give an alert's steps, oldest first; the audit log says that they were read.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    alert = await kind.existing(work, alert_id)
    work.record_access(f"{kind.noun}_history", patient_id=alert.patient_id, subject_id=alert_id)
    return await history_of(work, alert)


async def history_of(work: Work, alert: Alert) -> list[OpenedStep]:
    """Give the steps of an alert that has been read; whoever reads more besides records it in the audit log."""
    return [
        OpenedStep(step=step, words=open_words(work, alert, step))
        for step in await alert_steps.of_alert(work, alert.id)
    ]


async def names_in(work: Work, ids: Collection[UUID | None]) -> dict[UUID, str]:
    """Give the names of those of these ids who are members of the staff; keys have none."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    sealed = await staff_members.names_of(work, wanted)
    return {
        staff_id: work.vault.open(
            cell, table="staff_members", column="name", clinic_id=work.clinic_id, row_id=staff_id
        )
        for staff_id, cell in sealed.items()
    }


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
