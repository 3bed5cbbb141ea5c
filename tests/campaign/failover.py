"""A replica set of three loses its primary under load: nothing acknowledged is lost, writes go on within a minute.

Debian's Patroni, etcd and HAProxy on loopback, as docs/operations.md describes them: a commit is acknowledged when a
second node has it (`synchronous_mode_strict`), and HAProxy leads to whichever node Patroni calls the primary.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
import psycopg
import pytest
import yaml

from app.storage.engine.migrating import APPLICATION_ROLE, OWNER_ROLE, make_roles, migrate
from tests.campaign.figures import Figures, Options
from tests.campaign.load import Load, load_of
from tests.docs.test_sessions import free_port
from tests.support.databases import DatabaseUrls
from tests.support.debian_programs import debian_program, library_folders, python_modules
from tests.support.people import clinic_client
from tests.support.processes import wait_until
from tests.support.service import RunningClock, running_service

WITHIN_SECONDS: Final = 60.0
_NODES: Final = 3
_WHOLE: Final = ["primary", "replica", "synchronous"]
_PATRONI_MODULES: Final = (
    "patroni", "python3-cdiff", "python3-click", "python3-dateutil", "python3-prettytable", "python3-psutil",
    "python3-psycopg2", "python3-six", "python3-urllib3", "python3-wcwidth", "python3-yaml", "python3-dnspython",
    "python3-etcd",
)  # fmt: skip
_HAPROXY_LIBRARIES: Final = ("liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")
_DEBIANS_PYTHON: Final = "/usr/bin/python3"
_DEPLOY: Final = Path(__file__).parents[2] / "deploy"


@dataclass
class Node:
    """One PostgreSQL with its Patroni."""

    name: str
    port: int
    rest: int
    process: subprocess.Popen[bytes]
    data_dir: Path

    def role(self) -> str:
        """What Patroni says that it is: `primary`, `replica`, `synchronous`; "" while it does not run."""
        with suppress(httpx2.HTTPError, ValueError):
            state = httpx2.get(f"http://127.0.0.1:{self.rest}/patroni", timeout=2).json()
            if state.get("state") == "running":
                # Called master until Patroni 4.
                primary = state["role"] in ("primary", "master")
                return "primary" if primary else "synchronous" if state.get("sync_standby") else "replica"
        return ""

    def kill(self) -> None:
        """Kill Patroni and PostgreSQL at once, as a power cut does."""
        server = int((self.data_dir / "postmaster.pid").read_text().splitlines()[0])
        self.process.kill()
        os.kill(server, signal.SIGKILL)


@dataclass
class ReplicaSet:
    """Three nodes behind HAProxy."""

    nodes: list[Node]
    port: int

    def primary(self) -> Node | None:
        """The node that takes writes."""
        return next(
            (one for one in self.nodes if one.process.poll() is None and one.role() == "primary"), None
        )

    def url(self, role: str, database: str) -> str:
        """The way through HAProxy."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"


def failover(options: Options) -> Figures:
    """Kill the primary under load, and count what is missing."""
    try:
        with _replica_set() as cluster, _service_of(cluster, options.seed) as load:
            return _struck(cluster, load)
    except pytest.skip.Exception as why:
        return Figures(skipped=True, said=f"skipped: {why}")


def _struck(cluster: ReplicaSet, load: Load) -> Figures:
    load.start()
    time.sleep(10)
    before = _acknowledged(load)
    primary = cluster.primary()
    assert primary is not None, "no primary"
    primary.kill()
    killed_at, kept = time.monotonic(), _kept(load)
    # What was on its way at that moment may still be answered.
    time.sleep(1)
    kept = _kept(load)
    again = wait_until(lambda: _kept(load) > kept, 2 * WITHIN_SECONDS, pause=0.1)
    seconds = time.monotonic() - killed_at
    time.sleep(10)
    load.stop()
    wait_until(lambda: load.lost() == 0, 120, pause=2)
    lost, doubled = load.lost(), load.doubled()
    late = not again or seconds > WITHIN_SECONDS
    return Figures(
        lost=lost + doubled + late,
        said=f"primary of three killed with {before} acknowledged: {_acknowledged(load)} acknowledged in the end,"
        f" {lost} lost, {doubled} doubled; a write was acknowledged again after {seconds:.1f} s"
        f" ({WITHIN_SECONDS:.0f} allowed)",
    )


def _kept(load: Load) -> int:
    return sum(len(phone.kept) for phone in load.phones)


def _acknowledged(load: Load) -> int:
    return _kept(load) + sum(phone.helped for phone in load.phones)


@contextmanager
def _service_of(cluster: ReplicaSet, seed: int) -> Iterator[Load]:
    urls = DatabaseUrls(
        application_url=cluster.url(APPLICATION_ROLE, "clinic"),
        owner_url=cluster.url(OWNER_ROLE, "clinic"),
        superuser_url=cluster.url("postgres", "clinic"),
    )
    make_roles(cluster.url("postgres", "postgres"))
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE clinic OWNER {OWNER_ROLE}")
    migrate(urls.owner_url, application_role=APPLICATION_ROLE)
    with (
        tempfile.TemporaryDirectory() as spool,
        running_service(urls.application_url, clock=RunningClock(), spool_dir=Path(spool)) as service,
    ):
        clinic = clinic_client(service)
        yield load_of(clinic, service.url, phones=4, seed=seed)
        clinic.close()


