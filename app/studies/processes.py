"""Running a study over many patients in several processes, with flat memory and the same answer.

Patients are made or read where they are run; only their numbers travel there and only results back. They
come back in order, so nothing depends on how many processes there are.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
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
