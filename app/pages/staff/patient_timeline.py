"""One timeline of everything about a patient: the patient's words, infusions, scales, signals, what the team did."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from app.access.clinics.permissions import Permission
from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import worded
from app.clinical.check_ins import zone_of
from app.clinical.course import Infusion, InfusionPhase
from app.clinical.long_exposure import LONG_EXPOSURE, items_that_stand_out, scale_name
from app.foundation.translations import Words, joined, number_written, say
from app.pages.staff.alert_words import DISPOSITIONS, OUTCOMES, by_whom
from app.pages.staff.circumstance_page import said as said_of
from app.pages.staff.infusion_page import ROUTES
from app.pages.staff.patient_view import PatientView
from app.pages.staff.patient_words import ARCHIVED, BANDS, PROTOCOLS, scores_said
from app.pages.staff.timeline_records import NotedReport, TimelinePlace, page_of
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock, clock_written, day_written, short_day
from app.pages.staff.worklist_words import FINDING_OUTCOMES
from app.storage.sleep_nights import SleepNight

_ALERTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "signal": (say("Signal"), "sig", "warn"),
    "safety_event": (say("Safety event"), "saf", "now"),
    "finding": (say("For the team"), "", "dot"),
}
_VERBS: Final[Mapping[str, str]] = {
    "raised": say("raised"),
    "reported": say("reported"),
    "acknowledged": say("acknowledged"),
    "assigned": say("assigned"),
    "snoozed": say("snoozed"),
    "escalated": say("escalated"),
    "closed": say("closed"),
    "reopened": say("reopened"),
    "ended": say("ended"),
    "not_supported_by_corrected_facts": say("not supported by the corrected facts"),
    "add_evidence": say("new evidence"),
    "became_steady": say("stable again"),
    "returned_from_snooze": say("back from its snooze"),
    "closed_by_infusion": say("closed by an infusion"),
    "closed_by_withdrawal": say("closed, consent was withdrawn"),
    "acknowledgement_taken_back": say("acknowledgement taken back"),
    "reached_out": say("reached out"),
    "snooze_ended": say("snooze ended"),
}
_OUTREACH: Final[Mapping[str, str]] = {
    "reached": say("reached"),
    "left_message": say("left a message"),
    "no_answer": say("no answer"),
    "wrong_number": say("wrong number"),
}


# What the timeline can be narrowed to, by the word in the address.
GROUPS: Final[Mapping[str, str]] = {
    "": say("All"),
    "reports": say("Check-ins"),
    "treatment": say("Treatment"),
    "scales": say("Scales"),
    "signals": say("Signals"),
    "corrections": say("Corrections"),
}
_NOUNS: Final[Mapping[str, str]] = {
    "infusion": say("Infusion"),
    "assessment": say("Form"),
    "course": say("Course"),
    "check_in": say("Imported check-in"),
    "chosen_reference": say("Reference"),
    "circumstance": say("Change in treatment"),
}
_CORRECTIONS: Final[Mapping[str, str]] = {
    "amended": say("corrected"),
    "voided": say("entered in error"),
    "restored": say("restored"),
}


def entries_of(
    view: PatientView,
    clock: WallClock,
    numbered: Mapping[str, int],
    visitor: StaffVisitor,
    *,
    group: str = "",
) -> tuple[list[dict[str, Any]], TimelinePlace | None]:
    """Give the entries of a group from the wanted place on, newest first, and where older ones begin.

    Each has the patient's or the team's own words.
    """
    correctable = visitor.may(Permission.TREATMENT_RECORD)
    groups = {
        "reports": (*_reports(view, numbered, visitor), *_texts(view, visitor)),
        "treatment": (
            *_infusions(view, correctable),
            *_voided(view, correctable),
            *_changes(view, correctable),
            *_courses(view, correctable),
            *_references(view, visitor.may(Permission.TREATMENT_DECIDE)),
        ),
        "scales": _scales(view, correctable),
        "signals": _steps(view),
        "corrections": (*_corrections(view), *_renamed(view)),
    }
    made = [entry for name, entries in groups.items() if group in ("", name) for entry in entries]
    made.sort(key=lambda one: one[0], reverse=True)
    ends = [at for name, at in view.timeline.ends.items() if group in ("", name)]
    shown, older = page_of(made, view.timeline.place, max(ends, default=None))
    zones, this_year = (view.clinic_zone, view.patient.time_zone), clock.today.year
    return [_written(at, zones, this_year, entry) for at, entry in shown], older


def _written(at: datetime, zones: tuple[str, str], this_year: int, entry: dict[str, Any]) -> dict[str, Any]:
    """Write an entry with its time by the clinic's clock, and by the patient's where that shows another.

    What is known by its ``day`` alone has no time, and its day is no other one elsewhere.
    """
    day: date | None = entry.get("day")
    here, there = (at.astimezone(zone_of(one)) for one in zones)
    plain = dict.fromkeys(("quote", "small", "rest", "was", "link", "link_said", "anchor"), "")
    return {
        **plain,
        "read": None,
        **entry,
        "when": _when(here, this_year) if day is None else _day(day, this_year),
        "there": "" if day or here.utcoffset() == there.utcoffset() else _when(there, this_year),
        "iso": here.isoformat(),
    }


def _when(at: datetime, this_year: int) -> str:
    day = _day(at.date(), this_year)
    return joined((day, clock_written(at.time())), " ") if at.year == this_year else day


def _day(day: date, this_year: int) -> str:
    return short_day(day) if day.year == this_year else day_written(day)


def _reports(
    view: PatientView, numbered: Mapping[str, int], visitor: StaffVisitor
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The reports with what a phone measured of the same day's night; other nights stand alone."""
    unread = {str(one.source_id): one for one in view.findings if one.code == "note"}
    handles = visitor.may(Permission.SIGNALS_HANDLE)
    nights = _nights_by_day(view)
    for one in view.timeline.reports:
        report = one.stored.check_in
        number, waiting = numbered.get(report.id), unread.get(report.id)
        asks = say("asks to talk about a booster") if report.asks_about_booster else ""
        slept = nights_said(nights.pop(one.stored.check_in_day, ()))
        entry = _reported(one, asks, slept)
        if one.note:
            read = say("not read yet") if waiting else say("read")
            entry |= {
                "kind": "note",
                "icon": "note",
                "title": say("Patient's note {number}", number=number) if number else say("Patient's note"),
                "rest": asks,
                "quote": one.note,
                "small": joined(filter(None, (joined(scores_said(report)), slept, read)), " · "),
                "read": {"id": waiting.id, "version": waiting.version} if waiting and handles else None,
                "anchor": f"note-{number}" if number else "",
            }
        # The patient's own is the patient's to correct.
        if one.stored.input_mode == "import" and visitor.may(Permission.CHECK_INS_IMPORT):
            entry |= {"link": f"{_record(view)}/check-ins/{report.id}", "link_said": say("Correct")}
        yield report.recorded_at, entry
    for alone in nights.values():
        woke = max(one.ended_at for one in alone)
        yield woke, {"kind": "", "icon": "dot", "title": say("Night"), "rest": nights_said(alone)}


