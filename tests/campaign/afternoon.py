"""An operator's afternoon, from the page alone: each of its blocks is run as it stands, in an empty folder.

What stands in the page's place is PostgreSQL 15, as an operator has it, and a database of version 1 with its rows.
"""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from app.storage.engine.migrating import migrate
from tests.campaign.figures import Figures, Options
from tests.docs.pages import ROOT, block
from tests.docs.test_sessions import environment, free_port
from tests.support.debian_programs import debian_program, library_folders
from tests.support.service import KEY

POSTGRES_15: Final = Path("/usr/lib/postgresql/15/bin")
BLOCKS: Final = (
    "database", "pgbouncer", "settings", "processes", "first-patient", "prometheus", "alert", "backup", "restore",
    "upgrade",
)  # fmt: skip
# In the page's order; each gets a free port.
_PORTS: Final = ("5432", "6432", "8001", "8002", "9464", "9465", "9466", "9467", "9090")
_PASSWORD: Final = "superuser-password"  # noqa: S105 - of a server that lives no longer than this
_WITHIN_SECONDS: Final = 900
_NOBODY: Final = 65534
_VERSION_1: Final = Path(__file__).parents[1] / "cli"
_LAST_OF_VERSION_1: Final = "0019"


def afternoon(options: Options) -> Figures:  # noqa: ARG001 - every step is given what to try
    """Run the page; whatever fails in it counts as a loss."""
    if not (POSTGRES_15 / "postgres").exists():
        return Figures(skipped=True, said="PostgreSQL 15 is not in /usr/lib/postgresql/15")
    ports = {written: str(free_port()) for written in _PORTS}
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ag-afternoon-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _postgres(folder / "server", ports["5432"]):
            _version_1(folder, ports["5432"])
            place = folder / "operator"
            place.mkdir()
            (place / "version-1.env").symlink_to(folder / "version-1.env")
            _copy_rules(place / "deploy" / "prometheus", ports)
            ended = _run(place, ports)
        faults = [ended.stderr[-600:]] if ended.returncode else _faults(place)
    minutes = (time.monotonic() - started) / 60
    said = f"{len(BLOCKS)} blocks of docs/tutorials/operators-afternoon.md in {minutes:.1f} minutes"
    return Figures(lost=len(faults), said="; ".join([said, *faults]))


def _run(place: Path, ports: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run all blocks in one shell; what it started in the background ends with it."""
    session = "\n".join(f"echo '## {one}' >&2\n{block(f'afternoon-{one}')}" for one in BLOCKS)
    for written, free in ports.items():
        assert written in session
        session = session.replace(written, free)
    session = f"trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{session}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=place,
        env=environment(place) | _programs(place),
        capture_output=True,
        text=True,
        timeout=_WITHIN_SECONDS,
        check=False,
    )


def _copy_rules(folder: Path, ports: Mapping[str, str]) -> None:
    """Copy what the page has copied, less patient: how long each alert waits is tried by promtool."""
    folder.mkdir(parents=True)
    for name in ("prometheus.yml", "alerts.yml"):
        text = re.sub(r"for: \d+[mh]", "for: 3s", (ROOT / "deploy" / "prometheus" / name).read_text())
        for written, free in ports.items():
            text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{free}")
        (folder / name).write_text(text.replace("15s", "1s"))


def _faults(place: Path) -> list[str]:
    """Say what the page's steps did not leave as they should have."""
    patients, patient = (json.loads((place / name).read_text()) for name in ("patients.json", "patient.json"))
    clinic = json.loads((place / "clinic.json").read_text())["clinic_id"]
    looked_at = {
        "the other process does not know the patient": patient["id"]
        in [one["id"] for one in patients["items"]],
        "the restored database has another clinic": clinic in (place / "restored.json").read_text(),
        "the upgraded database has no clinic": '"state"' in (place / "upgraded.json").read_text(),
        "no backup was taken before the upgrade": any((place / "backups-1").iterdir()),
    }
    return [fault for fault, holds in looked_at.items() if not holds]


def _programs(place: Path) -> dict[str, str]:
    """Debian's programs first; PgBouncer, which root may not run, as nobody."""
    folder = place.parent / "programs"
    folder.mkdir()
    prometheus, pgbouncer = (
        debian_program("prometheus", "prometheus"),
        debian_program("pgbouncer", "pgbouncer", "libc-ares2"),
    )
    libraries = f"LD_LIBRARY_PATH={library_folders('libc-ares2')}"
    runs = [*_as_nobody(), "env", libraries, str(pgbouncer)]
    for name, command in (("prometheus", [str(prometheus)]), ("pgbouncer", runs)):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        (folder / name).chmod(0o755)
    path = os.pathsep.join([str(folder), str(POSTGRES_15), environment(place)["PATH"]])
    return {"PATH": path, "PGPASSWORD": _PASSWORD}


def _as_nobody() -> list[str]:
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]


@contextmanager
def _postgres(folder: Path, port: str) -> Iterator[None]:
    """Run a PostgreSQL 15 that asks for passwords, as one that is there already."""
    folder.mkdir()
    (folder / "password").write_text(_PASSWORD)
    for one in (folder, folder / "password"):
        if os.geteuid() == 0:
            shutil.chown(one, _NOBODY, _NOBODY)
    data = folder / "data"
    made: list[str | Path] = [
        POSTGRES_15 / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "scram-sha-256",
        "--locale=C.UTF-8",
    ]
    subprocess.run(
        [*_as_nobody(), *made, f"--pwfile={folder}/password"], check=True, stdout=subprocess.DEVNULL
    )
    control: list[str | Path] = [
        *_as_nobody(),
        POSTGRES_15 / "pg_ctl",
        "-D",
        data,
        "-w",
        "-l",
        folder / "log",
    ]
    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    subprocess.run([*control, "-o", settings, "start"], check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


def _version_1(folder: Path, port: str) -> None:
    """Make a database as version 1 left it, with its rows and its settings."""
    server = f"127.0.0.1:{port}"
    with psycopg.connect(
        f"postgresql://postgres:{_PASSWORD}@{server}/postgres", autocommit=True
    ) as connection:
        for role in ("afterglow_owner", "afterglow_app"):
            connection.execute(
                f"CREATE ROLE {role} LOGIN PASSWORD 'version-1' NOSUPERUSER NOBYPASSRLS".encode()
            )
        connection.execute("CREATE DATABASE version_1 OWNER afterglow_owner")
    owner, app = (
        f"postgresql://{role}:version-1@{server}/version_1" for role in ("afterglow_owner", "afterglow_app")
    )
    migrate(owner, application_role="afterglow_app", to=_LAST_OF_VERSION_1)
    with psycopg.connect(f"postgresql://postgres:{_PASSWORD}@{server}/version_1") as connection:
        connection.execute(gzip.decompress((_VERSION_1 / "version_1.sql.gz").read_bytes()))
    (folder / "version-1.env").write_text(
        f"export DATABASE_URL='{app}'\nexport AFTERGLOW_OWNER_URL='{owner}'\n"
        f"export AFTERGLOW_ENCRYPTION_KEY='{b64encode(KEY).decode()}'\n"
    )
