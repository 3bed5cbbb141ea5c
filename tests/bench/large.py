"""``make bench-large``: a database of 1,000 clinics and a million patients against one of 1,000 patients.

``ARGS="--clinics 10 --patients 1000"`` (a clinic) makes it smaller; ``--keep FOLDER`` leaves the loaded databases
there for the next run, and ``--only check-ins`` measures one part. Both are on one server and take turns.
The worker's sweep seals the lines of the audit log that were loaded. Bytes of WAL are those after a checkpoint, each
patient once, in random order: the dearest there are.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from app.foundation.logs import set_up_logs
from tests.bench.check_in_bytes import bytes_of_a_check_in, each_once, number_of
from tests.bench.disk import (
    bytes_of_a_day,
    missed_pages,
    read_from_disk,
    read_in,
    restart_with_nothing_in_memory,
)
from tests.bench.goals import Goal, judged
from tests.bench.load import Outcome, requests_of, run_load
from tests.bench.loaded import SMALL, Filled, loaded, newly_small
from tests.bench.pages import measure_page
from tests.bench.processes import Server, server
from tests.bench.reminders import measure_reminders
from tests.bench.sweep import seconds_of
from tests.bench.worklist import Sized, signed_in_again
from tests.support.databases import Cluster, cluster_in, running_cluster
from tests.support.service import running_service

# Of a page a check-in.
_SHOWN = 0.1
PARTS = ("sealing", "check-ins", "pages", "bytes", "reminders")
_LOOKS = {"worklist": "/care/", "patient page": "/care/patients/{first}", "signals": "/v1/signals?state=open"}


def main() -> int:
    """Measure and print; exit status 1 when a goal is missed."""
    asked = argparse.ArgumentParser(prog="make bench-large", description=__doc__)
    asked.add_argument("--clinics", type=int, default=1_000)
    asked.add_argument("--patients", type=int, default=1_000, help="of each clinic")
    asked.add_argument("--slices", type=int, default=6)
    asked.add_argument("--seconds", type=float, default=5.0)
    asked.add_argument("--rate", type=float, default=40.0, help="check-ins a second")
    asked.add_argument(
        "--reminders", type=int, default=100_000, help="that are due in one minute; 0 for none"
    )
    asked.add_argument("--keep", type=Path, metavar="FOLDER", help="where the loaded databases stay")
    asked.add_argument("--only", choices=PARTS, help="one of the parts")
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with _cluster(options.keep) as cluster:
        large, small, is_new = loaded(cluster, options.clinics, options.patients, options.keep)
        wanted = {options.only} if options.only else set(PARTS)
        failed = sealing_and_sweeps(large) if "sealing" in wanted and is_new else []
        if "check-ins" in wanted:
            failed += latencies(cluster, large, small, options.slices, options.seconds, options.rate)
        failed += looks(large, small, options.slices, options.seconds) if "pages" in wanted else []
        if "bytes" in wanted:
            failed += bytes_of_a_check_in(cluster, large.place, large.tokens, "many")
        reminders = min(options.reminders, options.clinics * options.patients)
        failed += measure_reminders(large.place, reminders) if reminders and "reminders" in wanted else []
    return 1 if failed else 0


@contextmanager
def _cluster(kept: Path | None) -> Iterator[Cluster]:
    if kept is None:
        with running_cluster() as cluster:
            yield cluster
    else:
        kept.mkdir(parents=True, exist_ok=True)
        with cluster_in(kept) as cluster:
            yield cluster


def _at_a_rate(make: Callable[[int], bytes], rate: float) -> Callable[[int], bytes]:
    """Give requests no faster than so many a second."""
    began, count = time.perf_counter(), 0

    def paced(number: int) -> bytes:
        nonlocal count
        count += 1
        time.sleep(max(0.0, began + count / rate - time.perf_counter()))
        return make(number)

    return paced


def sealing_and_sweeps(large: Filled) -> list[str]:
    """Seal what was written, then sweep while nothing is due; gives the goals that were missed."""
    with (
        running_service(large.place.application_url, now=datetime.now(UTC), work=False) as service,
        psycopg.connect(large.place.superuser_url, autocommit=True) as connection,
    ):
        lines = number_of(connection, "SELECT count(*) FROM care.audit_events")
        seconds = seconds_of(service, service.worker.sweep(), within=3600)
        clinics = int(number_of(connection, "SELECT count(*) FROM front_desk.clinics"))
        sweeps = [seconds_of(service, service.worker.sweep()) for _ in range(2 * clinics // 20 + 5)]
    print(f"{lines:,.0f} lines sealed in {seconds:.1f} s, {lines / seconds:,.0f} a second", flush=True)  # noqa: T201 - its report
    beside, idle = sweeps[: clinics // 20], sweeps[-5:]
    print(  # noqa: T201 - its report
        f"a sweep of {clinics:,} clinics {statistics.median(idle):.3f} s, while it looks through whole logs"
        f" {statistics.median(beside or idle):.3f} s",
        flush=True,
    )
    goal = max(1.0, clinics / 1_000)
    return judged([Goal("sweep of clinics where nothing is due, s", statistics.median(idle), most=goal)])


@dataclass
class _Turns:
    """Slices of check-ins in both databases, in turns: what each took, and how much came from the disk."""

    many: list[Outcome] = field(default_factory=list)
    few: list[Outcome] = field(default_factory=list)
    read: int = 0
    missed: Counter[str] = field(default_factory=Counter)

    def ratios(self) -> list[float]:
        """The 99th percentile of the one against the other, by slice."""
        return [
            one.percentile(0.99) / other.percentile(0.99)
            for one, other in zip(self.many, self.few, strict=True)
        ]

    def said(self) -> str:
        """One line."""
        p50, p99 = (
            [
                Outcome(latencies=[took for one in side for took in one.latencies]).percentile(share) * 1e3
                for side in (self.many, self.few)
            ]
            for share in (0.5, 0.99)
        )
        count = sum(len(one.latencies) for one in self.many)
        return (
            f"p50 {p50[0]:.1f} ms and p99 {p99[0]:.1f} ms with many patients, {p50[1]:.1f} and {p99[1]:.1f} ms with"
            f" {SMALL:,}; {self.read / count / 1e3:.1f} kB from the disk a check-in of {count:,}; p99 by slice"
            f" {' '.join(f'{one:.2f}' for one in self.ratios())}; pages that were in none of the server's buffers: "
            + ", ".join(
                f"{name} {pages / count:.2f}"
                for name, pages in self.missed.most_common()
                if pages / count >= _SHOWN
            )
        )


def latencies(
    cluster: Cluster, large: Filled, small: Filled, slices: int, seconds: float, rate: float
) -> list[str]:
    """The 99th percentile of a check-in in the large database against the small one, in turns.

    Judged is a running installation, whose server has buffers for what a day's check-ins read, and patients who
    report for the first time since they were loaded, on both sides: what waits for some of them changes, which costs
    more than a second report does. Beside it stands what the first patients after a restart wait for.
    """
    each = 2 * int((slices + 1) * (seconds * rate + 2)) // 2 + 1  # odd, and as many as there may be
    first, others = large.tokens[:each], large.tokens[each : 2 * each]
    size = bytes_of_a_day(large.place.superuser_url)
    with psycopg.connect(cluster.address.url(), autocommit=True) as admin:
        # With room for what else is read; the next start has it.
        admin.execute(f"ALTER SYSTEM SET shared_buffers = '{size // 10**6 + 256}MB'".encode())
    restart_with_nothing_in_memory(cluster)
    read_in(small.place.superuser_url)
    with server("app", large.place, {}) as many, server("app", small.place, {}) as few:

        def measured(state: str, other: Server, callers: tuple[list[str], list[str]], long: float) -> _Turns:
            with psycopg.connect(cluster.address.url(), autocommit=True) as admin:
                admin.execute("CHECKPOINT")
            makers = [requests_of(tokens) for tokens in callers]
            turns = _in_turns((many, other), makers, large.place.superuser_url, slices, long, rate)
            print(f"check-in at {rate:.0f} a second, {state}: {turns.said()}", flush=True)  # noqa: T201 - its report
            return turns

        measured("nothing in memory", few, (first, small.tokens), seconds)
        measured("the same patients again", few, (first, small.tokens), seconds)
        read_in(large.place.superuser_url)
        _one_of_each_clinic(many, large.tokens[2 * each :])
        print(f"{size / 1e9:.1f} GB are what a day's check-ins read: now in the buffers", flush=True)  # noqa: T201 - its report
        with cluster.database() as place:
            new = newly_small(place)
            once = min(seconds, len(new.tokens) / rate / (slices + 1) - 0.05)
            with server("app", place, {}) as other:
                running = measured(
                    "first reports, what a day's check-ins read in the buffers",
                    other,
                    (others, new.tokens),
                    once,
                )
    middle = statistics.median(running.ratios())
    return judged([Goal("check-in p99, many patients ÷ 1,000, at one rate", middle, most=1.5)])


def _one_of_each_clinic(many: Server, tokens: list[str]) -> None:
    """A check-in of some patient of each clinic: where a clinic's latest are is in memory, too."""
    of_each = list({token.split("_")[1]: token for token in tokens}.values())
    chosen = of_each[: (len(of_each) - 1) | 1]  # odd, so that one client comes to all of them
    asyncio.run(each_once(many.port, requests_of(chosen), len(chosen)))