def _reported(one: NotedReport, asks: str, slept: str) -> dict[str, Any]:
    is_imported = one.stored.input_mode == "import"
    return {
        "kind": "",
        "icon": "dot",
        "title": say("Imported check-in") if is_imported else say("Check-in"),
        "rest": joined(filter(None, (joined(scores_said(one.stored.check_in)), asks))),
        "small": slept,
    }


def _nights_by_day(view: PatientView) -> dict[date, list[SleepNight]]:
    by_day: dict[date, list[SleepNight]] = {}
    for one in view.timeline.nights:
        by_day.setdefault(one.night, []).append(one)
    return by_day


def nights_said(nights: Sequence[SleepNight]) -> str:
    """Say what a phone measured of a night, each source for itself; empty where none did."""
    measured = [f"{one.asleep_minutes // 60} h {one.asleep_minutes % 60} min ({one.app})" for one in nights]
    return say("measured by phone: {nights} asleep", nights=joined(measured)) if measured else ""


def _texts(view: PatientView, visitor: StaffVisitor) -> Iterator[tuple[datetime, dict[str, Any]]]:
    unread = {one.source_id: one for one in view.findings if one.code == "note"}
    handles = visitor.may(Permission.SIGNALS_HANDLE)
    for one in view.timeline.texts:
        waiting = unread.get(one.id)
        if one.word is not None:
            said = say("ended text messages") if one.word == "stop" else say("wants text messages again")
            yield one.received_at, {"kind": "", "icon": "note", "title": say("Text message"), "rest": said}
            continue
        yield (
            one.received_at,
            {
                "kind": "note",
                "icon": "note",
                "title": say("Text message"),
                "quote": one.text or say("(without words)"),
                "small": say("not read yet") if waiting else say("read"),
                "read": {"id": waiting.id, "version": waiting.version} if waiting and handles else None,
            },
        )


