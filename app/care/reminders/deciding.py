"""What a look at one patient comes to: ask or not, notify the clinic of silence or not, when to look again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.care.monitoring.schedule import Schedule, schedules_of
from app.care.patients.reminding import AskTimes, times_of
from app.context import AppContext
from app.storage import patient_states, patients, reminder_plans, reminders
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage
from app.storage.reminders import Reminder


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What follows from a look.

    Attributes:
        ask_for: the check-in day that is asked for, or None.
        helps_until: until when a message about it may arrive.
        silent_since: the last day before a silence that the clinic is to be notified of, or None.
        silence_over: the silence that the clinic knows of is none any more.
        look_again_at: the next time that something may be due.
    """

    ask_for: date | None
    helps_until: datetime
    silent_since: date | None
    silence_over: bool
    look_again_at: datetime

    @property
    def changes_silence(self) -> bool:
        """Whether a silence begins or ends, which is to be written in the patient's turn."""
        return self.silence_over or self.silent_since is not None


def look(
    schedule: Schedule,
    times: AskTimes,
    *,
    now: datetime,
    registered_on: date,
    announced: date | None,
    withdrawn: bool,
    without_reminders: Collection[date],
) -> Look:
    """Decide for one patient.

    Args:
        schedule: what is due, on the check-in day that it is for the patient now.
        times: when the patient is asked, and when never.
        now: the moment.
        registered_on: stands for the last check-in while there has been none.
        announced: the silence that the clinic knows of already.
        withdrawn: whether consent was withdrawn: then nothing is asked, and silence means nothing.
        without_reminders: the clinic's days on which nobody is reminded.
    """
    silence = (schedule.last_check_in_on or registered_on) if schedule.overdue else None
    asks = wanted(schedule, withdrawn=withdrawn) and schedule.today not in without_reminders
    return Look(
        ask_for=schedule.today if asks and times.may_ask(now, schedule.time_zone) else None,
        helps_until=times.helps_until(now, schedule.time_zone),
        silent_since=None if withdrawn or silence == announced else silence,
        silence_over=announced is not None and (withdrawn or silence is None),
        look_again_at=times.next_moment(schedule.time_zone, after=now),
    )


def wanted(schedule: Schedule, *, withdrawn: bool) -> bool:
    """Whether today's check-in is asked for and has not been made, also not ahead of a journey west."""
    answered = schedule.last_check_in_on is not None and schedule.last_check_in_on >= schedule.today
    return not withdrawn and schedule.due_today and not answered


class StillDue:
    """Knows whether reminders that wait are still worth sending."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def __call__(
        self, work: UnitOfWork, messages: Sequence[OutgoingMessage], now: datetime
    ) -> Collection[UUID]:
        """Give those that still help: no longer once answered, or by course, consent, archiving, day, quiet hours."""
        asked = await reminders.find_many(work, [one.subject_id for one in messages if one.subject_id])
        whose = sorted({one.patient_id for one in asked.values()})
        plans = await reminder_plans.find_many(work, whose)
        schedules = await schedules_of(work, self._context, whose, now=now)
        known = await patients.find_many(work, whose)
        withdrawn = await patient_states.withdrawn_among(work, whose)

        def helps(reminder: Reminder | None) -> bool:
            if reminder is None:
                return False
            patient_id = reminder.patient_id
            plan, schedule, patient = plans.get(patient_id), schedules.get(patient_id), known.get(patient_id)
            return (
                plan is not None
                and schedule is not None
                and patient is not None
                and patient.archived_at is None
                and schedule.today == reminder.check_in_day
                and wanted(schedule, withdrawn=patient_id in withdrawn)
                and not times_of(plan).forbid(now, schedule.time_zone)
            )

        return {one.id for one in messages if one.subject_id and helps(asked.get(one.subject_id))}
