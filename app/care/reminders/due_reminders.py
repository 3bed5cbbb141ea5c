"""The patients whose time has come: ask each once, notify of silence once, evaluate what time alone changed.

The sweep calls this for every clinic. A patient is looked at once a day, at the time that the patient
chose, by an index on the next look; so a sweep in which nobody's time has come costs one statement, and
entering an infusion or answering needs no change of plans. Two workers take different patients, and the
row of a reminder exists once, whatever clocks and workers do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from app.care.alerts.finding_commands import FindingCode, end_findings, raise_finding
from app.care.monitoring.commands import evaluate_by_time
from app.care.monitoring.effects import log_failed_evaluation
from app.care.monitoring.schedule import Schedule, schedules_of
from app.care.patients.reaching import way_to
from app.care.patients.reminder_choices import AskTimes, times_of
from app.clinical.check_ins import check_in_day
from app.context import AppContext, Work
from app.foundation.ids import new_id
from app.foundation.logs import where
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.outbox import NewMessage, Wording, queue_message
from app.storage import patient_states, patients, push_subscriptions, reminder_plans, reminders
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage
from app.storage.patients import PatientRecord
from app.storage.reminder_plans import NextLook, ReminderPlan
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


CHECK_IN_SLOT: Final = "check_in"
_PATIENTS_AT_ONCE: Final = 200
# While history is imported piece by piece, much seems to be missing that comes with the next piece.
_RECORD_AT_REST: Final = timedelta(hours=12)
# A patient at whom looking fails must not hold up the others.
_AFTER_FAILURE: Final = timedelta(hours=1)
# A patient for whom someone else is writing just now; their check-in may be coming in.
_WHILE_BUSY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One patient who is looked at, with all that asking needs."""

    patient: PatientRecord
    plan: ReminderPlan
    schedule: Schedule
    subscriptions: Sequence[UUID]


async def remind_due(context: AppContext, clinic_id: UUID) -> int:
    """Look at every patient of a clinic whose time has come; gives how many were asked."""
    asked, at_once = 0, _PATIENTS_AT_ONCE
    while True:
        try:
            taken, newly_asked = await _look_at_next(context, clinic_id, limit=at_once)
        except Exception as error:  # noqa: BLE001 - one patient's trouble must not be everybody's silence
            structlog.get_logger().error(
                "reminders.failed",
                clinic_id=str(clinic_id),
                error_type=type(error).__name__,
                error_at=where(error),
            )
            if at_once == 1:
                await _put_off(context, clinic_id)
            at_once = 1
            continue
        asked += newly_asked
        await _evaluate_by_time(context, clinic_id, taken)
        if len(taken) < at_once:
            return asked


async def _look_at_next(context: AppContext, clinic_id: UUID, *, limit: int) -> tuple[list[UUID], int]:
    """Look at so many patients at the most; gives those who were looked at, and how many were asked."""
    async with context.work(clinic_id) as work:
        taken = await reminder_plans.take_due(work, now=work.now, limit=limit)
        if not taken:
            return [], 0
        asked = await _look_at(work, taken)
    return taken, asked


async def _evaluate_by_time(context: AppContext, clinic_id: UUID, patient_ids: Sequence[UUID]) -> None:
    """Evaluate the patients about whom nothing came in lately, each in a separate transaction.

    Whom it fails for, or whom a crash leaves out, is evaluated at the next day's look: the rule compares what holds
    with what the clinic knows, so nothing is missed in between.
    """
    async with context.work(clinic_id) as work:
        quiet = await patient_states.quiet_among(work, patient_ids, since=work.now - _RECORD_AT_REST)
    for patient_id, level in quiet.items():
        try:
            await evaluate_by_time(context, clinic_id, patient_id, kept_level=level)
        except Exception as error:  # noqa: BLE001 - the others must not wait
            log_failed_evaluation(error)


async def _put_off(context: AppContext, clinic_id: UUID) -> None:
    """Look at the patient who is next an hour later, after all the others."""
    async with context.work(clinic_id) as work:
        for patient_id in await reminder_plans.take_due(work, now=work.now, limit=1):
            await reminder_plans.look_at(work, patient_id, work.now + _AFTER_FAILURE)


