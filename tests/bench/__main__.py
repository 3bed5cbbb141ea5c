"""``make bench``: a step of the rule against a bare step, pages, and check-ins a second against a bare route and
bare statements; each in alternating slices of one run. And how soon an event's first attempt is made.

The machine is shared and noisy: only the ratios within one run mean anything. Absolute figures are printed
for orientation.
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg

from app.clinical.levels import Level
from app.foundation.ids import new_id
from app.foundation.logs import set_up_logs
from app.storage.engine.binaries import find_binaries
from tests.bench import core_step, delivery, state_bytes
from tests.bench.goals import Goal, judged
from tests.bench.load import Outcome, run_load
from tests.bench.pages import measure_form, report_form, signed_in_cookie
from tests.bench.past import measure_past, report_past
from tests.bench.patient_page import measure_patients, report_patients, two_patients
from tests.bench.processes import Cost, cpu_seconds, postgres_children
from tests.bench.statements import pgbench_rate
from tests.bench.worklist import clinics_of_both_sizes, measure_worklists, report_worklists
from tests.support.databases import DatabaseUrls, running_cluster
from tests.support.people import clinic_client, treated
from tests.support.service import KEY, running_service

CLIENTS = (1, 8, 32)
PATIENTS = 32
PARTS = ("rule", "form", "worklist", "patient-page", "past", "check-ins", "delivery")
DELIVERY_SECONDS = 25
PAGES = "tests.bench.page_server"


def main() -> int:
    """Measure and print; exit status 1 when a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--slices", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=2.0, help="the length of one slice")
    arguments.add_argument("--only", choices=PARTS, help="one of the parts")
    chosen = arguments.parse_args()
    wanted = {chosen.only} if chosen.only else set(PARTS)
    failed = rule_step() if "rule" in wanted else []
    if wanted != {"rule"}:
        set_up_logs(level=logging.ERROR)
        with running_cluster() as cluster, cluster.database() as place:
            failed += form(place, chosen.slices, chosen.seconds) if "form" in wanted else []
            failed += worklist(place, chosen.slices, chosen.seconds) if "worklist" in wanted else []
            failed += patients(place, chosen.slices, chosen.seconds) if "patient-page" in wanted else []
            failed += report_past(measure_past(place, rounds=chosen.slices)) if "past" in wanted else []
            failed += check_ins(place, chosen.slices, chosen.seconds) if "check-ins" in wanted else []
            failed += first_attempt(place) if "delivery" in wanted else []
    for failure in failed:
        print(f"missed: {failure}")
    return 1 if failed else 0


def rule_step() -> list[str]:
    """Measure and print what one more check-in costs the rule, and its state; give the targets that were missed."""
    steps = core_step.steps_by_level(core_step.series())
    figures = core_step.measure(steps)
    bytes_of_it = state_bytes.compared(steps[Level.STEADY])
    print("\n".join([*core_step.report(figures), *state_bytes.report(bytes_of_it)]))
    return core_step.missed(figures) + state_bytes.missed(bytes_of_it)


def first_attempt(place: DatabaseUrls) -> list[str]:
    """Measure and print how soon an event is on its way; give the target if it was missed."""
    taken = delivery.latencies(place, seconds=DELIVERY_SECONDS)
    print("\n".join(delivery.report(taken)))
    return delivery.missed(taken)


def check_ins(place: DatabaseUrls, slices: int, seconds: float) -> list[str]:
    """Measure and print check-ins a second; give the targets that were missed."""
    tokens, sample = prepare(place)
    with server("app", place, sample) as ours, server("bare", place, sample) as bare:
        figures = {
            clients: measure(clients, slices, seconds, ours, bare, tokens, place) for clients in CLIENTS
        }
    return report(figures)


def form(place: DatabaseUrls, slices: int, seconds: float) -> list[str]:
    """Measure and print the check-in form's server time; give the targets that were missed."""
    cookie = signed_in_cookie(place)
    with server("pages", place, {}) as one:
        target = (place, one.process.pid, one.port, cookie)
        list(measure_form(*target, slices=1, seconds=min(1.0, seconds)))  # a warm-up, not counted
        return report_form(list(measure_form(*target, slices=slices, seconds=seconds / 2)))


