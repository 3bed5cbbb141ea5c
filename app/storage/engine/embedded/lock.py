"""One supervisor a data folder: an flock that the kernel lets go when its holder dies, however it dies."""

import fcntl
import os

from app.storage.engine.embedded.errors import AlreadySupervisedError, DataFolderRefusedError
from app.storage.engine.embedded.folders import Folders


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
