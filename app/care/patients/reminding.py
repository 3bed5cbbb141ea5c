"""How a patient wants to be asked: read, changed, and what it means for the next look."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Final
from uuid import UUID

from app.care.patients.ask_times import AskTimes
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.vault import PatientVault
from app.outbox import Channel
from app.storage import reminder_plans
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.reminder_plans import ReminderPlan

_CELL: Final = {"table": "reminder_plans", "column": "sms_number_sealed"}


class AskedInQuietHoursError(RefusalError):
    """The time to be asked lies in the quiet hours; please move one of them."""

    code = "asked-in-quiet-hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderChoices:
    """What a patient chose. ``channels``: a reminder goes over one of them, the first that reaches the patient."""

    ask_at: time
    quiet_from: time
    quiet_until: time
    channels: tuple[Channel, ...]
    sms_number: str | None
    paused_until: date | None


# What becomes of the choices as they are when the change is made.
ChoicesChange = Callable[[ReminderChoices], ReminderChoices]


def times_of(plan: ReminderPlan) -> AskTimes:
    """Give when a patient is asked, and when never."""
    return AskTimes(
        ask_at=plan.ask_at,
        quiet_from=plan.quiet_from,
        quiet_until=plan.quiet_until,
        paused_until=plan.paused_until,
    )


def choices_of(vault: PatientVault, plan: ReminderPlan) -> ReminderChoices:
    """Give a plan as its patient chose it."""
    return ReminderChoices(
        ask_at=plan.ask_at,
        quiet_from=plan.quiet_from,
        quiet_until=plan.quiet_until,
        channels=tuple(Channel(one) for one in plan.channels),
        sms_number=sms_number_of(vault, plan),
        paused_until=plan.paused_until,
    )


def sms_number_of(vault: PatientVault, plan: ReminderPlan) -> str | None:
    """Open a patient's number for text messages, where there is one."""
    if plan.sms_number_sealed is None:
        return None
    return vault.open(plan.sms_number_sealed, row_id=plan.patient_id, **_CELL)


async def plan_of(work: UnitOfWork, patient_id: UUID) -> ReminderPlan:
    """Find a patient's plan.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    plan = await reminder_plans.find(work, patient_id)
    if plan is None:
        raise NotFoundError
    return plan


async def change_choices(
    work: UnitOfWork,
    vault: PatientVault,
    plan: ReminderPlan,
    choices: ReminderChoices,
    *,
    time_zone: str,
) -> None:
    """Keep what a patient chose, from the next time on: a time of day that has passed is tomorrow's.

    Raises:
        AskedInQuietHoursError: the patient would be asked in the quiet hours.
    """
    sealed = plan.sms_number_sealed
    if choices.sms_number != sms_number_of(vault, plan):
        sealed = _seal(vault, plan.patient_id, choices.sms_number)
    chosen = replace(
        plan,
        ask_at=choices.ask_at,
        quiet_from=choices.quiet_from,
        quiet_until=choices.quiet_until,
        channels=[one.value for one in choices.channels],
        sms_number_sealed=sealed,
        paused_until=choices.paused_until,
    )
    times = times_of(chosen)
    if times.is_quiet(times.ask_at):
        raise AskedInQuietHoursError("#/reminders/ask_at")
    looking = replace(chosen, next_look_at=times.next_moment(time_zone, after=work.now))
    await reminder_plans.change(work, looking)
    work.audit("reminders.chosen", "patient", plan.patient_id)


def _seal(vault: PatientVault, patient_id: UUID, number: str | None) -> bytes | None:
    if number is None:
        return None
    return vault.seal(number, row_id=patient_id, **_CELL)
