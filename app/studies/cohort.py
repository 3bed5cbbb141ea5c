"""A simulated cohort: so many patients of a population, the same for a seed on every machine."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from app.clinical.check_ins import CheckIn
from app.foundation.csv_tables import write_rows
from app.studies.cohort_plan import REFERENCE_COHORT, CohortPlan
from app.studies.file_formats import CHECK_INS, INFUSIONS, OUTCOMES
from app.studies.patients import StudyPatient
from app.studies.simulated_patient import DAY_STARTS_AT, SimulatedPatient, simulated


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCohort:
    """So many patients of one plan, made when they are asked for; the seed settles all of them."""

    plan: CohortPlan = REFERENCE_COHORT
    size: int = 1000
    seed: int = 1

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        """The patients numbered from `first` up to and without `past_last`."""
        return (one.patient for one in self.with_truth(first, past_last))

    def with_truth(self, first: int, past_last: int) -> Iterator[SimulatedPatient]:
        """The same patients with what no clinic could know about them."""
        for number in range(first, min(past_last, self.size)):
            yield simulated(self.plan, name=f"{self.seed}-{number:05d}", random=_random(self.seed, number))


def _random(seed: int, number: int) -> Random:
    """Its own numbers for each patient, so that any part of a cohort can be made alone."""
    return Random(f"afterglow cohort {seed} patient {number}")  # noqa: S311 - must repeat, guards nothing


FILES: Final = {
    "check-ins.csv": CHECK_INS.required,
    "infusions.csv": INFUSIONS.required,
    "outcomes.csv": OUTCOMES.required,
}


def write_cohort(cohort: SimulatedCohort, folder: Path) -> tuple[Path, ...]:
    """Write the cohort's check-ins, infusions and outcomes; patients whose outcome does not count have none.

    The folder must exist; files of these names are replaced.
    """
    paths = tuple(folder / name for name in FILES)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8", newline="")) for path in paths]
        for file, columns in zip(files, FILES.values(), strict=True):
            write_rows(file, [columns])
        check_ins, infusions, outcomes = files
        for patient in cohort.patients(0, cohort.size):
            write_rows(check_ins, (_check_in(patient.name, one) for one in patient.history.check_ins))
            given = [(patient.name, one.given_at, one.phase.value) for one in patient.history.infusions]
            write_rows(infusions, given)
            write_rows(outcomes, _outcomes(patient))
    return paths


def _check_in(name: str, check_in: CheckIn) -> Iterable[object]:
    numbers = (None if value is None else f"{value:g}" for value in check_in.reported.values())
    return (name, check_in.recorded_at.isoformat(), *numbers)


def _outcomes(patient: StudyPatient) -> Iterator[tuple[str, str]]:
    if patient.outcome is not None:
        lost_on = patient.outcome.lost_on
        yield patient.name, f"{lost_on}T{DAY_STARTS_AT}" if lost_on else ""
