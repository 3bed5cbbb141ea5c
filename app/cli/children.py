"""The API and the worker as children of one process, which starts them again when they fall."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from types import FrameType
from typing import IO, Final

from pydantic import SecretStr

from app.cli.runtime import Runtime, data_dir_of
from app.settings import Settings
from app.storage.engine.embedded.errors import EmbeddedDatabaseError

# Set for the children: they end when the process with this id does.
PARENT: Final = "AFTERGLOW_PARENT_PROCESS"
# Set for the children that share a port: the number of the listening socket that they were given.
LISTENER: Final = "AFTERGLOW_LISTENING_SOCKET"
_RESTART_AFTER_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 25.0


class Group:
    """The API and the worker as children that are started again when they fall.

    ``runtime``: whose database to supervise. ``log``: where they and the group write; None means our own
    standard output and error. ``metrics_ports``: at which ports they show their metrics, in their order.
    ``listener``: the socket that those that answer share.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        names: tuple[str, ...] = ("serve --no-worker", "worker"),
        *,
        runtime: Runtime | None = None,
        log: IO[bytes] | None = None,
        metrics_ports: Sequence[int] = (),
        listener: socket | None = None,
    ) -> None:
        self._runtime = runtime
        self._log = log
        self._environment = dict(environment) | {PARENT: str(os.getpid())}
        self._descriptors: tuple[int, ...] = ()
        if listener is not None:
            self._descriptors = (listener.fileno(),)
            self._environment[LISTENER] = str(listener.fileno())
        self._metrics_ports = metrics_ports
        self._names = names
        self._children = [self._start(number) for number in range(len(names))]
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the group to end; `run` returns when it has."""
        self._stopping.set()

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Run beside what this process does, until the end of the block."""
        keeping = threading.Thread(target=self.run, name="children-keeper")
        keeping.start()
        try:
            yield
        finally:
            self.stop()
            keeping.join()

    def run(self) -> None:
        """Keep the database and the children running until asked to stop, then end the children."""
        try:
            while not self._stopping.wait(_RESTART_AFTER_SECONDS):
                self._supervise_database()
                for number, child in enumerate(self._children):
                    if child.poll() is not None:
                        self._say(f"{self._names[number]} ended ({child.returncode}); starting it again")
                        self._children[number] = self._start(number)
        finally:
            self._end()

    def _supervise_database(self) -> None:
        try:
            if self._runtime is not None and self._runtime.revive():
                self._say("the database ended; started it again")
        except EmbeddedDatabaseError as error:
            self._say(f"the database ended and does not start again yet: {error}")

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        ports = self._metrics_ports[number : number + 1]
        # -P: a folder or file named `app` where the operator stands must not be taken for ours.
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", "app", *self._names[number].split()],
            env=self._environment | {setting_names()["metrics_port"]: str(port) for port in ports},
            pass_fds=self._descriptors,
            stdout=self._log,
            stderr=self._log,
        )

    def _say(self, what: str) -> None:
        line = f"afterglow: {what}\n"
        if self._log is None:
            sys.stderr.write(line)
        else:
            self._log.write(line.encode())
            self._log.flush()

    def _end(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(_STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def run_until_stopped(group: Group) -> None:
    """Run a group until SIGTERM or SIGINT."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        group.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    group.run()


def metrics_ports(settings: Settings, *, first: int, count: int) -> Sequence[int]:
    """Give each of so many children a port for its metrics, from the ``first`` behind the port that is set."""
    port = settings.metrics_port
    return () if port is None else range(port + first, port + first + count)


def setting_names() -> dict[str, str]:
    """Give each setting's environment variable."""
    prefix = str(Settings.model_config["env_prefix"])
    return {
        name: field.validation_alias if isinstance(field.validation_alias, str) else prefix + name.upper()
        for name, field in Settings.model_fields.items()
    }


def child_environment(settings: Settings) -> dict[str, str]:
    """Give the children exactly these choices, however they were made, and none of the environment's."""
    names = setting_names()
    environment = {name: value for name, value in os.environ.items() if name not in names.values()}
    # A child is one process, whatever was asked of its parent.
    chosen = {name: getattr(settings, name) for name in names} | {"processes": 1}
    if settings.database_url is None:
        chosen["data_dir"] = data_dir_of(settings)
    for name, value in chosen.items():
        if value is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            environment[names[name]] = plain
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
