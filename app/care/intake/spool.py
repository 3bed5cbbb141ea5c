"""Disclosures that cannot be stored just now: sealed files in a folder, which a worker stores later, each once."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from app.care.intake.reporting import Pending, report_pending
from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.logs import where
from app.foundation.tokens import TokenKind, TokenReference
from app.foundation.vault import Vault

_CELL: Final = {"table": "spool", "column": "disclosure"}
_ENDING: Final = ".disclosure"
_MOST_FILES: Final = 10_000
_REPLAY_EVERY_SECONDS: Final = 10.0
_PENDING: Final = TypeAdapter(Pending)


class Spool:
    """The folder. What lies in it is sealed, named by a random id, and read by its owner only."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder = folder
        self._vault = vault

    def keep(self, pending: Pending) -> bool:
        """Put a disclosure by, and onto the disk; says whether that worked."""
        clinic_id, name = pending.credentials[0].clinic_id if pending.credentials else None, new_id()
        if clinic_id is None:
            return False
        try:
            sealed = self._vault.seal(_written(pending), clinic_id=clinic_id, row_id=name, **_CELL)
            self._write(f"{clinic_id}.{name}{_ENDING}", sealed)
        except Exception as error:  # noqa: BLE001 - the person is answered with help whatever fails here
            structlog.get_logger().error(
                "safety.spool_failed", error_type=type(error).__name__, error_at=where(error)
            )
            return False
        structlog.get_logger().error("safety.spooled", clinic_id=str(clinic_id))
        return True

    def waiting(self) -> list[Path]:
        """List what waits, oldest first; ids are made in the order of time."""
        try:
            # A name that begins with a dot is of one that is being written.
            found = [path for path in self.folder.iterdir() if path.suffix == _ENDING and path.name[0] != "."]
        except OSError:
            return []
        return sorted(found, key=lambda path: path.name.partition(".")[2])[:_MOST_FILES]

    def open(self, path: Path) -> Pending:
        """Open a file of the spool."""
        clinic_id, name, _ = path.name.split(".")
        sealed = path.read_bytes()
        return _read(self._vault.open(sealed, clinic_id=UUID(clinic_id), row_id=UUID(name), **_CELL))

    def _write(self, name: str, sealed: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = self.folder / f".{name}"
        handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(self.folder / name)
        with _open_folder(self.folder) as folder:
            os.fsync(folder)


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

    A file goes only once its event is stored; one whose patient is not there any more goes too.
    """
    stored = 0
    for path in spool.waiting():
        try:
            await report_pending(context, spool.open(path))
        except FileNotFoundError:
            continue  # another worker was there first
        except Exception as error:  # noqa: BLE001 - one that cannot be stored keeps no other from it
            structlog.get_logger().error(
                "safety.replay_failed", error_type=type(error).__name__, error_at=where(error)
            )
            continue
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        stored += 1
    return stored


async def replay_now_and_then(context: AppContext, spool: Spool) -> None:
    """Replay what this process put by: the worker may be on another machine, and see another folder."""
    while True:
        await asyncio.sleep(_REPLAY_EVERY_SECONDS)
        await replay(context, spool)


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
