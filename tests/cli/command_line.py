"""Running `afterglow` as a person does, in a separate folder, with nothing set: as a process, or in this one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.storage.engine.binaries import find_binaries
from app.storage.engine.embedded.supervisor import Supervisor
from tests.support.databases import programs
from tests.support.processes import command_here, install

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("afterglow")
TIMEOUT_SECONDS = 240


def plain_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This machine's environment without our own settings, and with compiled code kept, which saves seconds.

    Where the tests are set to use another PostgreSQL, its programs are named.
    """
    dropped = ("AFTERGLOW_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    named = programs()
    return kept | ({"AFTERGLOW_POSTGRES_BIN": str(named)} if named else {}) | dict(more or {})


def afterglow(
    *arguments: str,
    cwd: Path | None = None,
    more: Mapping[str, str] | None = None,
    program: Path = PROGRAM,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [program, *arguments],
        cwd=cwd or "/",
        env=plain_environment(more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def afterglow_here(
    *arguments: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in this process."""
    return command_here(*arguments, environment=plain_environment(more))


def new_clinic(data_dir: Path) -> dict[str, str]:
    """Make a clinic in a data folder that is not there yet, with the database too."""
    install(data_dir)
    made = afterglow_here("clinic", "create", "--name", "Clinic", "--json", "--data-dir", str(data_dir))
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


@contextmanager
def server_of(data_dir: Path) -> Iterator[None]:
    """Keep a data folder's server running, so that no command has to start and stop it."""
    with Supervisor(data_dir, find_binaries(programs())):
        yield
