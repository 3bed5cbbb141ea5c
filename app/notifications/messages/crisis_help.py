"""Crisis help by place and language: what a person gets at once, in the same words everywhere.

No score, no reassurance (71.6 % of suicides in one veterans' cohort had just answered "not at all").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from babel import Locale
from pydantic import Field

from app.access.clinics.crisis_lines import NO_CLINIC, ClinicHelp, LineKind, OwnLine
from app.foundation.translations import Words, language_of, say
from app.foundation.zones import country_of_zone
from app.notifications.messages.national_crisis_lines import NATIONAL_HELP, By, NationalHelp
from app.web.schemas import RecordReply, ReplyBody


@dataclass(frozen=True, slots=True, kw_only=True)
class CrisisLine:
    """One way to get help now: what to do in full and in short, and the number for a phone's dialer.

    ``number`` is None where the country is not known: the label says whom to call.
    """

    kind: LineKind
    label: str
    short: str
    number: str | None

    @property
    def dialed(self) -> str:
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


TITLE: Final = say("If you are thinking about harming yourself, please reach a person now.")
NOT_MONITORED: Final = say("This app is not monitored around the clock.")
# Each as a sentence, and as short as a button.
_EMERGENCY: Final = (say("In immediate danger, call emergency services"), say("Emergency"))
_LOCAL_EMERGENCY: Final = (
    say("In immediate danger, call your local emergency number"),
    say("Your local emergency number"),
)
_CLINIC: Final = (say("Call your clinic"), say("Your clinic"))


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
    national = NATIONAL_HELP.get(country or "")
    own = {line.kind: line for line in clinic.lines if line.country == country}
    lines = [_crisis_line(national, own.get(LineKind.CRISIS)), _emergency_line(national, own)]
    if clinic.phone is not None:
        ours = _Line(LineKind.CLINIC, *_CLINIC, clinic.phone)
        # Where we know no line of the country, the clinic is who can be reached.
        lines.insert(len(lines) if lines[0] else 0, ours)
    return CrisisHelp(
        locale=language,
        country=country if national or own else None,
        title=TITLE.in_language(language),
        lines=tuple(line.in_language(language) for line in lines if line),
        not_monitored=NOT_MONITORED.in_language(language),
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


class _Line(NamedTuple):
    """A line, not yet in a language."""

    kind: LineKind
    label: Words
    short: Words
    number: str | None

    def in_language(self, language: str) -> CrisisLine:
        return CrisisLine(
            kind=self.kind,
            label=self.label.in_language(language),
            short=self.short.in_language(language),
            number=self.number,
        )


def _crisis_line(national: NationalHelp | None, own: OwnLine | None) -> _Line | None:
    if own is not None:
        return _Line(LineKind.CRISIS, say("Call {name}", name=own.name), say("Call"), own.number)
    if national is None:
        return None
    label, short = say("Call {name}", name=national.name), say("Call")
    if national.by is By.CALL_OR_TEXT:
        label, short = say("Call or text {name}", name=national.name), say("Call or text")
    when = say("{label}, day and night", label=label)
    if national.hours:
        when = say("{label}, every day {hours}", label=label, hours=national.hours)
    return _Line(LineKind.CRISIS, when, short, national.number)


def _emergency_line(national: NationalHelp | None, own: Mapping[LineKind, OwnLine]) -> _Line:
    replaced = own.get(LineKind.EMERGENCY)
    number = replaced.number if replaced else national.emergency if national else None
    return _Line(LineKind.EMERGENCY, *(_EMERGENCY if number else _LOCAL_EMERGENCY), number)


class CrisisLineReply(ReplyBody):
    """One way to get help now."""

    kind: LineKind
    label: str
    number: str | None = Field(
        description="Null where the country is not known: the label says to call the local emergency number"
    )


class CrisisHelpReply(RecordReply):
    """Help to show at once, in full, before anything else."""

    locale: str
    country: str | None = Field(description="For which country (ISO 3166); null: not known")
    title: str
    lines: list[CrisisLineReply]
    not_monitored: str
