"""The files of an embedded database below the application's data folder.

    <data_dir>/               the application's: root's stay root's and may only be passed through (0711)
    <data_dir>/postgres/      the cluster, 0700, the server account's
    <data_dir>/run/           the socket, 0700, the server account's
    <data_dir>/programs/      copies of the programs, when that account cannot reach the installed ones
    <data_dir>/postgres.log   the server's log, 0600, the application's
    <data_dir>/postgres.lock  held by the one process that runs the server

As root we work inside folders that another account may own, so nothing here follows a link at its end.
"""

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from psycopg import pq
from psycopg.conninfo import make_conninfo

from app.storage.engine.embedded.account import Account
from app.storage.engine.embedded.errors import DataFolderRefusedError
from app.storage.engine.embedded.server_settings import PORT

SYSTEM_DATA_FOLDER = Path("/var/lib/afterglow")
LOCK_NAME = "postgres.lock"
_LOG_BYTES_KEPT = 16 * 1024 * 1024
_PASS_THROUGH = 0o011
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Folders:
    """The places of one embedded database; `data_dir` is absolute and without links."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data_dir / "postgres"

    @property
    def sockets(self) -> Path:
        """Where the socket is, unless that path would be too long for one."""
        return self.data_dir / "run"

    @property
    def programs(self) -> Path:
        """Copies of the programs for an account that cannot reach the installed ones."""
        return self.data_dir / "programs"

    @property
    def log(self) -> Path:
        """What the server wrote; it never holds statements or values (see server_settings)."""
        return self.data_dir / "postgres.log"

    @property
    def lock(self) -> Path:
        """The file whose lock makes one process the supervisor."""
        return self.data_dir / LOCK_NAME


def default_data_dir() -> Path:
    """Give /var/lib/afterglow for root, else `afterglow` in the user's XDG data folder."""
    if os.geteuid() == 0:
        return SYSTEM_DATA_FOLDER
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG specification wants relative values ignored.
    return (named if named.is_absolute() else Path.home() / ".local" / "share") / "afterglow"


def prepare_data_dir(data_dir: Path) -> Folders:
    """Make the data folder if need be, so that the server's account can pass through it.

    Whoever writes into the data folder before the database starts must call this first. Root's folder is made
    0711; an existing one is opened that far only when it is empty or already ours, never `/root` by mistake.

    Raises:
        DataFolderRefusedError: it cannot be made or is not a folder.
    """
    path = data_dir.expanduser().absolute()
    try:
        path = path.resolve()
        _make_with_parents(path)
        if os.geteuid() == 0 and path.stat().st_uid == 0 and _is_ours(path):
            path.chmod(path.stat().st_mode & 0o7777 | _PASS_THROUGH)
    except OSError as error:
        raise DataFolderRefusedError(
            data_dir=path, folder=error.filename or path, reason=error.strerror
        ) from error
    return Folders(path)


def make_private_folder(path: Path, account: Account | None) -> None:
    """Make a folder 0700 for the server's account, or bring an existing one to that state.

    Raises:
        OSError: something else stands there, a link for example.
    """
    path.mkdir(mode=PRIVATE, exist_ok=True)
    # By descriptor: what we checked is what we change, even where another account could swap the name.
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if account is not None:
            os.fchown(handle, account.uid, account.gid)
        os.fchmod(handle, PRIVATE)
    finally:
        os.close(handle)


