"""A stream that is sealed piece by piece opens whole or not at all: every change to the file is seen."""

import io
import secrets

import pytest

from app.foundation.keyset import Keyset
from app.foundation.sealed_stream import (
    MAGIC,
    SealedStreamError,
    UnknownSealingKeyError,
    is_sealed,
    open_stream,
    seal_stream,
)

KEYS = Keyset.of_one(bytes(range(32)))
PIECES = [secrets.token_bytes(1000), b"x" * 17, secrets.token_bytes(70_000)]


def sealed(pieces: list[bytes]) -> bytes:
    target = io.BytesIO()
    seal_stream(pieces, target, KEYS)
    return target.getvalue()


@pytest.mark.parametrize("pieces", [PIECES, PIECES[:1], []])
def test_what_was_sealed_opens_as_it_was(pieces: list[bytes]) -> None:
    file = io.BytesIO(sealed(pieces))
    assert is_sealed(file)
    assert b"".join(open_stream(file, KEYS)) == b"".join(pieces)
    assert b"x" * 17 not in file.getvalue()


def test_the_same_twice_is_two_different_files() -> None:
    assert sealed(PIECES) != sealed(PIECES)


def test_a_file_that_was_cut_anywhere_is_refused() -> None:
    whole = sealed(PIECES)
    first = len(MAGIC) + 20 + 4 + 1000 + 16
    for length in (0, 10, len(MAGIC) + 8, first, first + 2, first + 4 + 17 + 16, len(whole) - 1):
        with pytest.raises(SealedStreamError):
            list(open_stream(io.BytesIO(whole[:length]), KEYS))


def test_a_changed_swapped_or_added_piece_is_refused() -> None:
    whole = bytearray(sealed(PIECES))
    for place in (len(MAGIC) + 6, len(MAGIC) + 30, len(whole) - 5):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(SealedStreamError):
            list(open_stream(io.BytesIO(bytes(changed)), KEYS))
    with pytest.raises(SealedStreamError):
        list(open_stream(io.BytesIO(bytes(whole) + b"\0\0\0\x14" + bytes(20)), KEYS))
    same = [bytes(100), bytes(100), bytes(100)]
    other, head = sealed(same), len(MAGIC) + 20
    swapped = other[:head] + other[head + 120 : head + 240] + other[head : head + 120] + other[head + 240 :]
    with pytest.raises(SealedStreamError):
        list(open_stream(io.BytesIO(swapped), KEYS))


def test_a_key_that_is_not_at_hand_is_named_and_an_older_one_still_opens() -> None:
    whole = sealed(PIECES)
    with pytest.raises(UnknownSealingKeyError, match="is not among those given"):
        list(open_stream(io.BytesIO(whole), Keyset.of_one(bytes(32))))
    assert b"".join(open_stream(io.BytesIO(whole), KEYS.rotated())) == b"".join(PIECES)
