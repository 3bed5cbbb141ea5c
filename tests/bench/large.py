"""``make bench-large``: a database of 1,000 clinics and a million patients against one of 1,000 patients.

``ARGS="--clinics 10 --patients 1000"`` (a clinic) makes it smaller. Both databases are on one server and take turns.
The first clinic's first two patients are treated and judged by the service itself, one who fades and one who is
steady; the others' rows are copies of theirs, by ``INSERT … SELECT`` (one in 25 fades and waits for something), with
ids of each row's time and keys that open, written clinic after clinic and in the order of time; clinics are opened
as an operator opens them. Of three days each check-in has its line in the audit log, which the worker's sweep seals.
Bytes of WAL are those after a checkpoint, each patient once, in random order: the dearest there are.
"""

import argparse
import asyncio
import logging
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from app.foundation.logs import set_up_logs
from tests.bench.check_in_bytes import bytes_of_a_check_in, number_of
from tests.bench.goals import Goal, judged
from tests.bench.load import Outcome, requests_of, run_load
from tests.bench.pages import measure_page
from tests.bench.processes import server
from tests.bench.reminders import measure_reminders
from tests.bench.sweep import open_clinics, seconds_of
from tests.bench.worklist import Sized, enrolled, fill, make_id_function, signed_in_again, sized_clinic
from tests.support.databases import Cluster, DatabaseUrls, running_cluster
from tests.support.service import running_service

_SMALL = 1_000
# Odd, so that one client comes to all of them.
_SAMPLED = 20_001
_LINES = """
    INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id,
         patient_id)
    SELECT clinic_id, pg_temp.id_of(recorded_at), recorded_at, 'device', patient_id, 'check_in.recorded',
           'check_in', id, patient_id
      FROM care.check_ins WHERE clinic_id = %s AND recorded_at > now() - interval '3 days' ORDER BY recorded_at
"""
# While the rows are written, so that they are not written a second time at a checkpoint; then as it was.
_LOADING = {"max_wal_size": "12GB", "checkpoint_timeout": "30min", "autovacuum": "off"}
_LOADERS = 2
_LOOKS = {"worklist": "/care/", "patient page": "/care/patients/{first}", "signals": "/v1/signals?state=open"}


@dataclass
class Filled:
    """A database of some size: one of its clinics, and tokens of patients of all of them, in random order."""

    place: DatabaseUrls
    clinic: Sized
    tokens: list[str]


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
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with running_cluster() as cluster, cluster.database() as many, cluster.database() as few:
        with _made_for_loading(cluster):
            large = filled(many, options.clinics, options.patients)
            small = filled(few, 1, _SMALL)
        failed = sealing_and_sweeps(large)
        failed += latencies(large, small, options.slices, options.seconds, options.rate)
        failed += looks(large, small, options.slices, options.seconds)
        failed += bytes_of_a_check_in(cluster, many, large.tokens, "many")
        reminders = min(options.reminders, options.clinics * options.patients)
        failed += measure_reminders(many, reminders) if reminders else []
    return 1 if failed else 0


@contextmanager
def _made_for_loading(cluster: Cluster) -> Iterator[None]:
    """Set the server up for writing much, and for what is measured as it was before."""
    with psycopg.connect(cluster.address.url(), autocommit=True) as admin:
        for name, value in _LOADING.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        admin.execute("SELECT pg_reload_conf()")
        yield
        for name in _LOADING:
            admin.execute(f"ALTER SYSTEM RESET {name}".encode())
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("CHECKPOINT")


def filled(place: DatabaseUrls, clinics: int, patients: int) -> Filled:
    """Fill a database; two patients are treated and judged by the service, the others are like one of them."""
    began, now = time.monotonic(), datetime.now(UTC)
    waiting = max(2, patients // 25)
    first = sized_clinic(place, patients=patients, waiting=waiting, with_steady=True)
    with running_service(place.application_url, now=now, work=False) as service:
        opened = service.run(open_clinics(service.context, clinics - 1), within=3600)

    def load(clinic: UUID) -> None:
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            # No trigger checks that a patient is there whom the statement before wrote.
            connection.execute("SET session_replication_role = replica")
            if clinic != first.clinic_id:
                fill(
                    connection,
                    clinic,
                    UUID(first.first),
                    patients=patients,
                    waiting=waiting,
                    now=now,
                    from_clinic=first.clinic_id,
                    steady=first.steady,
                )
            make_id_function(connection)
            connection.execute(_LINES, [clinic])

    with ThreadPoolExecutor(_LOADERS) as loaders:
        for number, _ in enumerate(loaders.map(load, [first.clinic_id, *opened])):
            sys.stderr.write(f"\r{number + 1} of {clinics} clinics, {time.monotonic() - began:.0f} s ")
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        every = connection.execute(
            # The names of devices are not sealed here, so that the page of a patient who has one does not open.
            "SELECT clinic_id, id FROM care.patients WHERE id <> ALL(%s::uuid[])",
            [[first.first, first.steady]],
        ).fetchall()
        some = random.Random(1).sample(every, min(len(every), _SAMPLED))  # noqa: S311 - the same each time
        tokens = enrolled(connection, some, now)
        connection.execute("VACUUM ANALYZE")
        size = number_of(connection, "SELECT pg_database_size(current_database())")
        rows = number_of(connection, "SELECT count(*) FROM care.check_ins")
    print(  # noqa: T201 - its report
        f"{len(every) + 2:,} patients in {clinics:,} clinics, {rows:,.0f} check-ins, {size / 1e9:.1f} GB, loaded in"
        f" {(time.monotonic() - began) / 60:.1f} minutes",
        flush=True,
    )
    return Filled(place, first, tokens)


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


def latencies(large: Filled, small: Filled, slices: int, seconds: float, rate: float) -> list[str]:
    """The 99th percentile of a check-in in the large database against the small one, in turns."""
    ratios = []
    every: tuple[list[float], list[float]] = ([], [])
    with server("app", large.place, {}) as many, server("app", small.place, {}) as few:
        makers = [requests_of(large.tokens), requests_of(small.tokens)]
        for number in range(slices + 1):
            slow: list[Outcome] = [
                asyncio.run(run_load(one.port, 1, seconds, _at_a_rate(make, rate)))
                for one, make in zip((many, few), makers, strict=True)
            ]
            assert all(set(one.statuses) == {201} for one in slow), [one.statuses for one in slow]
            if number:  # the first is a warm-up
                ratios.append(slow[0].percentile(0.99) / slow[1].percentile(0.99))
                for kept, one in zip(every, slow, strict=True):
                    kept.extend(one.latencies)
    p50, p99 = ([Outcome(latencies=one).percentile(share) * 1e3 for one in every] for share in (0.5, 0.99))
    print(  # noqa: T201 - its report
        f"check-in at {rate:.0f} a second: p50 {p50[0]:.1f} ms and p99 {p99[0]:.1f} ms with many patients,"
        f" {p50[1]:.1f} and {p99[1]:.1f} ms with {_SMALL:,}; p99 by slice {' '.join(f'{one:.2f}' for one in ratios)}",
        flush=True,
    )
    middle = statistics.median(ratios)
    return judged([Goal("check-in p99, many patients ÷ 1,000, at one rate", middle, most=1.5)])


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
