"""The API and the worker as children of one process, which starts them again when they fall."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from pydantic import SecretStr

from app.cli.runtime import Runtime, data_dir_of
from app.settings import Settings
from app.storage.engine.embedded import EmbeddedDatabaseError

# Set for the children: they end when the process with this id does.
PARENT: Final = "AFTERGLOW_PARENT_PROCESS"
_RESTART_AFTER_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 25.0


class Group:
    """The API and the worker as children that are started again when they fall.

    ``runtime``: whose database to supervise. ``log``: where they and the group write; None means our own
    standard output and error.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        names: tuple[str, ...] = ("serve --no-worker", "worker"),
        *,
        runtime: Runtime | None = None,
        log: IO[bytes] | None = None,
    ) -> None:
        self._runtime = runtime
        self._log = log
        self._environment = dict(environment) | {PARENT: str(os.getpid())}
        self._children = {name: self._start(name) for name in names}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the group to end; `run` returns when it has."""
        self._stopping.set()

    def run(self) -> None:
        """Keep the database and the children running until asked to stop, then end the children."""
        try:
            while not self._stopping.wait(_RESTART_AFTER_SECONDS):
                self._supervise_database()
                for name, child in self._children.items():
                    if child.poll() is not None:
                        self._say(f"{name} ended ({child.returncode}); starting it again")
                        self._children[name] = self._start(name)
        finally:
            self._end()

    def _supervise_database(self) -> None:
        try:
            if self._runtime is not None and self._runtime.revive():
                self._say("the database ended; started it again")
        except EmbeddedDatabaseError as error:
            self._say(f"the database ended and does not start again yet: {error}")

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        # -P: a folder or file named `app` where the operator stands must not be taken for ours.
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", "app", *name.split()],
            env=self._environment | (_next_port(self._environment) if name == "worker" else {}),
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
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(_STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _next_port(environment: Mapping[str, str]) -> dict[str, str]:
    """Have the worker show its metrics beside those of the process that answers."""
    name = setting_names()["metrics_port"]
    return {name: str(int(environment[name]) + 1)} if name in environment else {}


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
    chosen = {name: getattr(settings, name) for name in names}
    if settings.database_url is None:
        chosen["data_dir"] = data_dir_of(settings)
    for name, value in chosen.items():
        if value is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            environment[names[name]] = plain
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
