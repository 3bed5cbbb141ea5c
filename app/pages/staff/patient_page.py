"""A patient's page: what was read, put into the words and rows that the templates show."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.monitoring.queries import EvaluationView
from app.chart.description import trend_table
from app.chart.fluid import Mark, Pin, draw_fluid
from app.chart.wording import chart_words
from app.clinical.answer import Evaluation
from app.clinical.check_ins import check_in_day
from app.clinical.course import InfusionPhase
from app.clinical.domains import DOMAINS
from app.clinical.explanation import counterfactual_sentence
from app.clinical.explanation_words import Language, language_of
from app.clinical.interval import ResponseDuration
from app.clinical.long_exposure import scale_name
from app.clinical.reference import Reference
from app.clinical.taper import planned_said, reasons_said, suggestion_sentence
from app.foundation.audit import ActorKind
from app.foundation.translations import capitalized, joined, number_written, say
from app.foundation.vault import Vault
from app.pages.staff import patient_words
from app.pages.staff.about_patient import MayRead
from app.pages.staff.appointment_page import appointment_said
from app.pages.staff.audit_words import action_said
from app.pages.staff.circumstance_page import days_said, marks_of, said
from app.pages.staff.infusion_page import ROUTES
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_cards import cards_of
from app.pages.staff.patient_steps import main_step, outcome_path
from app.pages.staff.patient_timeline import GROUPS, entries_of
from app.pages.staff.patient_view import PatientView, patient_view
from app.pages.staff.patient_words import LEVELS, NOTICES
from app.pages.staff.rendering import render
from app.pages.staff.session_page import dose_said, session_said
from app.pages.staff.timeline_records import TimelinePlace
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import (
    WallClock,
    clock_written,
    counted,
    how_long,
    percent_written,
    share_written,
    short_day,
)
from app.pages.staff.worklist_page import step_notice
from app.storage.infusions import SCORE_AFTER, SCORE_ASKED_FOR

NOTHING: Final = "\N{EN DASH}"
USUAL_SPAN: Final = 92
SPANS: Final = (
    (30, say("30 days")),
    (USUAL_SPAN, say("90 days")),
    (365, say("1 year")),
    (1826, say("Course")),
)


def values_of(
    view: PatientView, visitor: StaffVisitor, *, days: int | None, group: str = ""
) -> dict[str, Any]:
    """Give everything that the templates show."""
    clock = WallClock(time_zone=view.patient.time_zone, clinic_zone=view.clinic_zone, now=view.now)
    path = f"/care/patients/{view.patient.id}"
    asked = {"days": str(days) if days else "", "show": group}
    notes = [one for one in reversed(view.notes) if view.trend.first_day <= one.stored.check_in_day]
    pins = [Pin(day=one.stored.check_in_day, number=number) for number, one in enumerate(notes, 1)]
    marks = marks_of(view.circumstances, view.trend.first_day, view.trend.last_day)
    numbered = {one.stored.check_in.id: number for number, one in enumerate(notes, 1)}
    return {
        "view": view,
        "patient": view.patient,
        "path": path,
        "back": path,
        "clock": clock,
        "clock_written": clock_written,
        "words": patient_words,
        "answer": None if view.evaluation is None else _answer(view.evaluation, clock, visitor.locale),
        "safety_banner": say("A safety report is open: see to it first."),
        "picture": draw_fluid(view.trend, view.protocol, chart_words(visitor.locale), pins=pins, marks=marks),
        "circumstances": list(_circumstances(view, marks, clock)),
        "table": trend_table(view.trend, chart_words(visitor.locale)),
        "ranges": _ranges(path, view, asked),
        "responses": list(_responses(view)),
        "planned": [(one, appointment_said(one, clock)) for one in view.planned],
        "routes": ROUTES,
        "dose_said": dose_said,
        "session_said": session_said,
        "early": list(_early(view)),
        "completed": list(_forms(view, clock)),
        "past": [_benefit(one, clock) for one in reversed(view.interval.past)],
        "learned": _learned(view, clock),
        "lines": list(_lines(view, visitor.work.vault, visitor.work.clinic_id, clock)),
        "chip": _chip(view),
        "say": sentence_of(view),
        "summary": _summary(view, clock),
        "score_due": _score_due(view, clock),
        "first": main_step(view, visitor, path),
        # While a safety event is open, these stand beside it in the place of what treats.
        "call_path": f"{path}/contact" if view.events and visitor.may(Permission.PATIENTS_CONTACT) else "",
        "outcome_path": outcome_path(view, visitor),
        **_taper(view, language_of(visitor.locale)),
        **_timeline(view, clock, numbered, visitor, path, asked),
        **cards_of(view, clock, visitor),
    }


def _taper(view: PatientView, language: Language) -> dict[str, Any]:
    """Say what the taper plan suggests, why, and the next booster by it."""
    planned = view.taper.planned
    return {
        "taper": suggestion_sentence(view.taper.suggestion, language),
        "taper_reasons": reasons_said(view.taper.suggestion, language),
        "next_by_plan": planned and planned_said(planned, language, view.trend.last_day.year),
    }


def _timeline(
    view: PatientView,
    clock: WallClock,
    numbered: Mapping[str, int],
    visitor: StaffVisitor,
    path: str,
    asked: dict[str, str],
) -> dict[str, Any]:
    """Give a page of the timeline with the ways to its other parts."""
    entries, older = entries_of(view, clock, numbered, visitor, group=asked["show"])
    return {
        "entries": entries,
        "older": older and _address(path, asked | {"before": older.cursor}),
        "newest": view.timeline.place and _address(path, asked),
        "groups": _groups(path, asked),
    }


_PHASES_SAID: Final[Mapping[InfusionPhase, str]] = {
    InfusionPhase.INDUCTION: say("induction"),
    InfusionPhase.BOOSTER: say("booster"),
}


def _address(path: str, asked: dict[str, str]) -> str:
    """Give the address of a part of the timeline; the chart keeps its range."""
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}#tl" if query else f"{path}#tl"


def _ranges(path: str, view: PatientView, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Offer 30, 90 and 365 days, and the whole course; the usual one is marked when none is asked for."""
    return [
        {
            "title": title,
            "path": f"{path}?{urlencode({'days': length} | ({'show': asked['show']} if asked['show'] else {}))}",
            "chosen": str(length) == asked["days"]
            or (not asked["days"] and length == USUAL_SPAN and view.trend.length <= USUAL_SPAN),
        }
        for length, title in SPANS
    ]


