"""Crisis help by place and language: what a person gets at once, in the same words everywhere.

No score, no reassurance (71.6 % of suicides in one veterans' cohort had just answered "not at all").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from babel import Locale
from pydantic import Field

from app.access.clinics.crisis import NO_CLINIC, ClinicHelp, LineKind, OwnLine
from app.foundation.zones import country_of_zone
from app.notifications.messages.crisis_lines import NATIONAL_HELP, By, NationalHelp
from app.notifications.messages.wording import language_of
from app.web.schemas import ReplyBody


@dataclass(frozen=True, slots=True, kw_only=True)
class CrisisLine:
    """One way to get help now: what to do in full and in short, and the number for a phone's dialler.

    ``number`` is None where the country is not known: the label says whom to call.
    """

    kind: LineKind
    label: str
    short: str
    number: str | None

    @property
    def dialled(self) -> str:
        """The number as a link dials it; empty where there is none."""
        return "".join(one for one in self.number or "" if one.isdigit() or one in "+*#")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrisisHelp:
    """Help for one place in one language, with the clinic's own number where it gave one."""

    locale: str
    country: str | None
    title: str
    lines: tuple[CrisisLine, ...]
    not_monitored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    title: str
    not_monitored: str
    call: tuple[str, str]
    text: tuple[str, str]
    always: str
    hours: str
    emergency: tuple[str, str]
    local_emergency: tuple[str, str]
    clinic: tuple[str, str]


_WORDS: Final[Mapping[str, _Words]] = {
    "en": _Words(
        title="If you are thinking about harming yourself, please reach a person now.",
        not_monitored="This app is not monitored around the clock.",
        call=("Call {name}", "Call"),
        text=("Call or text {name}", "Call or text"),
        always="{label}, day and night",
        hours="{label}, every day {hours}",
        emergency=("In immediate danger, call emergency services", "Emergency"),
        local_emergency=(
            "In immediate danger, call your local emergency number",
            "Your local emergency number",
        ),
        clinic=("Call your clinic", "Your clinic"),
    ),
    "es": _Words(
        title="Si está pensando en hacerse daño, hable con una persona ahora.",
        not_monitored="Esta aplicación no está vigilada las 24 horas.",
        call=("Llame a {name}", "Llame"),
        text=("Llame o envíe un mensaje a {name}", "Llame o escriba"),
        always="{label}, de día y de noche",
        hours="{label}, todos los días {hours}",
        emergency=("En peligro inmediato, llame a emergencias", "Emergencias"),
        local_emergency=(
            "En peligro inmediato, llame al número de emergencias de su país",
            "Emergencias de su país",
        ),
        clinic=("Llame a su clínica", "Su clínica"),
    ),
}


def crisis_help(
    locale: str,
    *,
    country: str | None = None,
    clinic: ClinicHelp = NO_CLINIC,
) -> CrisisHelp:
    """Give the help for a place and a locale, never nothing, and never a number of another country.

    Args:
        locale: its language (``es-MX`` reads as ``es``; an unknown one as English).
        country: where the person is (ISO 3166), see ``help_country``; unknown: the clinic's number and the
            local emergency number.
        clinic: its own number for a crisis, and what it puts in the place of our lines.
    """
    language = language_of(locale)
    words = _WORDS[language]
    national = NATIONAL_HELP.get(country or "")
    own = {line.kind: line for line in clinic.lines if line.country == country}
    lines = [_crisis_line(words, national, own.get(LineKind.CRISIS)), _emergency_line(words, national, own)]
    if clinic.phone is not None:
        label, short = words.clinic
        ours = CrisisLine(kind=LineKind.CLINIC, label=label, short=short, number=clinic.phone)
        # Where we know no line of the country, the clinic is who can be reached.
        lines.insert(len(lines) if lines[0] else 0, ours)
    return CrisisHelp(
        locale=language,
        country=country if national or own else None,
        title=words.title,
        lines=tuple(line for line in lines if line),
        not_monitored=words.not_monitored,
    )


def help_everywhere(language: str) -> list[tuple[str, tuple[CrisisLine, ...]]]:
    """List every country that we know with its lines, by its name in a language: for who is nobody yet."""
    named = Locale(language).territories
    listed = [(named[code], crisis_help(language, country=code).lines) for code in NATIONAL_HELP]
    return sorted(listed)


def help_country(
    *, chosen: str | None = None, zone: str = "", clinic: str | None = None, locale: str = ""
) -> str | None:
    """Say where someone is: as chosen, by the zone, where the clinic is, by the region of a locale; or None."""
    _, _, region = locale.replace("_", "-").partition("-")
    region = region.upper()
    return chosen or country_of_zone(zone) or clinic or (region if region in NATIONAL_HELP else None)


def _crisis_line(words: _Words, national: NationalHelp | None, own: OwnLine | None) -> CrisisLine | None:
    if own is not None:
        label, short = words.call
        return CrisisLine(
            kind=LineKind.CRISIS, label=label.format(name=own.name), short=short, number=own.number
        )
    if national is None:
        return None
    label, short = words.text if national.by is By.CALL_OR_TEXT else words.call
    label = label.format(name=national.name)
    when = words.hours.format(label=label, hours=national.hours) if national.hours else ""
    return CrisisLine(
        kind=LineKind.CRISIS,
        label=when or words.always.format(label=label),
        short=short,
        number=national.number,
    )


def _emergency_line(
    words: _Words, national: NationalHelp | None, own: Mapping[LineKind, OwnLine]
) -> CrisisLine:
    replaced = own.get(LineKind.EMERGENCY)
    number = replaced.number if replaced else national.emergency if national else None
    label, short = words.emergency if number else words.local_emergency
    return CrisisLine(kind=LineKind.EMERGENCY, label=label, short=short, number=number)


class CrisisLineReply(ReplyBody):
    """One way to get help now."""

    kind: LineKind
    label: str
    number: str | None = Field(
        description="Null where the country is not known: the label says to call the local emergency number"
    )


class CrisisHelpReply(ReplyBody):
    """Help to show at once, in full, before anything else."""

    locale: str
    country: str | None = Field(description="For which country (ISO 3166); null: not known")
    title: str
    lines: list[CrisisLineReply]
    not_monitored: str

    @classmethod
    def of(cls, help_now: CrisisHelp) -> "CrisisHelpReply":
        """Make the reply."""
        return cls.model_validate(help_now, from_attributes=True)
