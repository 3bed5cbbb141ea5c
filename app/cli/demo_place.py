"""The demo's own place: settings, a folder that goes away, API and worker, and how all of it ends."""

import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.cli.demo_clinic import is_ready
from app.cli.runtime import KEY_FILE
from app.foundation.vault import load_or_make_key_file
from app.settings import Settings
from app.storage.engine.embedded.folders import prepare_data_dir

LOG_NAME: Final = "demo.log"
WAIT_SECONDS: Final = 60.0
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOPBACK: Final = "127.0.0.0/8"


class NotReadyError(RuntimeError):
    """The service did not become ready within {seconds} seconds."""

    def __init__(self, seconds: float) -> None:
        """Name the time that was waited."""
        super().__init__((self.__doc__ or "").format(seconds=round(seconds)))


def demo_settings(folder: Path, port: int) -> Settings:
    """Give settings of the demo's own; nothing of the environment's."""
    return Settings(
        database_url=None,
        owner_url=None,
        encryption_key=None,
        data_dir=folder,
        host="127.0.0.1",
        port=port,
        metrics_port=None,
        public_url="",
        webhook_allow=_LOOPBACK,
        retry_speedup=1,
    )


@contextmanager
def data_folder(named: Path | None) -> Iterator[Path]:
    """Give the named folder, or one of our own that is removed unless something failed."""
    folder = named.expanduser().resolve() if named else Path(tempfile.mkdtemp(prefix="afterglow-demo-"))
    prepare_data_dir(folder)
    # Made here, so that nobody is asked to back up the key of a synthetic clinic.
    load_or_make_key_file(folder / KEY_FILE)
    (folder / LOG_NAME).touch(mode=0o600)
    try:
        yield folder
    except Exception:
        raise
    except BaseException:
        _remove(folder, named)
        raise
    _remove(folder, named)


def _remove(folder: Path, named: Path | None) -> None:
    if named is None:
        shutil.rmtree(folder, ignore_errors=True)


def await_ready(url: str) -> None:
    """Wait until the service says that it is ready.

    Raises:
        NotReadyError: it does not.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_ready(url):
        if time.monotonic() > deadline:
            raise NotReadyError(WAIT_SECONDS)
        time.sleep(0.1)


def free_port() -> int:
    """Give a port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def end_on_signals() -> None:
    """Let Ctrl-C, a hang-up and a request to end stop what was started, in peace."""
    for number in _ENDING:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    # Once only: what was started has to be stopped and removed in peace.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
