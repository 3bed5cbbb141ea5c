"""The events that leave, and their thin bodies: ids, codes, times and a link; nothing clinical."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final


class EventType(StrEnum):
    """What can happen, as the receiver sees it."""

    SIGNAL_RAISED = "signal.raised"
    SIGNAL_ESCALATED = "signal.escalated"
    SIGNAL_CLOSED = "signal.closed"
    SIGNAL_REOPENED = "signal.reopened"
    SAFETY_REPORTED = "safety.reported"
    SAFETY_UNACKNOWLEDGED = "safety.unacknowledged"
    INDUCTION_REVIEW_DUE = "induction.review_due"
    REFERENCE_NOT_ESTABLISHED = "reference.not_established"
    CHECK_INS_OVERDUE = "check_ins.overdue"
    PATIENT_ASKED_ABOUT_BOOSTER = "patient.asked_about_booster"
    PATIENT_WORSE_THAN_BEFORE = "patient.worse_than_before"
    RECORD_CORRECTED = "record.corrected"
    PATIENT_ASKED_FOR_ERASURE = "patient.asked_for_erasure"
    PATIENT_WITHDREW_CONSENT = "patient.withdrew_consent"
    PATIENT_ARCHIVED = "patient.archived"
    PATIENT_UNARCHIVED = "patient.unarchived"
    PATIENT_MERGED = "patient.merged"
    PATIENT_UNMERGED = "patient.unmerged"
    ENDPOINT_TEST = "endpoint.test"


# Sent first, to every endpoint whatever its filter says: a clinic cannot switch them off.
SAFETY_EVENTS: Final = frozenset({EventType.SAFETY_REPORTED, EventType.SAFETY_UNACKNOWLEDGED})


def event_body(
    event: EventType, *, occurred_at: datetime, data: Mapping[str, str | int | bool | None]
) -> str:
    """Write the body once; these very bytes are signed and sent at every attempt."""
    document = {"type": event.value, "timestamp": occurred_at.isoformat(), "data": dict(data)}
    return json.dumps(document, separators=(",", ":"), sort_keys=True)
