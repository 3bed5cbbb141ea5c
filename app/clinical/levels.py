"""The levels: what a patient's reports say as of a moment; and on which criterion a level rests."""

from enum import StrEnum
from typing import Final

from app.clinical.fast_enums import quick


@quick
class Level(StrEnum):
    """What a patient's reports say. Steady is better than watch, and watch than consider.

    No reference and unknown lie below these: of them nothing better or worse can be said. Where watch and
    consider begin is a number of ``protocol``: ``watch_at``, ``consider_at`` and those beside them.
    """

    NO_REFERENCE = "no_reference"
    UNKNOWN = "unknown"
    STEADY = "steady"
    WATCH = "watch"
    CONSIDER_BOOSTER = "consider_booster"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for no reference."""
        return _RANKS[self]

    def __lt__(self, other: str) -> bool:
        return _RANKS[self] < _RANKS[other]

    def __le__(self, other: str) -> bool:
        return _RANKS[self] <= _RANKS[other]

    def __gt__(self, other: str) -> bool:
        return _RANKS[self] > _RANKS[other]

    def __ge__(self, other: str) -> bool:
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final[dict[str, int]] = {level: rank for rank, level in enumerate(Level)}


@quick
class CriterionName(StrEnum):
    """On what criterion a level rests."""

    GAIN_LOST = "gain_lost"
    SCALE_RELAPSE = "scale_relapse"
    ONE_DOMAIN = "one_domain"
    PATIENT_ASKS = "patient_asks"


@quick
class FindingCode(StrEnum):
    """What is for review by a clinician and no booster question, in the order in which it is said."""

    WORSE_THAN_BEFORE = "worse_than_before"
    ELEVATED_MOOD = "elevated_mood"
    SILENT_AFTER_LOW = "silent_after_low"
    CHECK_INS_AND_SCALE_DISAGREE = "check_ins_and_scale_disagree"
    BOOSTERS_NOT_HOLDING = "boosters_not_holding"
    BELOW_BEST = "below_best"
