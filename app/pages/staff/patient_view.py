"""Everything about one patient, read in one transaction by a fixed number of statements, however long the past is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.audit.queries import done_to_patient
from app.access.clinics.ehr_links import ehr_link
from app.care.alerts.queries import names_in
from app.care.alerts.safety_reports import SafetySource
from app.care.assessments.queries import Assessment
from app.care.merging.queries import merged_here
from app.care.monitoring.corrections import KnownCorrection, corrections_in
from app.care.monitoring.history import latest_in, protocol_of, snapshot_of
from app.care.monitoring.queries import EvaluationView, beside_of, view_of
from app.care.monitoring.timeline_replay import timeline_now
from app.care.monitoring.trend import DAYS_SHOWN, MOST_DAYS, trend_between
from app.care.patients.consent_status import ConsentStatus
from app.care.patients.corrections import ShownChange, changes_of
from app.care.patients.devices import EnrolledDevice, devices_in
from app.care.patients.queries import Patient, existing, patient_of
from app.care.patients.reminder_choices import ReminderChoices, choices_of, plan_of
from app.care.patients.sealed_fields import vault_of
from app.care.texts.queries import PatientText, texts_of
from app.care.treatment.circumstances import KnownCircumstance, circumstances_of
from app.care.treatment.queries import (
    CourseView,
    Factors,
    TaperView,
    course_of,
    factors_of,
    interval_of,
    learned_of,
    maintenance_past,
    taper_of,
    voided_infusions,
)
from app.chart.trend import Reader, Trend
from app.clinical.answer import Evaluation
from app.clinical.check_ins import check_in_day
from app.clinical.course import Infusion
from app.clinical.evaluation import evaluate
from app.clinical.interval import LearnedInterval, PersonalInterval
from app.clinical.protocol import Protocol
from app.clinical.state.timeline import Timeline
from app.clinical.taper import PlannedDate
from app.context import Work
from app.pages.staff.timeline_records import (
    NotedReport,
    TimelinePlace,
    TimelineRecords,
    noted,
    timeline_records,
)
from app.pages.staff.wall_clock import UTC_ZONE, zone_of_clinic
from app.storage import (
    appointments,
    check_ins,
    chosen_references,
    clinics,
    findings,
    infusions,
    patient_states,
    safety_events,
    signals,
    staff_members,
)
from app.storage.alert_steps import AlertStep
from app.storage.alerts import Alert
from app.storage.appointments import Appointment
from app.storage.check_in_path import PatientSnapshot
from app.storage.chosen_references import StoredReference
from app.storage.clinics import ClinicProfile
from app.storage.engine.audit import StoredEvent
from app.storage.findings import Finding
from app.storage.infusions import StoredInfusion
from app.storage.patients import PatientRecord
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.storage.staff_members import StaffMember

OPEN_SIGNALS: Final = ["open", "acknowledged", "snoozed"]
OPEN_EVENTS: Final = ["open", "acknowledged"]
BEFORE_COURSE: Final = timedelta(days=30)
_MOST_EVENTS: Final = 20
_MOST_FORMS: Final = 12
_MOST_LINES: Final = 6
_MOST_NOTES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientView:
    """One patient, as of now.

    Attributes:
        planned: the appointments to come, in the order of their days.
        evaluation: None after consent was withdrawn: nothing is evaluated then.
        findings: what else about the patient nobody has closed.
        notes: the patient's reports with a note, the latest first.
        timeline: what the timeline shows from the wanted place on.
        texts: the latest text messages, or those on the timeline where no open event is about one.
        corrections: what staff corrected, the latest first.
        changes: chart numbers before, archived and in care again, the latest first.
        references: those that clinicians chose, the latest first.
        voided: the infusions that were entered in error.
        sources: the reports that safety events came with.
        given: the infusions, the latest first.
        circumstances: what else changed, the latest first.
        merged: duplicates that are merged into the patient: id and chart number.
        names: of the members who took steps.
        clinic: the clinic's name.
        clinic_zone: whose clock its people read; the patient's while the clinic has chosen none.
        ehr_link: to the patient's chart in the clinic's EHR, where it has one.
        protocol: the numbers that decide here.
        lines: what was done about the patient, newest first; empty for whoever may not read the audit log.
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
    references: Sequence[StoredReference]
    forms: Sequence[Assessment]
    interval: PersonalInterval
    taper: TaperView
    learned: LearnedInterval
    factors: Factors
    booked_for: date | None
    planned: Sequence[Appointment]
    reminders: ReminderChoices
    lines: Sequence[StoredEvent]
    staff: Sequence[StaffMember]
    findings: Sequence[Finding]
    notes: Sequence[NotedReport]
    timeline: TimelineRecords
    texts: Sequence[PatientText]
    corrections: Sequence[KnownCorrection]
    changes: Sequence[ShownChange]
    voided: Sequence[StoredInfusion]
    sources: Mapping[UUID, NotedReport]
    given: Sequence[StoredInfusion]
    circumstances: Sequence[KnownCircumstance]
    merged: Sequence[tuple[UUID, str]]
    names: Mapping[UUID, str]
    clinic: str
    clinic_zone: str
    ehr_link: str | None
    protocol: Protocol

    @property
    def infusions(self) -> Sequence[Infusion]:
        """All of them, oldest first."""
        return [one.infusion for one in reversed(self.given)]

    @property
    def sessions(self) -> Mapping[str, StoredInfusion]:
        """How each was given, by its id."""
        return {one.infusion.id: one for one in self.given}


