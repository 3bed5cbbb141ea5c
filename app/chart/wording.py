"""The words and numbers of a chart, in the reader's language. Nothing here evaluates or comforts."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_interval, format_skeleton
from babel.numbers import format_decimal

from app.clinical.course import InfusionPhase
from app.clinical.domains import Domain
from app.clinical.levels import Level
from app.foundation.translations import SOURCE_LANGUAGE, in_language, language_of, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWords:
    """Everything a chart says, in one language. Texts in braces are filled in by the drawing.

    Attributes:
        locale: how dates and numbers are written.
        averaged: what one mark stands for, by the days that it covers.
        spoken: each domain's name within a sentence.
        title_of_days, drawn, reference_line, before, slept, acute_hit, booster, changed: in the care team's chart.
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
    spoken: Mapping[Domain, str]
    title_of_days: str
    drawn: str
    reference_line: str
    before: str
    slept: str
    acute_hit: str
    booster: str
    changed: str

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
    title=say("Mood, energy and sleep over time"),
    domains={
        Domain.MOOD: say("Mood"),
        Domain.ENERGY: say("Energy"),
        Domain.SLEEP_QUALITY: say("Sleep quality"),
    },
    sleep_hours=say("Hours of sleep"),
    day_heading=say("Date"),
    infusion=say("Infusion"),
    baseline=say("before treatment"),
    reference=say("after induction"),
    infusions={
        InfusionPhase.INDUCTION: say("induction infusion"),
        InfusionPhase.BOOSTER: say("booster infusion"),
    },
    acute=say("within 24 hours of an infusion: not compared"),
    late=say("reported late"),
    levels={
        Level.NO_REFERENCE: say("no reference"),
        Level.UNKNOWN: say("unknown"),
        Level.STEADY: say("stable"),
        Level.WATCH: say("watch"),
        Level.CONSIDER_BOOSTER: say("consider booster"),
    },
    level=say("Level"),
    latest=say("{value} on {day}"),
    nothing=say("No check-ins in this time"),
    not_answered=say("not answered"),
    averaged={
        1: say("each mark is one day"),
        7: say("each mark is the mean of a week; shaded: from its lowest to its highest day"),
        28: say("each mark is the mean of four weeks; shaded: from their lowest to their highest day"),
        91: say("each mark is the mean of a quarter; shaded: from its lowest to its highest day"),
    },
    check_in_days=say("{span}. Days with a check-in: {count}."),
    domain_sentence=say(
        "{domain}, 0 worst to 10 best: latest {latest} on {day}, mean {mean}, from {lowest} to {highest}"
    ),
    band_sentence=say("{band} {mean}, give or take {spread}, from {n} days"),
    infusions_sentence=say("Infusions: {count}, the last on {day} ({phase})."),
    level_sentence=say("Level: {level} since {day}."),
    total_sentence=say("{scale}: {total} on {day}."),
    changes=say("Also changed"),
    change_kinds={
        "severity": say("severity of the illness"),
        "illness_duration": say("duration of the illness"),
        "condition": say("another condition"),
        "physical_health": say("physical health"),
        "weight": say("weight"),
        "antidepressant_started": say("antidepressant started"),
        "antidepressant_changed": say("antidepressant changed"),
        "tms": say("TMS"),
        "ect": say("ECT"),
        "psychotherapy": say("psychotherapy"),
        "other_medication": say("other medication"),
    },
    notes=say("Notes"),
    notes_sentence=say("Notes of the patient: {count}, the last on {day}."),
    spoken={
        Domain.MOOD: say("mood"),
        Domain.ENERGY: say("energy"),
        Domain.SLEEP_QUALITY: say("sleep"),
    },
    title_of_days=say("Mood, energy and sleep, {first} to {last}"),
    drawn=say("Each dot is one day, the line is smoothed. The same values stand in the table below."),
    reference_line=say("reference"),
    before=say("before"),
    slept=say("{hours} h of sleep"),
    acute_hit=say("within 24 h of an infusion, not compared"),
    booster=say("Booster {number}"),
    changed=say("Changes"),
)


@lru_cache(maxsize=64)
def chart_words(locale: str) -> ChartWords:
    """The words for a locale (``es-MX`` reads as Spanish; a language without words as English), never none."""
    tag = locale.replace("_", "-")
    language = language_of(tag)
    if language == SOURCE_LANGUAGE:
        return _ENGLISH
    written = {one.name: in_language(getattr(_ENGLISH, one.name), language) for one in fields(_ENGLISH)}
    try:
        written["locale"] = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        written["locale"] = Locale(language)
    return ChartWords(**written)
