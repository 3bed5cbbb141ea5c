"""``afterglow backup``, ``restore``, ``verify-backup``, ``migrate``, ``upgrade``: what moves or changes all data."""

import asyncio
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import psycopg
import typer

from app.access.audit.seals import Verified, verify
from app.cli.options import AsJson, DataDir, Guard, print_json, settings_of
from app.cli.runtime import Runtime, open_runtime
from app.foundation.errors import OperatorError
from app.settings import Settings
from app.storage import backups, inspection
from app.storage.engine import archive
from app.storage.engine.binaries import Binaries, find_binaries
from app.storage.engine.database import Database, role_of
from app.storage.engine.embedded.supervisor import Supervisor
from app.storage.engine.migrating import OWNER_ROLE, Loss, check_known, losses, newest_revision, revision_of

_NAME: Final = "afterglow-{:%Y-%m-%dT%H%M%SZ}.backup"
_PATTERN: Final = "afterglow-*.backup"
_SCRATCH: Final = "scratch"


class WouldLoseError(OperatorError):
    """Going down would lose what is listed above; nothing was changed. Take a backup, then say --yes."""


class StillRunningError(OperatorError):
    """Processes of the version before are connected: stop them first, or say --while-running."""


class BackupNotSoundError(OperatorError):
    """The backup was restored, and something in it is wrong; see above."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    for name, command in (
        ("migrate", migrate_command),
        ("upgrade", upgrade_command),
        ("backup", backup_command),
        ("restore", restore_command),
        ("verify-backup", verify_command),
    ):
        app.command(name)(guard(command))


def migrate_command(
    data_dir: DataDir = None,
    to: Annotated[str, typer.Option(help="A revision; `head` is the newest, `base` is empty.")] = "head",
    yes: Annotated[bool, typer.Option("--yes", help="Go down also where that loses something.")] = False,
) -> None:
    """Bring the database's tables to this version (or another), and ask before anything is lost."""
    with open_runtime(settings_of(data_dir), bring_up_to_date=False) as runtime:
        lost = losses(runtime.owner(), application_role=runtime.application_role, to=to)
        _ask(lost, yes=yes)
        runtime.bring_up_to_date(to)
    typer.echo(f"The tables are at {to}.")


def _ask(lost: list[Loss], *, yes: bool) -> None:
    if not lost:
        return
    typer.echo("This loses:")
    for one in lost:
        typer.echo(f"  {one.what}: {one.number} {'rows' if one.is_table else 'values'}")
    if yes:
        return
    if not sys.stdin.isatty() or not typer.confirm("Lose them?"):
        raise WouldLoseError(WouldLoseError.__doc__)


def upgrade_command(
    to: Annotated[Path, typer.Option("--backup-to", help="The folder for the backup that is taken first.")],
    data_dir: DataDir = None,
    while_running: Annotated[
        bool, typer.Option("--while-running", help="Do not mind processes that are connected.")
    ] = False,
) -> None:
    """Check, take a backup, bring the tables to this version, and check again."""
    settings = settings_of(data_dir)
    taken, at = None, datetime.now(UTC)
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        before = revision_of(runtime.owner())
        typer.echo(f"The tables are at {before or 'nothing'}; this version's are {newest_revision()}.")
        check_known(before)
        if before != newest_revision():
            if not while_running and _connected(runtime):
                raise StillRunningError(StillRunningError.__doc__)
            if before is not None:
                to.mkdir(parents=True, exist_ok=True)
                taken = _written(settings, runtime, to, plain=False)
                typer.echo(f"Backup {taken}.")
        runtime.bring_up_to_date()
        if taken is not None:
            # The version before may have had no place for it.
            _note_made(runtime, taken, at=at)
        runtime.check()
    typer.echo("The tables are those of this version, and the service can start.")


def _connected(runtime: Runtime) -> int:
    with psycopg.connect(runtime.owner()) as connection:
        return inspection.connections_of(connection, runtime.application_role)


def backup_command(
    to: Annotated[
        Path, typer.Option("--to", help="The file to write, or a folder for one with the time as name.")
    ],
    data_dir: DataDir = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Do not encrypt it: pg_restore can read it, and so can anybody.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="In a folder: how many to keep, the newest.")
    ] = None,
) -> None:
    """Write everything in the database into one file, sealed; the encryption key is not in it."""
    settings = settings_of(data_dir)
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        target = _written(settings, runtime, to, plain=plain)
    typer.echo(
        f"Written to {target}. Keep the encryption key too, in another place: without it nothing opens."
    )
    if keep is not None and to.is_dir():
        # Names begin with the time, so that the oldest come first.
        for old in sorted(to.glob(_PATTERN))[:-keep]:
            old.unlink()
            typer.echo(f"Removed {old}.")


