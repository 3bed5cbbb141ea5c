"""Reading everything about one patient, table by table, for the copy that the patient may ask for.

A new column goes into the copy by itself, and a new table fails a test until it is here or in ``LEFT_OUT``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from app.storage.alert_steps import AlertStep
from app.storage.appointments import Appointment
from app.storage.assessments import StoredAssessment
from app.storage.care_plans import CarePlanRow
from app.storage.check_ins import CheckInRow
from app.storage.chosen_references import StoredReference
from app.storage.circumstances import CircumstanceRow
from app.storage.consents import Consent
from app.storage.courses import CourseRow
from app.storage.deliveries import Notification
from app.storage.devices import DeviceRow
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.erasures import StoredRequest
from app.storage.findings import Finding
from app.storage.infusions import InfusionRow
from app.storage.outgoing_messages import OutgoingMessage
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.push_subscriptions import PushSubscription
from app.storage.received_texts import ReceivedText
from app.storage.record_versions import RecordVersion
from app.storage.reminder_plans import ReminderPlan
from app.storage.reminders import Reminder
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.storage.sleep_nights import SleepNight

# Keys, fingerprints and our own counters say nothing to anybody; which member of staff did something is about
# that member.
_NOWHERE: Final = frozenset(
    {
        "clinic_id", "patient_id", "digest", "turn", "withdrawn_turn",
        "actor_id", "acknowledged_by", "assignee_id", "closed_by", "set_by", "decided_by",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the copy: a table, in the order of a column, all its columns but some (or only some)."""

    row: type[TenantRow]
    order: str
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.row.__table__.name)  # type: ignore[attr-defined] # a mapped class has a Table

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read; the row's id too, which opens what is sealed."""
        names = [column.name for column in self.row.__table__.columns]
        if self.only is not None:
            return tuple(name for name in names if name in self.only)
        return tuple(name for name in names if name not in _NOWHERE | self.without)


