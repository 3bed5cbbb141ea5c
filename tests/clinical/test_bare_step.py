"""The bare step, against which ours is measured, is the same rule: whatever comes in, both say the same."""

from tests.bench.core_step import bare_steps, bare_told, our_steps, series, told


def test_the_bare_step_says_the_same_of_every_check_in() -> None:
    for patient in series(patients=30, seed=7):
        for (_, evaluation), (state, answer) in zip(our_steps(patient), bare_steps(patient), strict=True):
            assert told(evaluation) == bare_told(state, answer)
