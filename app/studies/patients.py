"""A patient as a study sees one: a history, and what truly happened where that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol as Shape

from app.clinical.history import History


@dataclass(frozen=True, slots=True)
class Outcome:
    """What truly happened: the day on which the loss began, or None when the benefit lasted."""

    lost_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPatient:
    """One patient of a study.

    Attributes:
        name: as the source calls the patient.
        history: everything reported, over the whole time.
        ends_at: until when the patient is followed; None means until the last report.
        outcome: what truly happened; None when that is not known.
    """

    name: str
    history: History
    ends_at: datetime | None = None
    outcome: Outcome | None = None


class PatientSource(Shape):
    """Where patients come from, a few at a time, so that no study holds them all.

    A source travels to other processes, so it must be small and picklable; numbering is stable.
    """

    @property
    def size(self) -> int:
        """How many patients there are."""
        ...

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        """The patients numbered from `first` up to and without `past_last`, in order."""
        ...
