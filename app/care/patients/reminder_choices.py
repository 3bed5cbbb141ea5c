"""How a patient wants to be asked: read, changed, and what it means for the next look."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.clinical.check_ins import calendar_day, check_in_day, zone_of
from app.clinical.protocol import DAY_STARTS_AT_HOUR
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.vault import PatientVault
from app.outbox import Channel
from app.storage import outgoing_messages, reminder_plans
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.reminder_plans import ReminderPlan

_ONE_DAY: Final = timedelta(days=1)
_DAY_STARTS: Final = time(DAY_STARTS_AT_HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTimes:
    """When to ask and when never; local times without a zone, since the zone is where the patient is.

    Attributes:
        ask_at: the time of day; before 04:00 it belongs to the check-in day that is about to end.
        quiet_from, quiet_until: nothing is sent in between; equal times mean no quiet hours.
        paused_until: nothing is sent before this day.
    """

    ask_at: time
    quiet_from: time
    quiet_until: time
    paused_until: date | None

    def is_quiet(self, at: time) -> bool:
        """Whether nothing is sent at this time of day."""
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def moment(self, day: date, time_zone: str) -> datetime:
        """When a check-in day's reminder is due.

        A time that the clocks skip is an hour later by the new clock; one that comes twice is the first.
        """
        on = day if self.ask_at >= _DAY_STARTS else day + _ONE_DAY
        return _instant(on, self.ask_at, time_zone)

    def next_moment(self, time_zone: str, *, after: datetime) -> datetime:
        """The first moment after this one at which a reminder may be due."""
        day = check_in_day(after, time_zone) - _ONE_DAY
        while (moment := self.moment(day, time_zone)) <= after:
            day += _ONE_DAY
        return moment

    def forbid(self, now: datetime, time_zone: str) -> bool:
        """Whether nothing is sent now: the hours are quiet, or the patient made a pause."""
        local = now.astimezone(zone_of(time_zone))
        paused = self.paused_until is not None and check_in_day(now, time_zone) < self.paused_until
        return paused or self.is_quiet(local.time())

    def may_ask(self, now: datetime, time_zone: str) -> bool:
        """Whether the present check-in day's reminder is due by now, and nothing forbids it."""
        due_at = self.moment(check_in_day(now, time_zone), time_zone)
        return due_at <= now and not self.forbid(now, time_zone)

    def helps_until(self, now: datetime, time_zone: str) -> datetime:
        """Until when a reminder of now may still arrive: the quiet hours, or the end of the check-in day."""
        end_of_day = _instant(check_in_day(now, time_zone) + _ONE_DAY, _DAY_STARTS, time_zone)
        if self.quiet_from == self.quiet_until:
            return end_of_day
        on = calendar_day(now, time_zone)
        quiet = next(
            moment
            for days in range(3)
            if (moment := _instant(on + days * _ONE_DAY, self.quiet_from, time_zone)) > now
        )
        return min(end_of_day, quiet)


def _instant(on: date, at: time, time_zone: str) -> datetime:
    return datetime.combine(on, at, tzinfo=zone_of(time_zone)).astimezone(UTC)


_CELL: Final = {"table": "reminder_plans", "column": "sms_number_sealed"}


NO_CODE: Final[dict[str, Any]] = {
    "sms_code_digest": None,
    "sms_code_expires_at": None,
    "sms_code_tries": 0,
}
"""What a plan says of a code when none can be used."""


class NumberState(StrEnum):
    """Whether text messages go to a patient's number."""

    NONE = "none"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    # Its holder confirmed it, and answered STOP.
    STOPPED = "stopped"


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
    # What is known of the number; it is not chosen.
    sms_number_state: NumberState
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
        sms_number_state=number_state_of(plan),
        paused_until=plan.paused_until,
    )


def number_state_of(plan: ReminderPlan) -> NumberState:
    """Say whether text messages go to a plan's number.

    Of a number that nobody confirmed it does not say whether it is stopped: whoever types in a stranger's learns
    nothing of their dealings with this clinic.
    """
    if plan.sms_number_sealed is None:
        return NumberState.NONE
    if plan.sms_confirmed_at is None:
        return NumberState.UNCONFIRMED
    return NumberState.STOPPED if plan.sms_stopped else NumberState.CONFIRMED


def index_of_number(work: Work, number: str) -> bytes:
    """Give what a number is found by in this clinic."""
    return work.vault.blind_index(number, purpose="sms_number", clinic_id=work.clinic_id)


def sms_number_of(vault: PatientVault, plan: ReminderPlan) -> str | None:
    """Open a patient's number for text messages, where there is one."""
    if plan.sms_number_sealed is None:
        return None
    return vault.open(plan.sms_number_sealed, row_id=plan.patient_id, **_CELL)


async def plan_of(work: UnitOfWork, patient_id: UUID, *, lock: bool = False) -> ReminderPlan:
    """Find a patient's plan; locked if it is to be changed.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    find = reminder_plans.lock if lock else reminder_plans.find
    plan = await find(work, patient_id)
    if plan is None:
        raise NotFoundError
    return plan


async def change_choices(
    work: Work,
    vault: PatientVault,
    plan: ReminderPlan,
    choices: ReminderChoices,
    *,
    time_zone: str,
) -> None:
    """Keep what a patient chose, from the next time on: a time of day that has passed is tomorrow's.

    Another number is not confirmed. The caller holds the plan.

    Raises:
        AskedInQuietHoursError: the patient would be asked in the quiet hours.
    """
    if choices.sms_number != sms_number_of(vault, plan):
        plan = _with_number(work, vault, plan, choices.sms_number)
        # Nothing that waits goes to the number that was given up.
        await outgoing_messages.cancel_of_patient(
            work, plan.patient_id, trouble="number_changed", channel=Channel.GATEWAY
        )
    chosen = replace(
        plan,
        ask_at=choices.ask_at,
        quiet_from=choices.quiet_from,
        quiet_until=choices.quiet_until,
        channels=[one.value for one in choices.channels],
        paused_until=choices.paused_until,
    )
    times = times_of(chosen)
    if times.is_quiet(times.ask_at):
        raise AskedInQuietHoursError("#/reminders/ask_at")
    looking = replace(chosen, next_look_at=times.next_moment(time_zone, after=work.now))
    await reminder_plans.change(work, looking)
    work.audit("reminders.chosen", "patient", plan.patient_id)


def _with_number(work: Work, vault: PatientVault, plan: ReminderPlan, number: str | None) -> ReminderPlan:
    """Give the plan with another number, or none: nothing is known of it yet."""
    sealed = None if number is None else vault.seal(number, row_id=plan.patient_id, **_CELL)
    return replace(
        plan,
        sms_number_sealed=sealed,
        sms_number_index=None if number is None else index_of_number(work, number),
        sms_confirmed_at=None,
        **NO_CODE,
    )
