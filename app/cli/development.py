"""``afterglow dev``: database, API and worker together, each in a process of its own, in one group."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from app.cli.ground import data_dir_of, open_ground
from app.cli.processes import PARENT
from app.settings import Settings

_RESTART_AFTER_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 25.0


class Group:
    """The API and the worker as children that are started again when they fall."""

    def __init__(self, environment: Mapping[str, str], names: tuple[str, ...] = ("serve", "worker")) -> None:
        self._environment = dict(environment) | {PARENT: str(os.getpid())}
        self._children = {name: self._start(name) for name in names}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the group to end; `run` returns when it has."""
        self._stopping.set()

    def run(self) -> None:
        """Keep the children running until asked to stop, then end them."""
        try:
            while not self._stopping.wait(_RESTART_AFTER_SECONDS):
                for name, child in self._children.items():
                    if child.poll() is not None:
                        sys.stderr.write(f"afterglow: {name} ended ({child.returncode}); starting it again\n")
                        self._children[name] = self._start(name)
        finally:
            self._end()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "app", name], env=self._environment)  # noqa: S603 - ourselves

    def _end(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(_STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def child_environment(settings: Settings) -> dict[str, str]:
    """Give the children the same choices, however they were made."""
    environment = os.environ | {
        "AFTERGLOW_HOST": settings.host,
        "AFTERGLOW_PORT": str(settings.port),
        "PYTHONPATH": os.pathsep.join(
            part for part in (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")) if part
        ),
    }
    if settings.database_url is None:
        environment["AFTERGLOW_DATA_DIR"] = str(data_dir_of(settings))
    return environment


def run(settings: Settings) -> None:
    """Run everything until SIGTERM or SIGINT."""
    with open_ground(settings):
        group = Group(child_environment(settings))

        def stop(_number: int, _frame: FrameType | None) -> None:
            group.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        group.run()
