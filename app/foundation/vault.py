"""Sealing of contact data and free text, blind indexes for look-up, keyed digests for comparing."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_ID_BYTES = 4
# First byte of everything sealed. It may never change its meaning: old rows are read by it.
_FORMAT = b"\x01"


class KeyFileError(Exception):
    """The encryption key cannot be read: it must be 32 bytes in base64, in a file only its owner can read."""


class CannotOpenError(Exception):
    """Sealed data does not open: another key sealed it, or it was moved to another row, or it was changed."""


class Vault:
    """Everything that needs the key. Purposes never share a key: each is derived by its own name."""

    def __init__(self, key: bytes) -> None:
        self._sealing = AESGCM(_derive(key, b"seal"))
        self._index_key = _derive(key, b"blind index")
        self._digest_key = _derive(key, b"digest")
        self._chain_key = _derive(key, b"audit chain")
        # 16 bytes more than the curve's scalars have, so that taking it modulo the order favours none of them.
        self.push_seed = _derive(key, b"web push", length=48)
        self._key_id = hashlib.sha256(b"key id" + key).digest()[:_KEY_ID_BYTES]

    def seal(self, text: str, *, table: str, column: str, clinic_id: UUID, row_id: UUID) -> bytes:
        """Encrypt a text for one cell: the cell's address is bound in, so that it opens nowhere else."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._sealing.encrypt(nonce, text.encode(), _address(table, column, clinic_id, row_id))
        return _FORMAT + self._key_id + nonce + sealed

    def open(self, sealed: bytes, *, table: str, column: str, clinic_id: UUID, row_id: UUID) -> str:
        """Decrypt one cell.

        Raises:
            CannotOpenError: wrong key, wrong cell, or changed bytes.
        """
        head = len(_FORMAT) + _KEY_ID_BYTES
        if sealed[:head] != _FORMAT + self._key_id:
            raise CannotOpenError(CannotOpenError.__doc__)
        nonce, body = sealed[head : head + _NONCE_BYTES], sealed[head + _NONCE_BYTES :]
        try:
            return self._sealing.decrypt(nonce, body, _address(table, column, clinic_id, row_id)).decode()
        except (InvalidTag, ValueError):  # changed bytes; too few of them
            raise CannotOpenError(CannotOpenError.__doc__) from None

    def blind_index(self, text: str, *, purpose: str, clinic_id: UUID) -> bytes:
        """Give a keyed fingerprint to look a sealed value up by; equal only within one purpose and clinic."""
        return _mac(self._index_key, purpose.encode(), clinic_id.bytes, text.encode())

    def digest(self, *parts: bytes) -> bytes:
        """Give a keyed fingerprint (32 bytes) of some bytes, for telling same from other."""
        return _mac(self._digest_key, *parts)

    def link(self, previous: bytes, *parts: bytes) -> bytes:
        """Give the next link (32 bytes) of a chain: it vouches for these bytes and for all links before it."""
        return _mac(self._chain_key, previous, *parts)


def new_key_text() -> str:
    """Make a fresh key as it is written in a file or an environment variable (base64 of 32 bytes)."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """Read a key as ``new_key_text`` writes it.

    Raises:
        KeyFileError: it is not base64, or not 32 bytes.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:  # which binascii.Error is, too
        raise KeyFileError(KeyFileError.__doc__) from None
    if len(key) != KEY_BYTES:
        raise KeyFileError(KeyFileError.__doc__)
    return key


def load_or_make_key_file(path: Path) -> tuple[bytes, bool]:
    """Read the key file, making it (0600) where there is none; the flag says that it was made just now.

    Two processes that start at once agree on one key: the file appears under its name only when whole.
    """
    if not path.exists():
        scratch = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(scratch, path)
            made = True
        except FileExistsError:
            made = False
        finally:
            scratch.unlink()
        return parse_key(path.read_text(errors="replace")), made
    if path.stat().st_mode & 0o077:
        raise KeyFileError(KeyFileError.__doc__)
    return parse_key(path.read_text(errors="replace")), False


def _derive(key: bytes, purpose: bytes, *, length: int = KEY_BYTES) -> bytes:
    label = b"afterglow " + purpose
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=label).derive(key)


def _address(table: str, column: str, clinic_id: UUID, row_id: UUID) -> bytes:
    return f"{table}.{column}.{clinic_id}.{row_id}".encode()


def _mac(key: bytes, *parts: bytes) -> bytes:
    # Lengths are part of what is hashed, or ("ab", "c") and ("a", "bc") would be the same.
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(key, framed, hashlib.sha256).digest()