def worklist(place: DatabaseUrls, slices: int, seconds: float) -> list[str]:
    """Measure and print what the worklist costs in a large and in a small clinic; give what was missed."""
    large, small = clinics_of_both_sizes(place)
    with server("app", place, {}) as one:
        target = (place, one.process.pid, one.port, large, small)
        list(measure_worklists(*target, slices=1, seconds=min(1.0, seconds)))  # a warm-up, not counted
        return report_worklists(list(measure_worklists(*target, slices=slices, seconds=seconds)))


def patients(place: DatabaseUrls, slices: int, seconds: float) -> list[str]:
    """Measure and print a patient's page with five years and with a month; give the targets that were missed."""
    cookie, paths = two_patients(place)
    with server("app", place, {}) as one:
        target = (place, one.process.pid, one.port, cookie, paths)
        list(measure_patients(*target, slices=1, seconds=min(1.0, seconds)))  # a warm-up, not counted
        return report_patients(list(measure_patients(*target, slices=slices, seconds=seconds)))


def prepare(place: DatabaseUrls) -> tuple[list[str], dict[str, str]]:
    """Make patients who are steady, with a reference; give their tokens and the sizes of real parameters."""
    now = datetime.now(UTC)
    with running_service(place.application_url, now=now, work=False) as service:
        clinic = clinic_client(service)
        tokens = []
        for _ in range(PATIENTS):
            patient = treated(clinic, now - timedelta(hours=26), days_since=20, level=lambda _day: (8, 8, 8))
            tokens.append(clinic.enrol(patient, service.url).access_token)
        clinic.close()
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute(
            "SELECT encode(packed_state, 'hex') FROM care.patient_states WHERE packed_state IS NOT NULL"
            " ORDER BY evaluated_at DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        connection.execute("ANALYZE")
    return tokens, {"AFTERGLOW_BENCH_STATE": row[0]}


class Server:
    """A server process and its port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port


@contextmanager
def server(kind: str, place: DatabaseUrls, sample: dict[str, str]) -> Iterator[Server]:
    """Run the service or the bare route in a separate process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = (
        os.environ
        | sample
        | {
            "DATABASE_URL": place.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": base64.b64encode(KEY).decode(),
            "AFTERGLOW_PORT": str(port),
            "AFTERGLOW_REQUESTS_PER_MINUTE": "100000000",
            "AFTERGLOW_BENCH_DATABASE": place.application_url,
            "AFTERGLOW_BENCH_PORT": str(port),
        }
    )
    command = {
        "app": ["-m", "app", "serve", "--no-worker"],
        "bare": ["-m", "tests.bench.bare"],
        "pages": ["-m", PAGES],
    }[kind]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield Server(process, port)
        finally:
            process.terminate()
            process.wait(30)
            if process.returncode not in (0, -15):
                log.seek(0)
                sys.stderr.write(log.read().decode()[-2000:])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no server at {port}")


class Figures:
    """What was measured at one number of clients, slice by slice."""

    def __init__(self) -> None:
        self.ours: list[Outcome] = []
        self.bare: list[Outcome] = []
        self.statements: list[float] = []
        self.our_cost: list[Cost] = []
        self.bare_cost: list[Cost] = []


def measure(
    clients: int,
    slices: int,
    seconds: float,
    ours: Server,
    bare: Server,
    tokens: list[str],
    place: DatabaseUrls,
) -> Figures:
    """Run the slices in turn: ours, bare route, bare statements, ours, …"""
    figures = Figures()
    request = requests_of(tokens)
    for one in (ours, bare):  # a warm-up that is not counted
        asyncio.run(run_load(one.port, clients, min(1.0, seconds), request))
    for number in range(slices):
        for one, outcomes, costs in (
            (ours, figures.ours, figures.our_cost),
            (bare, figures.bare, figures.bare_cost),
        ):
            settle(place)
            before = cpu_seconds(one.process.pid), postgres_children(place.superuser_url)
            outcome = asyncio.run(run_load(one.port, clients, seconds, request))
            after = cpu_seconds(one.process.pid), postgres_children(place.superuser_url)
            assert set(outcome.statuses) == {201}, outcome.statuses
            count = len(outcome.latencies)
            outcomes.append(outcome)
            costs.append(Cost((after[0] - before[0]) / count, (after[1] - before[1]) / count))
        settle(place)
        figures.statements.append(pgbench_rate(find_binaries().program("pgbench"), place, clients, seconds))
        sys.stderr.write(f"\r{clients} clients: slice {number + 1} of {slices} ")
    sys.stderr.write("\n")
    return figures


def settle(place: DatabaseUrls) -> None:
    """Clear the dead versions that the slice before left on the few busy rows: each starts on the same ground."""
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM care.patient_states")


def requests_of(tokens: list[str]) -> Callable[[int], bytes]:
    def make(number: int) -> bytes:
        body = json.dumps(
            {
                "recorded_at": datetime.now(UTC).isoformat(),
                "time_zone": "Europe/Berlin",
                "mood": 8,
                "energy": 8,
                "sleep_quality": 8,
            }
        ).encode()
        return (
            f"PUT /v1/check-ins/{new_id()} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {tokens[number % len(tokens)]}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    return make


def report(figures: dict[int, Figures]) -> list[str]:
    """Print the table and judge the targets."""
    print(
        f"{'clients':>7} {'ours/s':>8} {'bare/s':>8} {'stmts/s':>8} {'ours÷bare':>10} {'ours÷stmts':>11}"
        f" {'p50 ms':>7} {'p99 ms':>7} {'p99÷p50':>8} {'app µs':>7} {'bare µs':>8} {'pg µs':>7} {'pg(bare) µs':>12}"
    )
    failed: list[str] = []
    goals: list[Goal] = []
    for clients, one in figures.items():
        ratios = [ours.rate / bare.rate for ours, bare in zip(one.ours, one.bare, strict=True)]
        to_statements = [ours.rate / rate for ours, rate in zip(one.ours, one.statements, strict=True)]
        p50 = statistics.median(outcome.percentile(0.5) for outcome in one.ours)
        p99 = statistics.median(outcome.percentile(0.99) for outcome in one.ours)
        ratio = statistics.median(ratios)
        print(
            f"{clients:>7} {statistics.median(o.rate for o in one.ours):>8.0f}"
            f" {statistics.median(o.rate for o in one.bare):>8.0f} {statistics.median(one.statements):>8.0f}"
            f" {ratio:>10.2f} {statistics.median(to_statements):>11.2f} {p50 * 1e3:>7.1f} {p99 * 1e3:>7.1f}"
            f" {p99 / p50:>8.1f} {_micro(c.application for c in one.our_cost):>7.0f}"
            f" {_micro(c.application for c in one.bare_cost):>8.0f} {_micro(c.postgres for c in one.our_cost):>7.0f}"
            f" {_micro(c.postgres for c in one.bare_cost):>12.0f}"
        )
        print(f"{'':>7} ours÷bare by slice: {' '.join(f'{value:.2f}' for value in ratios)}")
        goals.append(Goal(f"check-ins ÷ a bare route, {clients} clients", ratio, least=0.9))
        stated = statistics.median(to_statements)
        goals.append(Goal(f"check-ins ÷ the bare statements, {clients} clients", stated, least=0.45))
        if clients == max(CLIENTS) and p99 >= 5 * p50:
            failed.append(f"{clients} clients: p99 is {p99 / p50:.1f} times p50, below 5 wanted")
    return failed + judged(goals)


def _micro(values: Iterator[float]) -> float:
    return statistics.median(values) * 1e6


if __name__ == "__main__":
    sys.exit(main())
