"""Long work in a separate process, so that whoever asked for it goes on answering meanwhile."""

import asyncio
import os
import pickle
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, TypeVar

Result = TypeVar("Result")

# The machine's other work goes first: check-ins, signals, deliveries.
_NICER_BY: Final = 10
_LOOK_EVERY_SECONDS: Final = 0.1


class ProcessDiedError(RuntimeError):
    """The process ended without a result."""


async def in_own_process(work: Callable[[], Result]) -> Result:
    """Run something picklable in a fresh process, which ends with whoever waits for it.

    Raises:
        ProcessDiedError: it failed, or was ended; what it failed with is in no message, for it may be a patient's.
    """
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(work, there), daemon=True)
    await asyncio.to_thread(process.start)
    # Only the child holds this end now, so its death is an end of what can be read.
    there.close()
    try:
        while not here.poll():  # noqa: ASYNC110 - a pipe of another process has no event to wait for
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        result: Result = await asyncio.to_thread(here.recv)
    except (EOFError, pickle.UnpicklingError):
        raise ProcessDiedError(ProcessDiedError.__doc__) from None
    else:
        return result
    finally:
        process.kill()
        here.close()
        await asyncio.to_thread(process.join)


def _answer(work: Callable[[], Result], there: Connection) -> None:
    os.nice(_NICER_BY)
    there.send(work())
