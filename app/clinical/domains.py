"""The domains a patient reports on: what each means, its range, and which way is better.

Raw scores are never pooled across patients or input modes; a skipped answer is None, never zero.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from app.clinical.errors import ReportOutOfRangeError

Value = TypeVar("Value")


class Domain(StrEnum):
    """What a decision is made from. For each, 0 is worst and 10 is best."""

    MOOD = "mood"
    ENERGY = "energy"
    SLEEP_QUALITY = "sleep_quality"

    @property
    def label(self) -> str:
        """The word for it in a sentence."""
        return LABELS[self]


class PerDomain(NamedTuple, Generic[Value]):
    """One value for each domain, always in this order."""

    mood: Value
    energy: Value
    sleep_quality: Value


DOMAINS: Final = (Domain.MOOD, Domain.ENERGY, Domain.SLEEP_QUALITY)
NAMES: Final = tuple(str(domain) for domain in DOMAINS)
"""The same as plain words."""
MOOD: Final = 0
LABELS: Final = {Domain.MOOD: "mood", Domain.ENERGY: "energy", Domain.SLEEP_QUALITY: "sleep"}
LOWEST: Final = 0
HIGHEST: Final = 10
MOST_SLEEP_HOURS: Final = 24
"""Sleep hours are shown and never decide: both too little and too much disturb."""


class ReportedNumber(NamedTuple):
    """What a number of a check-in can be: from 0 to `highest`, in a unit of UCUM; a score has none."""

    highest: float
    unit: str = ""


REPORTED_NUMBERS: Final[Mapping[str, ReportedNumber]] = {
    **dict.fromkeys(NAMES, ReportedNumber(HIGHEST)),
    "sleep_hours": ReportedNumber(MOST_SLEEP_HOURS, "h"),
}
"""Every number that a check-in may hold. Files, exports, storage and FHIR follow from it."""

NOTHING: Final[PerDomain[float | None]] = PerDomain(None, None, None)


def refuse_out_of_range(name: str, value: float | None, highest: float) -> None:
    """Raise unless the value is missing or lies between 0 and `highest`.

    Raises:
        ReportOutOfRangeError: also for a value that is not a number (NaN).
    """
    if value is not None and not LOWEST <= value <= highest:
        raise ReportOutOfRangeError(field=name, lowest=LOWEST, highest=highest)
