"""A treatment session beside the infusion that was given in it: its words, and the page that documents it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.care.treatment import infusion_corrections, queries
from app.care.treatment.infusion_schemas import InfusionAmendment
from app.clinical.check_ins import zone_of
from app.clinical.long_exposure import scale_name
from app.clinical.scales import STANDARD_SCALES
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import MayRecord, about, number_in, path_of, whole_in
from app.pages.staff.asked_form import AskedForm, Field, answer_form, confirmed_in, show_form
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.pages.staff.wall_clock import WallClock
from app.storage.infusions import StoredInfusion
from app.storage.treatment_sessions import Dissociation, Session, SideEffect, Site, Vitals
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

SITES: Final[Mapping[str, str]] = {
    Site.LEFT_ARM: say("Left arm"),
    Site.RIGHT_ARM: say("Right arm"),
    Site.LEFT_THIGH: say("Left thigh"),
    Site.RIGHT_THIGH: say("Right thigh"),
    Site.ABDOMEN: say("Abdomen"),
    Site.OTHER: say("Other"),
}
DISSOCIATIONS: Final[Mapping[str, str]] = {
    Dissociation.NONE: say("None"),
    Dissociation.MILD: say("Mild"),
    Dissociation.MODERATE: say("Moderate"),
    Dissociation.SEVERE: say("Severe"),
}
SIDE_EFFECTS: Final[Mapping[str, str]] = {
    SideEffect.NAUSEA: say("Nausea"),
    SideEffect.VOMITING: say("Vomiting"),
    SideEffect.HEADACHE: say("Headache"),
    SideEffect.DIZZINESS: say("Dizziness"),
    SideEffect.SEDATION: say("Sedation"),
    SideEffect.ANXIETY: say("Anxiety"),
    SideEffect.BLURRED_VISION: say("Blurred vision"),
    SideEffect.RAISED_BLOOD_PRESSURE: say("Raised blood pressure"),
    SideEffect.OTHER: say("Other"),
}
MOMENTS: Final = {"before": say("before"), "peak": say("at the peak"), "after": say("after")}


def dose_said(stored: StoredInfusion) -> str:
    """Say the dose in the units in which it was given."""
    per_kg, milligrams = stored.infusion.dose_mg_per_kg, stored.dose_mg
    said = [
        say("{dose:g} mg/kg", dose=per_kg) if per_kg else "",
        say("{milligrams:g} mg", milligrams=milligrams) if milligrams else "",
    ]
    return joined(filter(None, said))


def session_said(session: Session, clock: WallClock) -> str:
    """Say in one line how a session went."""
    return joined(_parts(session, clock), ". ")


def _parts(session: Session, clock: WallClock) -> Iterator[str]:
    if session.ended_at is not None:
        yield say("Until {time_written}", time_written=clock.time_written(session.ended_at))
    if session.site is not None:
        yield SITES[session.site]
    for moment, words in MOMENTS.items():
        vitals = getattr(session, moment)
        if vitals is not None:
            yield joined((_vitals_said(vitals), words), " ")
    if session.dissociation is not None:
        yield say("Dissociation: {value}", value=DISSOCIATIONS[session.dissociation])
    if session.side_effects:
        yield joined(SIDE_EFFECTS[one] for one in session.side_effects)
    if session.four_hour_score is not None:
        score = session.four_hour_score
        yield say("{get} {total:g} after 4 hours", get=scale_name(score.scale), total=score.total)


def _vitals_said(vitals: Vitals) -> str:
    pressure = ""
    if vitals.systolic is not None or vitals.diastolic is not None:
        pressure = f"{vitals.systolic or '?'}/{vitals.diastolic or '?'} mmHg"
    pulse = say("pulse {pulse}", pulse=vitals.pulse) if vitals.pulse is not None else ""
    return joined(filter(None, (pressure, pulse)))


router = APIRouter(
    prefix="/care/patients/{patient_id}/infusions/{infusion_id}/session",
    route_class=CarePageRoute,
    include_in_schema=False,
)
_MEASURES: Final = {
    "systolic": say("Upper blood pressure"),
    "diastolic": say("Lower blood pressure"),
    "pulse": say("Pulse"),
}
# The kept reason where staff document what they had not entered yet: that is no error to explain.
_REASON: Final = say("The session was documented.")
_MEASURED: Final = tuple(
    Field(
        name=f"{moment}_{name}",
        label=say("{label} {words} (optional)", label=label, words=words),
        kind="number",
        wrong=say("A whole number, as it was measured."),
        api_names=(f"session/{moment}/{name}",),
    )
    for moment, words in MOMENTS.items()
    for name, label in _MEASURES.items()
)
FIELDS: Final = (
    Field(
        name="ended",
        label=say("Ended at (optional)"),
        kind="time",
        hint=say("By the patient's clock, such as 11:30."),
        wrong=say("A time after the start, such as 11:30."),
        api_names=("session/ended_at",),
    ),
    Field(
        name="site",
        label=say("Site (optional)"),
        kind="choice",
        choices=(("", say("Not stated")), *SITES.items()),
        api_names=("session/site",),
    ),
    *_MEASURED,
    Field(
        name="dissociation",
        label=say("Dissociation (optional)"),
        kind="choice",
        choices=(("", say("Not stated")), *DISSOCIATIONS.items()),
    ),
    Field(name="effects", label=say("Side effects"), kind="ticks", choices=tuple(SIDE_EFFECTS.items())),
    Field(
        name="score_scale",
        label=say("Score after 4 hours: scale (optional)"),
        kind="choice",
        choices=(("", say("None")), *((key, scale_name(key)) for key in STANDARD_SCALES)),
        api_names=("session/four_hour_score", "session/four_hour_score/scale"),
    ),
    Field(
        name="score_total",
        label=say("Score after 4 hours: total"),
        kind="number",
        wrong=say("The total is a number."),
        api_names=("session/four_hour_score/total",),
    ),
    Field(
        name="note",
        label=say("Notes (optional)"),
        kind="note",
        hint=say("For the care team. Kept sealed."),
        wrong=say("At most 4000 characters, please."),
    ),
)


@router.get("")
async def show_session(patient_id: UUID, infusion_id: UUID, visitor: MayRecord) -> Response:
    """Show what is documented."""
    return show_form(visitor, await _asked(visitor, patient_id, infusion_id))


@router.post("")
async def document_session(patient_id: UUID, infusion_id: UUID, visitor: MayRecord) -> Response:
    """Keep how it went, in the place of what was documented; the earlier version is kept."""
    form = await read_own_form(visitor)

    async def act() -> str:
        stored, _ = await queries.read_session(visitor.work, patient_id, infusion_id)
        zone = (await about(visitor, patient_id)).patient.time_zone
        sent = {"session": _session_in(form, stored, zone), "note": form["note"].strip() or None}
        body = read_as(InfusionAmendment, sent | {"reason": _REASON, "confirm": confirmed_in(form)})
        await infusion_corrections.amend_infusion(
            visitor.work, patient_id, infusion_id, body.change(), version=version_in(form["version"])
        )
        return "session"

    return await answer_form(
        visitor, lambda: _asked(visitor, patient_id, infusion_id), form, act, back=path_of(patient_id)
    )


def _session_in(form: Form, stored: StoredInfusion, time_zone: str) -> dict[str, Any]:
    """Take a form's fields as the API is sent them."""
    measured = {
        moment: {name: whole_in(form[f"{moment}_{name}"]) for name in _MEASURES} for moment in MOMENTS
    }
    score = {"scale": form["score_scale"], "total": number_in(form["score_total"])}
    return {
        "ended_at": _ended_at(form["ended"].strip(), stored.infusion.given_at, time_zone),
        "site": form["site"] or None,
        "dissociation": form["dissociation"] or None,
        "side_effects": [one for one in SIDE_EFFECTS if form[f"effects_{one}"]],
        "four_hour_score": score if score["scale"] or score["total"] is not None else None,
        **{moment: values if any(values.values()) else None for moment, values in measured.items()},
    }


