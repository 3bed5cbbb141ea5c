"""The files of an embedded database below the application's data folder.

    <data_dir>/               the application's: root's stay root's and may only be passed through (0711)
    <data_dir>/postgres/      the cluster, 0700, the server account's
    <data_dir>/run/           the socket, 0700, the server account's
    <data_dir>/programs/      copies of the programs, when that account cannot reach the installed ones
    <data_dir>/postgres.log   the server's log, 0600, the application's
    <data_dir>/postgres.lock  held by the one process that runs the server

As root we work inside folders that another account may own, so nothing here follows a link at its end.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.storage.engine.embedded.account import Account
from app.storage.engine.embedded.errors import DataFolderRefusedError

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