def _infusions(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    boosters, given = 0, view.sessions
    for one in view.infusions:
        boosters += one.phase is InfusionPhase.BOOSTER
        title = (
            say("Booster {boosters}", boosters=boosters)
            if one.phase is InfusionPhase.BOOSTER
            else say("Induction infusion")
        )
        day = one.day(view.patient.time_zone) if given[one.id].day_only else None
        entry: dict[str, Any] = {"day": day, "kind": "", "icon": "drop", "title": title, "rest": _dose(one)}
        yield one.given_at, entry | _correct(view, correctable, "infusions", one.id)


def _dose(one: Infusion) -> str:
    dose = say("{dose:g} mg/kg", dose=one.dose_mg_per_kg) if one.dose_mg_per_kg else ""
    return joined(filter(None, (dose, ROUTES[one.route] if one.route else "")))


def _record(view: PatientView) -> str:
    return f"/care/patients/{view.patient.id}/record"


def _correct(view: PatientView, correctable: bool, what: str, record_id: object) -> dict[str, str]:
    """Give the way to correct what staff entered, or to say that it was entered in error."""
    link = f"{_record(view)}/{what}/{record_id}"
    return {"link": link, "link_said": say("Correct")} if correctable else {}


def _courses(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    zone = zone_of(view.patient.time_zone)
    for one in (view.course.stored, *view.course.earlier) if view.course else ():
        course = one.course
        is_taken_on = course.taken_on_at is not None
        day = course.taken_on_at or one.declared_started_on
        at = datetime.combine(day, time(0), tzinfo=zone)
        entry: dict[str, Any] = {
            "day": day,
            "kind": "",
            "icon": "dot",
            "title": say("Taken on in maintenance") if is_taken_on else say("Course began"),
            "rest": one.template.name if one.template else PROTOCOLS[course.protocol],
        }
        yield at, entry | _correct(view, correctable, "courses", course.id)


def _references(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.references:
        days = say("{short_day} to {value2}", short_day=short_day(one.from_day), value2=short_day(one.to_day))
        entry = {"kind": "", "icon": "dot", "title": say("Reference chosen"), "rest": days}
        yield one.set_at, entry | _correct(view, correctable, "references", one.id)


def _voided(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Struck through, never gone."""
    restore = {"link": _record(view), "link_said": say("Show")} if correctable else {}
    for stored in view.voided:
        one = stored.infusion
        yield (
            one.given_at,
            {
                "kind": "void",
                "icon": "drop",
                "title": say("Booster") if one.phase is InfusionPhase.BOOSTER else say("Induction infusion"),
                "was": _dose(one),
                "small": say("Not counted anywhere."),
                **restore,
            },
        )


def _changes(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    zone = zone_of(view.patient.time_zone)
    for one in view.circumstances:
        at = datetime.combine(one.stored.since, time(12), tzinfo=zone)
        entry: dict[str, Any] = {
            "day": one.stored.since,
            "kind": "",
            "icon": "dot",
            "title": said_of(one),
        }
        yield at, entry | _correct(view, correctable, "circumstances", one.stored.id)


def _corrections(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.corrections:
        yield (
            one.at,
            {
                "kind": "",
                "icon": "form",
                "title": joined(
                    (
                        _NOUNS.get(one.kind, say("Entry")),
                        _CORRECTIONS.get(one.correction, one.correction),
                    ),
                    " ",
                ),
                "quote": one.reason or "",
                "small": by_whom(one.by_kind, one.by_id, dict(view.names)),
            },
        )


def _renamed(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """What was changed about who the patient is, and whether the patient is in care here."""
    titles = {
        "chart_number": say("Chart number changed"),
        "archived": say("Archived"),
        "unarchived": say("In care again"),
        "merged": say("A duplicate was merged into this patient"),
        "unmerged": say("The merge of a duplicate was taken back"),
    }
    for one in view.changes:
        yield (
            one.at,
            {
                "kind": "",
                "icon": "form",
                "title": titles[one.kind],
                "was": one.before or "",
                "rest": ARCHIVED[one.reason] if one.reason else "",
                "quote": one.note or "",
                "small": by_whom("staff" if one.by in view.names else "api_key", one.by, dict(view.names)),
            },
        )


def _scales(view: PatientView, correctable: bool) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.timeline.forms:
        if one.stored.scale == LONG_EXPOSURE.key:
            yield one.taken_at, _long_exposure(one)
            continue
        band = BANDS[one.score.band] if one.score.band else ""
        yield (
            one.taken_at,
            {
                "kind": "",
                "icon": "form",
                "title": joined((scale_name(one.stored.scale), number_written(one.score.total)), ": "),
                "rest": band,
                "small": say("By the patient")
                if one.stored.entered_by == "patient"
                else say("By the clinic"),
                **_correct(
                    view, correctable and one.stored.entered_by == "clinic", "assessments", one.stored.id
                ),
            },
        )


def _long_exposure(one: Assessment) -> dict[str, Any]:
    """A form about long exposure: the answers that stand out, word for word; its total means nothing."""
    answers = {int(number): answer for number, answer in (one.stored.items or {}).items()}
    found = items_that_stand_out(answers)
    said = [joined((_exposure_item(item), _exposure_answer(answers[item] or 0)), ": ") for item in found]
    return {
        "kind": "",
        "icon": "form",
        "title": scale_name(LONG_EXPOSURE.key),
        "rest": joined(said, "; ") or say("nothing that stands out"),
        "small": say("By the patient") if one.stored.entered_by == "patient" else say("By the clinic"),
    }


def _exposure_item(number: int) -> Words:
    return worded(LONG_EXPOSURE.key, lambda one: one.items[number - 1])


def _exposure_answer(score: int) -> Words:
    return worded(LONG_EXPOSURE.key, lambda one: one.answers[score].lower())


def _steps(view: PatientView) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in view.timeline.steps:
        step = one.step
        verb = step.action.partition(".")[2]
        noun, kind, icon = _ALERTS[step.alert_kind]
        outcomes = {"signal": DISPOSITIONS, "safety_event": OUTCOMES}.get(step.alert_kind, FINDING_OUTCOMES)
        outcome = step.disposition or ""
        said = _OUTREACH.get(outcome, outcome) if verb == "reached_out" else outcomes.get(outcome, outcome)
        who = dict(view.names)
        if step.assignee_id is not None:
            said = say("to {get}", get=who.get(step.assignee_id, say("a member of the staff")))
        link = {"signal": "/care/signals/", "safety_event": "/care/safety-events/"}.get(step.alert_kind)
        yield (
            step.at,
            {
                "kind": kind,
                "icon": icon,
                "title": joined((noun, _VERBS.get(verb, verb.replace("_", " "))), " "),
                "rest": said,
                "quote": one.words or "",
                "small": by_whom(step.actor_kind, step.actor_id, who),
                "link": f"{link}{step.alert_id}" if link and verb in {"raised", "reported"} else "",
                "link_said": say("Open"),
            },
        )