def _written(settings: Settings, runtime: Runtime, to: Path, *, plain: bool) -> Path:
    now = datetime.now(UTC)
    target = to / _NAME.format(now) if to.is_dir() else to
    keyset = None if plain else runtime.keyset
    archive.backup(runtime.owner(), target, _binaries(settings, runtime), keyset)
    _note_made(runtime, target, at=now)
    return target


def _note_made(runtime: Runtime, target: Path, *, at: datetime) -> None:
    size = target.stat().st_size
    backups.note_made(runtime.owner_address, at=at, file_name=target.name, size=size, sha256=_sha256(target))


def restore_command(
    source: Annotated[Path, typer.Option("--from", help="The file that `afterglow backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Read a backup into an empty database."""
    settings = settings_of(data_dir)
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        archive.restore(runtime.owner(), source, _binaries(settings, runtime), runtime.keyset)
        runtime.bring_up_to_date()
    typer.echo(f"Restored from {source}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """What came out of a backup on trial."""

    revision: str | None
    clinics: int
    patients: int
    verified: list[Verified]

    @property
    def faults(self) -> int:
        return sum(len(one.faults) for one in self.verified)


def _note_verified(runtime: Runtime, file: Path) -> bool:
    try:
        backups.note_verified(runtime.owner_address, at=datetime.now(UTC), sha256=_sha256(file))
    except psycopg.OperationalError:
        # The trial holds all the same.
        return False
    return True


def verify_command(
    source: Annotated[
        Path, typer.Option("--from", help="The file that `afterglow backup` wrote, or a folder: its newest.")
    ],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into a scratch database, look whether all is there, and remove it again."""
    settings = settings_of(data_dir)
    file = max(source.glob(_PATTERN), default=source) if source.is_dir() else source
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        try:
            binaries = _binaries(settings, runtime)
        except archive.ServerUnreachableError:
            # A trial needs no server but its own: least of all while the database is away.
            binaries = find_binaries()
        tried = _tried(runtime, file, binaries)
        is_noted = not tried.faults and _note_verified(runtime, file)
    said = {
        "file": str(file),
        "tables": tried.revision,
        "clinics": tried.clinics,
        "patients": tried.patients,
        "sealed_lines": sum(one.sealed for one in tried.verified),
        "faults": tried.faults,
        "noted": is_noted,
    }
    older = "" if tried.revision == newest_revision() else f", brought to {newest_revision()}"
    if as_json:
        print_json(said)
    else:
        typer.echo(
            f"Restored on trial: tables {tried.revision}{older}, {tried.clinics} clinics, {tried.patients} patients, "
            f"{said['sealed_lines']} sealed lines of the audit log, {tried.faults} faults in them."
        )
        if not (is_noted or tried.faults):
            typer.echo("The database is away: `afterglow status` will not show this trial.")
    if tried.faults:
        raise BackupNotSoundError(BackupNotSoundError.__doc__)


def _tried(runtime: Runtime, file: Path, binaries: Binaries) -> _Tried:
    # The roles' names are in the backup: who owns the tables, and who may use them.
    roles = (role_of(runtime.owner_address) or OWNER_ROLE, runtime.application_role)
    with _scratch_server(binaries, roles) as (owner_url, application_url):
        archive.restore(owner_url, file, binaries, runtime.keyset)
        revision = revision_of(owner_url)
        scratch = replace(runtime, application_url=application_url, direct_url=None, owner_url=owner_url)
        if revision != newest_revision():
            # Of the version before an upgrade: tried as a restore would use it.
            scratch.bring_up_to_date()
        with psycopg.connect(owner_url) as connection:
            clinics, patients = inspection.contents(connection)
        return _Tried(
            revision=revision,
            clinics=clinics,
            patients=patients,
            verified=asyncio.run(_verified(scratch)),
        )


async def _verified(scratch: Runtime) -> list[Verified]:
    database: Database = scratch.database(pool_size=1)
    try:
        whose = await inspection.every_clinic(database)
        return [await verify(database, scratch.vault(), one) for one in whose]
    finally:
        await database.close()


@contextmanager
def _scratch_server(binaries: Binaries, roles: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Run a separate server with an empty database and these roles; gives the owner's URL and the application's."""
    folder = Path(tempfile.mkdtemp(prefix="afterglow-scratch-"))
    # The server's own account has to get through to its data.
    folder.chmod(0o711)
    supervisor = Supervisor(folder / "data", binaries)
    try:
        address = supervisor.start()
        inspection.make_scratch(address.url(), database=_SCRATCH, owner=roles[0], roles=roles)
        yield address.url(roles[0], _SCRATCH), address.url(roles[1], _SCRATCH)
    finally:
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _binaries(settings: Settings, runtime: Runtime) -> Binaries:
    if runtime.binaries is not None or settings.postgres_bin is not None:
        return runtime.binaries or find_binaries(settings.postgres_bin)
    return find_binaries(major=archive.major_of(runtime.owner_address))
