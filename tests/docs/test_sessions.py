"""The commands of the pages, run as they are written, on real processes.

Only what belongs to a machine is put in its place first: ports that may be taken, and the example server's address.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.cli.command_line import ROOT, TIMEOUT_SECONDS, new_clinic, plain_environment
from tests.docs.pages import block
from tests.support.databases import Cluster, open_folder
from tests.support.node import NODE
from tests.support.people import NO_TLS
from tests.support.processes import install

pytestmark = pytest.mark.processes

STAND_IN = Path(__file__).with_name("curl_stand_in.py")


def test_the_first_session_and_the_receiver_work_as_written(folder: Path) -> None:
    ports = {":8000": f":{free_port()}", ":8080": f":{free_port()}", "--port 8080": ""}
    ports["--port 8080"] = f"--port {ports[':8080'][1:]}"
    service = f"http://127.0.0.1{ports[':8000']}"
    dev = f"export AFTERGLOW_PORT={ports[':8000'][1:]}\n" + block("dev").replace(
        "afterglow dev", "exec afterglow dev"
    )
    with started(dev, folder):
        wait_until_ready(service)
        session = block("first-session") + "echo THE-RECEIVER\n" + block("receive")
        session += "echo IN-NODE\n" + block("receive-node")
        for written, free in ports.items():
            assert written in session
            session = session.replace(written, free)
        said = run(session, folder)
    first, _, received = said.partition("THE-RECEIVER\n")
    received, _, in_node = received.partition("IN-NODE\n")
    assert first.rstrip().splitlines()[-1].startswith("Not enough data yet.")
    assert "Induction is running." in first
    assert received.count('"type": "endpoint.test"') == 1
    assert '"state":"delivered"' in received
    assert in_node.count('"type":"endpoint.test"') >= 1
    assert '"events":["signal.raised","signal.escalated","signal.closed"]' in in_node
    assert '"disabled_because":"by_hand"' in in_node
    assert in_node.rstrip().endswith('{"deliveries":0}')


def test_backup_and_restore_work_as_written(folder: Path) -> None:
    new_clinic(folder / "data")
    before = 'export AFTERGLOW_DATA_DIR="$PWD/data"\n'
    said = run(before + block("doctor") + block("audit") + block("backup") + block("restore"), folder)
    assert said.count("Nothing is wrong.") == 2
    assert "Restored from afterglow.backup." in said
    keys = [(folder / name / "encryption.key").read_text() for name in ("data", "restored")]
    assert keys[0] == keys[1]


def test_the_studies_work_as_written(folder: Path) -> None:
    install(folder / "data")
    before = 'export AFTERGLOW_DATA_DIR="$PWD/data"\n'
    said = run(before + block("backtest") + block("simulate") + block("what-if"), folder)
    assert "40 simulated patients of seed 7" in said
    assert "Rule gain-lost 2.0, consider_at=0.6" in said
    assert "asked weekly" in said
    assert "there would have been 0 signals instead of 0." in said
    assert (folder / "signals.csv").read_text().startswith("patient,raised_at,level,criterion,")
    assert json.loads((folder / "report.json").read_text())["patients"] == 40
    assert "(b) the patient phones" in (folder / "outcome.md").read_text()
    assert {path.name for path in (folder / "charts").iterdir()} == {"found-by-day.svg", "false-signals.svg"}


def test_your_own_postgresql_works_as_written(folder: Path, cluster: Cluster) -> None:
    roles_and_database = block("two-roles")
    with psycopg.connect(cluster.address.conninfo(), autocommit=True) as connection:
        try:
            for statement in roles_and_database.strip().split(";\n"):
                connection.execute(statement.removesuffix(";").encode())
            session = block("elsewhere")
            for role in ("clinic_app:APP-PASSWORD", "clinic_owner:OWNER-PASSWORD"):
                written = f"'postgresql://{role}@db.example.org:5432/clinic?sslmode=verify-full'"
                assert written in session
                there = make_url(cluster.address.url(role.split(":")[0], "clinic"))
                session = session.replace(written, shlex.quote(there.render_as_string(hide_password=False)))
            said = run(session, folder)
        finally:
            connection.execute("DROP DATABASE IF EXISTS clinic WITH (FORCE)")
            connection.execute("DROP ROLE IF EXISTS clinic_app")
            connection.execute("DROP ROLE IF EXISTS clinic_owner")
    assert "The tables are at head." in said
    assert "clinic_app owns nothing" in said
    assert "Nothing is wrong." in said
    assert "agk_" in said


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with the pages' programs in it, as at the top of a checkout."""
    with open_folder() as made:
        (made / "docs").symlink_to(ROOT / "docs")
        yield made


def environment(folder: Path) -> dict[str, str]:
    """The installed commands and Node.js first, and curl even where there is none."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    if shutil.which("curl") is None and not (programs / "curl").exists():
        (programs / "curl").write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} "$@"\n'
        )
        (programs / "curl").chmod(0o755)
    beside = [str(Path(sys.executable).parent), str(NODE.parent)]
    path = os.pathsep.join([*beside, os.environ["PATH"], str(programs)])
    return plain_environment({"PATH": path, "HOME": str(folder), "no_proxy": "127.0.0.1", "COLUMNS": "200"})


def run(script: str, folder: Path) -> str:
    """Run a session in bash, where any failing command fails it; gives what it printed."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@contextmanager
def started(script: str, folder: Path) -> Iterator[None]:
    """Run a session that goes on until the end of the block."""
    with (folder / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=environment(folder),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        except BaseException:
            sys.stderr.write((folder / "dev.log").read_text()[-4000:])
            raise
        finally:
            process.terminate()
            process.wait(60)


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            if httpx2.get(f"{url}/health/ready", trust_env=False, timeout=30, verify=NO_TLS).is_success:
                return
        except httpx2.HTTPError:
            pass
        assert time.monotonic() < deadline, "the service did not become ready"
        time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
