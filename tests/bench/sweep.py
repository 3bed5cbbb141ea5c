"""How long a sweep takes while nothing is due: ``python -m tests.bench.sweep --clinics 1000``.

The goal is one second for 1,000 idle clinics, in one worker, and five for 10,000. Beside it stands what a scrape of
the metrics asks of the database.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import time
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from app.cli.operation import look
from app.context import AppContext
from app.foundation.logs import set_up_logs
from tests.bench.goals import Goal, judged
from tests.support.databases import in_memory, running_cluster
from tests.support.service import Service, opened_clinic, running_service

GOALS = {1_000: 1.0, 10_000: 5.0}
_AT_ONCE = 8


def main() -> None:
    """Measure, and say whether the goal is met."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clinics", type=int, default=1_000)
    asked.add_argument("--sweeps", type=int, default=10)
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with (
        running_cluster(in_memory()) as cluster,
        cluster.database() as urls,
        running_service(urls.application_url, work=False) as service,
    ):
        service.run(open_clinics(service.context, options.clinics), within=3600)
        # The first seals what making the clinics wrote.
        service.sweep(within=600)
        # Once an hour each clinic's whole log is looked through, of twenty in each sweep.
        hourly = [
            seconds_of(service, service.worker.sweep()) for _ in range(min(options.clinics, 1_000) // 20 + 1)
        ]
        sweeps = [seconds_of(service, service.worker.sweep()) for _ in range(options.sweeps)]
        looks = [seconds_of(service, look(service.context)) for _ in range(options.sweeps)]
    goal = GOALS.get(options.clinics, options.clinics / 1_000)
    middle, longest, beside, one_look = (
        statistics.median(sweeps),
        max(sweeps),
        statistics.median(hourly),
        statistics.median(looks),
    )
    sys.stdout.write(
        f"{options.clinics} idle clinics: a sweep {middle:.3f} s (longest {longest:.3f} s); "
        f"while it looks through whole logs {beside:.3f} s; one look for status or metrics {one_look:.3f} s\n"
    )
    if judged([Goal(f"sweep of {options.clinics} idle clinics, s", middle, most=goal)]):
        raise SystemExit(1)


async def open_clinics(context: AppContext, count: int) -> list[UUID]:
    """Open so many clinics as the operator does; gives their ids."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one() -> UUID:
        async with turns:
            return (await opened_clinic(context)).clinic_id

    return await asyncio.gather(*(one() for _ in range(count)))


def seconds_of(service: Service, work: Coroutine[Any, Any, object], *, within: float = 600) -> float:
    """Do this on the service's loop; gives how long it took."""
    began = time.perf_counter()
    service.run(work, within=within)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
