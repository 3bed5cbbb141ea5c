"""A long stream sealed piece by piece, such as a backup: none can be changed, swapped or left out, nor the end cut.

Each file has its own key, derived from one of the encryption keys; the file names which. A piece's nonce is its
number and whether it is the last one.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.foundation.errors import OperatorError
from app.foundation.keyset import KEY_ID_BYTES, Keyset, derive

MAGIC: Final = b"afterglow sealed stream 1\n"
_SALT_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_MOST_BYTES: Final = 1 << 21


class SealedStreamError(OperatorError):
    """The file was cut short or changed, or another encryption key sealed it."""


class UnknownSealingKeyError(SealedStreamError):
    """The encryption key that sealed this file is not among those given; give the one of when it was made."""


class StreamSealer:
    """Writes a stream's pieces (each 2 MiB at most) as they come, sealed with the active key."""

    def __init__(self, target: IO[bytes], keyset: Keyset) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        target.write(MAGIC + keyset.active + salt)
        self._sealing, self._target = _sealing(keyset.keys[keyset.active], salt), target
        self._before, self._number = b"", 0

    def write(self, piece: bytes) -> None:
        """Add a piece; the one before it is written now, for it was not the last."""
        if self._before:
            self._seal(last=False)
            self._number += 1
        self._before = piece

    def finish(self) -> None:
        """Write the last piece."""
        self._seal(last=True)

    def _seal(self, *, last: bool) -> None:
        sealed = self._sealing.encrypt(_nonce(self._number, last=last), self._before, None)
        _write(self._target, sealed)


def seal_stream(pieces: Iterable[bytes], target: IO[bytes], keyset: Keyset) -> None:
    """Write pieces (each 2 MiB at most) sealed with the active key."""
    sealer = StreamSealer(target, keyset)
    for piece in pieces:
        sealer.write(piece)
    sealer.finish()


def is_sealed(source: IO[bytes]) -> bool:
    """Say whether a file is such a stream, and go back to its beginning."""
    found = source.read(len(MAGIC)) == MAGIC
    source.seek(0)
    return found


def open_stream(source: IO[bytes], keyset: Keyset) -> Iterator[bytes]:
    """Give the pieces again, each only when it is proved to be the one that was written there.

    Raises:
        SealedStreamError: the file was cut or changed; what was given until then is right, and not all.
        UnknownSealingKeyError: the key is not at hand.
    """
    head = source.read(len(MAGIC) + KEY_ID_BYTES + _SALT_BYTES)
    name, salt = head[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES], head[len(MAGIC) + KEY_ID_BYTES :]
    if head[: len(MAGIC)] != MAGIC or len(salt) != _SALT_BYTES:
        raise SealedStreamError(SealedStreamError.__doc__)
    if name not in keyset.keys:
        raise UnknownSealingKeyError(UnknownSealingKeyError.__doc__)
    sealing, number, piece = _sealing(keyset.keys[name], salt), 0, _read(source)
    while piece:
        following = _read(source)
        try:
            yield sealing.decrypt(_nonce(number, last=not following), piece, None)
        except InvalidTag:
            raise SealedStreamError(SealedStreamError.__doc__) from None
        piece, number = following, number + 1
    if number == 0:
        raise SealedStreamError(SealedStreamError.__doc__)


def _sealing(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(derive(key, b"sealed stream " + salt))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _write(target: IO[bytes], sealed: bytes) -> None:
    target.write(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)


def _read(source: IO[bytes]) -> bytes:
    length = int.from_bytes(source.read(_LENGTH_BYTES), "big")
    if length > _MOST_BYTES + 16:
        raise SealedStreamError(SealedStreamError.__doc__)
    sealed = source.read(length)
    if len(sealed) != length:
        raise SealedStreamError(SealedStreamError.__doc__)
    return sealed
