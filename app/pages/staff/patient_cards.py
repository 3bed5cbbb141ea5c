"""What is open about a patient, as cards beside the chart: safety events, the signal, findings."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.assessments.questionnaires import all_questionnaires, worded
from app.care.patients.consent_status import ConsentStatus
from app.care.patients.tablets import CHECK_IN
from app.foundation.translations import joined, say
from app.pages.staff.alert_words import CAUTIONS, SOURCES
from app.pages.staff.patient_view import PatientView
from app.pages.staff.patient_words import scores_said
from app.pages.staff.timeline_records import NotedReport
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock, how_long, percent_written, short_day
from app.pages.staff.worklist_words import CRITERIA, FINDINGS
from app.storage.alerts import Alert
from app.storage.safety_events import SafetyEvent


def cards_of(view: PatientView, clock: WallClock, visitor: StaffVisitor) -> dict[str, Any]:
    """Give all cards."""
    return {
        "safety_cards": list(_safety(view, clock, visitor)),
        "signal_cards": list(_signals(view, visitor)),
        "finding_cards": list(_findings(view, visitor)),
        "tablet_forms": _tablet_forms(view, visitor),
    }


def _tablet_forms(view: PatientView, visitor: StaffVisitor) -> Mapping[str, str]:
    """Give what a patient can answer on the clinic's tablet, by its name; nothing before they agreed."""
    agreed = view.patient.consent is ConsentStatus.GIVEN and view.patient.archived is None
    if not agreed or not visitor.may(Permission.TREATMENT_RECORD):
        return {}
    asked = all_questionnaires(locale=view.patient.locale, long_exposure=False)
    return {CHECK_IN: say("Check-in")} | {
        one.scale.key: worded(one.scale.key, lambda wording: wording.title) for one in asked
    }


def _safety(view: PatientView, clock: WallClock, visitor: StaffVisitor) -> Iterator[dict[str, Any]]:
    if not visitor.may(Permission.SAFETY_READ):
        return
    for event in view.events:
        source, waits = view.sources.get(event.source_id), event.acknowledged_at is None
        texted = next((one.text for one in view.texts if one.id == event.source_id), None)
        ago = how_long(event.received_at, view.now)
        following: str
        if waits and event.escalate_at is not None:
            when = how_long(event.escalate_at, view.now)
            following = say("Acknowledging stops escalation. The next contact is notified {when}.", when=when)
        else:
            following = say("Acknowledging stops escalation.") if waits else ""
        yield {
            "id": event.id,
            "version": event.version,
            "title": title_of(event),
            "status": joined((ago, say("not acknowledged") if waits else say("acknowledged"))),
            "said": answered(event, clock),
            "note": source.note if source else texted,
            "answers": _answers(source) if source else "",
            "can_acknowledge": waits and visitor.may(Permission.SAFETY_HANDLE),
            "next": following,
        }


def title_of(event: SafetyEvent) -> str:
    """Say what a safety event is about."""
    return say("thinking about self-harm") if event.urgent else say("an answer about self-harm")


def answered(event: SafetyEvent, clock: WallClock) -> str:
    """Say where a safety event was answered, and when."""
    return say(
        "Answered in {source}, {when}.", source=SOURCES[event.source], when=clock.short(event.received_at)
    )


def said_with(view: PatientView, source_id: UUID) -> dict[str, str]:
    """Give what the report said besides that a safety event came with, while the event is open."""
    source = view.sources.get(source_id)
    return {"note": (source.note or "") if source else "", "answers": _answers(source) if source else ""}


def _answers(source: NotedReport) -> str:
    """Say what else the same check-in said."""
    parts = scores_said(source.stored.check_in)
    return say("Same check-in: {join}.", join=joined(parts)) if parts else ""


def _signals(view: PatientView, visitor: StaffVisitor) -> Iterator[dict[str, Any]]:
    for signal in view.signals:
        raised = signal.decision["smoothed"]
        now = view.evaluation.evaluation.smoothed if view.evaluation else None
        figures = (
            [
                say(
                    "{percent} when raised {short_day}",
                    percent=percent_written(raised),
                    short_day=short_day(signal.raised_on),
                )
            ]
            if raised is not None
            else []
        )
        if now is not None:
            figures.append(say("{percent} today", percent=percent_written(now)))
        criteria = joined((CRITERIA.get(name, name) for name in signal.criteria), "; ")
        steady = (
            say(" Stable again since {short_day}.", short_day=short_day(signal.steady_since))
            if signal.steady_since
            else ""
        )
        yield {
            **_common(signal, visitor),
            "title": say("consider a booster"),
            "status": say(
                "Raised {how_long}. {stands}",
                how_long=how_long(signal.raised_at, view.now),
                stands=_stands(signal, view),
            ),
            "why": say("{criteria}.{steady}", criteria=criteria, steady=steady),
            "figures": say("{figures}.", figures=joined(figures)) if figures else "",
            "cautions": joined(CAUTIONS.get(one.value, one.value) for one in view.factors.cautions),
        }


def _findings(view: PatientView, visitor: StaffVisitor) -> Iterator[dict[str, Any]]:
    notes = {one.stored.check_in.id: one.note for one in view.notes}
    for finding in view.findings:
        title, detail = FINDINGS.get(finding.code, (finding.code, ""))
        yield {
            **_common(finding, visitor),
            "code": finding.code,
            "title": title,
            "status": joined((detail, how_long(finding.raised_at, view.now), _stands(finding, view)), ". "),
            "note": notes.get(str(finding.source_id)) if finding.code == "note" else None,
        }


def _common(alert: Alert, visitor: StaffVisitor) -> dict[str, Any]:
    handles = visitor.may(Permission.SIGNALS_HANDLE)
    return {
        "id": alert.id,
        "version": alert.version,
        "can_acknowledge": handles and alert.acknowledged_at is None,
        "can_take": handles and alert.assignee_id is None,
    }


def _stands(alert: Alert, view: PatientView) -> str:
    seen = say("Acknowledged") if alert.acknowledged_at is not None else say("Not acknowledged")
    if alert.state == "snoozed":
        seen = say("Snoozed")
    if alert.assignee_id is None:
        return say("{seen}, unassigned.", seen=seen)
    return say(
        "{seen}, assigned to {get}.",
        seen=seen,
        get=view.names.get(alert.assignee_id, say("a member of the staff")),
    )
