"""``make bench``: a step of the rule against a bare step, pages, and check-ins a second against a bare route and
bare statements; each in alternating slices of one run. And how soon an event's first attempt is made.

The machine is shared and noisy: only the ratios within one run mean anything. Absolute figures are printed
for orientation.
"""

import argparse
import asyncio
import logging
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from app.clinical.levels import Level
from app.foundation.logs import set_up_logs
from app.storage.engine.binaries import find_binaries
from app.storage.engine.migrating import APPLICATION_ROLE
from tests.bench import core_step, delivery, state_bytes
from tests.bench.check_in_bytes import bytes_of_a_check_in
from tests.bench.goals import Goal, judged
from tests.bench.load import MOST_CLIENTS, Outcome, burst_of, requests_of, run_load
from tests.bench.pages import measure_form, report_form, signed_in_cookie
from tests.bench.past import measure_past, report_past
from tests.bench.patient_page import measure_patients, report_patients, two_patients
from tests.bench.processes import Cost, Server, cpu_seconds, postgres_children, server
from tests.bench.statements import number_tokens, pgbench_rate
from tests.bench.worklist import clinics_of_both_sizes, enrolled, fill, measure_worklists, report_worklists
from tests.storage.counting_proxy import counting_proxy
from tests.support.databases import Cluster, DatabaseUrls, programs, running_cluster
from tests.support.people import clinic_client, treated
from tests.support.service import running_service

CLIENTS = (1, 8, MOST_CLIENTS)
# On each side; odd, so that one client comes to all of them.
PATIENTS = 10_001
BURST = 500
MOST_PLANS = 0.01
PARTS = ("rule", "form", "worklist", "patient-page", "past", "check-ins", "delivery")
DELIVERY_SECONDS = 25


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
            failed += check_ins(cluster, chosen.slices, chosen.seconds) if "check-ins" in wanted else []
            failed += deliveries(place) if "delivery" in wanted else []
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


def deliveries(place: DatabaseUrls) -> list[str]:
    """Measure and print how soon an event is on its way, and how many more workers send; give what was missed."""
    taken = delivery.latencies(place, seconds=DELIVERY_SECONDS)
    print("\n".join(delivery.report(taken)))
    return delivery.missed(taken) + delivery.measure_throughput(place)


def check_ins(cluster: Cluster, slices: int, seconds: float) -> list[str]:
    """Measure and print check-ins of many callers: rates, a burst, plans, WAL and bytes; give what missed.

    Half of the patients report to the service, as many others to the bare route and by the bare statements: those
    write no state that the service would go on from, and it would evaluate the patient's history again.
    """
    with cluster.database() as place:
        everybody, sample = prepare(place, patients=2 * PATIENTS)
        tokens, others = everybody[:PATIENTS], everybody[PATIENTS:]
        number_tokens(place, others)
        failed = plans(cluster, place, tokens)
        with server("app", place, sample) as ours, server("bare", place, sample) as bare:
            sides = ((ours, requests_of(tokens)), (bare, requests_of(others)))
            figures = {clients: measure(clients, slices, seconds, sides, place) for clients in CLIENTS}
            failed += report(figures) + bursts(ours, tokens, slices)
        return failed + bytes_of_a_check_in(cluster, place, tokens, f"{len(tokens):,}")


def bursts(ours: Server, tokens: list[str], slices: int) -> list[str]:
    """Measure and print what becomes of check-ins that come at one moment against as many in turn."""
    request, ratios, took = requests_of(tokens), [], []
    for _ in range(slices):
        burst = asyncio.run(burst_of(ours.port, BURST, request))
        assert burst.statuses == {201: BURST}, burst.statuses
        turns = asyncio.run(run_load(ours.port, max(CLIENTS), burst.seconds, request))
        ratios.append(burst.rate / turns.rate)
        took.append(burst.seconds)
    print(
        f"{BURST} check-ins of as many callers at one moment: all kept within {max(took):.1f} s; rate against"
        f" {max(CLIENTS)} clients in turn, by slice: {' '.join(f'{one:.2f}' for one in ratios)}"
    )
    name = f"check-ins a second, {BURST} at one moment ÷ {max(CLIENTS)} clients"
    return judged([Goal(name, statistics.median(ratios), least=0.8)])


