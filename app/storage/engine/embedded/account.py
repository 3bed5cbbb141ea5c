"""Which account runs the server, and what that account can reach.

PostgreSQL refuses to run as root. An ordinary user's server runs as that user: then there is no account to
change to, which is written as None.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.storage.engine.embedded.errors import AccountChangeError, NoAccountError

UNPRIVILEGED_NAMES = ("postgres", "nobody")
# `test -x` asks the kernel, so that access lists and capabilities count as they will for the server.
_FIRST_CLOSED = 'for folder do test -x "$folder" || { printf %s "$folder"; exit 1; }; done'


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine that is not root."""

    name: str
    uid: int
    gid: int


def account_for(folders: Sequence[Path]) -> Account | None:
    """Choose who runs the server: the owner of what exists, else "postgres", else "nobody".

    Args:
        folders: the places of the database, innermost first; they need not exist.

    Returns:
        None when this process is not root and so runs the server as itself.

    Raises:
        NoAccountError: this process is root and there is nobody to change to.
    """
    if os.geteuid() != 0:
        return None
    for folder in folders:
        if folder.exists() and folder.stat().st_uid != 0:
            return _owner(folder.stat())
    for name in UNPRIVILEGED_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise NoAccountError


def account_name(uid: int) -> str:
    """Give the name of an account, or its number when it has none (as happens in containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def first_unreachable(folder: Path, account: Account) -> Path | None:
    """Give the outermost folder on the way into `folder` that the account may not enter, or None.

    Raises:
        AccountChangeError: this process may not act as that account at all.
    """
    way = [*reversed(folder.parents), folder]
    answer = run_as(account, ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *map(str, way)])
    return None if answer.returncode == 0 else Path(os.fsdecode(answer.stdout))


def run_as(account: Account, command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a short command as the account, with nothing of this process's environment.

    Raises:
        AccountChangeError: this process may not act as that account.
        OSError: that account may not run this program.
    """
    try:
        return subprocess.run(  # noqa: S603 - fixed commands and paths as arguments, no shell text
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            timeout=20,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except PermissionError as error:
        if error.filename == command[0]:
            raise
        raise AccountChangeError(account=account.name, reason=error.strerror) from error


def _owner(status: os.stat_result) -> Account:
    try:
        group = pwd.getpwuid(status.st_uid).pw_gid
    except KeyError:
        group = status.st_gid
    return Account(name=account_name(status.st_uid), uid=status.st_uid, gid=group)
