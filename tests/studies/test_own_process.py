"""Long work in a separate process: its answer comes back, its failure is a failure, and it ends with who waits."""

import asyncio
import os
import time
from functools import partial

import pytest

from app.studies.processes import ProcessDiedError, in_own_process

pytestmark = pytest.mark.processes


def divided(by: int) -> tuple[float, int]:
    return 1 / by, os.getpid()


def test_the_answer_comes_from_another_process() -> None:
    value, process = asyncio.run(in_own_process(partial(divided, 2)))
    assert value == 0.5
    assert process != os.getpid()


def test_what_fails_there_fails_here_without_its_words() -> None:
    with pytest.raises(ProcessDiedError) as failed:
        asyncio.run(in_own_process(partial(divided, 0)))
    assert "division" not in str(failed.value)


def test_it_ends_with_whoever_waits_for_it() -> None:
    async def give_up() -> None:
        await asyncio.wait_for(in_own_process(partial(time.sleep, 600)), 2)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