@dataclass
class _Programs:
    """What runs, each with its log, in one folder."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, account: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one in the background, as another account where one is named."""
        with (self.folder / f"{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(one) for one in command],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | (environment or {}),
                user=account,
                cwd="/",
            )
        self.running.append(process)
        return process

    def last_words(self) -> str:
        """What the program that was started last has written."""
        return (self.folder / f"{len(self.running) - 1}.log").read_text()[-500:]

    def stop(self) -> None:
        """End all, the last first."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self.running):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)


@contextmanager
def _replica_set() -> Iterator[ReplicaSet]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries or os.geteuid() != 0:
        pytest.skip("Debian's PostgreSQL is needed, and root, to run it as another account")
    folder = Path(tempfile.mkdtemp(prefix="ag-ha-", dir="/tmp"))
    folder.chmod(0o755)
    programs = _Programs(folder)
    try:
        etcd = _start_etcd(programs)
        nodes = [_start_node(programs, number, etcd, binaries[-1]) for number in range(_NODES)]
        cluster = ReplicaSet(nodes, free_port())
        (folder / "haproxy.cfg").write_text(_haproxy_settings(cluster.port, nodes))
        haproxy = debian_program("haproxy", "haproxy", *_HAPROXY_LIBRARIES)
        # Its libraries are there only now that they were fetched with it.
        libraries = {"LD_LIBRARY_PATH": library_folders(*_HAPROXY_LIBRARIES)}
        proxy = programs.start(haproxy, "-db", "-f", folder / "haproxy.cfg", environment=libraries)
        whole = wait_until(lambda: sorted(one.role() for one in nodes) == _WHOLE, 120)
        assert whole, [one.role() for one in nodes]
        leads = wait_until(lambda: proxy.poll() is not None or _answers(cluster), 120)
        assert leads, "HAProxy does not lead to the primary"
        assert proxy.poll() is None, programs.last_words()
        yield cluster
    finally:
        programs.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start_etcd(programs: _Programs) -> int:
    """Give the port at which it listens."""
    client = free_port()
    here, peer = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{free_port()}"
    programs.start(
        debian_program("etcd-server", "etcd"),
        "--name", "etcd", "--data-dir", programs.folder / "etcd", "--initial-cluster", f"etcd={peer}",
        "--listen-client-urls", here, "--advertise-client-urls", here,
        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
    )  # fmt: skip
    return client


def _start_node(programs: _Programs, number: int, etcd: int, binaries: Path) -> Node:
    patroni = debian_program("patroni", "patroni", *_PATRONI_MODULES[1:], "libpq5")
    account = "postgres" if _has_account("postgres") else "nobody"
    folder = programs.folder / f"node{number}"
    folder.mkdir()
    shutil.chown(folder, account)
    port, rest, settings = free_port(), free_port(), folder / "patroni.yml"
    settings.write_text(_patroni_settings(number, port, rest, etcd, folder, binaries))
    environment = {
        "LD_LIBRARY_PATH": library_folders("libpq5"),
        "PYTHONPATH": python_modules(*_PATRONI_MODULES),
        "PATH": f"{binaries}:{os.environ['PATH']}",
    }
    process = programs.start(_DEBIANS_PYTHON, patroni, settings, environment=environment, account=account)
    return Node(f"node{number}", port, rest, process, folder / "data")


def _answers(cluster: ReplicaSet) -> bool:
    with (
        suppress(psycopg.Error),
        psycopg.connect(cluster.url("postgres", "postgres"), connect_timeout=3) as database,
    ):
        return database.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
    return False


def _has_account(name: str) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _patroni_settings(number: int, port: int, rest: int, etcd: int, folder: Path, binaries: Path) -> str:
    """Give deploy's settings of a node, with this test's addresses; on loopback only, everybody is trusted."""
    settings = yaml.safe_load((_DEPLOY / "patroni/patroni.yml").read_text())
    settings |= {
        "name": f"node{number}",
        "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
        "etcd3": {"hosts": [f"127.0.0.1:{etcd}"]},
    }
    trusted = ("local all", "host all", "host replication")
    settings["postgresql"] |= {
        "listen": f"127.0.0.1:{port}",
        "connect_address": f"127.0.0.1:{port}",
        "data_dir": str(folder / "data"),
        "bin_dir": str(binaries),
        "pgpass": str(folder / "pgpass"),
        "pg_hba": [f"{one} all {'' if one.startswith('local') else '127.0.0.1/32 '}trust" for one in trusted],
        "parameters": {"unix_socket_directories": str(folder)},
        "authentication": {one: {"username": "postgres"} for one in ("superuser", "replication", "rewind")},
    }
    # JSON is YAML, too.
    return json.dumps(settings)


def _haproxy_settings(port: int, nodes: list[Node]) -> str:
    """Give deploy's way to the primary, with this test's addresses."""
    text = (_DEPLOY / "haproxy/haproxy.cfg").read_text()
    head = text[: text.index("    server ")].replace("bind :5432", f"bind 127.0.0.1:{port}")
    return head + "".join(
        f"    server {one.name} 127.0.0.1:{one.port} maxconn 90 check port {one.rest}\n" for one in nodes
    )