def _in_turns(
    servers: tuple[Server, Server],
    makers: list[Callable[[int], bytes]],
    superuser_url: str,
    slices: int,
    seconds: float,
    rate: float,
) -> _Turns:
    turns = _Turns()
    for number in range(slices + 1):
        read, missed = read_from_disk(superuser_url), missed_pages(superuser_url)
        many, few = (
            asyncio.run(run_load(one.port, 1, seconds, _at_a_rate(make, rate)))
            for one, make in zip(servers, makers, strict=True)
        )
        assert set(many.statuses) | set(few.statuses) == {201}, (many.statuses, few.statuses)
        if number:  # the first is a warm-up
            turns.read += read_from_disk(superuser_url) - read
            turns.missed += missed_pages(superuser_url) - missed
            turns.many.append(many)
            turns.few.append(few)
    return turns


def looks(large: Filled, small: Filled, slices: int, seconds: float) -> list[str]:
    """What a look costs in a clinic among many clinics against one that is alone, in turns."""
    # Loading takes longer than a member's session lasts that nobody uses.
    large, small = (replace(one, clinic=signed_in_again(one.place, one.clinic)) for one in (large, small))
    costs: dict[str, list[tuple[float, float]]] = {page: [] for page in _LOOKS}
    with server("app", large.place, {}) as many, server("app", small.place, {}) as few:
        for number in range(slices + 1):
            for page, path in _LOOKS.items():
                one, other = (
                    measure_page(
                        side.place, running.process.pid, running.port, _looking(path, side.clinic), seconds
                    ).cost
                    for side, running in ((large, many), (small, few))
                )
                if number:
                    costs[page].append((one, other))
    ratios = {page: [one / other for one, other in each] for page, each in costs.items()}
    for page, each in ratios.items():
        print(f"{page}, by slice: {' '.join(f'{one:.2f}' for one in each)}", flush=True)  # noqa: T201 - its report
    return judged(
        [Goal(f"{page}, many ÷ 1,000", statistics.median(each), most=1.25) for page, each in ratios.items()]
    )


def _looking(path: str, clinic: Sized) -> Callable[[int], bytes]:
    """Make the request: pages go by the cookie, the API by the key."""
    request = (
        f"GET {path.format(first=clinic.first)} HTTP/1.1\r\nhost: bench\r\ncookie: {clinic.cookie}\r\n"
        f"authorization: Bearer {clinic.key}\r\n\r\n"
    ).encode()
    return lambda _number: request


if __name__ == "__main__":
    sys.exit(main())