def is_private_folder(path: Path, uid: int) -> bool:
    """Say whether the path is a real folder of that owner which nobody else may enter."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and stat.S_IMODE(status.st_mode) == PRIVATE


def open_log(folders: Folders) -> BinaryIO:
    """Open the log for appending; a long one is set aside first, as `postgres.log.1`."""
    log = folders.log
    if log.exists() and log.lstat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_name(log.name + ".1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")


def end_of_log(folders: Folders, lines: int = 8) -> str:
    """Give the last lines of the log in one line, for an error message."""
    try:
        text = folders.log.read_text("utf-8", "replace")
    except OSError:
        return "(no log)"
    return " | ".join(text.splitlines()[-lines:])


def _make_with_parents(path: Path) -> None:
    as_root = os.geteuid() == 0
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        if as_root:
            # Said again after mkdir, because root's umask may have taken the way in from the server's account.
            folder.chmod(0o711 if folder == path else 0o755)
    if not path.is_dir():
        raise NotADirectoryError(20, "not a folder", str(path))


def _is_ours(path: Path) -> bool:
    return path == SYSTEM_DATA_FOLDER or (path / LOCK_NAME).exists() or not any(path.iterdir())


# sun_path holds 108 bytes on Linux and 104 on BSD and macOS, the closing zero included.
LONGEST_SOCKET_PATH = 103
_RECORD = "socket-folder"


def make_socket_folder(folders: Folders, account: Account | None) -> Path:
    """Give `<data_dir>/run`, or when that cannot be an address a short folder, which a file beside it names.

    What a killed server left in it is removed; only the holder of the lock may call this.

    Raises:
        OSError: it could not be made.
    """
    folder = folders.sockets
    if _can_be_named(folder):
        make_private_folder(folder, account)
    else:
        folder = _short_folder(folders, account)
    for leftover in folder.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)
    return folder


def remove_short_folder(folders: Folders) -> None:
    """Remove the short folder and its record, if there is one, after the server has stopped."""
    record = folders.data_dir / _RECORD
    with contextlib.suppress(OSError):
        folder = Path(record.read_text("utf-8"))
        # The record may be writable for the server's account, so it can never make root remove more than this.
        if is_private_folder(folder, folders.cluster.stat().st_uid):
            folder.rmdir()
    record.unlink(missing_ok=True)


def _can_be_named(folder: Path) -> bool:
    # libpq takes a comma in `host` for the end of one host, and has no way to write one.
    return "," not in str(folder) and len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH


def _short_folder(folders: Folders, account: Account | None) -> Path:
    record = folders.data_dir / _RECORD
    uid = os.geteuid() if account is None else account.uid
    with contextlib.suppress(OSError):
        known = Path(record.read_text("utf-8"))
        # After a restart of the machine the name may be gone, or someone else's: then it is not used.
        if is_private_folder(known, uid):
            return known
    # mkdtemp makes a new folder (0700) under a name nobody can guess, so nobody can have put a link there.
    folder = Path(tempfile.mkdtemp(prefix="afterglow-", dir=_short_place(account)))
    make_private_folder(folder, account)
    handle = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(str(folder))
    return folder


def _short_place(account: Account | None) -> Path:
    own = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    # Another account cannot pass through our own runtime folder.
    usable = own.is_absolute() and _can_be_named(own / "afterglow-12345678")
    if account is None and usable and is_private_folder(own, os.geteuid()):
        return own
    return Path("/tmp")  # noqa: S108 - mkdtemp's random name; $TMPDIR may itself be too long


SUPERUSER = "postgres"
MAINTENANCE_DATABASE = "postgres"
_PING_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Address:
    """A Unix socket: its folder and the port number that is part of the socket's file name.

    Nothing listens on the network. There is no password: whoever may enter the folder may connect.
    """

    socket_folder: Path
    port: int

    def url(self, user: str = SUPERUSER, database: str = MAINTENANCE_DATABASE) -> str:
        """Give `postgresql://user@/database?host=/folder&port=5432`."""
        host = quote(str(self.socket_folder), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def conninfo(self, user: str = SUPERUSER, database: str = MAINTENANCE_DATABASE) -> str:
        """Give `host=/folder port=5432 user=... dbname=...`, quoted as libpq wants it."""
        return make_conninfo(host=str(self.socket_folder), port=self.port, user=user, dbname=database)

    def accepts_connections(self) -> bool:
        """Say whether a server answers here now and takes connections (not while it starts or stops)."""
        # An existing user and database, since a refused ping would be a line in the server's log.
        question = make_conninfo(self.conninfo(), connect_timeout=_PING_SECONDS)
        return pq.PGconn.ping(question.encode()) == pq.Ping.OK
