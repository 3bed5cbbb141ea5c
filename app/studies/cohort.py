"""A simulated cohort: so many patients of a population, the same for a seed on every machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from app.studies.cohort_plan import REFERENCE_COHORT, CohortPlan
from app.studies.patients import StudyPatient
from app.studies.simulated_patient import SimulatedPatient, simulated


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
