"""Making PostgreSQL's data directory whole or not at all, and refusing one that is not for us."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from app.storage.engine.binaries import SETTING_NAME, Binaries
from app.storage.engine.embedded.account import Account, account_name
from app.storage.engine.embedded.child import clean_environment, command_for
from app.storage.engine.embedded.errors import (
    ClusterNotMadeError,
    ForeignClusterError,
    NotADatabaseError,
    OtherMajorVersionError,
)
from app.storage.engine.embedded.folders import SUPERUSER, Folders, make_private_folder
from app.storage.engine.embedded.server_settings import CHEAP_COMPRESSIONS, configuration_lines

_UNFINISHED = "postgres.new-"
_INITDB_SECONDS = 120
_SETTING_SECONDS = 20


def remove_unfinished(folders: Folders) -> None:
    """Remove what an interrupted `make_cluster` left; only the holder of the lock may call this."""
    for leftover in folders.data_dir.glob(_UNFINISHED + "*"):
        # An initdb whose parent was killed may still be dying in there; the next start removes the rest.
        shutil.rmtree(leftover, ignore_errors=True)


def check_cluster(folders: Folders, binaries: Binaries) -> bool:
    """Say whether there is a database that these programs can open.

    Returns:
        False when there is none yet.

    Raises:
        NotADatabaseError: the folder holds something else.
        OtherMajorVersionError: another major version made it.
    """
    cluster = folders.cluster
    if not cluster.exists() or not any(cluster.iterdir()):
        return False
    try:
        found = (cluster / "PG_VERSION").read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotADatabaseError(cluster=cluster) from error
    if found != str(binaries.major):
        raise OtherMajorVersionError(
            cluster=cluster, found=found, folder=binaries.folder, major=binaries.major, setting=SETTING_NAME
        )
    return True


def check_owner(folders: Folders, account: Account | None) -> None:
    """Refuse a database of another account, which PostgreSQL would refuse less clearly.

    Raises:
        ForeignClusterError: another account owns it.
    """
    uid = os.geteuid() if account is None else account.uid
    if folders.cluster.exists() and folders.cluster.stat().st_uid != uid:
        owner = account_name(folders.cluster.stat().st_uid)
        raise ForeignClusterError(cluster=folders.cluster, owner=owner, account=account_name(uid))


def cheap_compression(folders: Folders, binaries: Binaries, account: Account | None) -> str:
    """Name what these programs can compress the write-ahead log with at no cost; "off" where there is nothing."""
    for method in CHEAP_COMPRESSIONS:
        setting = ["-c", f"wal_compression={method}", "-C", "wal_compression"]
        command = command_for(binaries.program("postgres"), ["-D", str(folders.cluster), *setting], account)
        asked = subprocess.run(  # noqa: S603 - our own program and paths as arguments, no shell
            command,
            check=False,
            capture_output=True,
            timeout=_SETTING_SECONDS,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=clean_environment(),
        )
        if asked.returncode == 0:
            return method
    return "off"


def make_cluster(folders: Folders, binaries: Binaries, account: Account | None) -> None:
    """Make a new database under a temporary name and give it its name when it is complete.

    Raises:
        ClusterNotMadeError: `initdb` failed or took longer than two minutes.
    """
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folders.data_dir))
    try:
        make_private_folder(unfinished, account)
        _run_initdb(unfinished, binaries, account)
        _write_settings(unfinished / "postgresql.conf")
        if folders.cluster.exists():
            folders.cluster.rmdir()
        unfinished.rename(folders.cluster)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _make_durable(folders.data_dir)


def _run_initdb(unfinished: Path, binaries: Binaries, account: Account | None) -> None:
    arguments = [
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        # No password: the only way in is a socket in a folder (0700) that none but the server's account and
        # root may enter, and that account owns the files themselves. There is no network way to reject.
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
    ]
    command = command_for(binaries.program("initdb"), arguments, account)
    try:
        subprocess.run(  # noqa: S603 - our own program and paths as arguments, no shell
            command,
            check=True,
            capture_output=True,
            timeout=_INITDB_SECONDS,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
        )
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or b"(nothing)"
        raise ClusterNotMadeError(
            data_dir=unfinished.parent, program="initdb", said=" | ".join(said.decode().split("\n")[-6:])
        ) from error


def _write_settings(configuration: Path) -> None:
    with configuration.open("a", encoding="utf-8") as file:
        file.write("\n# Sizes for a small machine.\n" + configuration_lines())
        file.flush()
        os.fsync(file.fileno())


def _make_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
