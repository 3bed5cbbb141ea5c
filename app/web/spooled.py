"""A long reply that is written to a file first, so that nothing in the database waits for whoever reads it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

from app.foundation.errors import RefusalError, RefusalKind

_PIECE_BYTES: Final = 1 << 20


class NoRoomForFileError(RefusalError):
    """There is no room for this file on the server, and nothing was made; please have the operator free some."""

    kind = RefusalKind.UNAVAILABLE
    code = "no-room-for-file"


async def written(lines: AsyncIterator[bytes]) -> BinaryIO:
    """Write lines to a file without a name, which only this process can read, and which ends with it.

    Raises:
        NoRoomForFileError: there is no folder for it, or the disk takes no more; nothing stays behind.
    """
    with _room_needed():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    piece = bytearray()
    try:
        async for line in lines:
            piece += line
            if len(piece) >= _PIECE_BYTES:
                with _room_needed():
                    await asyncio.to_thread(file.write, bytes(piece))
                piece.clear()
        with _room_needed():
            await asyncio.to_thread(file.write, bytes(piece))
            await asyncio.to_thread(file.flush)
    except BaseException:
        with suppress(OSError):  # what did not fit is tried once more
            file.close()
        raise
    return file


@contextmanager
def _room_needed() -> Iterator[None]:
    """Only the file's own errors say so: whoever makes the lines has others, such as the database's."""
    try:
        yield
    except OSError as error:
        raise NoRoomForFileError from error


def read_through(file: BinaryIO) -> Iterator[bytes]:
    """Give a written file from its beginning, and close it at the end."""
    with file:
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece
