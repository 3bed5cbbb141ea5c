"""Long replies are written to a file first: whole, or nothing at all."""

import asyncio
import resource
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.pages.staff.settings.data import NoRoomForFileError, read_through, written

LINES = [b"line %d\n" % number for number in range(300_000)]


async def lines() -> AsyncIterator[bytes]:
    for line in LINES:
        yield line


def test_what_is_written_is_read_through_once_and_the_file_is_gone() -> None:
    file = asyncio.run(written(lines()))
    assert b"".join(read_through(file)) == b"".join(LINES)
    assert file.closed


def test_a_disk_that_takes_no_more_is_named_and_nothing_stays_open() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # As a full disk does, the system refuses to make the file longer.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        with pytest.raises(NoRoomForFileError):
            asyncio.run(written(lines()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_server_without_a_folder_for_it_is_named_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(NoRoomForFileError):
        asyncio.run(written(lines()))


def test_an_error_of_whoever_makes_the_lines_stays_what_it_is() -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield LINES[0]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(written(broken_off()))
