"""Task and Flag: a signal is a proposal to look at a patient's benefit, a safety event a flag on the patient."""

from datetime import datetime
from typing import Final

from app.access.clinics.permissions import Permission
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import Json, compact, concept, identifier, instant, own_concept, to_actor
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import safety_events, signals
from app.storage.alerts import OPEN_STATES, Alert
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal

_TASK_STATUS: Final = {
    "open": "requested",
    "acknowledged": "accepted",
    "snoozed": "on-hold",
    "closed": "completed",
}
_STATES: Final = [*OPEN_STATES, "closed"]
_ALL: Final = 1_000_000


async def _tasks(work: Work, subject: Subject) -> list[Json]:
    found = await signals.TABLE.page(work, states=_STATES, patient_id=subject.id, limit=_ALL)
    return [_task(subject, one) for one in found]


def _task(subject: Subject, signal: Signal) -> Json:
    until = {"period": {"end": instant(signal.snoozed_until)}} if signal.snoozed_until else None
    outcome = signal.disposition and own_concept("disposition", signal.disposition)
    made = {
        "resourceType": "Task",
        "id": resource_id(subject.id, signal.id),
        "meta": subject.meta(signal.id, _changed(signal, signal.raised_at), signal.version),
        "identifier": [identifier("signal", signal.id)],
        "status": _TASK_STATUS[signal.state],
        "businessStatus": own_concept("level", signal.level),
        "intent": "proposal",
        "code": own_concept("task", "review-fading-benefit"),
        "description": signal.explanation,
        "for": subject.reference,
        "authoredOn": instant(signal.raised_at),
        "lastModified": subject.meta(signal.id, _changed(signal, signal.raised_at))["lastUpdated"],
        "requester": {"display": "Afterglow"},
        "owner": to_actor("staff", signal.assignee_id) if signal.assignee_id else None,
        "reasonCode": own_concept("criterion", signal.criterion),
        "restriction": until,
        "output": [{"type": concept("Disposition"), "valueCodeableConcept": outcome}] if outcome else [],
    }
    return compact(made)


async def _flags(work: Work, subject: Subject) -> list[Json]:
    found = await safety_events.TABLE.page(work, states=_STATES, patient_id=subject.id, limit=_ALL)
    return [_flag(subject, one) for one in found]


def _flag(subject: Subject, event: SafetyEvent) -> Json:
    end = instant(event.closed_at) if event.closed_at else None
    category = concept(
        "Safety",
        {
            "system": "http://terminology.hl7.org/CodeSystem/flag-category",
            "code": "safety",
            "display": "Safety",
        },
    )
    made = {
        "resourceType": "Flag",
        "id": resource_id(subject.id, event.id),
        "meta": subject.meta(event.id, _changed(event, event.received_at), event.version),
        "identifier": [identifier("safety-event", event.id)],
        "status": "inactive" if event.state == "closed" else "active",
        "category": [category],
        # Never a word of what was said.
        "code": own_concept("flag", "urgent-safety-event" if event.urgent else "safety-event"),
        "subject": subject.reference,
        "period": compact({"start": instant(event.received_at), "end": end}),
    }
    return compact(made)


def _changed(alert: Alert, made_at: datetime) -> datetime:
    return max(one for one in (made_at, alert.acknowledged_at, alert.escalated_at, alert.closed_at) if one)


TASK: Final = ResourceType(
    name="Task",
    permission=Permission.SIGNALS_READ,
    noun="signals",
    documentation="A signal, as a proposal: the clinic decides what is done.",
    of_patient=_tasks,
    dates={"authored-on": "authoredOn"},
    tokens={"status": "status", "code": "code", "identifier": "identifier"},
    patient="for",
)
FLAG: Final = ResourceType(
    name="Flag",
    permission=Permission.SAFETY_READ,
    noun="safety_events",
    documentation="A safety event, without a word of what was said.",
    of_patient=_flags,
    dates={"date": "period"},
    tokens={"identifier": "identifier"},
    patient="subject",
)
