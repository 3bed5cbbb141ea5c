"""The tables of an archive, row by row in plain form, in the order in which they can be restored.

A new column goes into the archive by itself, and a new table fails a test until it is here or in ``LEFT_OUT``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Column, LargeBinary, Table, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, IntegrityError

from app.storage.alert_steps import AlertStep
from app.storage.appointments import Appointment
from app.storage.assessments import CustomScaleRow, StoredAssessment
from app.storage.audit_archives import AuditArchive
from app.storage.audit_log import Seal
from app.storage.care_plans import CarePlanRow
from app.storage.check_ins import CheckInRow
from app.storage.chosen_references import StoredReference
from app.storage.circumstances import CircumstanceRow
from app.storage.clinics import ClinicProfile
from app.storage.consents import Consent
from app.storage.courses import CourseRow
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.infusions import InfusionRow
from app.storage.patient_changes import PatientChange
from app.storage.patient_merges import PatientMerge
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.policies import StoredPolicy
from app.storage.protocol_templates import ProtocolTemplateRow
from app.storage.received_texts import ReceivedText
from app.storage.record_versions import RecordVersion
from app.storage.reminder_plans import OF_NUMBER, ReminderPlan
from app.storage.reminders import DayWithoutRemindersRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.storage.sleep_nights import SleepNight

SEALED: Final = "_sealed"
# Cells sealed under a table's first name; what was sealed opens only so.
_SEALED_AS: Final[Mapping[str, str]] = {"alert_steps": "signal_steps"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTable:
    """A table of the archive, all its columns but some."""

    row: type[TenantRow]
    without: frozenset[str] = frozenset()

    @property
    def table(self) -> Table:
        """The table."""
        return self.row.__table__  # type: ignore[return-value] # a mapped class has a Table

    @property
    def name(self) -> str:
        """Its name, in the archive too."""
        return self.table.name

    @property
    def sealed_as(self) -> str:
        """The name that its cells are sealed under."""
        return _SEALED_AS.get(self.name, self.name)

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """What is archived of it; every row is of one clinic, which the archive names once."""
        left_out = self.without | {"clinic_id"}
        return tuple(column for column in self.table.columns if column.name not in left_out)

    @property
    def fields(self) -> dict[str, str]:
        """Its fields as they stand in the archive, and their types in words."""
        return {column.name.removesuffix(SEALED): _type_name(column) for column in self.columns}


OF_CLINIC: Final = (
    ArchivedTable(row=ClinicProfile),
    ArchivedTable(row=StoredPolicy),
    ArchivedTable(row=CustomScaleRow),
    ArchivedTable(row=DayWithoutRemindersRow),
    ArchivedTable(row=ProtocolTemplateRow),
)
"""What a clinic has once."""

OF_PATIENT: Final = (
    # The look-up values go by each installation's own key, and are computed again.
    ArchivedTable(row=PatientRow, without=frozenset({"external_ref_index", "external_ref_key"})),
    # The rule's state is made again from the history.
    ArchivedTable(row=PatientStateRow, without=frozenset({"packed_state", "burst", "checkpoints"})),
    ArchivedTable(row=Consent),
    ArchivedTable(row=CourseRow),
    ArchivedTable(row=InfusionRow),
    ArchivedTable(row=Appointment),
    ArchivedTable(row=CheckInRow),
    ArchivedTable(row=StoredAssessment),
    ArchivedTable(row=StoredReference),
    ArchivedTable(row=CarePlanRow),
    ArchivedTable(row=CircumstanceRow),
    ArchivedTable(row=SleepNight),
    ArchivedTable(row=RecordVersion),
    ArchivedTable(row=Signal),
    ArchivedTable(row=SafetyEvent, without=frozenset({"notification_id"})),
    ArchivedTable(row=Finding),
    ArchivedTable(row=AlertStep),
    ArchivedTable(row=PatientChange),
    # The number goes along; whoever holds it confirms it where texts come from now.
    ArchivedTable(row=ReminderPlan, without=frozenset(OF_NUMBER)),
    ArchivedTable(row=ReceivedText),
)
"""What is kept about each patient; the patient comes first."""

AFTER_PATIENTS: Final = (ArchivedTable(row=PatientMerge),)
"""What ties a clinic's patients together, so that it comes after all of them; a single patient's archive has none."""

AUDIT_LOG: Final = (
    ArchivedTable(row=AuditArchive),
    ArchivedTable(row=Seal),
    ArchivedTable(row=StoredEvent),
)
"""Which months lie in files; each seal, then its lines.

