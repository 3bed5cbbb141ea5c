"""Long replies are written to a file first: whole, or nothing at all."""

import asyncio
import resource
from collections.abc import AsyncIterator

import pytest

from app.web.spooled import NoRoomForFileError, read_through, written

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