def _ended_at(text: str, given_at: datetime, time_zone: str) -> str | None:
    """Read a time of day as the first one after the start; what is none goes on as it is, to be refused."""
    if not text:
        return None
    began = given_at.astimezone(zone_of(time_zone))
    try:
        hour, minute = (int(part) for part in text.split(":")[:2])
        ended = began.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError:
        return text
    return (ended if ended > began else ended + timedelta(days=1)).isoformat()


async def _asked(visitor: StaffVisitor, patient_id: UUID, infusion_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    stored, note = await queries.read_session(visitor.work, patient_id, infusion_id)
    clock, session = whose.clock, stored.session
    return AskedForm(
        title=say("Document the session"),
        whose=whose.reference,
        lead=say(
            "Given {plain}. What is left empty was not documented. None of it decides.",
            plain=clock.plain(stored.infusion.given_at),
        ),
        path=f"{whose.path}/infusions/{infusion_id}/session",
        back=whose.path,
        button=say("Save"),
        fields=FIELDS,
        values=_values(stored, note, clock.time(session.ended_at) if session and session.ended_at else ""),
        version=stored.version,
        present=(
            (session_said(session, clock) or say("Nothing.")) if session else say("Nothing is documented."),
        ),
    )


def _values(stored: StoredInfusion, note: str | None, ended: str) -> dict[str, str]:
    session = stored.session
    if session is None:
        return {"note": note or ""}
    measured = {
        f"{moment}_{name}": str(getattr(getattr(session, moment), name, None) or "")
        for moment in MOMENTS
        for name in _MEASURES
    }
    score = session.four_hour_score
    return {
        **measured,
        "ended": ended,
        "site": session.site or "",
        "dissociation": session.dissociation or "",
        "score_scale": score.scale if score else "",
        "score_total": f"{score.total:g}" if score else "",
        "note": note or "",
        **{f"effects_{one.value}": "yes" for one in session.side_effects},
    }
