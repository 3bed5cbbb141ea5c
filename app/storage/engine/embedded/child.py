"""Starting PostgreSQL's programs as direct children that end when this process ends."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from app.storage.engine.embedded.account import Account

_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_BECOME_PROGRAM = Path(__file__).with_name("become_program.py")


def command_for(program: Path, arguments: Sequence[str], account: Account | None) -> list[str]:
    """Give the command that becomes `program` as `account`, with the parent-death signal set."""
    uid, gid = ("-", "-") if account is None else (str(account.uid), str(account.gid))
    start = [sys.executable, "-I", "-S", str(_BECOME_PROGRAM), str(os.getpid()), uid, gid]
    return [*start, str(program), *arguments]


def clean_environment() -> dict[str, str]:
    """Give the whole environment of a PostgreSQL program.

    None of ours is passed on: PG* variables would change what the programs do, and our keys are not theirs.
    """
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **passed}


class ServerChild:
    """A running server process and the thread that started it.

    The kernel sends the parent-death signal when the *thread* that started the child ends, so that thread
    stays until the child has ended. It is a daemon thread: it never keeps the process from leaving.
    """

    def __init__(self, command: Sequence[str], log: int) -> None:
        """Start the command with its output in the open file `log`.

        Raises:
            OSError: it could not be started.
        """
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._live, name="postgres-parent", daemon=True).start()
        self._begun.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return -1 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the server process has not ended."""
        return not self._ended.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end and say whether it came."""
        return self._ended.wait(seconds)

    def _live(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program and paths as arguments, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                cwd="/",
                env=clean_environment(),
                # A separate session, so that Ctrl-C in the terminal reaches us and we stop it in order.
                start_new_session=True,
            )
        except OSError as error:
            self._failure = error
            return
        finally:
            if self._failure is not None or self._process is None:
                self._ended.set()
            self._begun.set()
        self._process.wait()
        self._ended.set()
