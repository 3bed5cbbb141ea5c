"""``make bench-versions OTHER=…``: check-ins of this checkout against those of another one, in alternating slices.

Each version serves from its own checkout and environment, on a database of its own server; one client sends the same
check-ins to both in turns. Processor time a check-in is the figure that a busy machine disturbs least.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.bench.goals import Goal, judged
from tests.bench.load import Outcome, requests_of, run_load
from tests.bench.processes import Cost, cpu_seconds, postgres_children

MOST_TIMES_OTHER = 0.9
# Run in either checkout: both versions name these parts of their own benchmark alike.
SERVE = """
import json, sys
import tests.bench.__main__ as bench
with bench.running_cluster() as cluster, cluster.database() as place:
    tokens, sample = bench.prepare(place)
    with bench.server("app", place, sample) as one:
        served = {"port": one.port, "pid": one.process.pid, "tokens": tokens, "superuser_url": place.superuser_url}
        print(json.dumps(served), flush=True)
        sys.stdin.read()
"""


@dataclass(frozen=True)
class Version:
    """One version as it serves."""

    port: int
    pid: int
    tokens: list[str]
    superuser_url: str


@dataclass
class Figures:
    """What was measured of one version, slice by slice."""

    outcomes: list[Outcome] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)


@contextmanager
def serving(checkout: Path) -> Iterator[Version]:
    """Run one version's service from its checkout."""
    command = [str(checkout / ".venv/bin/python"), "-c", SERVE]
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = next((line for line in process.stdout if line.startswith('{"port"')), "")
        if not line:
            raise RuntimeError(f"{checkout} does not serve")
        try:
            yield Version(**json.loads(line))
        finally:
            process.stdin.close()


def measure(versions: list[Version], clients: int, slices: int, seconds: float) -> list[Figures]:
    """Load the versions in turns; the first slice of each is a warm-up and is not counted."""
    figures = [Figures() for _ in versions]
    for number in range(-1, slices):
        pairs = list(zip(versions, figures, strict=True))
        # Each is first as often as second: what a slice leaves behind meets both.
        for one, found in pairs if number % 2 else reversed(pairs):
            outcome, cost = _slice(one, clients, seconds)
            if number >= 0:
                found.outcomes.append(outcome)
                found.costs.append(cost)
    return figures


def _slice(one: Version, clients: int, seconds: float) -> tuple[Outcome, Cost]:
    with psycopg.connect(one.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM care.patient_states")
    before = cpu_seconds(one.pid), postgres_children(one.superuser_url)
    outcome = asyncio.run(run_load(one.port, clients, seconds, requests_of(one.tokens)))
    after = cpu_seconds(one.pid), postgres_children(one.superuser_url)
    assert set(outcome.statuses) == {201}, outcome.statuses
    count = len(outcome.latencies)
    return outcome, Cost((after[0] - before[0]) / count, (after[1] - before[1]) / count)


def report(this: Figures, other: Figures, clients: int) -> str:
    """Write the medians, and the ratio of each pair of slices."""
    rates = [a.rate / b.rate for a, b in zip(this.outcomes, other.outcomes, strict=True)]
    app = [a.application / b.application for a, b in zip(this.costs, other.costs, strict=True)]
    postgres = [a.postgres / b.postgres for a, b in zip(this.costs, other.costs, strict=True)]
    rate, there = (_median(o.rate for o in one.outcomes) for one in (this, other))
    lines = [
        f"{clients} clients: check-ins/s {rate:.0f} here, {there:.0f} there; ratio {statistics.median(rates):.2f}"
    ]
    for part, ratios in (("application", app), ("postgres", postgres)):
        here, there = (_median(getattr(c, part) for c in one.costs) * 1e6 for one in (this, other))
        lines.append(
            f"  µs a check-in, {part}: {here:.0f} here, {there:.0f} there; ratio {statistics.median(ratios):.2f}"
        )
    lines.append(f"  check-ins/s here÷there by slice: {' '.join(f'{value:.2f}' for value in rates)}")
    return "\n".join(lines)


def _median(values: Iterator[float]) -> float:
    return statistics.median(values)


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "other", type=Path, help="a checkout of the other version, with its .venv (make install)"
    )
    arguments.add_argument("--slices", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=2.0, help="the length of one slice")
    arguments.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    chosen = arguments.parse_args()
    goals = []
    with serving(Path.cwd()) as this, serving(chosen.other) as other:
        for clients in chosen.clients:
            here, there = measure([this, other], clients, chosen.slices, chosen.seconds)
            sys.stdout.write(report(here, there, clients) + "\n")
            sys.stdout.flush()
            ratio = _median(
                a.application / b.application for a, b in zip(here.costs, there.costs, strict=True)
            )
            goals.append(
                Goal(f"application's processor time, {clients} clients", ratio, most=MOST_TIMES_OTHER)
            )
    return 1 if judged(goals) else 0


if __name__ == "__main__":
    sys.exit(main())