async def _look_at(work: Work, patient_ids: Sequence[UUID]) -> int:
    found = await _decided(work, patient_ids)
    silences = [patient_id for patient_id, (_, one) in found.items() if one.changes_silence]
    # A silence is found and written in the patient's turn: a check-in that is coming in may just be ending it.
    turns = await patient_states.lock_unless_busy(work, silences) if silences else []
    found |= await _decided(work, turns)
    looks: list[NextLook] = []
    asked = 0
    for patient_id, (subject, one) in found.items():
        asked += await _ask(work, subject, one)
        again_at, announced_for = one.look_again_at, subject.plan.overdue_announced_for
        if patient_id in turns:
            announced_for = await _write_silence(work, subject, one)
        elif one.changes_silence:
            again_at = work.now + _WHILE_BUSY
        looks.append(NextLook(patient_id=patient_id, at=again_at, overdue_announced_for=announced_for))
    await reminder_plans.looked(work, looks)
    return asked


async def _decided(work: Work, patient_ids: Sequence[UUID]) -> dict[UUID, tuple[_Subject, Look]]:
    if not patient_ids:
        return {}
    withdrawn = await patient_states.withdrawn_among(work, patient_ids)
    without = await reminders.all_of_clinic(work)
    found = {}
    for subject in await _subjects(work, patient_ids):
        found[subject.patient.id] = (
            subject,
            look(
                subject.schedule,
                times_of(subject.plan),
                now=work.now,
                registered_on=check_in_day(subject.patient.registered_at, subject.patient.time_zone),
                announced=subject.plan.overdue_announced_for,
                withdrawn=subject.patient.id in withdrawn or subject.patient.archived_at is not None,
                without_reminders=without,
            ),
        )
    return found


async def _write_silence(work: Work, subject: _Subject, found: Look) -> date | None:
    """Write that a silence began or ended, if it still does; gives the silence that the clinic knows of now."""
    if found.silent_since is not None:
        await _notify_of_silence(work, subject.patient, on=subject.schedule.today)
        return found.silent_since
    if found.silence_over:
        # A check-in ended it already; else the plan did: a course that is over, or consent that was withdrawn.
        await end_findings(work, subject.patient.id, [FindingCode.OVERDUE])
        return None
    return subject.plan.overdue_announced_for


async def _subjects(work: Work, patient_ids: Sequence[UUID]) -> list[_Subject]:
    plans = await reminder_plans.find_many(work, patient_ids)
    known = await patients.find_many(work, patient_ids)
    schedules = await schedules_of(work, work.context, patient_ids, now=work.now)
    subscriptions = await push_subscriptions.ids_of_patients(work, patient_ids)
    return [
        _Subject(
            patient=known[one],
            plan=plans[one],
            schedule=schedules[one],
            subscriptions=subscriptions.get(one, ()),
        )
        for one in patient_ids
    ]


async def _ask(work: Work, subject: _Subject, found: Look) -> bool:
    """Ask one patient, unless nothing is to be asked, nobody can be reached, or it was asked already."""
    if found.ask_for is None:
        return False
    channel, addresses = way_to(work, subject.patient, subject.plan, subject.subscriptions)
    if channel is None:
        return False
    reminder = Reminder(
        id=new_id(),
        patient_id=subject.patient.id,
        check_in_day=found.ask_for,
        slot=CHECK_IN_SLOT,
        channel=channel.value,
        asked_at=work.now,
    )
    if not await reminders.add(work, reminder):
        return False
    work.audit("reminder.queued", "reminder", reminder.id, patient_id=reminder.patient_id)
    for to in addresses:
        message = NewMessage(
            channel=channel,
            to=to,
            wording=Wording.CHECK_IN_DUE,
            locale=subject.patient.locale,
            link=f"{work.public_url}/p/check-in",
            mode=subject.patient.mode,
            patient_id=subject.patient.id,
            subject_id=reminder.id,
            not_after=found.helps_until,
        )
        await queue_message(work, message, now=work.real_now)
    return True


async def _notify_of_silence(work: Work, patient: PatientRecord, *, on: date) -> None:
    about = About.patient(patient.id, public_url=work.public_url, mode=patient.mode, page="/reminders")
    await notify_of_patient(work, EventType.CHECK_INS_OVERDUE, about, now=work.now)
    await raise_finding(work, FindingCode.OVERDUE, patient.id, mode=patient.mode, on=on)