def plans(cluster: Cluster, place: DatabaseUrls, tokens: list[str]) -> list[str]:
    """Count and print the plans that the server makes for the calls of check-ins, once the connections are warm."""
    name = str(psycopg.conninfo.conninfo_to_dict(place.application_url)["dbname"])
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        for setting in ("log_planner_stats = on", "client_min_messages = log"):
            connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
        with counting_proxy(cluster.address) as (address, counted):
            counting = replace(place, application_url=address.url(APPLICATION_ROLE, name))
            with server("app", counting, {}) as one:
                request = requests_of(tokens)
                # On all connections that a clinic gets: on its first uses a statement is planned for the values.
                asyncio.run(run_load(one.port, MOST_CLIENTS, 6.0, request))
                counted.start()
                outcome = asyncio.run(run_load(one.port, 1, 2.0, request))
                ratio, planned = counted.plans / counted.count, list(counted.planned)
        connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())
    print(f"{len(outcome.latencies)} check-ins: {counted.count} calls of the database, {len(planned)} plans")
    for place_of_plan in planned:
        print(
            f"  planned: {place_of_plan.splitlines()[-1] if place_of_plan != '-' else 'outside of the functions'}"
        )
    return judged([Goal("plans ÷ calls of check-ins", ratio, most=MOST_PLANS)])


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


def prepare(place: DatabaseUrls, *, patients: int = PATIENTS) -> tuple[list[str], dict[str, str]]:
    """Make patients who are steady, with a reference; give their tokens and the sizes of real parameters."""
    now = datetime.now(UTC)
    with running_service(place.application_url, now=now, work=False) as service:
        clinic = clinic_client(service)
        first = treated(clinic, now - timedelta(hours=26), days_since=20, level=lambda _day: (8, 8, 8))
        clinic.close()
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        fill(connection, UUID(clinic.clinic_id), UUID(first), patients=patients, waiting=0, now=now)
        made = connection.execute("SELECT clinic_id, id FROM care.patients").fetchall()
        random.Random(1).shuffle(made)  # noqa: S311 - the same each time
        tokens = enrolled(connection, made, now)
        row = connection.execute(
            "SELECT encode(packed_state, 'hex') FROM care.patient_states WHERE packed_state IS NOT NULL"
            " ORDER BY evaluated_at DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        connection.execute("VACUUM ANALYZE")
    return tokens, {"AFTERGLOW_BENCH_STATE": row[0]}


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
    sides: tuple[tuple[Server, Callable[[int], bytes]], ...],
    place: DatabaseUrls,
) -> Figures:
    """Run the slices in turn: ours, bare route, bare statements, ours, …"""
    figures = Figures()
    for one, request in sides:  # a warm-up that is not counted
        asyncio.run(run_load(one.port, clients, min(1.0, seconds), request))
    kept = ((figures.ours, figures.our_cost), (figures.bare, figures.bare_cost))
    for number in range(slices):
        for (one, request), (outcomes, costs) in zip(sides, kept, strict=True):
            settle(place)
            before = cpu_seconds(one.process.pid), postgres_children(place.superuser_url)
            outcome = asyncio.run(run_load(one.port, clients, seconds, request))
            after = cpu_seconds(one.process.pid), postgres_children(place.superuser_url)
            assert set(outcome.statuses) == {201}, outcome.statuses
            count = len(outcome.latencies)
            outcomes.append(outcome)
            costs.append(Cost((after[0] - before[0]) / count, (after[1] - before[1]) / count))
        settle(place)
        figures.statements.append(
            pgbench_rate(find_binaries(programs()).program("pgbench"), place, PATIENTS, clients, seconds)
        )
        sys.stderr.write(f"\r{clients} clients: slice {number + 1} of {slices} ")
    sys.stderr.write("\n")
    return figures


def settle(place: DatabaseUrls) -> None:
    """Clear the dead versions that the slice before left on the few busy rows: each starts on the same ground."""
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM care.patient_states")


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
