"""The main action of a patient's page: one button, the same in the head and at the foot of a phone."""

from typing import Any

from app.access.clinics.permissions import Permission
from app.care.alerts.finding_commands import FindingCode
from app.care.worklist.commands import DONE_ONCE_REACHED
from app.foundation.translations import say
from app.pages.staff.patient_view import PatientView
from app.pages.staff.visitor import StaffVisitor
from app.storage.findings import Finding


def main_step(view: PatientView, visitor: StaffVisitor, path: str) -> dict[str, Any]:
    """Say what the main action is now: one button, the same in the head and at the foot of a phone."""
    handles = visitor.may(Permission.SIGNALS_HANDLE)
    waiting = [one for one in map(_step_of, view.findings) if one is not None] if handles else []
    urgent = [one for one in waiting if one["tone"] == "urgent"]
    for alert, tone, link in (
        *((one, "urgent", f"/care/safety-events/{one.id}") for one in view.events),
        *((one, "primary", f"/care/signals/{one.id}") for one in view.signals if not urgent),
    ):
        if alert.acknowledged_at is None and handles:
            acknowledge = f"/care/worklist/{alert.id}/acknowledge"
            return _button(acknowledge, say("Acknowledge"), alert.version, tone)
        if visitor.may(Permission.SIGNALS_CLOSE):
            return _link(link, say("Record outcome…") if tone == "urgent" else say("Close signal…"))
    if waiting:
        return (urgent or waiting)[0]
    # Beside an open safety event nothing that treats is the main action.
    if view.events or not visitor.may(Permission.TREATMENT_RECORD):
        return _link("", "", tone="")
    return _link(f"{path}/infusion", say("Enter infusion"))


def _link(path: str, label: str, tone: str = "primary") -> dict[str, Any]:
    return {"path": path, "label": label, "version": 0, "tone": tone, "link": True}


def _button(path: str, label: str, version: int, tone: str) -> dict[str, Any]:
    return {"path": path, "label": label, "version": version, "tone": tone, "link": False}


def _step_of(finding: Finding) -> dict[str, Any] | None:
    """Give the one step that sees to what was found, as its row on Today offers it; None: it has none."""
    step, label, tone = "", say("Mark as read"), "primary"
    if finding.code == FindingCode.WORSE_THAN_BEFORE and finding.acknowledged_at is None:
        step, label, tone = "acknowledge", say("Acknowledge"), "urgent"
    elif finding.code == FindingCode.NOTE:
        step = "read"
    elif finding.code in DONE_ONCE_REACHED:
        step, label = "contacted", say("Contacted")
    return _button(f"/care/worklist/{finding.id}/{step}", label, finding.version, tone) if step else None


def outcome_path(view: PatientView, visitor: StaffVisitor) -> str:
    """Where a safety event's outcome is recorded before anyone acknowledged it; else it is the main action."""
    waiting = view.events and view.events[0].acknowledged_at is None
    if not waiting or not visitor.may(Permission.SAFETY_CLOSE):
        return ""
    return f"/care/safety-events/{view.events[0].id}#outcome"
