"""Running a study over many patients in several processes, with flat memory and the same answer.

Patients are made or read where they are run; only their numbers travel there and only results back. They
come back in order, so nothing depends on how many processes there are.
"""

import asyncio
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from os import cpu_count
from typing import Final, TypeVar
from typing import Protocol as Shape

from app.clinical.protocol import STANDARD, Protocol
from app.studies.backtest import PatientResult, backtested
from app.studies.patients import PatientSource

Result = TypeVar("Result")

PATIENTS_A_TASK: Final = 25
FEW_PATIENTS: Final = 100
"""Starting processes takes longer than running so few."""


class Watch(Shape):
    """Someone who looks on while results pass, to show how far it is; gives the same results."""

    def __call__(self, results: Iterable[Result]) -> Iterator[Result]:
        """Pass the results on, one by one."""
        ...


def unwatched(results: Iterable[Result]) -> Iterator[Result]:
    """Nobody looks on."""
    return iter(results)


def results_of(
    source: PatientSource, *, protocol: Protocol = STANDARD, processes: int | None = None
) -> Iterator[PatientResult]:
    """The backtest of every patient of a source, in order, as they are done.

    Args:
        source: the patients; see `PatientSource`.
        protocol: the numbers of the rule.
        processes: how many; None for as many as the machine has processors.
    """
    yield from in_processes(
        partial(_backtests, source, protocol), source.size, processes=processes or cpu_count() or 1
    )


def in_processes(
    work: Callable[[tuple[int, int]], list[Result]], size: int, *, processes: int
) -> Iterator[Result]:
    """The results of `work` over all numbers below `size`, given to it as (first, past last), in order.

    `work` must be picklable. Processes start fresh rather than as copies, so that a caller with threads
    or open connections is safe. A process that dies ends the study with an error.
    """
    tasks = [(first, min(first + PATIENTS_A_TASK, size)) for first in range(0, size, PATIENTS_A_TASK)]
    if processes == 1 or size <= FEW_PATIENTS:
        for task in tasks:
            yield from work(task)
        return
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=get_context("spawn")) as pool:
        for results in pool.map(work, tasks):
            yield from results


def _backtests(source: PatientSource, protocol: Protocol, numbers: tuple[int, int]) -> list[PatientResult]:
    return [backtested(patient, protocol=protocol) for patient in source.patients(*numbers)]


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
