"""Running one PostgreSQL server for one data folder, from the first start to the last stop."""

import atexit
import signal
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded.account import Account, account_for, first_unreachable
from app.storage.engine.embedded.child import ServerChild, command_for
from app.storage.engine.embedded.cluster import (
    cheap_compression,
    check_cluster,
    check_owner,
    make_cluster,
    remove_unfinished,
)
from app.storage.engine.embedded.errors import (
    AlreadySupervisedError,
    DataFolderRefusedError,
    NotReadyError,
    NotStartedError,
    ServerEndedError,
    UnreachableFolderError,
    WouldNotStopError,
)
from app.storage.engine.embedded.folders import (
    Address,
    Folders,
    end_of_log,
    make_socket_folder,
    open_log,
    prepare_data_dir,
    remove_short_folder,
)
from app.storage.engine.embedded.predecessor import SupervisorLock, read_note, settle_predecessor
from app.storage.engine.embedded.reachable_programs import programs_for
from app.storage.engine.embedded.server_settings import PORT, server_arguments

READY_SECONDS = 60
FAST_STOP_SECONDS = 30
IMMEDIATE_STOP_SECONDS = 15
_POLL_SECONDS = 0.02


class Supervisor:
    """The one process that runs the server of a data folder; a context manager.

    Blocking code: from asyncio call `start` and `stop` through `asyncio.to_thread`. The server ends when this
    process ends, even by `kill -9` (Linux; elsewhere the next start ends it).
    """

    def __init__(self, data_dir: Path, binaries: Binaries) -> None:
        self.data_dir = data_dir
        self.binaries = binaries
        self._turn = threading.Lock()
        self._folders: Folders | None = None
        self._lock: SupervisorLock | None = None
        self._child: ServerChild | None = None
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        """Where the server listens.

        Raises:
            NotStartedError: it was not started, or was stopped.
        """
        if self._address is None:
            raise NotStartedError(data_dir=self.data_dir)
        return self._address

    @property
    def alive(self) -> bool:
        """Whether the server was started here and its process has not ended."""
        return self._child is not None and self._child.alive

    def start(self) -> Address:
        """Start the server, making the database first if there is none, and wait until it is ready.

        Returns:
            Where it listens. Calling again while it runs gives the same.

        Raises:
            AlreadySupervisedError: another process runs it; see `connect_or_start`.
            EmbeddedDatabaseError: one of its kinds in `errors`, each of which says what to do. Then nothing
                is left running and the folder is free again.
        """
        with self._turn:
            if self._address is not None and self.alive:
                return self._address
            self._end()
            folders = prepare_data_dir(self.data_dir)
            self._lock = SupervisorLock.take(folders)
            self._folders = folders
            try:
                self._address = self._start(folders)
            except BaseException as error:
                self._end()
                if isinstance(error, OSError):
                    # A full disk, or a root without the right to enter the server account's folders.
                    raise DataFolderRefusedError(
                        data_dir=folders.data_dir, folder=error.filename, reason=error.strerror
                    ) from error
                raise
            if sys.platform != "linux":
                # Linux has the parent-death signal, which needs no good manners of this process.
                atexit.register(self.stop)
            return self._address

    def stop(self) -> None:
        """Stop the server in order (clients are cut off, everything committed is kept); again is harmless.

        Raises:
            WouldNotStopError: it outlived both kinds of shutdown.
        """
        with self._turn:
            self._end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, folders: Folders) -> Address:
        account = account_for([folders.cluster, folders.data_dir])
        _check_way(folders, account)
        binaries = programs_for(account, self.binaries, folders)
        check_owner(folders, account)
        remove_unfinished(folders)
        if check_cluster(folders, binaries):
            settle_predecessor(folders.cluster)
        else:
            make_cluster(folders, binaries, account)
        address = Address(socket_folder=make_socket_folder(folders, account), port=PORT)
        compression = cheap_compression(folders, binaries, account)
        arguments = server_arguments(folders.cluster, address.socket_folder, compression)
        command = command_for(binaries.program("postgres"), arguments, account)
        with open_log(folders) as log:
            self._child = ServerChild(command, log.fileno())
        _await_ready(self._child, address, folders)
        return address

    def _end(self) -> None:
        self._address = None
        if self._child is not None:
            _end_child(self._child)
            self._child = None
        if self._lock is not None:
            if self._folders is not None:
                remove_short_folder(self._folders)
            self._lock.release()
            self._lock = None


def find_running(data_dir: Path) -> Address | None:
    """Give the address of a server that accepts connections for this data folder now, or None."""
    note = read_note(Folders(data_dir.expanduser().resolve()).cluster)
    if note is None or not note.ready or note.port is None or note.socket_folder is None:
        return None
    address = Address(socket_folder=note.socket_folder, port=note.port)
    return address if address.accepts_connections() else None


def connect_or_start(data_dir: Path, binaries: Binaries) -> tuple[Address, Supervisor | None]:
    """Use the server another process runs for this data folder, or become its supervisor.

    Returns:
        The address, and the supervisor when it is ours to stop. Without one, the server lasts as long as the
        process that runs it.

    Raises:
        EmbeddedDatabaseError: as `Supervisor.start`; AlreadySupervisedError when the other process did not
            get it ready within 60 seconds.
    """
    deadline = time.monotonic() + READY_SECONDS
    while True:
        # Starting is tried before looking: a server whose supervisor was just killed still answers, but the
        # lock is free, and so it is known to be on its way out.
        supervisor = Supervisor(data_dir, binaries)
        try:
            return supervisor.start(), supervisor
        except AlreadySupervisedError:
            address = find_running(data_dir)
            if address is not None:
                return address, None
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _check_way(folders: Folders, account: Account | None) -> None:
    if account is None:
        return
    closed = first_unreachable(folders.data_dir, account)
    if closed is not None:
        raise UnreachableFolderError(data_dir=folders.data_dir, account=account.name, folder=closed)


def _await_ready(child: ServerChild, address: Address, folders: Folders) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while child.alive:
        # Its own note first: asking a server that is not ready yet is a line in its log each time.
        note = read_note(folders.cluster)
        if note is not None and note.pid == child.pid and note.ready and address.accepts_connections():
            return
        if time.monotonic() > deadline:
            raise NotReadyError(seconds=READY_SECONDS, log=folders.log, said=end_of_log(folders))
        child.wait(_POLL_SECONDS)
    raise ServerEndedError(log=folders.log, said=end_of_log(folders))


def _end_child(child: ServerChild) -> None:
    child.signal(signal.SIGINT)
    if child.wait(FAST_STOP_SECONDS):
        return
    # Immediate shutdown: the next start recovers from the write-ahead log.
    child.signal(signal.SIGQUIT)
    if not child.wait(IMMEDIATE_STOP_SECONDS):
        raise WouldNotStopError(pid=child.pid, seconds=FAST_STOP_SECONDS + IMMEDIATE_STOP_SECONDS)
