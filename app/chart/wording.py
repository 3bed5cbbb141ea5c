"""The words and numbers of a chart, in English and Spanish. Nothing here judges or comforts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_interval, format_skeleton
from babel.numbers import format_decimal

from app.clinical.course import InfusionPhase
from app.clinical.domains import Domain
from app.clinical.levels import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWords:
    """Everything a chart says, in one language. Texts in braces are filled in by the drawing.

    Attributes:
        locale: how dates and numbers are written.
        averaged: what one mark stands for, by the days that it covers.
    """

    locale: Locale
    title: str
    domains: Mapping[Domain, str]
    sleep_hours: str
    day_heading: str
    infusion: str
    baseline: str
    reference: str
    infusions: Mapping[InfusionPhase, str]
    acute: str
    late: str
    levels: Mapping[Level, str]
    level: str
    latest: str
    nothing: str
    not_answered: str
    averaged: Mapping[int, str]
    check_in_days: str
    domain_sentence: str
    band_sentence: str
    infusions_sentence: str
    level_sentence: str
    total_sentence: str
    changes: str
    change_kinds: Mapping[str, str]
    notes: str
    notes_sentence: str

    def day(self, day: date) -> str:
        """A day with its year."""
        return _day(day, "yMMMd", self.locale)

    def day_of_year(self, day: date) -> str:
        """A day without its year."""
        return _day(day, "MMMd", self.locale)

    def month(self, day: date) -> str:
        """A month's short name, for the axis."""
        return format_skeleton("MMM", day, locale=self.locale)

    def span(self, first: date, last: date) -> str:
        """Two days and what lies between them."""
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def number(self, value: float) -> str:
        """A report or mean with one decimal, as the language writes it."""
        return _decimal(value, "0.0", self.locale)

    def count(self, value: float) -> str:
        """A total or count, with decimals only where it has them."""
        return _decimal(value, "0.##", self.locale)


# A page writes hundreds of numbers, of which few differ.
@lru_cache(maxsize=2048)
def _decimal(value: float, pattern: str, locale: Locale) -> str:
    return format_decimal(value, format=pattern, locale=locale)


@lru_cache(maxsize=4096)
def _day(day: date, skeleton: str, locale: Locale) -> str:
    return format_skeleton(skeleton, day, locale=locale)


_ENGLISH: Final = ChartWords(
    locale=Locale("en", "US"),
    title="Mood, energy and sleep over time",
    domains={Domain.MOOD: "Mood", Domain.ENERGY: "Energy", Domain.SLEEP_QUALITY: "Sleep quality"},
    sleep_hours="Hours of sleep",
    day_heading="Date",
    infusion="Infusion",
    baseline="before treatment",
    reference="after induction",
    infusions={InfusionPhase.INDUCTION: "induction infusion", InfusionPhase.BOOSTER: "booster infusion"},
    acute="within 24 hours of an infusion: not compared",
    late="reported late",
    levels={
        Level.NO_REFERENCE: "no reference",
        Level.UNKNOWN: "unknown",
        Level.STEADY: "stable",
        Level.WATCH: "watch",
        Level.CONSIDER_BOOSTER: "consider booster",
    },
    level="Level",
    latest="{value} on {day}",
    nothing="No check-ins in this time",
    not_answered="not answered",
    averaged={
        1: "each mark is one day",
        7: "each mark is the mean of a week; shaded: from its lowest to its highest day",
        28: "each mark is the mean of four weeks; shaded: from their lowest to their highest day",
        91: "each mark is the mean of a quarter; shaded: from its lowest to its highest day",
    },
    check_in_days="{span}. Days with a check-in: {count}.",
    domain_sentence="{domain}, 0 worst to 10 best: latest {latest} on {day}, mean {mean}, from {lowest} to {highest}",
    band_sentence="{band} {mean}, give or take {spread}, from {n} days",
    infusions_sentence="Infusions: {count}, the last on {day} ({phase}).",
    level_sentence="Level: {level} since {day}.",
    total_sentence="{scale}: {total} on {day}.",
    changes="Also changed",
    change_kinds={
        "severity": "severity of the illness",
        "illness_duration": "duration of the illness",
        "condition": "another condition",
        "physical_health": "physical health",
        "weight": "weight",
        "antidepressant_started": "antidepressant started",
        "antidepressant_changed": "antidepressant changed",
        "tms": "TMS",
        "ect": "ECT",
        "psychotherapy": "psychotherapy",
        "other_medication": "other medication",
    },
    notes="Notes",
    notes_sentence="Notes of the patient: {count}, the last on {day}.",
)
_SPANISH: Final = ChartWords(
    locale=Locale("es"),
    title="Ánimo, energía y sueño a lo largo del tiempo",
    domains={
        Domain.MOOD: "Ánimo",
        Domain.ENERGY: "Energía",
        Domain.SLEEP_QUALITY: "Calidad del sueño",
    },
    sleep_hours="Horas de sueño",
    day_heading="Fecha",
    infusion="Infusión",
    baseline="antes del tratamiento",
    reference="tras la inducción",
    infusions={
        InfusionPhase.INDUCTION: "infusión de inducción",
        InfusionPhase.BOOSTER: "infusión de refuerzo",
    },
    acute="menos de 24 horas después de una infusión: no se compara",
    late="enviado con retraso",
    levels={
        Level.NO_REFERENCE: "sin referencia",
        Level.UNKNOWN: "se desconoce",
        Level.STEADY: "estable",
        Level.WATCH: "en observación",
        Level.CONSIDER_BOOSTER: "considerar un refuerzo",
    },
    level="Nivel",
    latest="{value} el {day}",
    nothing="No hay registros en este periodo",
    not_answered="sin respuesta",
    averaged={
        1: "cada marca es un día",
        7: "cada marca es la media de una semana; sombreado: del día más bajo al más alto",
        28: "cada marca es la media de cuatro semanas; sombreado: del día más bajo al más alto",
        91: "cada marca es la media de un trimestre; sombreado: del día más bajo al más alto",
    },
    check_in_days="{span}. Días con registro: {count}.",
    domain_sentence="{domain}, de 0 (peor) a 10 (mejor): último {latest} el {day}, media {mean}, "
    "entre {lowest} y {highest}",
    band_sentence="{band} {mean}, más o menos {spread}, de {n} días",
    infusions_sentence="Infusiones: {count}, la última el {day} ({phase}).",
    level_sentence="Nivel: {level} desde el {day}.",
    total_sentence="{scale}: {total} el {day}.",
    changes="También cambió",
    change_kinds={
        "severity": "gravedad de la enfermedad",
        "illness_duration": "duración de la enfermedad",
        "condition": "otra enfermedad",
        "physical_health": "salud física",
        "weight": "peso",
        "antidepressant_started": "antidepresivo iniciado",
        "antidepressant_changed": "antidepresivo cambiado",
        "tms": "EMT",
        "ect": "TEC",
        "psychotherapy": "psicoterapia",
        "other_medication": "otra medicación",
    },
    notes="Notas",
    notes_sentence="Notas del paciente: {count}, la última el {day}.",
)
_LANGUAGES: Final = {"en": _ENGLISH, "es": _SPANISH}


@lru_cache(maxsize=64)
def chart_words(locale: str) -> ChartWords:
    """The words for a locale (``es-MX`` reads as Spanish; a language without words as English), never none."""
    tag = locale.replace("_", "-")
    words = _LANGUAGES.get(tag.split("-")[0].lower())
    if words is None:
        return _ENGLISH
    try:
        return replace(words, locale=Locale.parse(tag, sep="-"))
    except (UnknownLocaleError, ValueError):
        return words
