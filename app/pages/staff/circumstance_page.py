"""What else changed for a patient: its words, its marks on the chart, and the page that enters it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import circumstances
from app.care.treatment.circumstance_schemas import CircumstanceEntry
from app.care.treatment.circumstances import KnownCircumstance
from app.chart.fluid import Mark
from app.clinical.scales import Band
from app.foundation.translations import capitalized, joined, say
from app.pages.staff.about_patient import about, number_in, whole_in
from app.pages.staff.asked_form import AskedForm, Field, confirmed_in, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import BANDS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock, counted
from app.storage.circumstances import CircumstanceKind, Severity
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/circumstances", route_class=CarePageRoute, include_in_schema=False
)
KINDS: Final[Mapping[str, str]] = {
    CircumstanceKind.SEVERITY: say("Severity of the illness"),
    CircumstanceKind.ILLNESS_DURATION: say("Duration of the illness"),
    CircumstanceKind.CONDITION: say("Another condition"),
    CircumstanceKind.PHYSICAL_HEALTH: say("Physical health"),
    CircumstanceKind.WEIGHT: say("Weight"),
    CircumstanceKind.ANTIDEPRESSANT_STARTED: say("Antidepressant started"),
    CircumstanceKind.ANTIDEPRESSANT_CHANGED: say("Antidepressant changed"),
    CircumstanceKind.TMS: say("TMS"),
    CircumstanceKind.ECT: say("ECT"),
    CircumstanceKind.PSYCHOTHERAPY: say("Psychotherapy"),
    CircumstanceKind.OTHER_MEDICATION: say("Other medication"),
}
SEVERITIES: Final = {one.value: capitalized(BANDS[Band(one.value)]) for one in Severity}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DECIDES_NOTHING: Final = say("It is shown beside the trend and with a signal. It decides nothing.")
CIRCUMSTANCE_FIELDS: Final = (
    Field(name="kind", label=say("What changed"), kind="choice", choices=tuple(KINDS.items())),
    Field(name="since", label=say("From"), kind="date", wrong=say("Please give a day, such as 2026-11-24.")),
    Field(
        name="until",
        label=say("Until (optional)"),
        kind="date",
        hint=say("Its last day, if it is over."),
        wrong=say("Please give a day, or leave it empty."),
    ),
    Field(
        name="detail",
        label=say("What it is"),
        hint=say("Such as a medicine with its dose. Kept sealed."),
        wrong=say("At most 500 characters, please."),
    ),
    Field(
        name="weight_kg",
        label=say("Weight in kg"),
        kind="number",
        hint=say("For weight only."),
        wrong=say("A weight is a number from 20 to 400, in kilograms."),
    ),
    Field(
        name="severity",
        label=say("Severity"),
        kind="choice",
        hint=say("For severity only."),
        choices=(("", say("Not stated")), *SEVERITIES.items()),
    ),
    Field(
        name="months",
        label=say("Months of illness"),
        kind="number",
        hint=say("For the duration of the illness only."),
        wrong=say("A whole number of months."),
    ),
)


def said(known: KnownCircumstance) -> str:
    """Say what changed, without its days."""
    stored = known.stored
    values = [
        BANDS[Band(stored.severity.value)] if stored.severity else "",
        counted(stored.months, "month") if stored.months is not None else "",
        say("{weight_kg:g} kg", weight_kg=stored.weight_kg) if stored.weight_kg is not None else "",
        known.detail or "",
    ]
    value = joined(filter(None, values))
    return joined((KINDS[stored.kind], value), ": ") if value else KINDS[stored.kind]


def days_said(known: KnownCircumstance, clock: WallClock) -> str:
    """Say from when, and until when if it is over."""
    stored = known.stored
    since = clock.day_ago(stored.since)
    return say("{since} to {day}", since=since, day=clock.day(stored.until)) if stored.until else since


def marks_of(known: Sequence[KnownCircumstance], first: date, last: date) -> list[Mark]:
    """Give the latest that lie on the chart their letters, oldest first; the list below says what each is."""
    shown = [one for one in known if first <= one.stored.since <= last][: len(_LETTERS)]
    return [
        Mark(day=one.stored.since, letter=letter, said=said(one))
        for letter, one in zip(_LETTERS, reversed(shown), strict=False)
    ]


def circumstance_in(form: Form) -> dict[str, object]:
    """Take a form's fields as the API is sent them."""
    return {
        "kind": form["kind"],
        "since": form["since"].strip(),
        "until": form["until"].strip() or None,
        "detail": form["detail"].strip() or None,
        "weight_kg": number_in(form["weight_kg"]),
        "severity": form["severity"] or None,
        "months": whole_in(form["months"]),
        "confirm": confirmed_in(form),
    }


def circumstance_values(known: KnownCircumstance) -> dict[str, str]:
    """Give what the fields hold when one is amended."""
    stored = known.stored
    return {
        "kind": stored.kind.value,
        "since": stored.since.isoformat(),
        "until": stored.until.isoformat() if stored.until else "",
        "detail": known.detail or "",
        "weight_kg": "" if stored.weight_kg is None else f"{stored.weight_kg:g}",
        "severity": BANDS[Band(stored.severity.value)] if stored.severity else "",
        "months": "" if stored.months is None else str(stored.months),
    }


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Enter what else changed"),
        whose=whose.reference,
        lead=DECIDES_NOTHING,
        path=f"{whose.path}/circumstances/new",
        back=whose.path,
        button=say("Save"),
        fields=CIRCUMSTANCE_FIELDS,
        values={"kind": next(iter(KINDS)), "since": whose.clock.wall_date.isoformat()},
    )


@form_page(router, "/new", Permission.TREATMENT_RECORD, _asked)
async def enter_circumstance(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Keep something that changed."""
    entry = read_as(CircumstanceEntry, circumstance_in(form))
    await circumstances.enter_circumstance(visitor.work, patient_id, entry.given())
    return "circumstance"
