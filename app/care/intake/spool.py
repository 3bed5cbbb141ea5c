"""Disclosures that cannot be stored just now: sealed files in a folder, which are stored later, each once.

A file is on the disk before its sender is answered, and goes only once all that it discloses is stored. What can be
stored for nobody, or cannot be read, is set aside under another ending for a person to look at: nothing is lost.

A flood, such as of made-up credentials while no database knows better, must neither fill the disk nor leave no room
for a person. The same said again is the same file; some of the volume is left free; and files that were made ahead
are kept for the time after that, of which no network gets more than it leaves for the others.
"""

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from app.care.intake.reporting import Outcome, Pending, report_pending
from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.keyset import KEY_ID_BYTES
from app.foundation.logs import where
from app.foundation.tokens import TokenKind, TokenReference
from app.foundation.vault import FORMAT, CannotOpenError, Vault
from app.storage.engine.health import DatabaseDoesNotAnswerError, database_takes_writes

_CELL: Final = {"table": "spool", "column": "disclosure"}
_ENDING: Final = ".disclosure"
_ASIDE: Final = ".aside"
_RESERVED: Final = ".reserved"
_TURN: Final = ".turn"
# What a file takes on a disk, whatever is in it: a disclosure is shorter, but for long batches.
_FILE_BYTES: Final = 4096
_RESERVED_FILES: Final = 1024
# Of a volume that others need, too, such as the database: so much is not taken, or a tenth of a small one.
_LEFT_FREE_BYTES: Final = 1024**3
_LEFT_FREE_PART: Final = 10
# Room for fewer than so many more: someone has to look at it.
_LITTLE_ROOM: Final = 10_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# So many reserved files make room for a name: a folder's list of names grows by a block or two.
_MOST_GIVEN_UP: Final = 4
_MOST_FILES: Final = 10_000
# Written by a process that ended before it could name the file, which takes milliseconds.
_LEFT_BEHIND_SECONDS: Final = 60.0
_REPLAY_EVERY_SECONDS: Final = 5.0
_AT_ONCE: Final = 4
_STORED_WITHIN_SECONDS: Final = 30.0
_WRITES_WITHIN_SECONDS: Final = 5.0
_PENDING: Final = TypeAdapter(Pending)
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NoRoomError(OSError):
    """The spool has no room for this network's any more; what is left is for the others."""


