"""The encryption keys: several at a time, one of them active, so that one can be replaced without stopping.

A keyset's text is one key in base64, as at first, or a JSON document once keys were rotated. What is looked up
or compared (blind indexes, digests, the audit log's chain, push keys) stays with the key that it began with: those
values stand in the database and are never decrypted, so that only what is sealed moves to a new key.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.foundation.errors import OperatorError

KEY_BYTES = 32
KEY_ID_BYTES: Final = 4
# Never a sealing key's purpose; each with how many bytes it takes. 16 bytes more than the push curve's scalars have,
# so that taking it modulo the order favors none of them.
LOOKUP_PURPOSES: Final[Mapping[str, int]] = {
    "blind index": KEY_BYTES,
    "digest": KEY_BYTES,
    "audit chain": KEY_BYTES,
    "web push": 48,
}


class KeyFileError(OperatorError):
    """The encryption key cannot be read: it must be 32 bytes in base64, in a file only its owner can read."""


class KeyInUseError(OperatorError):
    """The active key cannot be retired, and no key that still seals something."""


class KeyWrapping(Protocol):
    """What a key management service does for the keys at rest: these two functions, and nothing else is asked.

    The one that comes with Afterglow keeps keys as they are, in a file that only its owner can read.
    """

    def wrap(self, key: bytes) -> bytes:
        """Give a key as it may be stored."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Give the key back."""


class PlainKeys:
    """Keeps keys as they are."""

    def wrap(self, key: bytes) -> bytes:
        """Give the key itself."""
        return key

    def unwrap(self, wrapped: bytes) -> bytes:
        """Give the key itself."""
        return wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """The keys by their ids, which of them seals, and the keys for looking up; see the module."""

    active: bytes
    keys: Mapping[bytes, bytes] = field(repr=False)
    lookups: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def of_one(cls, key: bytes) -> "Keyset":
        """Make the keyset of a single key, as every installation begins."""
        lookups = {
            name: derive(key, name.encode(), length=length) for name, length in LOOKUP_PURPOSES.items()
        }
        return cls(active=key_id(key), keys={key_id(key): key}, lookups=lookups)

    def rotated(self) -> "Keyset":
        """Add a new key and make it the active one; what the others sealed still opens."""
        new = secrets.token_bytes(KEY_BYTES)
        return replace(self, active=key_id(new), keys={**self.keys, key_id(new): new})

    def without(self, *retired: bytes) -> "Keyset":
        """Take keys away that seal nothing any more.

        Raises:
            KeyInUseError: the active one is among them.
        """
        if self.active in retired:
            raise KeyInUseError(KeyInUseError.__doc__)
        return replace(self, keys={name: key for name, key in self.keys.items() if name not in retired})


def key_id(key: bytes) -> bytes:
    """Give what a key is known by; it says nothing of the key."""
    return hashlib.sha256(b"key id" + key).digest()[:KEY_ID_BYTES]


def derive(key: bytes, purpose: bytes, *, length: int = KEY_BYTES) -> bytes:
    """Give the key for one purpose: purposes never share one."""
    label = b"afterglow " + purpose
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=label).derive(key)


def write_keyset(keyset: Keyset, wrapping: KeyWrapping | None = None) -> str:
    """Write a keyset as one line, for a file or an environment variable."""
    wrap = (wrapping or PlainKeys()).wrap
    document = {
        "active": keyset.active.hex(),
        "keys": {name.hex(): _text(wrap(key)) for name, key in keyset.keys.items()},
        "lookups": {name: _text(wrap(key)) for name, key in keyset.lookups.items()},
    }
    return json.dumps(document)


def read_keyset(text: str, wrapping: KeyWrapping | None = None) -> Keyset:
    """Read a keyset, or the single key that every installation begins with.

    Raises:
        KeyFileError: it is neither.
    """
    unwrap = (wrapping or PlainKeys()).unwrap
    try:
        if not text.lstrip().startswith("{"):
            return Keyset.of_one(_key(unwrap(base64.b64decode(text.strip(), validate=True))))
        document = json.loads(text)
        keys = [_key(unwrap(base64.b64decode(one, validate=True))) for one in document["keys"].values()]
        lookups = {
            name: unwrap(base64.b64decode(document["lookups"][name], validate=True))
            for name in LOOKUP_PURPOSES
        }
        active = bytes.fromhex(document["active"])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # ValueError: also binascii.Error, JSONDecodeError
        raise KeyFileError(KeyFileError.__doc__) from None
    found = Keyset(active=active, keys={key_id(key): key for key in keys}, lookups=lookups)
    if active not in found.keys or any(
        len(found.lookups[name]) != length for name, length in LOOKUP_PURPOSES.items()
    ):
        raise KeyFileError(KeyFileError.__doc__)
    return found


def _key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise KeyFileError(KeyFileError.__doc__)
    return key


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