async def patient_view(
    work: Work,
    patient_id: UUID,
    *,
    days: int | None,
    with_audit_log: bool,
    language: str,
    place: TimelinePlace | None = None,
) -> PatientView:
    """Read everything about a patient; one line on the audit log says so.

    Args:
        work: the transaction.
        patient_id: the patient.
        days: how far the trend goes back; None: since a month before the course, at most three months.
        with_audit_log: whether the reader may read the audit log.
        language: what the evaluation is explained in.
        place: from where on the timeline is wanted; None: from the latest.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    work.record_access("patient_page", patient_id=patient_id)
    now, record, profile = work.now, await existing(work, patient_id), await clinics.profile(work)
    snapshot, factors = await snapshot_of(work, patient_id, now=now), await factors_of(work, patient_id)
    timeline, evaluation, protocol = await _evaluated(work, snapshot)
    patient, course = patient_of(work, record), await course_of(work, record)
    interval, taper, learned = await _maintenance(work, snapshot, timeline, protocol, factors)
    open_events, shown, found = await _open_alerts(work, patient_id)
    records, forms = await timeline_records(work, record, place)
    renamed = await changes_of(work, record)
    corrected, steps = await corrections_in(work, record), [one.step for one in records.steps]
    members = _members(steps, [*open_events, *shown, *found], corrected, renamed)
    trend, changed = await _trend(work, record, evaluation, protocol, _span(course, days, snapshot, now))
    return PatientView(
        now=now,
        patient=patient,
        signals=shown,
        events=open_events,
        findings=found,
        notes=await _latest_notes(work, patient_id),
        timeline=records,
        texts=await _texts(work, record, records, open_events),
        corrections=corrected,
        changes=renamed,
        sources=await _sources(work, patient_id, open_events),
        circumstances=changed,
        names=await names_in(work, members),
        **_of_clinic(profile, patient),
        protocol=protocol,
        evaluation=_shown(patient, evaluation, factors, shown, taper.planned, language),
        trend=trend,
        course=course,
        forms=forms[:_MOST_FORMS],
        interval=interval,
        taper=taper,
        learned=learned,
        factors=factors,
        **await _on_record(work, record),
        lines=await done_to_patient(work, patient_id, now=now, limit=_MOST_LINES) if with_audit_log else (),
        staff=await staff_members.all_of_clinic(work) if with_audit_log else (),
    )


async def _on_record(work: Work, record: PatientRecord) -> dict[str, Any]:
    """What stands about the patient as it was entered."""
    return {
        "devices": await devices_in(work, record),
        "given": await infusions.stored_infusions(work, record.id),
        "voided": await voided_infusions(work, record.id),
        "merged": await merged_here(work, record.id),
        "references": await chosen_references.all_of_patient(work, record.id),
        "booked_for": await _booked_for(work, record.id),
        "planned": await appointments.planned_of_patient(work, record.id),
        "reminders": await _reminders(work, record),
    }


def _of_clinic(profile: ClinicProfile | None, patient: Patient) -> dict[str, Any]:
    """What of the clinic stands on the page."""
    return {
        "clinic": profile.name if profile else "",
        "clinic_zone": zone_of_clinic(profile.time_zone if profile else UTC_ZONE, patient.time_zone),
        "ehr_link": ehr_link(profile.ehr_link_template if profile else None, patient.external_ref),
    }


def _shown(
    patient: Patient,
    evaluation: Evaluation,
    factors: Factors,
    open_signals: Sequence[Signal],
    planned: PlannedDate | None,
    language: str,
) -> EvaluationView | None:
    """The answer with open cautions and what the open signal said when raised; none once consent is withdrawn."""
    if patient.consent is ConsentStatus.WITHDRAWN:
        return None
    cautions = [one.value for one in factors.cautions]
    signal = open_signals[0] if open_signals else None
    beside = beside_of(cautions, signal, time_zone=patient.time_zone, planned=planned)
    return view_of(evaluation, beside, cautions, locale=language)


def _members(
    steps: Sequence[AlertStep],
    alerts: Sequence[Alert],
    corrections: Sequence[KnownCorrection],
    changes: Sequence[ShownChange],
) -> set[UUID | None]:
    """Who took a step about the patient, takes care of something, or corrected something."""
    acted = {one.actor_id for one in steps} | {one.by_id for one in corrections} | {one.by for one in changes}
    return acted | {one.assignee_id for one in alerts}


async def _evaluated(work: Work, snapshot: PatientSnapshot) -> tuple[Timeline, Evaluation, Protocol]:
    protocol = protocol_of(snapshot, work.context)
    timeline = await timeline_now(work, snapshot, protocol=protocol, now=work.now)
    as_of = latest_in(timeline.state, snapshot, now=work.now)
    return timeline, evaluate(timeline.state, as_of=as_of, protocol=protocol), protocol


async def _booked_for(work: Work, patient_id: UUID) -> date | None:
    booking = await patient_states.booked_booster(work, patient_id)
    return booking.on if booking else None


async def _latest_notes(work: Work, patient_id: UUID) -> list[NotedReport]:
    return [noted(work, one) for one in await check_ins.with_notes(work, patient_id, limit=_MOST_NOTES)]


async def _open_alerts(work: Work, patient_id: UUID) -> tuple[list[SafetyEvent], list[Signal], list[Finding]]:
    """The safety events, the signal and the findings that nobody has closed."""
    return (
        await safety_events.TABLE.page(
            work, states=OPEN_EVENTS, patient_id=patient_id, after=None, limit=_MOST_EVENTS
        ),
        await signals.TABLE.page(work, states=OPEN_SIGNALS, patient_id=patient_id, after=None, limit=1),
        await findings.open_of_patient(work, patient_id),
    )


async def _texts(
    work: Work, record: PatientRecord, records: TimelineRecords, events: Sequence[SafetyEvent]
) -> Sequence[PatientText]:
    """The latest text messages, in case one of them is what an open event is about."""
    if records.place is None or not any(one.source == SafetySource.TEXT_MESSAGE for one in events):
        return records.texts
    return await texts_of(work, record, limit=_MOST_NOTES)


async def _sources(work: Work, patient_id: UUID, events: Sequence[SafetyEvent]) -> dict[UUID, NotedReport]:
    found = await check_ins.find_all(work, patient_id, [one.source_id for one in events])
    return {each: noted(work, one) for each, one in found.items()}


async def _reminders(work: Work, record: PatientRecord) -> ReminderChoices:
    own = vault_of(work, record)
    return choices_of(own, await plan_of(work, record.id))


async def _maintenance(
    work: Work, snapshot: PatientSnapshot, timeline: Timeline, protocol: Protocol, factors: Factors
) -> tuple[PersonalInterval, TaperView, LearnedInterval]:
    so_far = await maintenance_past(work, snapshot, timeline, protocol=protocol)
    patient_id = snapshot.patient_id
    taper = await taper_of(work, patient_id, so_far, factors)
    return interval_of(so_far), taper, await learned_of(work, patient_id, so_far, factors)


async def _trend(
    work: Work, record: PatientRecord, evaluation: Evaluation, protocol: Protocol, span: tuple[date, date]
) -> tuple[Trend, Sequence[KnownCircumstance]]:
    """The trend with the marks of what else changed, which is read once."""
    changed = await circumstances_of(work, record)
    stored = [one.stored for one in changed]
    reader = Reader.CLINICIAN
    trend = await trend_between(work, record.id, span, evaluation, protocol, reader=reader, changed=stored)
    return trend, changed


def _span(
    course: CourseView | None, days: int | None, snapshot: PatientSnapshot, now: datetime
) -> tuple[date, date]:
    today = check_in_day(now, snapshot.time_zone)
    if days is None:
        began = course.stored.course.started_on - BEFORE_COURSE if course else None
        days = min((today - began).days + 1, DAYS_SHOWN) if began else DAYS_SHOWN
    return today - timedelta(days=max(1, min(days, MOST_DAYS)) - 1), today
