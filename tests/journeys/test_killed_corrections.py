"""The API is killed in the middle of corrections with re-evaluation: all or nothing, then done once."""

import random

import pytest

from tests.campaign.corrections import killed_corrections
from tests.campaign.figures import Options
from tests.support.budget import budget

pytestmark = pytest.mark.processes


def test_a_correction_that_is_killed_is_there_whole_or_not_at_all_and_then_once() -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    nothing = {
        "sockets": 0,
        "spellings": 0,
        "requests": 0,
        "backlog": 0,
        "flood": 0,
        "events": 0,
        "patients": 0,
        "away": 0.0,
    }
    found = killed_corrections(Options(seed=seed, kills=budget(2, long=6), **nothing))  # type: ignore[arg-type] # all numbers
    assert found.lost == 0, f"seed {seed}: {found.said}"
