"""The real thing: ``afterglow dev`` as an operator starts it, with its children, to be killed."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from app.cli import commands
from app.cli.options import settings_of
from app.cli.runtime import open_runtime
from tests.support.databases import in_memory, once_in_a_run, open_folder, programs
from tests.support.people import NO_TLS, ClinicClient

_ROOT = Path(__file__).parents[2]


@dataclass
class Dev:
    """A running ``afterglow dev``."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str]

    def child(self, name: str) -> int | None:
        """The process id of ``serve`` or ``worker``, if it runs now."""
        for pid in _children_of(self.process.pid):
            if name in _arguments_of(pid):
                return pid
        return None

    def kill(self, name: str) -> bool:
        """Kill a child without a warning; says whether there was one."""
        pid = self.child(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def server_pid(self) -> int:
        """The process id in PostgreSQL's own note."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    def command(self, *arguments: str) -> str:
        """Run another ``afterglow`` command for the same data folder."""
        return run_command(*arguments, environment=self.environment)

    def clinic(self, name: str = "Clinic") -> ClinicClient:
        """Open a clinic, as the operator does."""
        made = json.loads(self.command("clinic", "create", "--name", name, "--json"))
        http = httpx2.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {made['api_key']}"},
            timeout=30,
            verify=NO_TLS,
        )
        return ClinicClient(http, made["clinic_id"], made["api_key"])

    def is_ready(self) -> bool:
        """Whether it answers, with a database behind it."""
        with suppress(httpx2.HTTPError):
            return bool(
                httpx2.get(f"{self.url}/health/ready", timeout=5, verify=NO_TLS).json()["status"] == "ready"
            )
        return False

    def wait_ready(self, within: float = 120) -> None:
        """Wait until it answers."""
        if not wait_until(self.is_ready, within):
            raise TimeoutError(self.log.read_text()[-2000:])


def wait_until(happened: Callable[[], bool], within: float, *, pause: float = 0.2) -> bool:
    """Whether it happened within that time (seconds)."""
    deadline = time.monotonic() + within
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def run_command(*arguments: str, environment: dict[str, str]) -> str:
    """Run an ``afterglow`` command to its end; gives what it printed.

    Raises:
        AssertionError: it failed; with what it said.
    """
    done = command_here(*arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def command_here(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command to its end without the second that a new process takes: the same program, in this one."""
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(said), redirect_stderr(complained):
        here.chdir("/")
        for name in os.environ.keys() - environment.keys():
            here.delenv(name)
        for name, value in environment.items():
            here.setenv(name, value)
        try:
            commands.app(arguments, prog_name="afterglow")
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        else:
            status = 0
    return subprocess.CompletedProcess(arguments, status, said.getvalue(), complained.getvalue())


def environment_for(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of an operator with a data folder of their own and a receiver on loopback."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("AFTERGLOW_", "DATABASE"))
    }
    ours |= {
        "AFTERGLOW_DATA_DIR": str(data_dir),
        "AFTERGLOW_WEBHOOK_ALLOW": "127.0.0.0/8",
        "AFTERGLOW_REQUESTS_PER_MINUTE": "1000000",
        "PYTHONPATH": str(_ROOT),
    }
    named = programs()
    return ours | ({"AFTERGLOW_POSTGRES_BIN": str(named)} if named else {}) | more


@contextmanager
def temporary_data_dir() -> Iterator[Path]:
    """A data folder as the first start leaves it, where PostgreSQL's own account can reach it too."""
    with open_folder(in_memory()) as folder:
        install(folder / "data")
        yield folder / "data"


@contextmanager
def running_dev(data_dir: Path, command: str = "dev", **more: str) -> Iterator[Dev]:
    """Run ``afterglow dev``, or another command that serves, on a free port until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = environment_for(data_dir, **more)
    log = data_dir.parent / f"dev-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *command.split(), "--port", str(port), "--data-dir", str(data_dir)],
            env=environment,
            stdout=output,
            stderr=output,
        )
    dev = Dev(f"http://127.0.0.1:{port}", data_dir, process, log, environment)
    try:
        dev.wait_ready()
        yield dev
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def install(data_dir: Path) -> None:
    """Make a data folder that is not there yet, with a database: a copy takes a twentieth of a first start's time."""
    subprocess.run(["cp", "-a", once_in_a_run("first-start", _start), data_dir], check=True)


def _start(folder: Path) -> None:
    # Asked before the environment is an operator's, which does not name them.
    named = programs()
    with pytest.MonkeyPatch.context() as here:
        for name in os.environ.keys() - environment_for(folder).keys():
            here.delenv(name)
        with open_runtime(settings_of(folder, postgres_bin=named)):
            pass


def _children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            # The second field may hold blanks; the parent is the second one after its bracket.
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) == parent:
                found.append(int(entry.name))
    return found


def _arguments_of(pid: int) -> list[str]:
    try:
        return [part for part in Path(f"/proc/{pid}/cmdline").read_text().split("\0") if part]
    except OSError:
        return []
