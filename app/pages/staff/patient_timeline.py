"""One timeline of everything about a patient: the patient's words, infusions, scales, signals, what the team did."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from app.access.clinics.permissions import Permission
from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import WORDINGS
from app.clinical.check_ins import zone_of
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS, LABELS
from app.clinical.english_formats import scale_name
from app.clinical.long_exposure import LONG_EXPOSURE, items_that_stand_out
from app.pages.staff.alert_words import DISPOSITIONS, OUTCOMES, by_whom
from app.pages.staff.patient_view import PatientView
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock, clock_written
from app.pages.staff.worklist_words import FINDING_OUTCOMES, short_day

_MOST: Final = 50
_ALERTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "signal": ("Signal", "sig", "warn"),
    "safety_event": ("Safety event", "saf", "now"),
    "finding": ("For the team", "", "dot"),
}
_VERBS: Final[Mapping[str, str]] = {
    "add_evidence": "new evidence",
    "became_steady": "stable again",
    "returned_from_snooze": "back from its snooze",
    "closed_by_infusion": "closed by an infusion",
    "closed_by_withdrawal": "closed, consent was withdrawn",
    "acknowledgement_taken_back": "acknowledgement taken back",
    "reached_out": "reached out",
    "snooze_ended": "snooze ended",
}
_OUTREACH: Final[Mapping[str, str]] = {
    "reached": "reached",
    "left_message": "left a message",
    "no_answer": "no answer",
    "wrong_number": "wrong number",
}


def entries_of(
    view: PatientView, clock: WallClock, numbered: Mapping[str, int], visitor: StaffVisitor
) -> list[dict[str, Any]]:
    """Give the latest entries, newest first, each with the patient's or the team's own words."""
    made = [
        *_notes(view, numbered, visitor),
        *_infusions(view),
        *_scales(view),
        *_steps(view),
    ]
    made.sort(key=lambda one: one[0], reverse=True)
    zone, this_year = zone_of(view.patient.time_zone), clock.today.year
    return [_written(at.astimezone(zone), this_year, entry) for at, entry in made[:_MOST]]


def _written(at: datetime, this_year: int, entry: dict[str, Any]) -> dict[str, Any]:
    when = (
        f"{short_day(at.date())} {clock_written(at.time())}"
        if at.year == this_year
        else f"{short_day(at.date())}, {at.year}"
    )
    plain = {"quote": "", "small": "", "rest": "", "read": None, "link": "", "link_said": "", "anchor": ""}
    return {**plain, **entry, "when": when, "iso": at.isoformat()}


def _notes(
    view: PatientView, numbered: Mapping[str, int], visitor: StaffVisitor
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    unread = {str(one.source_id): one for one in view.findings if one.code == "note"}
    handles = visitor.may(Permission.SIGNALS_HANDLE)
    for one in view.notes:
        report = one.stored.check_in
        number, waiting = numbered.get(report.id), unread.get(report.id)
        values = (report.mood, report.energy, report.sleep_quality)
        said = [
            f"{LABELS[domain]} {value:g}"
            for domain, value in zip(DOMAINS, values, strict=True)
            if value is not None
        ]
        asks = "asks to talk about a booster" if report.asks_about_booster else ""
        yield (
            report.recorded_at,
            {
                "kind": "note",
                "icon": "note",
                "title": f"Patient's note {number}" if number else "Patient's note",
                "rest": asks,
                "quote": one.note,
                "small": " · ".join(filter(None, (", ".join(said), "not read yet" if waiting else "read"))),
                "read": {"id": waiting.id, "version": waiting.version} if waiting and handles else None,
                "anchor": f"note-{number}" if number else "",
            },
        )


def _infusions(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    boosters = 0
    for one in view.infusions:
        boosters += one.phase is InfusionPhase.BOOSTER
        title = f"Booster {boosters}" if one.phase is InfusionPhase.BOOSTER else "Induction infusion"
        dose = f"{one.dose_mg_per_kg:g} mg/kg" if one.dose_mg_per_kg else ""
        route = one.route.value.upper() if one.route else ""
        yield (
            one.given_at,
            {"kind": "", "icon": "drop", "title": title, "rest": " ".join(filter(None, (dose, route)))},
        )


def _scales(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.forms:
        if one.stored.scale == LONG_EXPOSURE.key:
            yield one.taken_at, _long_exposure(one)
            continue
        band = one.score.band.value.replace("_", " ") if one.score.band else ""
        yield (
            one.taken_at,
            {
                "kind": "",
                "icon": "form",
                "title": f"{scale_name(one.stored.scale)}: {one.score.total:g}",
                "rest": band,
                "small": "By the patient" if one.stored.entered_by == "patient" else "By the clinic",
            },
        )


def _long_exposure(one: Assessment) -> dict[str, Any]:
    """A form about long exposure: the answers that stand out, word for word; its total means nothing."""
    wording = WORDINGS[LONG_EXPOSURE.key]["en"]
    answers = {int(number): answer for number, answer in (one.stored.items or {}).items()}
    found = items_that_stand_out(answers)
    said = [f"{wording.items[item - 1]}: {wording.answers[answers[item] or 0].lower()}" for item in found]
    return {
        "kind": "",
        "icon": "form",
        "title": scale_name(LONG_EXPOSURE.key),
        "rest": "; ".join(said) or "nothing that stands out",
        "small": "By the patient" if one.stored.entered_by == "patient" else "By the clinic",
    }


def _steps(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.steps:
        step = one.step
        verb = step.action.partition(".")[2]
        noun, kind, icon = _ALERTS[step.alert_kind]
        if step.alert_kind == "finding" and verb in {"raised", "ended", "acknowledged"}:
            continue
        outcomes = {"signal": DISPOSITIONS, "safety_event": OUTCOMES}.get(step.alert_kind, FINDING_OUTCOMES)
        outcome = step.disposition or ""
        said = _OUTREACH.get(outcome, outcome) if verb == "reached_out" else outcomes.get(outcome, outcome)
        who = dict(view.names)
        if step.assignee_id is not None:
            said = f"to {who.get(step.assignee_id, 'a member of the staff')}"
        link = {"signal": "/care/signals/", "safety_event": "/care/safety-events/"}.get(step.alert_kind)
        yield (
            step.at,
            {
                "kind": kind,
                "icon": icon,
                "title": f"{noun} {_VERBS.get(verb, verb.replace('_', ' '))}",
                "rest": said,
                "quote": one.words or "",
                "small": by_whom(step.actor_kind, step.actor_id, who),
                "link": f"{link}{step.alert_id}" if link and verb in {"raised", "reported"} else "",
                "link_said": "Open",
            },
        )
