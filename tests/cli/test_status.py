"""`afterglow status`, the metrics, and the alerts and the dashboard that are made from them, on a running service."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import httpx2
import psycopg
import pytest

from app.foundation.logs import ALLOWED_KEYS
from app.storage.engine.embedded.supervisor import find_running
from app.storage.engine.migrating import DATABASE, OWNER_ROLE, newest_revision
from tests.cli.command_line import ROOT, afterglow_here
from tests.docs.test_sessions import free_port
from tests.support.databases import open_folder
from tests.support.debian_programs import debian_program
from tests.support.people import NO_TLS
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Receiver
from tests.support.trace_collector import Collector, KeptSpan, running_collector

pytestmark = pytest.mark.processes

RULES = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "afterglow.json"
METRIC = re.compile(r"\bafterglow_[a-z_]+")


@dataclass(frozen=True)
class Installation:
    """`afterglow serve` with a worker beside it, and where each shows its metrics."""

    dev: Dev
    metrics_port: int
    collector: Collector

    def status(self) -> tuple[int, dict[str, Any]]:
        """What `afterglow status --json` says, with its exit status."""
        done = afterglow_here("status", "--json", "--data-dir", str(self.dev.data_dir))
        assert done.stdout, done.stderr
        return done.returncode, dict(json.loads(done.stdout))

    def scrape(self, *, worker: bool = False) -> str:
        """What a scrape of the process that answers, or of the worker, gives."""
        return httpx2.get(
            f"http://127.0.0.1:{self.metrics_port + worker}/metrics", timeout=20, verify=NO_TLS
        ).text

    def metric(self, name: str) -> float:
        (line,) = [one for one in self.scrape().splitlines() if one.startswith(f"{name} ")]
        return float(line.rpartition(" ")[2])

    def run(self, statement: LiteralString, **values: str) -> None:
        """Run something in the database, as the owner."""
        address = find_running(self.dev.data_dir)
        assert address is not None
        with psycopg.connect(address.url(OWNER_ROLE, DATABASE)) as connection:
            connection.execute(statement, values)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    port = free_port()
    with (
        temporary_data_dir() as data_dir,
        running_collector() as collector,
        running_dev(
            data_dir,
            "serve",
            AFTERGLOW_METRICS_PORT=str(port),
            AFTERGLOW_TRACES_URL=collector.url,
            AFTERGLOW_WEBHOOK_ALLOW="127.0.0.0/8",
            OTEL_BSP_SCHEDULE_DELAY="200",
        ) as dev,
    ):
        made = Installation(dev, port, collector)
        assert wait_until(lambda: len(made.status()[1]["processes"]) == 2, 60)
        yield made


def test_status_shows_processes_tables_and_what_waits(installation: Installation) -> None:
    code, said = installation.status()
    assert (code, said["problems"]) == (0, [])
    assert said["schema"] == {"database": newest_revision(), "code": newest_revision()}
    assert sorted(one["does"] for one in said["processes"]) == [
        ["answers"],
        ["deliveries", "sweep", "jobs", "studies"],
    ]
    assert all(not one["dead"] and one["seen_seconds_ago"] < 30 for one in said["processes"])
    assert said["safety"] == {
        "live_clinics": 0,
        "live_clinics_unreachable": 0,
        "unsent_for_seconds": None,
        "unacknowledged": 0,
    }
    assert said["backups"] == {"last_made_seconds": None, "last_file": None, "last_verified_seconds": None}
    assert said["server"]["connections"] > 0

    screen = afterglow_here("status", "--data-dir", str(installation.dev.data_dir))
    assert screen.returncode == 0, screen.stderr
    for part in (
        "PostgreSQL 1",
        "answers: alive",
        "deliveries, sweep, jobs, studies: alive",
        "0 not acknowledged",
    ):
        assert part in screen.stdout
    assert "Nothing needs a person." in screen.stdout


def test_both_processes_show_the_figures_of_the_installation_and_their_own(
    installation: Installation,
) -> None:
    for worker in (False, True):
        shown = installation.scrape(worker=worker)
        for line in (
            "afterglow_database_answers 1.0",
            'afterglow_processes{duty="answers"} 1.0',
            'afterglow_processes{duty="deliveries"} 1.0',
            "afterglow_safety_unsent_seconds 0.0",
            "afterglow_safety_unacknowledged 0.0",
            'afterglow_pool_connections{state="most"} 10.0',
        ):
            assert line in shown, line
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", shown), "a metric carries an id"


def test_a_worker_that_is_killed_is_missed_and_shown_as_dead(installation: Installation) -> None:
    dev = installation.dev
    stopped = dev.child("worker")
    assert stopped is not None
    # It does no more, and is still there: what starts a worker again sees nothing to do.
    os.kill(stopped, signal.SIGSTOP)
    try:
        installation.run(
            "UPDATE front_desk.process_heartbeats SET looked_at = looked_at - interval '2 minutes'"
            " WHERE 'deliveries' = ANY(does)"
        )
        code, said = installation.status()
        assert (code, set(said["problems"])) == (1, {"no-worker", "process-dead"})
        shown = installation.scrape()
        assert 'afterglow_processes{duty="deliveries"} 0.0' in shown
        assert installation.metric("afterglow_processes_dead") == 1
        assert installation.metric("afterglow_worker_looked_seconds") > 60
        screen = afterglow_here("status", "--data-dir", str(dev.data_dir)).stdout
        assert "deliveries, sweep, jobs, studies: dead" in screen
        assert "→ Run `afterglow serve`" in screen
        named = afterglow_here("doctor", "--data-dir", str(dev.data_dir)).stdout
        assert "A process (deliveries, sweep, jobs, studies) ended without a word 2 min ago." in named
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert wait_until(lambda: installation.status()[0] == 0, 30)


def test_what_waits_is_counted_with_its_age_and_an_old_seal_is_named(installation: Installation) -> None:
    clinic = installation.dev.clinic()
    assert wait_until(lambda: installation.metric("afterglow_seal_lag_seconds") == 0, 40)
    installation.run(
        "INSERT INTO care.outgoing_messages"
        " (clinic_id, id, channel, wording, locale, mode, state, queued_at, attempts, next_attempt_at, urgent)"
        " VALUES (%(clinic)s, %(clinic)s, 'email', 'contact_test', 'en', 'live', 'pending',"
        " now() - interval '2 hours', 0, now() + interval '1 day', false)",
        clinic=clinic.clinic_id,
    )
    _, said = installation.status()
    (message,) = [one for one in said["waiting"] if one["what"] == "messages"]
    assert (message["kind"], message["state"], message["number"]) == ("email", "pending", 1)
    assert 7100 < message["oldest_seconds"] < 7400
    assert 'afterglow_waiting{kind="email",state="pending",what="messages"} 1.0' in installation.scrape()


def test_a_disclosure_that_was_set_aside_is_shown_until_it_is_stored(installation: Installation) -> None:
    spool = installation.dev.data_dir / "spool"
    spool.mkdir(exist_ok=True)
    file = spool / "01a22d91.01a22d92.aside"
    file.write_bytes(b"")
    os.utime(file, (time.time() - 90,) * 2)
    try:
        code, said = installation.status()
        assert (code, said["problems"]) == (1, ["disclosure-waits"])
        put_by = said["disclosures_put_by"]
        assert (put_by["waiting"], put_by["set_aside"]) == (0, 1)
        assert put_by["room"] > 10_000
        assert installation.metric("afterglow_disclosure_waits_seconds") > 60
        assert installation.metric("afterglow_disclosures_put_by") == 1
        assert installation.metric("afterglow_disclosures_room") > 10_000
        screen = afterglow_here("status", "--data-dir", str(installation.dev.data_dir)).stdout
        assert "A disclosure was put by and is not stored. (disclosure-waits)" in screen
    finally:
        file.unlink()


def test_every_metric_of_alerts_and_dashboard_is_one_that_a_process_shows(installation: Installation) -> None:
    shown = set(METRIC.findall(installation.scrape() + installation.scrape(worker=True)))
    # Of what comes later: with the first backup, the first replica.
    shown |= {"afterglow_backup_age_seconds", "afterglow_backup_verified_age_seconds"}
    shown |= {"afterglow_replication_lag_seconds"}
    expressions = re.findall(r"^ +expr: (.+)$", (RULES / "alerts.yml").read_text(), re.MULTILINE)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions += [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(expressions) > 40
    named = {name for one in expressions for name in METRIC.findall(one)}
    assert named <= shown, named - shown


@contextmanager
def prometheus(installation: Installation) -> Iterator[str]:
    """Prometheus with our configuration and rules, at this installation, and less patient than in earnest."""
    program, port = debian_program("prometheus", "prometheus"), free_port()
    with open_folder() as folder:
        settings = (RULES / "prometheus.yml").read_text().replace("15s", "1s")
        settings = settings.replace("127.0.0.1:9464", f"127.0.0.1:{installation.metrics_port}")
        settings = settings.replace("127.0.0.1:9465", f"127.0.0.1:{installation.metrics_port + 1}")
        (folder / "prometheus.yml").write_text(settings)
        rules = re.sub(r"for: \d+[mh]", "for: 3s", (RULES / "alerts.yml").read_text())
        (folder / "alerts.yml").write_text(rules)
        with subprocess.Popen(
            [
                program,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def firing(url: str) -> set[str]:
    """Name the alerts that fire; none while Prometheus does not answer yet."""
    try:
        shown = httpx2.get(f"{url}/api/v1/alerts", timeout=5, verify=NO_TLS)
        # While it starts it answers, and not in JSON yet.
        alerts = shown.json()["data"]["alerts"] if shown.is_success else []
    except httpx2.TransportError:
        return {"no answer yet"}
    return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}


def test_prometheus_scrapes_it_and_its_alert_fires_when_the_worker_is_dead(
    installation: Installation,
) -> None:
    stopped = installation.dev.child("worker")
    assert stopped is not None
    with prometheus(installation) as url:
        assert wait_until(lambda: firing(url) == set(), 40), firing(url)
        os.kill(stopped, signal.SIGSTOP)
        try:
            installation.run(
                "UPDATE front_desk.process_heartbeats SET looked_at = looked_at - interval '2 minutes'"
                " WHERE 'deliveries' = ANY(does)"
            )
            due = {"AfterglowNoWorker", "AfterglowNoSweep", "AfterglowWorkerDied"}
            assert wait_until(lambda: due <= firing(url), 60), firing(url)
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert wait_until(lambda: firing(url) == set(), 60), firing(url)


def test_the_alert_rules_are_sound_and_fire_when_they_should() -> None:
    promtool = debian_program("prometheus", "promtool")
    for arguments in (
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ):
        done = subprocess.run([promtool, *arguments], cwd=RULES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboards_expressions_are_sound() -> None:
    promtool = debian_program("prometheus", "promtool")
    panels = json.loads(DASHBOARD.read_text())["panels"]
    rules = [
        {"record": f"panel_{panel['id']}_{number}", "expr": target["expr"]}
        for panel in panels
        for number, target in enumerate(panel.get("targets", ()))
    ]
    # YAML is a superset of JSON.
    asked = json.dumps({"groups": [{"name": "panels", "rules": rules}]})
    done = subprocess.run(
        [promtool, "check", "rules", "/dev/stdin"], input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_trace_goes_from_the_check_in_to_the_webhook_and_holds_nothing_of_the_patient(
    installation: Installation, receiver: Receiver
) -> None:
    clinic, spans = installation.dev.clinic(), installation.collector.spans
    clinic.add_endpoint(receiver.url)
    phone = clinic.enrol(clinic.patient("P-traced"), installation.dev.url)
    assert (
        phone.check_in(
            datetime.now(UTC), (1, 1, 1), self_harm_thoughts=True, note="Nobody may read this."
        ).status_code
        == 201
    )

    def sent() -> list[KeptSpan]:
        return [one for one in spans if one.name == "delivery.attempted"]

    assert wait_until(lambda: bool(sent()), 40), installation.dev.log.read_text()[-2000:]
    clinic.close()
    delivery = sent()[0]
    by_id = {one.id: one for one in spans if one.trace == delivery.trace}
    event = by_id[delivery.parent]
    request = by_id[event.parent]
    assert [(one.duty, one.name) for one in (request, event, delivery)] == [
        ("answers", "request.answered"),
        ("answers", "event.recorded"),
        ("works", "delivery.attempted"),
    ]
    assert (request.keys["afterglow.route"], request.keys["afterglow.status"]) == (
        "/v1/check-ins/{check_in_id}",
        201,
    )
    assert (delivery.keys["afterglow.outcome"], delivery.keys["afterglow.attempt"]) == ("ok", 1)
    assert {key.removeprefix("afterglow.") for one in spans for key in one.keys} <= ALLOWED_KEYS
    everything = b"".join(installation.collector.sent)
    for word in ("Nobody may", "P-traced", phone.patient_id, "self_harm", "safety", "signal", "mood"):
        assert word.encode() not in everything


def test_where_nothing_was_made_yet_status_says_so_and_makes_nothing() -> None:
    with open_folder() as folder:
        done = afterglow_here("status", "--data-dir", str(folder / "none"))
        assert done.returncode == 1
        assert "No database was made here yet" in done.stderr
        assert list(Path(folder).iterdir()) == []
