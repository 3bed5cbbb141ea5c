"""The events that leave, and their thin bodies: ids, codes, times and a link; nothing clinical."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final


class EventType(StrEnum):
    """What can happen, as the receiver sees it."""

    SIGNAL_RAISED = "signal.raised"
    SIGNAL_UPDATED = "signal.updated"
    SIGNAL_ACKNOWLEDGED = "signal.acknowledged"
    SIGNAL_SNOOZED = "signal.snoozed"
    SIGNAL_ESCALATED = "signal.escalated"
    SIGNAL_CLOSED = "signal.closed"
    SIGNAL_REOPENED = "signal.reopened"
    SAFETY_REPORTED = "safety.reported"
    SAFETY_UPDATED = "safety.updated"
    SAFETY_ACKNOWLEDGED = "safety.acknowledged"
    SAFETY_UNACKNOWLEDGED = "safety.unacknowledged"
    SAFETY_CLOSED = "safety.closed"
    FINDING_RAISED = "finding.raised"
    FINDING_UPDATED = "finding.updated"
    FINDING_ENDED = "finding.ended"
    LEVEL_CHANGED = "level.changed"
    INFUSION_RECORDED = "infusion.recorded"
    ASSESSMENT_RECORDED = "assessment.recorded"
    RECORD_CORRECTED = "record.corrected"
    REFERENCE_ESTABLISHED = "reference.established"
    REFERENCE_ENDED = "reference.ended"
    REFERENCE_NOT_ESTABLISHED = "reference.not_established"
    INDUCTION_REVIEW_DUE = "induction.review_due"
    INDUCTION_REVIEW_DONE = "induction.review_done"
    CHECK_INS_OVERDUE = "check_ins.overdue"
    CHECK_INS_RESUMED = "check_ins.resumed"
    PATIENT_REGISTERED = "patient.registered"
    PATIENT_ASKED_ABOUT_BOOSTER = "patient.asked_about_booster"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    PATIENT_ARCHIVED = "patient.archived"
    PATIENT_UNARCHIVED = "patient.unarchived"
    PATIENT_MERGED = "patient.merged"
    PATIENT_UNMERGED = "patient.unmerged"
    PATIENT_ERASED = "patient.erased"
    ENDPOINT_TEST = "endpoint.test"


# Sent first, to every endpoint whatever its filter says: a clinic cannot switch them off.
SAFETY_EVENTS: Final = frozenset({EventType.SAFETY_REPORTED, EventType.SAFETY_UNACKNOWLEDGED})
# What an endpoint without a filter gets: where a person has something to do, or has it no longer. The stream has all.
BY_DEFAULT: Final = SAFETY_EVENTS | {
    EventType.SIGNAL_RAISED,
    EventType.SIGNAL_ESCALATED,
    EventType.SIGNAL_CLOSED,
    EventType.SIGNAL_REOPENED,
    EventType.FINDING_RAISED,
    EventType.RECORD_CORRECTED,
    EventType.REFERENCE_NOT_ESTABLISHED,
    EventType.INDUCTION_REVIEW_DUE,
    EventType.CHECK_INS_OVERDUE,
    EventType.PATIENT_ASKED_ABOUT_BOOSTER,
    EventType.CONSENT_WITHDRAWN,
    EventType.PATIENT_ARCHIVED,
    EventType.PATIENT_UNARCHIVED,
    EventType.PATIENT_MERGED,
    EventType.PATIENT_UNMERGED,
    EventType.PATIENT_ERASED,
    EventType.ENDPOINT_TEST,
}


def event_body(
    event: EventType, *, occurred_at: datetime, data: Mapping[str, str | int | bool | None]
) -> str:
    """Write the body once; these very bytes are signed and sent at every attempt."""
    document = {"type": event.value, "timestamp": occurred_at.isoformat(), "data": dict(data)}
    return json.dumps(document, separators=(",", ":"), sort_keys=True)
