"""The channels a patient reports on: what each means, its range, and which way is better.

Raw scores are never pooled across patients or input modes; a skipped answer is None, never zero.
"""

from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from app.clinical.errors import ReportOutOfRangeError

Value = TypeVar("Value")


class Channel(StrEnum):
    """What a decision is made from. For each, 0 is worst and 10 is best."""

    MOOD = "mood"
    ENERGY = "energy"
    SLEEP_QUALITY = "sleep_quality"

    @property
    def label(self) -> str:
        """The word for it in a sentence."""
        return LABELS[self]


class PerChannel(NamedTuple, Generic[Value]):
    """One value for each channel, always in this order."""

    mood: Value
    energy: Value
    sleep_quality: Value


CHANNELS: Final = (Channel.MOOD, Channel.ENERGY, Channel.SLEEP_QUALITY)
NAMES: Final = tuple(str(channel) for channel in CHANNELS)
"""The same as plain words."""
MOOD: Final = 0
LABELS: Final = {Channel.MOOD: "mood", Channel.ENERGY: "energy", Channel.SLEEP_QUALITY: "sleep"}
LOWEST: Final = 0
HIGHEST: Final = 10
MOST_SLEEP_HOURS: Final = 24
"""Sleep hours are shown and never decide: both too little and too much disturb."""

NOTHING: Final[PerChannel[float | None]] = PerChannel(None, None, None)


def refuse_out_of_range(name: str, value: float | None, highest: float) -> None:
    """Raise unless the value is missing or lies between 0 and `highest`.

    Raises:
        ReportOutOfRangeError: also for a value that is not a number (NaN).
    """
    if value is not None and not LOWEST <= value <= highest:
        raise ReportOutOfRangeError(field=name, lowest=LOWEST, highest=highest)
