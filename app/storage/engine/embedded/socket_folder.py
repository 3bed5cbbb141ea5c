"""A folder for the socket that only the server's account may enter and whose path fits into an address."""

import contextlib
import os
import tempfile
from pathlib import Path

from app.storage.engine.embedded.account import Account
from app.storage.engine.embedded.folders import Folders, is_private_folder, make_private_folder
from app.storage.engine.embedded.server_settings import PORT

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
