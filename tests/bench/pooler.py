"""What a check-in costs behind PgBouncer: ``python -m tests.bench.pooler``; straight and behind it in turn."""

import argparse
import asyncio
import logging
import statistics
import sys
from dataclasses import replace

from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from app.storage.engine.connecting import install_session_settings
from app.storage.tenant_keys import install
from tests.bench.__main__ import prepare, settle
from tests.bench.load import requests_of, run_load
from tests.bench.processes import cpu_seconds, postgres_children, server
from tests.support.databases import in_memory, running_cluster
from tests.support.pgbouncer import pgbouncer, through
from tests.support.service import KEY


def main() -> None:
    """Measure, and print the ratio."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clients", type=int, default=8)
    asked.add_argument("--slices", type=int, default=6)
    asked.add_argument("--seconds", type=float, default=4.0)
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with running_cluster(in_memory()) as cluster, cluster.database() as urls:
        tokens, _ = prepare(urls)
        install(urls.owner_url, Vault(KEY).tenant_key)
        install_session_settings(urls.owner_url)
        with pgbouncer(cluster, mode="transaction", connections=20) as port:
            pooled = replace(urls, application_url=through(urls, port))
            with (
                server("app", urls, {}) as straight,
                server("app", pooled, {"AFTERGLOW_DIRECT_URL": urls.application_url}) as behind,
            ):
                rates: dict[int, list[float]] = {straight.port: [], behind.port: []}
                costs: dict[int, list[float]] = {straight.port: [], behind.port: []}
                for one in (straight, behind) * (options.slices + 1):
                    settle(urls)
                    load = run_load(one.port, options.clients, options.seconds, requests_of(tokens))
                    before = cpu_seconds(one.process.pid) + postgres_children(urls.superuser_url)
                    outcome = asyncio.run(load)
                    spent = cpu_seconds(one.process.pid) + postgres_children(urls.superuser_url) - before
                    assert set(outcome.statuses) == {201}, outcome.statuses
                    rates[one.port].append(outcome.rate)
                    costs[one.port].append(spent / len(outcome.latencies))
    # The first of each warms up.
    ours, theirs = (statistics.median(one[1:]) for one in (rates[behind.port], rates[straight.port]))
    cost, least = (statistics.median(one[1:]) * 1000 for one in (costs[behind.port], costs[straight.port]))
    sys.stdout.write(
        f"check-ins, {options.clients} clients: {ours:.0f}/s behind PgBouncer, {theirs:.0f}/s straight: "
        f"{ours / theirs:.2f}; processor time of service and server {cost:.2f} ms, {least:.2f} ms: "
        f"{cost / least:.2f}, PgBouncer's own not counted\n"
    )


if __name__ == "__main__":
    main()
