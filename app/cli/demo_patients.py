"""The demo's synthetic patients: what became of each since induction. Nobody real is among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Scores = tuple[int, int, int]
PLANNED_INFUSIONS: Final = 6
DAYS_BETWEEN_INFUSIONS: Final = 2
DOMAINS: Final = ("mood", "energy", "sleep_quality")

_BEFORE: Final[tuple[Scores, ...]] = ((3, 3, 4), (2, 3, 3), (3, 2, 4), (3, 3, 3), (2, 2, 3)) * 2
_WELL: Final[tuple[Scores, ...]] = ((8, 7, 8), (7, 8, 8), (8, 8, 7), (8, 7, 7), (7, 7, 8))
_LESS_WELL: Final[tuple[Scores, ...]] = ((6, 5, 6), (6, 6, 5), (5, 6, 6))
_FADING: Final[tuple[Scores, ...]] = (
    (8, 7, 8), (7, 7, 7), (6, 6, 7), (5, 5, 5), (4, 4, 5), (4, 3, 4), (3, 3, 4), (3, 3, 3), (3, 2, 3),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientStory:
    """One synthetic patient.

    Attributes:
        reference: the clinic's own name for the patient.
        where: where the patient stands, in words.
        infusions: how many of the six induction infusions were given, every second day.
        days_since: days since the last of them.
        since: scores (mood, energy, sleep) of each day after it, from the first on; these are imported.
        streamed: scores of the last days up to today; these a phone sends, one day after the other.
    """

    reference: str
    where: str
    infusions: int = PLANNED_INFUSIONS
    days_since: int
    since: Sequence[Scores] = ()
    streamed: Sequence[Scores] = ()

    def infusion_times(self, now: datetime) -> list[datetime]:
        """When the infusions were given, first one first."""
        last = now - timedelta(days=self.days_since)
        gaps = range(self.infusions - 1, -1, -1)
        return [last - timedelta(days=DAYS_BETWEEN_INFUSIONS * gap) for gap in gaps]

    def imported(self, now: datetime) -> list[tuple[datetime, Scores]]:
        """All past check-ins to import: ten days before the first infusion, then since the last."""
        first, last = self.infusion_times(now)[0], self.infusion_times(now)[-1]
        before = [(first - timedelta(days=10 - day), scores) for day, scores in enumerate(_BEFORE)]
        return before + [(last + timedelta(days=day), scores) for day, scores in enumerate(self.since, 1)]

    def sent_by_phone(self, now: datetime) -> list[tuple[datetime, Scores]]:
        """The last days up to today."""
        first = len(self.streamed) - 1
        return [(now - timedelta(days=first - day), scores) for day, scores in enumerate(self.streamed)]


def _for_days(days: int, scores: Sequence[Scores]) -> list[Scores]:
    return [scores[day % len(scores)] for day in range(days)]


STEADY: Final = PatientStory(
    reference="P-101", where="five weeks of benefit", days_since=35, since=_for_days(35, _WELL)
)
WATCHED: Final = PatientStory(
    reference="P-102",
    where="slipping, not yet enough",
    days_since=26,
    since=_for_days(14, _WELL) + _for_days(12, _LESS_WELL),
)
WINDOW_OPEN: Final = PatientStory(
    reference="P-103", where="three days after induction", days_since=3, since=_for_days(3, _WELL)
)
TOO_FEW: Final = PatientStory(
    reference="P-104", where="hardly checked in", days_since=20, since=_for_days(2, _WELL)
)
IN_INDUCTION: Final = PatientStory(
    reference="P-105", where="after 3 of 6 infusions", infusions=3, days_since=1
)
ASKS: Final = PatientStory(
    reference="P-106",
    where="well, and asks for a booster",
    days_since=22,
    since=_for_days(21, _WELL),
    streamed=((7, 7, 8),),
)
FADING: Final = PatientStory(
    reference="P-107",
    where="three weeks of benefit",
    days_since=30,
    since=_for_days(21, _WELL),
    streamed=_FADING,
)
PATIENTS: Final = (STEADY, WATCHED, WINDOW_OPEN, TOO_FEW, IN_INDUCTION, ASKS, FADING)