# How it is found, and how changes are kept apart.
_NO_FACTS: Final = frozenset({"external_ref_index", "external_ref_key", "version"})
SECTIONS: Final[Mapping[str, Section]] = {
    "patient": Section(row=PatientRow, order="id", without=_NO_FACTS),
    "state": Section(row=PatientStateRow, order="patient_id", only=frozenset({"booster_booked_for"})),
    "consents": Section(row=Consent, order="at"),
    "devices": Section(row=DeviceRow, order="id"),
    # When it was compared and by which rule; its outcome, in whose words, is explained by the care team.
    "check_ins": Section(
        row=CheckInRow, order="recorded_at", without=frozenset({"level", "smoothed", "zone_rules"})
    ),
    "assessments": Section(row=StoredAssessment, order="taken_at"),
    "courses": Section(
        row=CourseRow, order="started_on", without=frozenset({"version", "benefit_recorded_by"})
    ),
    # The notes of whoever gave it are what staff wrote for each other.
    "infusions": Section(row=InfusionRow, order="given_at", without=frozenset({"note_sealed"})),
    "appointments": Section(row=Appointment, order="on", without=frozenset({"version", "made_at"})),
    "circumstances": Section(row=CircumstanceRow, order="since", without=frozenset({"version"})),
    "sleep_nights": Section(row=SleepNight, order="night"),
    # What the clinic corrected of these, and when; what is true now stands above.
    "corrections": Section(
        row=RecordVersion,
        order="replaced_at",
        only=frozenset({"id", "kind", "record_id", "version", "correction", "replaced_at"}),
    ),
    "care_plans": Section(row=CarePlanRow, order="kind", without=frozenset({"version"})),
    # Dates and states: what was decided, in whose words, is explained by the care team (docs/export.md).
    "references": Section(
        row=StoredReference, order="set_at", without=frozenset({"reason_sealed", "version"})
    ),
    "signals": Section(
        row=Signal,
        order="raised_at",
        only=frozenset(
            {"id", "state", "raised_at", "acknowledged_at", "snoozed_until", "closed_at", "disposition"}
        ),
    ),
    "findings": Section(
        row=Finding,
        order="raised_at",
        only=frozenset({"id", "code", "state", "raised_at", "acknowledged_at", "closed_at", "outcome"}),
    ),
    "alert_steps": Section(
        row=AlertStep,
        order="at",
        only=frozenset({"id", "alert_kind", "alert_id", "action", "at", "until", "disposition", "channel"}),
    ),
    "safety_events": Section(
        row=SafetyEvent,
        order="received_at",
        without=frozenset({"notification_id", "version", "escalate_at", "said_as"}),
    ),
    "notifications": Section(
        row=Notification, order="occurred_at", only=frozenset({"id", "type", "occurred_at"})
    ),
    "push_subscriptions": Section(
        row=PushSubscription, order="made_at", without=frozenset({"address_sealed"})
    ),
    "messages": Section(
        row=OutgoingMessage,
        order="queued_at",
        only=frozenset({"id", "channel", "wording", "locale", "state", "queued_at", "sent_at"}),
    ),
    "reminder_choices": Section(
        row=ReminderPlan,
        order="patient_id",
        only=frozenset(
            {
                "ask_at",
                "quiet_from",
                "quiet_until",
                "channels",
                "paused_until",
                "sms_number_sealed",
                "sms_confirmed_at",
            }
        ),
    ),
    "received_texts": Section(row=ReceivedText, order="received_at"),
    "reminders": Section(row=Reminder, order="check_in_day"),
    "erasure_requests": Section(row=StoredRequest, order="requested_at", without=frozenset({"version"})),
    "audit_events": Section(row=StoredEvent, order="at"),
}
LEFT_OUT: Final[Mapping[str, str]] = {
    "attempts": "calls to the clinic's own systems; what they were sent is in notifications",
    "deliveries": "the same",
    "event_places": "in which order the clinic's own systems read what is in notifications",
    "device_tokens": "fingerprints of secrets; the devices are there",
    "enrolment_codes": "fingerprints of secrets; the devices that came of them are there",
    "sign_in_links": "fingerprints of secrets; the devices that came of them are there",
    "linked_records": "the ids that the clinic's EHR has for what is there",
    "patient_changes": "in whose words staff gave reasons is theirs; what they did is in audit_events",
    "patient_merges": "ids of what was copied for a duplicate: the copies are there",
    "patient_transfers": "keys and receipts between two clinics; that it happened is in audit_events",
    "patient_keys": "the key that opens what the copy shows opened",
    "what_if_patients": "other numbers tried over the past: nothing that was reported or decided",
    "care_teams": "the care team of the patient: that is about them",
    "emergency_accesses": "in whose words staff gave reasons is theirs; that it happened is in audit_events",
    "legal_holds": "in whose words staff gave reasons is theirs; that it happened is in audit_events",
    "idempotent_replies": "copies of what the clinic's systems were answered, for a day; what it was about is there",
    "erasures": "there is one only when nothing else is left",
}


async def everything_about(work: UnitOfWork, patient_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Read every section of a patient of this clinic; sealed cells stay sealed."""
    return {name: await _rows_of(work, section, patient_id) for name, section in SECTIONS.items()}


async def check_ins_of(work: UnitOfWork, patient_id: UUID) -> list[dict[str, Any]]:
    """Read the check-ins alone."""
    return await _rows_of(work, SECTIONS["check_ins"], patient_id)


async def _rows_of(work: UnitOfWork, section: Section, patient_id: UUID) -> list[dict[str, Any]]:
    row = section.row
    of_patient = row.__table__.c["id" if row is PatientRow else "patient_id"]
    found = await work.execute(
        select(*(row.__table__.c[name] for name in section.columns))
        .where(work.owns(row), of_patient == patient_id)
        .order_by(row.__table__.c[section.order])
    )
    return [dict(one._mapping) for one in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
