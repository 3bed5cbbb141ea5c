"""The words for what else changed for a patient, and its marks on the chart."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from app.care.treatment.circumstances import KnownCircumstance
from app.chart.fluid import Mark
from app.clinical.english_formats import capitalised, counted
from app.pages.staff.wall_clock import WallClock
from app.storage.circumstances import CircumstanceKind, Severity

KINDS: Final[Mapping[str, str]] = {
    CircumstanceKind.SEVERITY: "Severity of the illness",
    CircumstanceKind.ILLNESS_DURATION: "Duration of the illness",
    CircumstanceKind.CONDITION: "Another condition",
    CircumstanceKind.PHYSICAL_HEALTH: "Physical health",
    CircumstanceKind.WEIGHT: "Weight",
    CircumstanceKind.ANTIDEPRESSANT_STARTED: "Antidepressant started",
    CircumstanceKind.ANTIDEPRESSANT_CHANGED: "Antidepressant changed",
    CircumstanceKind.TMS: "TMS",
    CircumstanceKind.ECT: "ECT",
    CircumstanceKind.PSYCHOTHERAPY: "Psychotherapy",
    CircumstanceKind.OTHER_MEDICATION: "Other medication",
}
SEVERITIES: Final = {one.value: capitalised(one.value) for one in Severity}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def said(known: KnownCircumstance) -> str:
    """Say what changed, without its days."""
    stored = known.stored
    values = [
        stored.severity.value if stored.severity else "",
        counted(stored.months, "month") if stored.months is not None else "",
        f"{stored.weight_kg:g} kg" if stored.weight_kg is not None else "",
        known.detail or "",
    ]
    value = ", ".join(filter(None, values))
    return f"{KINDS[stored.kind]}: {value}" if value else KINDS[stored.kind]


def days_said(known: KnownCircumstance, clock: WallClock) -> str:
    """Say from when, and until when if it is over."""
    stored = known.stored
    since = clock.day_ago(stored.since)
    return f"{since} to {clock.day(stored.until)}" if stored.until else since


def marks_of(known: Sequence[KnownCircumstance], first: date, last: date) -> list[Mark]:
    """Give the latest that lie on the chart their letters, oldest first; the list below says what each is."""
    shown = [one for one in known if first <= one.stored.since <= last][: len(_LETTERS)]
    return [
        Mark(day=one.stored.since, letter=letter, said=said(one))
        for letter, one in zip(_LETTERS, reversed(shown), strict=False)
    ]
