"""What an earlier server left: its note (`postmaster.pid`), itself, or a memory segment still in use.

Only the holder of the supervisor's lock may use this module to change anything.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.storage.engine.embedded.errors import (
    AlreadySupervisedError,
    DataFolderRefusedError,
    PredecessorRemainsError,
)
from app.storage.engine.embedded.folders import Folders

SECONDS_TO_LEAVE = 40
_MEMORY_SEGMENTS = Path("/proc/sysvipc/shm")
_READY = "ready"


@dataclass(frozen=True, slots=True)
class PostmasterNote:
    """The lines of `postmaster.pid`, as PostgreSQL's miscadmin.h numbers them.

    Attributes:
        pid: process id of the server.
        port: number in the socket's name, or None while it is not written yet.
        socket_folder: first folder with a socket, or None likewise.
        segment: System V shared memory id that every process of the server holds, or None.
        ready: whether the server said that it accepts connections.
    """

    pid: int
    port: int | None
    socket_folder: Path | None
    segment: int | None
    ready: bool


def read_note(cluster: Path) -> PostmasterNote | None:
    """Read the server's note, or None when there is none (or it cannot be read)."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    lines += [""] * (8 - len(lines))
    pid, port, segment = lines[0].strip(), lines[3].strip(), lines[6].split()
    if not pid.lstrip("-").isdecimal():
        return None
    return PostmasterNote(
        pid=abs(int(pid)),
        port=int(port) if port.isdecimal() else None,
        socket_folder=Path(lines[4]) if lines[4] else None,
        segment=int(segment[1]) if len(segment) == 2 and segment[1].isdecimal() else None,  # noqa: PLR2004 - key and id
        ready=lines[7].strip() == _READY,
    )


def settle_predecessor(cluster: Path) -> None:
    """See that no earlier server uses the cluster and that its note does not stop the next one.

    We hold the lock, so its supervisor is dead. On Linux the server got its death signal and is leaving;
    elsewhere we send what the kernel could not.

    Raises:
        PredecessorRemainsError: it did not leave.
    """
    note = read_note(cluster)
    if note is None:
        return
    if _serves(note.pid, cluster):
        os.kill(note.pid, signal.SIGINT)
        _await(lambda: not _serves(note.pid, cluster), note.pid, cluster)
    if note.segment is None or not _MEMORY_SEGMENTS.exists():
        return
    segment = note.segment
    # Killed alone (-9), the postmaster leaves children that need a moment to notice.
    _await(lambda: not _in_use(segment), note.pid, cluster)
    if _runs(note.pid):
        # Its number now belongs to someone else. PostgreSQL would refuse to start; nothing of the old server
        # lives, as the unused segment shows, which is the check PostgreSQL itself relies on.
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _await(settled: Callable[[], bool], pid: int, cluster: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_LEAVE
    while not settled():
        if time.monotonic() > deadline:
            raise PredecessorRemainsError(pid=pid, cluster=cluster, seconds=SECONDS_TO_LEAVE)
        time.sleep(0.05)


def _serves(pid: int, cluster: Path) -> bool:
    """Say whether this process is a PostgreSQL server for this cluster (a number may be someone else's)."""
    if sys.platform == "linux":
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return Path(os.fsdecode(arguments[0])).name == "postgres" and os.fsencode(cluster) in arguments
    else:  # noqa: RET505 - only as a branch is it understood as another platform's
        shown = subprocess.run(  # noqa: S603 - a fixed command and a number, no shell
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return "postgres" in shown and str(cluster) in shown


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _in_use(segment: int) -> bool:
    rows = [line.split() for line in _MEMORY_SEGMENTS.read_text("utf-8").splitlines()]
    id_column, users_column = rows[0].index("shmid"), rows[0].index("nattch")
    return any(int(row[id_column]) == segment and int(row[users_column]) > 0 for row in rows[1:])


class SupervisorLock:
    """The right to run the server of one data folder, from `take` until `release`."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    @classmethod
    def take(cls, folders: Folders) -> "SupervisorLock":
        """Take the right, or refuse at once.

        Raises:
            AlreadySupervisedError: another process has it.
            DataFolderRefusedError: this account may not write into the data folder.
        """
        handle = _open(folders)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise AlreadySupervisedError(data_dir=folders.data_dir) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        return cls(handle)

    def release(self) -> None:
        """Give the right back; the file stays, since removing a lock file lets two people hold it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _open(folders: Folders) -> int:
    # Not inheritable (Python's default): the server must not keep the lock of a supervisor that died.
    try:
        return os.open(folders.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DataFolderRefusedError(
            data_dir=folders.data_dir, folder=folders.lock, reason=error.strerror
        ) from error
