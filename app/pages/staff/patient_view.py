"""Everything about one patient, read in one transaction by a fixed number of statements, however long the past is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.audit.service import done_to_patient
from app.care.assessments.queries import Assessment
from app.care.assessments.queries import latest_of as latest_forms
from app.care.monitoring.history import latest_in, protocol_of, standing_of, timeline_now
from app.care.monitoring.service import EvaluationView, view_of
from app.care.monitoring.trend import DAYS_SHOWN, MOST_DAYS, trend_between
from app.care.patients.consent_standing import ConsentStanding
from app.care.patients.devices import EnrolledDevice, devices_in
from app.care.patients.own_vault import vault_of
from app.care.patients.reminding import ReminderChoices, choices_of, plan_of
from app.care.patients.service import Patient, existing, patient_of
from app.care.treatment.queries import (
    CourseView,
    Factors,
    TaperView,
    course_of,
    factors_of,
    interval_of,
    maintenance_past,
    taper_of,
)
from app.chart.trend import Reader, Trend
from app.clinical.check_ins import check_in_day
from app.clinical.evaluation import Timeline, evaluate
from app.clinical.interval import PersonalInterval
from app.clinical.protocol import Protocol
from app.context import Work
from app.storage import patient_states, safety_events, signals, staff_members
from app.storage.audit_seals import StoredEvent
from app.storage.check_ins import PatientSnapshot
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.storage.staff_members import StaffMember

OPEN_SIGNALS: Final = ["open", "acknowledged", "snoozed"]
OPEN_EVENTS: Final = ["open", "acknowledged"]
BEFORE_COURSE: Final = timedelta(days=30)
_MOST_EVENTS: Final = 20
_MOST_FORMS: Final = 12
_MOST_LINES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientView:
    """One patient, as of now.

    Attributes:
        evaluation: None after consent was withdrawn: nothing is evaluated then.
        lines: what was done about the patient, newest first; empty for whoever may not read the trail.
        staff: who they may have been.
    """

    now: datetime
    patient: Patient
    devices: Sequence[EnrolledDevice]
    signals: Sequence[Signal]
    events: Sequence[SafetyEvent]
    evaluation: EvaluationView | None
    trend: Trend
    course: CourseView | None
    forms: Sequence[Assessment]
    interval: PersonalInterval
    taper: TaperView
    factors: Factors
    booked_for: date | None
    reminders: ReminderChoices
    lines: Sequence[StoredEvent]
    staff: Sequence[StaffMember]


async def patient_view(work: Work, patient_id: UUID, *, days: int | None, with_trail: bool) -> PatientView:
    """Read everything about a patient; one line on the trail says so.

    Args:
        work: the transaction.
        patient_id: the patient.
        days: how far the trend goes back; None: since a month before the course, at most three months.
        with_trail: whether the reader may read the trail.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now, context = work.now, work.context
    work.record_access("patient_page", patient_id=patient_id)
    record = await existing(work, patient_id)
    standing = await standing_of(work, patient_id, now=now)
    patient, protocol = patient_of(context.vault, work.clinic_id, record), protocol_of(standing, context)
    timeline = await timeline_now(work, standing, protocol=protocol, now=now)
    as_of = latest_in(timeline.state, standing, now=now)
    evaluation = evaluate(timeline.state, as_of=as_of, protocol=protocol)
    factors = await factors_of(work, patient_id)
    course = await course_of(work, record)
    span = _span(course, days, today=check_in_day(now, record.time_zone))
    interval, taper = await _maintenance(work, standing, timeline, protocol)
    booking = await patient_states.booked_booster(work, patient_id)
    withdrawn = patient.consent is ConsentStanding.WITHDRAWN
    return PatientView(
        now=now,
        patient=patient,
        devices=await devices_in(work, context.vault, record),
        signals=await signals.page(work, states=OPEN_SIGNALS, patient_id=patient_id, after=None, limit=1),
        events=await safety_events.page(
            work, states=OPEN_EVENTS, patient_id=patient_id, after=None, limit=_MOST_EVENTS
        ),
        evaluation=None if withdrawn else view_of(evaluation, [one.value for one in factors.cautions]),
        trend=await trend_between(work, patient_id, span, evaluation, protocol, reader=Reader.CLINICIAN),
        course=course,
        forms=await latest_forms(work, record, limit=_MOST_FORMS),
        interval=interval,
        taper=taper,
        factors=factors,
        booked_for=booking.on if booking else None,
        reminders=choices_of(
            vault_of(context.vault, work.clinic_id, record), await plan_of(work, patient_id)
        ),
        lines=await done_to_patient(work, patient_id, now=now, limit=_MOST_LINES) if with_trail else (),
        staff=await staff_members.all_of_clinic(work) if with_trail else (),
    )


async def _maintenance(
    work: Work, standing: PatientSnapshot, timeline: Timeline, protocol: Protocol
) -> tuple[PersonalInterval, TaperView]:
    so_far = await maintenance_past(work, standing, timeline, protocol=protocol)
    return interval_of(so_far), await taper_of(work, standing.patient_id, so_far)


def _span(course: CourseView | None, days: int | None, *, today: date) -> tuple[date, date]:
    if days is None:
        began = course.stored.course.started_on - BEFORE_COURSE if course else None
        days = min((today - began).days + 1, DAYS_SHOWN) if began else DAYS_SHOWN
    return today - timedelta(days=max(1, min(days, MOST_DAYS)) - 1), today