def _groups(path: str, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Offer what the timeline can be narrowed to."""
    return [
        {"title": title, "path": _address(path, asked | {"show": name}), "chosen": name == asked["show"]}
        for name, title in GROUPS.items()
    ]


def _chip(view: PatientView) -> dict[str, str]:
    """Give the patient's level as a mark with a shape and a word; safety comes first."""
    if view.events:
        return {"tone": "now", "icon": "now", "said": say("Safety")}
    if view.evaluation is None:
        return {"tone": "", "icon": "dot", "said": say("Consent withdrawn")}
    code = "consider_booster" if view.signals else view.evaluation.evaluation.level.value
    tone, shape = {
        "consider_booster": ("decide", "warn"),
        "watch": ("watch", "warn"),
        "steady": ("ok", "check"),
    }.get(code, ("", "dot"))
    return {"tone": tone, "icon": shape, "said": LEVELS.get(code, code)}


def sentence_of(view: PatientView) -> dict[str, str]:
    """Say in one sentence where the patient stands."""
    if view.events:
        event = view.events[0]
        seen = (
            say("Acknowledged, not closed.") if event.acknowledged_at else say("Nobody has acknowledged it.")
        )
        return {
            "first": say("Safety answer {how_long}.", how_long=how_long(event.received_at, view.now)),
            "rest": seen,
        }
    if view.evaluation is None:
        return {"first": say("Consent is withdrawn."), "rest": say("Nothing is evaluated.")}
    evaluation = view.evaluation.evaluation
    quality = evaluation.data_quality
    data = say("{count} in the last 10 days.", count=counted(quality.days_in_last_10, say("check-in day")))
    if evaluation.worse_than_before:
        return {"first": say("Worse than before treatment."), "rest": say("Call today. {data}", data=data)}
    if evaluation.smoothed is None:
        return {"first": say("Not enough data yet."), "rest": data}
    parts = [
        joined((patient_words.DOMAINS_SAID[domain], percent_written(share)), " ")
        for domain, share in zip(DOMAINS, evaluation.smoothed_share, strict=True)
        if share is not None
    ]
    said = say("{in_percent} of the improvement is lost", in_percent=percent_written(evaluation.smoothed))
    return {"first": said, "rest": say("({shares}). {data}", shares=joined(parts), data=data)}


def _summary(view: PatientView, clock: WallClock) -> str:
    parts: list[str] = [patient_words.PHASES[view.course.phase]] if view.course else []
    if view.infusions:
        last = view.infusions[-1]
        on = check_in_day(last.given_at, view.patient.time_zone)
        ago = counted((clock.today - on).days, "day")
        parts.append(
            say(
                "{value} on {short_day}, {ago} ago",
                value=_PHASES_SAID[last.phase],
                short_day=short_day(on),
                ago=ago,
            )
        )
    return joined(parts, " · ")


def _answer(view: EvaluationView, clock: WallClock, language: str) -> dict[str, Any]:
    evaluation = view.evaluation
    changed = counterfactual_sentence(evaluation, locale=language)
    before, _, after = view.explanation.partition(changed) if changed else (view.explanation, "", "")
    quality = evaluation.data_quality
    gap = quality.median_gap_days
    return {
        "level": patient_words.LEVELS[evaluation.level.value],
        "code": evaluation.level.value,
        "said": (before, changed, after),
        "domains": list(_domains(evaluation)),
        "overall": (_share(evaluation.weighted), _share(evaluation.smoothed), _share(evaluation.threshold)),
        "quality": (
            say("{count} in the last 10", count=counted(quality.days_in_last_10, say("check-in day"))),
            say("last report {day_ago}", day_ago=clock.day_ago(quality.last_report_on))
            if quality.last_report_on
            else say("no report yet"),
            say("usually {count} apart", count=counted(gap, "day")) if gap else "",
            say("longest gap {count}", count=counted(quality.longest_gap_days, "day"))
            if quality.longest_gap_days
            else "",
        ),
        "exposure": evaluation.exposure,
    }


def _domains(evaluation: Evaluation) -> Iterator[Sequence[str]]:
    """Each domain: latest, smoothed, after induction, before, share of the gain lost, smoothed."""
    reference = evaluation.reference if isinstance(evaluation.reference, Reference) else None
    for index, domain in enumerate(DOMAINS):
        yield (
            capitalized(patient_words.DOMAINS_SAID[domain]),
            _points(evaluation.reports[index]),
            _points(evaluation.smoothed_level[index]),
            _points(reference.values[index] if reference else None),
            _points(evaluation.baseline.values[index] if evaluation.baseline else None),
            _share(evaluation.share_lost[index]),
            _share(evaluation.smoothed_share[index]),
        )


def _responses(view: PatientView) -> Iterator[tuple[str, str, str]]:
    for one in view.course.review.responses if view.course else ():
        if one.category is None:
            why = patient_words.RESPONSE_NOT_KNOWN[one.because] if one.because else say("Not known")
            yield scale_name(one.scale), why, ""
            continue
        gone = (
            say("{percent} less severe", percent=share_written(one.improvement))
            if one.improvement is not None
            else ""
        )
        totals = (
            joined((number_written(one.baseline.total), number_written(one.after.total)), " → ")
            if one.baseline and one.after
            else ""
        )
        yield (
            scale_name(one.scale),
            patient_words.RESPONSES[one.category],
            joined(filter(None, (totals, gone))),
        )


def _early(view: PatientView) -> Iterator[str]:
    for one in view.course.early if view.course else ():
        hours = (
            say("{hours_after:.0f} hours after the first infusion", hours_after=one.hours_after)
            if one.hours_after is not None
            else say("early")
        )
        said = (
            say("had responded") if one.responded else say("had not responded yet; that is no reason to stop")
        )
        yield say(
            "{scale_name}: {hours} the patient {said}.",
            scale_name=scale_name(one.scale),
            hours=hours,
            said=said,
        )


def _forms(view: PatientView, clock: WallClock) -> Iterator[Sequence[str]]:
    for one in view.forms:
        score = one.score
        yield (
            scale_name(one.stored.scale),
            number_written(score.total),
            capitalized(patient_words.BANDS[score.band]) if score.band else NOTHING,
            patient_words.RESPONSES[one.response] if one.response else NOTHING,
            clock.day(one.taken_at.date()),
            say("the patient") if one.stored.entered_by == "patient" else say("the clinic"),
        )


def _circumstances(view: PatientView, marks: Sequence[Mark], clock: WallClock) -> Iterator[dict[str, str]]:
    letters = {(one.day, one.said): one.letter for one in marks}
    for one in view.circumstances:
        words = said(one)
        yield {
            "letter": letters.get((one.stored.since, words), ""),
            "said": words,
            "days": days_said(one, clock),
        }


def _benefit(one: ResponseDuration, clock: WallClock) -> str:
    lasted = counted(one.days, "day") if one.lost else say("at least {count}", count=counted(one.days, "day"))
    return say(
        "{lasted}, from {day}{value3}",
        lasted=lasted,
        day=clock.day(one.from_day),
        value3="" if one.lost else say(", not lost when last seen"),
    )


def _learned(view: PatientView, clock: WallClock) -> str:
    """Say the interval that the latest stretch speaks for, or why none is offered."""
    learned, planned = view.learned, view.taper.planned
    if learned.days is None or learned.from_stretch is None:
        why = joined((patient_words.NOT_OFFERED[one] for one in learned.not_offered), "; ")
        return say("No learned interval is offered: {why}.", why=why)
    day = say(", so {day}", day=clock.day(planned.since + timedelta(days=learned.days))) if planned else ""
    return say(
        "Learned from this patient, beside the plan: {count}{day}. It rests on the benefit of {benefit}.",
        count=counted(learned.days, "day"),
        day=day,
        benefit=_benefit(learned.from_stretch, clock),
    )


def _lines(view: PatientView, vault: Vault, clinic_id: UUID, clock: WallClock) -> Iterator[Sequence[str]]:
    names: dict[UUID | None, str] = {
        one.id: vault.open(
            one.name_sealed, table="staff_members", column="name", clinic_id=clinic_id, row_id=one.id
        )
        for one in view.staff
    }
    for line in view.lines:
        who = names.get(line.actor_id) or patient_words.ACTORS[ActorKind(line.actor_kind)]
        yield (
            clock.moment(line.at),
            who,
            action_said(line.action),
            say("in an emergency") if line.emergency_id else "",
        )


def _undo(view: PatientView, visitor: StaffVisitor, entered: str) -> str:
    """Say where an infusion that was entered just now is undone."""
    mine = visitor.may(Permission.TREATMENT_RECORD) and entered in view.sessions
    return f"/care/patients/{view.patient.id}/infusion/{entered}/undo" if mine else ""


def _score_due(view: PatientView, clock: WallClock) -> dict[str, str] | None:
    """Ask for the score of 4 hours after an infusion of the last day, until it is documented."""
    given = next((one for one in view.given if not one.day_only), None)
    if given is None or not timedelta() <= view.now - given.infusion.given_at < SCORE_ASKED_FOR:
        return None
    if given.session is not None and given.session.four_hour_score is not None:
        return None
    due = given.infusion.given_at + SCORE_AFTER
    return {
        "path": f"/care/patients/{view.patient.id}/infusions/{given.infusion.id}/session#score_scale",
        "said": say("Due at {time}, 4 hours after the infusion.", time=clock.time_written(due))
        if due > view.now
        else say("Was due at {time}, 4 hours after the infusion.", time=clock.time_written(due)),
    }


def _points(value: float | None) -> str:
    return NOTHING if value is None else number_written(value, ".1f")


def _share(value: float | None) -> str:
    return NOTHING if value is None else share_written(value)


router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
Text = Annotated[str, Query(max_length=40)]


@router.get("/{patient_id}")
async def show_patient(
    patient_id: UUID,
    visitor: MayRead,
    days: Text = "",
    show: Text = "",
    notice: Text = "",
    entered: Text = "",
    before: Annotated[str, Query(max_length=120)] = "",
) -> Response:
    """Show everything about a patient; a span that is not offered is the usual one."""
    span = next((length for length, _ in SPANS if str(length) == days), None)
    view = await patient_view(
        visitor.work,
        patient_id,
        days=span,
        with_audit_log=visitor.signed_in.may(Permission.AUDIT),
        language=visitor.locale,
        place=TimelinePlace.of(before),
    )
    return render(
        visitor,
        "patient.html",
        here="/care/patients",
        notice=NOTICES.get(notice, ""),
        undo=_undo(view, visitor, entered),
        step_notice=step_notice(visitor.request.query_params),
        **values_of(view, visitor, days=span, group=show if show in GROUPS else ""),
    )