Only in the archive of a whole installation, which takes its encryption key along.
"""

LEFT_OUT: Final[Mapping[str, str]] = {
    "api_keys": "fingerprints of secrets; the new installation makes its own",
    "attempts": "calls that this installation made",
    "clinic_logos": "a picture; the new clinic's owner uploads it again",
    "contact_tests": "whom this installation reached; the new one tests its own contacts",
    "backend_clients": "programs that this clinic lets in; the new one registers its own",
    "connected_systems": "systems of this installation with secrets; the new one connects its own",
    "care_teams": "members of this clinic's staff; the new clinic names its own",
    "deliveries": "what this installation sends",
    "device_tokens": "fingerprints of secrets; devices are enrolled again",
    "devices": "the same",
    "emergency_accesses": "who of the staff opened whom here",
    "enrolment_codes": "fingerprints of secrets",
    "erasure_requests": "requests are answered where they were made",
    "erasures": "nothing is left that could be restored",
    "event_places": "the stream of this installation",
    "event_streams": "the same",
    "file_imports": "what was uploaded, and whom it registered: the patients themselves are there",
    "idempotent_replies": "copies of what this installation answered",
    "notice_channels": "addresses of this installation's channels, which are secrets",
    "notifications": "what this installation sent",
    "outgoing_messages": "what this installation sends",
    "patient_keys": "every installation seals with its own keys",
    "patient_transfers": "keys and receipts between two clinics, of no use to a third",
    "push_subscriptions": "they belong to a device and to this installation's push key",
    "reminders": "what this installation asked",
    "sign_in_links": "fingerprints of secrets",
    "legal_holds": "claims against this clinic; what they keep here stays here",
    "linked_records": "ids of a system that this installation is connected to",
    "retention_rules": "how long this installation keeps what; the new one sets its own",
    "spent_assertions": "fingerprints of what was shown to this installation",
    "staff_identities": "staff are invited and linked again",
    "staff_devices": "staff are invited again",
    "staff_invitations": "the same",
    "staff_login_attempts": "the same",
    "staff_members": "the same",
    "staff_passkeys": "the same",
    "staff_recovery_codes": "the same",
    "staff_sessions": "the same",
    "stopped_numbers": "keyed fingerprints of this installation; the new one confirms each number again",
    "webhook_endpoints": "addresses with secrets; the new installation makes its own",
    "what_if_patients": "other numbers tried over the past: nothing that was reported or decided",
    "what_ifs": "the same",
}


async def rows_of_clinic(work: UnitOfWork, archived: ArchivedTable) -> list[dict[str, Any]]:
    """Read a table that the clinic has once."""
    return await _read(work, archived, None)


async def rows_of_patient(
    work: UnitOfWork, archived: ArchivedTable, patient_id: UUID
) -> list[dict[str, Any]]:
    """Read a patient's rows of a table; sealed cells stay sealed."""
    return await _read(work, archived, patient_id)


async def add_rows(work: UnitOfWork, archived: ArchivedTable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows into this clinic; the caller writes the line of the audit log.

    Raises:
        ValueError: they cannot be rows of this table, or are there already.
    """
    if not rows:
        return
    written = [{"clinic_id": work.clinic_id, **row} for row in rows]
    try:
        await work.execute(insert(archived.table), written, unaudited="the line of the import says it")
    except (DataError, IntegrityError):
        raise ValueError(archived.name) from None


def to_plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Write a cell as JSON holds it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    return [to_plain(one) for one in value] if isinstance(value, list) else value


def from_plain(column: Column[Any], value: Any) -> Any:  # noqa: ANN401 - same
    """Read a cell back.

    Raises:
        ValueError, TypeError: it is not of the column's type.
    """
    if value is None or isinstance(column.type, JSONB):
        return value
    if isinstance(column.type, ARRAY):
        kind = column.type.item_type.python_type
        return [UUID(one) if kind is UUID else one for one in value]
    if isinstance(column.type, LargeBinary):
        return bytes.fromhex(value)
    kind = column.type.python_type
    if kind in {datetime, date, time}:
        return kind.fromisoformat(value)
    if kind in {UUID, Decimal}:
        return kind(value)
    if not isinstance(value, int | float if kind is float else kind):
        raise TypeError
    return value


def _type_name(column: Column[Any]) -> str:
    if column.name.endswith(SEALED):
        words = "text, sealed again where it is imported"
    elif isinstance(column.type, JSONB):
        words = "JSON"
    elif isinstance(column.type, ARRAY):
        words = "list"
    elif isinstance(column.type, LargeBinary):
        words = "bytes in hexadecimal"
    else:
        names = {datetime: "time with offset", date: "day", time: "time of day", UUID: "id", str: "text"}
        numbers = {int: "whole number", Decimal: "number", float: "number", bool: "true or false"}
        words = {**names, **numbers}[column.type.python_type]
    return f"{words} or null" if column.nullable else words


async def _read(work: UnitOfWork, archived: ArchivedTable, patient_id: UUID | None) -> list[dict[str, Any]]:
    table = archived.table
    statement = select(*archived.columns).where(table.c.clinic_id == work.clinic_id)
    if patient_id is not None:
        whose = table.c["id" if archived.row is PatientRow else "patient_id"]
        statement = statement.where(whose == patient_id)
    found = await work.execute(statement.order_by(*table.primary_key.columns))
    return [dict(row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
