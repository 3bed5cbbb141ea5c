"""What a clinic says about crisis help: its country, its own number, and lines in the place of ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.access.clinics.queries import open_crisis_phone
from app.context import Work
from app.foundation.errors import NotFoundError
from app.storage import clinics


class LineKind(StrEnum):
    """What a line is: a crisis line, the emergency services, the clinic itself."""

    CRISIS = "crisis"
    EMERGENCY = "emergency"
    CLINIC = "clinic"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLine:
    """A line with which a clinic replaces ours in one country (ISO 3166)."""

    country: str
    kind: LineKind
    name: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicHelp:
    """What crisis help needs to know of the clinic."""

    country: str | None = None
    phone: str | None = None
    lines: tuple[OwnLine, ...] = ()


NO_CLINIC: Final = ClinicHelp()
"""While nobody is signed in."""


async def clinic_help(work: Work) -> ClinicHelp:
    """Give what this clinic says.

    Raises:
        NotFoundError: there is no such clinic.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    phone = open_crisis_phone(work.vault, work.clinic_id, profile.crisis_phone_sealed)
    return ClinicHelp(country=profile.country, phone=phone, lines=read_lines(profile.crisis_lines))


def read_lines(kept: Iterable[Mapping[str, Any]]) -> tuple[OwnLine, ...]:
    """Read lines as they are kept."""
    return tuple(OwnLine(**{**one, "kind": LineKind(one["kind"])}) for one in kept)
