"""`serve --processes N` and workers with chosen duties: who does what, and what a killed one costs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.cli.command_line import afterglow, afterglow_here
from tests.docs.test_sessions import free_port
from tests.support.people import NO_TLS
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until

pytestmark = pytest.mark.processes


def duties(dev: Dev) -> list[list[str]]:
    """What the living processes do, as `afterglow status` says it."""
    said = json.loads(afterglow_here("status", "--json", "--data-dir", str(dev.data_dir)).stdout)
    return sorted(one["does"] for one in said["processes"] if not one["dead"])


@contextmanager
def worker(dev: Dev, queues: str) -> Iterator[None]:
    """A separate worker that does only this."""
    environment = dev.environment | {
        "AFTERGLOW_WORKER_QUEUES": queues,
        "AFTERGLOW_METRICS_PORT": str(free_port()),
    }
    with subprocess.Popen([sys.executable, "-m", "app", "worker"], env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


def test_several_processes_answer_at_one_port_beside_workers_that_share_the_work() -> None:
    port = free_port()
    with (
        temporary_data_dir() as data_dir,
        running_dev(data_dir, "serve --no-worker --processes 2", AFTERGLOW_METRICS_PORT=str(port)) as dev,
        worker(dev, "deliveries, sweep"),
        worker(dev, "jobs,studies"),
    ):
        everyone = [["answers"], ["answers"], ["deliveries", "sweep"], ["jobs", "studies"]]
        assert wait_until(lambda: duties(dev) == everyone, 90, pause=1), duties(dev)
        # Each shows its metrics at a separate port, and one that is taken is named.
        taken = afterglow("worker", "--data-dir", str(data_dir), more={"AFTERGLOW_METRICS_PORT": str(port)})
        assert taken.returncode == 1
        assert f"cannot be shown at 127.0.0.1:{port}" in taken.stderr
        for number in (0, 1):
            shown = httpx2.get(f"http://127.0.0.1:{port + number}/metrics", timeout=20, verify=NO_TLS).text
            assert 'afterglow_processes{duty="answers"} 2.0' in shown

        killed = dev.child("serve")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        # The other one goes on, whichever connection it is.
        for _ in range(20):
            with httpx2.Client(base_url=dev.url, timeout=30, verify=NO_TLS) as fresh:
                assert fresh.get("/health/ready").json()["status"] == "ready"
        assert wait_until(lambda: duties(dev).count(["answers"]) >= 2 and dev.child("serve") != killed, 60)

        refused = afterglow(
            "serve", "--processes", "9", "--port", str(free_port()), "--data-dir", str(data_dir)
        )
        assert refused.returncode == 1
        assert "These processes may open 156 connections, and the database takes 97." in refused.stderr
        assert "Lower AFTERGLOW_POOL_SIZE" in refused.stderr


def test_a_queue_that_no_worker_knows_is_named() -> None:
    with pytest.raises(ValidationError, match="There is no queue “deliverys”; there are deliveries, sweep"):
        Settings(worker_queues="deliverys")
