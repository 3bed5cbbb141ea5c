"""All table classes in one place, so that the migrations can be compared with them."""

from app.storage.alert_steps import AlertStepRow
from app.storage.api_keys import ApiKeyRow
from app.storage.assessments import AssessmentRow, CustomScaleRow
from app.storage.audit_seals import AuditSealRow
from app.storage.care_plans import CarePlanRow
from app.storage.check_ins import CheckInRow, EvaluationRow
from app.storage.chosen_references import ChosenReferenceRow
from app.storage.circumstances import CircumstanceRow
from app.storage.clinics import ClinicProfileRow, ClinicRow
from app.storage.consents import ConsentRow
from app.storage.days_without_reminders import DayWithoutRemindersRow
from app.storage.deliveries import AttemptRow, DeliveryRow, EventPlaceRow, NotificationRow
from app.storage.device_tokens import DeviceTokenRow
from app.storage.devices import DeviceRow
from app.storage.emergency_accesses import EmergencyAccessRow
from app.storage.endpoints import EndpointRow
from app.storage.engine.audit import AuditEventRow
from app.storage.engine.rows import Row
from app.storage.enrolment_codes import CodeSelectorRow, EnrolmentCodeRow
from app.storage.erasure_requests import ErasureRequestRow
from app.storage.erasures import ErasureRow
from app.storage.event_stream import EventStreamRow
from app.storage.findings import FindingRow
from app.storage.heartbeats import WorkerHeartbeatRow
from app.storage.idempotent_replies import IdempotentReplyRow
from app.storage.login_throttle import FailedTriesRow
from app.storage.notice_channels import NoticeChannelRow
from app.storage.outgoing_messages import OutgoingMessageRow
from app.storage.patient_changes import PatientChangeRow
from app.storage.patient_keys import PatientKeyRow
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.policies import ClinicPolicyRow
from app.storage.push_subscriptions import PushSubscriptionRow
from app.storage.record_versions import RecordVersionRow
from app.storage.recovery_codes import RecoveryCodeRow
from app.storage.reminder_plans import ReminderPlanRow
from app.storage.reminders import ReminderRow
from app.storage.safety_events import SafetyEventRow
from app.storage.sign_in_links import SignInLinkRow
from app.storage.signals import SignalRow
from app.storage.staff_devices import StaffDeviceRow
from app.storage.staff_invitations import StaffInvitationRow
from app.storage.staff_login_attempts import StaffLoginAttemptsRow
from app.storage.staff_members import StaffAddressRow, StaffMemberRow
from app.storage.staff_passkeys import StaffPasskeyRow
from app.storage.staff_sessions import StaffSessionRow
from app.storage.treatment import CourseRow, InfusionRow
from app.storage.what_ifs import WhatIfPatientRow, WhatIfRow

METADATA = Row.metadata

__all__ = [
    "METADATA",
    "AlertStepRow",
    "ApiKeyRow",
    "AssessmentRow",
    "AttemptRow",
    "AuditEventRow",
    "AuditSealRow",
    "CarePlanRow",
    "CheckInRow",
    "ChosenReferenceRow",
    "CircumstanceRow",
    "ClinicPolicyRow",
    "ClinicProfileRow",
    "ClinicRow",
    "CodeSelectorRow",
    "ConsentRow",
    "CourseRow",
    "CustomScaleRow",
    "DayWithoutRemindersRow",
    "DeliveryRow",
    "DeviceRow",
    "DeviceTokenRow",
    "EmergencyAccessRow",
    "EndpointRow",
    "EnrolmentCodeRow",
    "ErasureRequestRow",
    "ErasureRow",
    "EvaluationRow",
    "EventPlaceRow",
    "EventStreamRow",
    "FailedTriesRow",
    "FindingRow",
    "IdempotentReplyRow",
    "InfusionRow",
    "NoticeChannelRow",
    "NotificationRow",
    "OutgoingMessageRow",
    "PatientChangeRow",
    "PatientKeyRow",
    "PatientRow",
    "PatientStateRow",
    "PushSubscriptionRow",
    "RecordVersionRow",
    "RecoveryCodeRow",
    "ReminderPlanRow",
    "ReminderRow",
    "SafetyEventRow",
    "SignInLinkRow",
    "SignalRow",
    "StaffAddressRow",
    "StaffDeviceRow",
    "StaffInvitationRow",
    "StaffLoginAttemptsRow",
    "StaffMemberRow",
    "StaffPasskeyRow",
    "StaffSessionRow",
    "WhatIfPatientRow",
    "WhatIfRow",
    "WorkerHeartbeatRow",
]  # fmt: skip