class Spool:
    """The folder. What lies in it is sealed, named by a keyed digest, and read by its owner only."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder = folder
        self._vault = vault
        # How much of the reserve each network took, until it is whole again.
        self._taken: Counter[str] = Counter()
        self._has_reserve = False

    def keep(self, pending: Pending, *, network: str = "") -> bool:
        """Put a disclosure by, and onto the disk; says whether that worked. The same again is there already."""
        clinic_id = pending.credentials[0].clinic_id if pending.credentials else None
        if clinic_id is None:
            return False
        try:
            name = self._name_of(pending)
            file = self.folder / f"{clinic_id}.{name}{_ENDING}"
            if file.exists():
                _onto_disk(self.folder)
                return True
            sealed = self._vault.seal(_written(pending), clinic_id=clinic_id, row_id=name, **_CELL)
            self._write(file, sealed, network)
        except Exception as error:  # noqa: BLE001 - the person is answered with help whatever fails here
            structlog.get_logger().error(
                "safety.spool_failed", error_type=type(error).__name__, error_at=where(error)
            )
            return False
        structlog.get_logger().error("safety.spooled", clinic_id=str(clinic_id))
        return True

    def waiting(self) -> list[Path]:
        """List what waits, oldest first."""
        # A name that begins with a dot is of one that is being written.
        return [path for path in self._files(_ENDING) if path.name[0] != "."]

    def set_aside(self) -> list[Path]:
        """List what could be stored for nobody, or could not be read."""
        return self._files(_ASIDE)

    def oldest_seconds(self) -> float:
        """Give for how long the oldest file has been here, whether it waits or was set aside; 0: there is none."""
        now, ages = time.time(), [0.0]
        for path in self.waiting()[:1] + self.set_aside()[:1]:
            with contextlib.suppress(OSError):
                ages.append(now - path.stat().st_mtime)
        return max(ages)

    def room(self) -> int:
        """Give how many more disclosures find room."""
        return len(self._names(_RESERVED)) + self._room_beside_reserve()

    def has_little_room(self) -> bool:
        """Say whether someone should make room: a flood, or a long outage, would use up what is left."""
        return self.room() < _LITTLE_ROOM

    def make_reserve(self) -> None:
        """Make files ahead that a disk which is full cannot refuse: each is overwritten, and takes a new name.

        Out of what is left free only at first and while nothing waits: a flood would have it all, piece by piece.
        """
        there = self._names(_RESERVED)
        if len(there) >= _RESERVED_FILES:
            self._has_reserve = True
            self._taken.clear()
            return
        beside = self._room_beside_reserve() >= _RESERVED_FILES
        if not beside and self._has_reserve and self.waiting():
            return
        self._has_reserve = True
        names = {f"{number}{_RESERVED}" for number in range(_RESERVED_FILES)} - there
        with contextlib.suppress(OSError):
            self._make_folder()
            if beside or _free_bytes(self.folder) > 4 * _RESERVED_FILES * _FILE_BYTES:
                for name in names:
                    _write_new(self.folder / name, bytes(_FILE_BYTES), onto_disk=False)

    def sealed_by(self) -> Counter[bytes]:
        """Count the files by the id of the key that sealed them."""
        counted: Counter[bytes] = Counter()
        for path in self.waiting() + self.set_aside():
            with contextlib.suppress(OSError):
                counted[path.read_bytes()[len(FORMAT) : len(FORMAT) + KEY_ID_BYTES]] += 1
        return counted

    def open(self, path: Path) -> Pending:
        """Open a file of the spool.

        Raises:
            CannotOpenError: another key sealed it, or it is not whole.
            ValueError: it is none that this program wrote.
        """
        clinic_id, name, _ = path.name.split(".")
        sealed = path.read_bytes()
        return _read(self._vault.open(sealed, clinic_id=UUID(clinic_id), row_id=UUID(name), **_CELL))

    def remove(self, path: Path) -> None:
        """Let a file go: all that it discloses is stored, and that is permanent."""
        path.unlink(missing_ok=True)

    def put_aside(self, path: Path, *, outcome: str) -> None:
        """Keep a file that cannot be stored from being tried again and again, and say so."""
        structlog.get_logger().error(
            "safety.set_aside", clinic_id=path.name.partition(".")[0], outcome=outcome
        )
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(_ASIDE))

    def bring_back(self) -> None:
        """Have tried again what was set aside, such as after another key or database, or was never named."""
        left_behind = [path for path in self._files(_ENDING) if path.name[0] == "."]
        for path in left_behind + self.set_aside():
            with contextlib.suppress(OSError):
                if path.suffix == _ASIDE or time.time() - path.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                    named = path.with_suffix(_ENDING).name.removeprefix(".").rpartition("~")[2]
                    path.rename(self.folder / named)

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Say whether it is this process's turn to replay; nobody else's it is then until the end of the block.

        On a volume without locks it is everybody's: what two store at once is one event all the same.
        """
        try:
            handle = os.open(self.folder / _TURN, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield True
            return
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError:
                pass  # see above
            yield True
        finally:
            os.close(handle)

    def _name_of(self, pending: Pending) -> UUID:
        """Name what is said by whom, without when it came or how it was answered: said again it is one file."""
        said = _written(replace(pending, received_at=_EVER, language=""))
        return UUID(bytes=self._vault.digest(b"spool", said.encode())[:16])

    def _files(self, ending: str) -> list[Path]:
        """List the files with this ending, those that are there for longest first."""
        found = []
        for name in self._names(ending):
            with contextlib.suppress(OSError):
                found.append(((self.folder / name).stat().st_mtime_ns, name))
        return [self.folder / name for _, name in sorted(found)]

    def _names(self, ending: str) -> set[str]:
        """Name the files with this ending: that is enough of the reserve, and ordering it takes long."""
        found = set[str]()
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            found.update(one.name for one in entries if one.name.endswith(ending))
        return found

    def _room_beside_reserve(self) -> int:
        where = next(one for one in (self.folder, *self.folder.parents) if one.is_dir())
        volume = os.statvfs(where)
        left_free = min(_LEFT_FREE_BYTES, volume.f_blocks * volume.f_frsize // _LEFT_FREE_PART)
        files = max(0, volume.f_bavail * volume.f_frsize - left_free) // _FILE_BYTES
        # Some count no files.
        return min(files, volume.f_favail) if volume.f_files else files

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Where this account may not list what stands beside it, the folder's name waits for the disk's own time.
            with contextlib.suppress(OSError):
                _onto_disk(self.folder.parent)

    def _write(self, file: Path, sealed: bytes, network: str) -> None:
        self._make_folder()
        # Two may write the same at once: what is not named yet is each one's own.
        unnamed = self.folder / f".{new_id()}~{file.name}"
        try:
            if self._room_beside_reserve() * _FILE_BYTES < len(sealed):
                raise NoRoomError
            _write_new(unnamed, sealed)
        except OSError as error:
            if not isinstance(error, NoRoomError) and error.errno not in _FULL:
                raise
            self._write_into_reserve(unnamed, sealed, network)
        self._give_way(lambda: unnamed.rename(file))
        _onto_disk(self.folder)

    def _write_into_reserve(self, unnamed: Path, sealed: bytes, network: str) -> None:
        reserve = self._files(_RESERVED)
        needed = -(-len(sealed) // _FILE_BYTES)
        if self._taken[network] + needed > len(reserve):
            raise NoRoomError
        self._taken[network] += needed
        if needed == 1:
            for one in reserve:
                # Gone: another process took it.
                with contextlib.suppress(FileNotFoundError):
                    self._give_way(partial(one.rename, unnamed))
                    _overwrite(unnamed, sealed)
                    return
            raise NoRoomError
        for one in reserve[:needed]:
            one.unlink(missing_ok=True)
        self._give_way(lambda: _write_new(unnamed, sealed))

    def _give_way(self, do: Callable[[], object]) -> None:
        """Do something in the folder; where a full disk refuses, such as a new name, give up a reserved file."""
        for left in reversed(range(_MOST_GIVEN_UP + 1)):
            try:
                do()
            except OSError as error:
                reserve = self._files(_RESERVED)
                if error.errno not in _FULL or not reserve or not left:
                    raise
                reserve[-1].unlink(missing_ok=True)
                # Some disks have its place for others only then.
                _onto_disk(self.folder)
            else:
                return


def _write_new(path: Path, content: bytes, *, onto_disk: bool = True) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if onto_disk:
                os.fsync(file.fileno())
    except OSError:
        # Half of it would only take room on a disk that is full.
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _overwrite(path: Path, content: bytes) -> None:
    try:
        with path.open("r+b") as file:
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _free_bytes(folder: Path) -> int:
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize


def _written(pending: Pending) -> str:
    # Digests are bytes, which JSON has not.
    tokens = [[one.kind.value, str(one.clinic_id), one.digest.hex()] for one in pending.credentials]
    rest = _PENDING.dump_python(replace(pending, credentials=()), mode="json")
    return json.dumps([tokens, rest])


def _read(text: str) -> Pending:
    tokens, rest = json.loads(text)
    credentials = tuple(
        TokenReference(TokenKind(kind), UUID(clinic_id), bytes.fromhex(digest))
        for kind, clinic_id, digest in tokens
    )
    return replace(_PENDING.validate_json(json.dumps(rest)), credentials=credentials)


async def replay(context: AppContext, spool: Spool) -> int:
    """Store what waits in the spool; each disclosure is one event however often this is tried. Gives how many were.

    One process at a time replays a folder: the oldest first, some senders' at once, each sender's one by one.
    """
    waiting = (await asyncio.to_thread(spool.waiting))[:_MOST_FILES]
    if not waiting:
        return 0
    with spool.turn() as is_ours:
        # While nothing is taken, nothing is tried: each would be a failure in the log.
        if not is_ours or not await _takes_writes(context):
            return 0
        return await _Replay(context, spool).store(await asyncio.to_thread(_by_sender, spool, waiting))


_Sender = tuple[TokenReference, ...]


def _by_sender(spool: Spool, paths: Sequence[Path]) -> dict[_Sender, deque[tuple[Path, Pending]]]:
    """Open the files; what cannot be read is set aside."""
    found: dict[_Sender, deque[tuple[Path, Pending]]] = {}
    for path in paths:
        # Gone: stored by a process that takes no turns.
        with contextlib.suppress(FileNotFoundError):
            try:
                pending = spool.open(path)
            except (CannotOpenError, ValueError, TypeError):
                spool.put_aside(path, outcome="not_readable")
            except OSError as error:
                _log_failure(path, error)
            else:
                found.setdefault(pending.credentials, deque()).append((path, pending))
    return found


class _Replay:
    """One look through the folder."""

    def __init__(self, context: AppContext, spool: Spool) -> None:
        self._context, self._spool = context, spool
        self._stored = 0
        self._over = False

    async def store(self, senders: dict[_Sender, deque[tuple[Path, Pending]]]) -> int:
        """Store what was opened; gives how many files were."""
        waiting = iter(senders.values())
        await asyncio.gather(*(self._store_of_each(waiting) for _ in range(_AT_ONCE)))
        return self._stored

    async def _store_of_each(self, senders: Iterator[deque[tuple[Path, Pending]]]) -> None:
        for files in senders:
            while files and not self._over and await self._store(*files.popleft()):
                pass

    async def _store(self, path: Path, pending: Pending) -> bool:
        """Store one file's; False: what else this sender disclosed waits for the next look, too.

        Whatever holds one back, such as a row that is locked, would hold back the others of the sender.
        """
        try:
            outcome = await _reported(self._context, pending)
            if outcome.unplaced:
                self._spool.put_aside(path, outcome="nobody_found")
            else:
                self._spool.remove(path)
        except Exception as error:  # noqa: BLE001 - one that cannot be stored keeps no other from it
            _log_failure(path, error)
            self._over = self._over or not await _takes_writes(self._context)
            return False
        self._stored += not outcome.unplaced
        return True


async def _reported(context: AppContext, pending: Pending) -> Outcome:
    # In a separate task: a database that hangs may keep even giving up from ending.
    reporting = asyncio.create_task(report_pending(context, pending))
    try:
        done, _ = await asyncio.wait({reporting}, timeout=_STORED_WITHIN_SECONDS)
    finally:
        reporting.cancel()
    if not done:
        raise TimeoutError
    return reporting.result()


async def _takes_writes(context: AppContext) -> bool:
    try:
        async with asyncio.timeout(_WRITES_WITHIN_SECONDS):
            await database_takes_writes(context.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        return False
    return True


def _log_failure(path: Path, error: Exception) -> None:
    structlog.get_logger().error(
        "safety.replay_failed",
        clinic_id=path.name.partition(".")[0],
        error_type=type(error).__name__,
        error_at=where(error),
    )


async def replay_now_and_then(context: AppContext, spool: Spool) -> None:
    """Replay what was put by in this folder, beside everything else: processes on other machines have others."""
    await asyncio.to_thread(spool.bring_back)
    while True:
        try:
            await asyncio.to_thread(spool.make_reserve)
            await replay(context, spool)
        except Exception as error:  # noqa: BLE001 - the next look comes anyway, and must
            structlog.get_logger().error(
                "safety.replay_failed", error_type=type(error).__name__, error_at=where(error)
            )
        await asyncio.sleep(_REPLAY_EVERY_SECONDS)


def _onto_disk(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
