"""The bare step, against which ours is measured, is the same rule: whatever comes in, both say the same."""

import pytest

from app.studies.cohort_plan import VARIANTS
from tests.bench.core_step import bare_comparable, bare_steps, comparable, our_steps, series


@pytest.mark.parametrize(
    ("population", "patients"),
    [("reference", 30), ("no baseline", 8), ("30% non-responders", 10), ("asked three times a week", 8)],
)
def test_the_bare_step_says_the_same_of_every_check_in(population: str, patients: int) -> None:
    for patient in series(patients=patients, seed=7, plan=VARIANTS[population]):
        for (_, evaluation), (state, answer) in zip(our_steps(patient), bare_steps(patient), strict=True):
            assert comparable(evaluation) == bare_comparable(state, answer)
