"""The words for how a treatment session went."""

from collections.abc import Iterator
from typing import Final

from app.clinical.english_formats import SCALE_NAMES, capitalised
from app.pages.staff.wall_clock import WallClock
from app.storage.treatment import StoredInfusion
from app.storage.treatment_sessions import Dissociation, Session, SideEffect, Site, Vitals

SITES: Final = {one.value: capitalised(one.value.replace("_", " ")) for one in Site}
DISSOCIATIONS: Final = {one.value: capitalised(one.value) for one in Dissociation}
SIDE_EFFECTS: Final = {one.value: capitalised(one.value.replace("_", " ")) for one in SideEffect}
MOMENTS: Final = {"before": "before", "peak": "at the peak", "after": "after"}


def dose_said(stored: StoredInfusion) -> str:
    """Say the dose in the units in which it was given."""
    per_kg, milligrams = stored.infusion.dose_mg_per_kg, stored.dose_mg
    said = [f"{per_kg:g} mg/kg" if per_kg else "", f"{milligrams:g} mg" if milligrams else ""]
    return ", ".join(filter(None, said))


def session_said(session: Session, clock: WallClock) -> str:
    """Say in one line how a session went."""
    return ". ".join(_parts(session, clock))


def _parts(session: Session, clock: WallClock) -> Iterator[str]:
    if session.ended_at is not None:
        yield f"Until {clock.time_written(session.ended_at)}"
    if session.site is not None:
        yield SITES[session.site]
    for moment, words in MOMENTS.items():
        vitals = getattr(session, moment)
        if vitals is not None:
            yield f"{_vitals_said(vitals)} {words}"
    if session.dissociation is not None:
        yield f"Dissociation: {session.dissociation.value}"
    if session.side_effects:
        yield ", ".join(SIDE_EFFECTS[one] for one in session.side_effects)
    if session.four_hour_score is not None:
        score = session.four_hour_score
        yield f"{SCALE_NAMES.get(score.scale, score.scale)} {score.total:g} after 4 hours"


def _vitals_said(vitals: Vitals) -> str:
    pressure = ""
    if vitals.systolic is not None or vitals.diastolic is not None:
        pressure = f"{vitals.systolic or '?'}/{vitals.diastolic or '?'} mmHg"
    pulse = f"pulse {vitals.pulse}" if vitals.pulse is not None else ""
    return ", ".join(filter(None, (pressure, pulse)))
