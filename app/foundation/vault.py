"""Sealing of contact data and free text, blind indexes for look-up, keyed digests for comparing."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.foundation.keyset import (
    KEY_BYTES,
    KEY_ID_BYTES,
    KeyFileError,
    Keyset,
    derive,
    key_id,
    read_keyset,
    write_keyset,
)

_NONCE_BYTES = 12
# First byte of everything sealed. It may never change its meaning: old rows are read by it.
FORMAT: Final = b"\x01"
# The same for what is sealed with a patient's own key.
_PATIENTS_FORMAT = b"\x02"


class CannotOpenError(Exception):
    """Sealed data does not open: another key sealed it, or it was moved to another row, or it was changed."""


class Vault:
    """Everything that needs the key. Purposes never share a key: each is derived by its own name."""

    def __init__(self, keys: bytes | Keyset, *, reread: Callable[[], Keyset] | None = None) -> None:
        """Take the keys.

        Args:
            keys: the keyset, or the one key that it begins with.
            reread: reads the keys again, for a cell that a key sealed which was made since this process began.
        """
        keyset = Keyset.of_one(keys) if isinstance(keys, bytes) else keys
        self._reread = reread
        self._take(keyset)
        self._index_key = keyset.lookups["blind index"]
        self._digest_key = keyset.lookups["digest"]
        self.tenant_key = derive(keyset.lookups["digest"], b"tenant proof")
        self._chain_key = keyset.lookups["audit chain"]
        self.push_seed = keyset.lookups["web push"]

    def _take(self, keyset: Keyset) -> None:
        self._keyset = keyset
        self._sealing = {name: AESGCM(derive(key, b"seal")) for name, key in keyset.keys.items()}

    @property
    def active_key(self) -> bytes:
        """The id of the key that seals from now on."""
        return self._keyset.active

    @property
    def chain_key_id(self) -> bytes:
        """What the key of the audit log's chain is known by; rotated keys leave it as it is."""
        return key_id(self._chain_key)

    def resealed(self, sealed: bytes, *, table: str, column: str, clinic_id: UUID, row_id: UUID) -> bytes:
        """Seal a cell again with the active key: a text, or a patient's wrapped key.

        Raises:
            CannotOpenError: wrong key, wrong cell, or changed bytes.
        """
        address = _address(table, column, clinic_id, row_id)
        return self._sealed(self._opened(sealed, address), address)

    def seal(self, text: str, *, table: str, column: str, clinic_id: UUID, row_id: UUID) -> bytes:
        """Encrypt a text for one cell: the cell's address is bound in, so that it opens nowhere else."""
        return self._sealed(text.encode(), _address(table, column, clinic_id, row_id))

    def open(self, sealed: bytes, *, table: str, column: str, clinic_id: UUID, row_id: UUID) -> str:
        """Decrypt one cell.

        Raises:
            CannotOpenError: wrong key, wrong cell, or changed bytes.
        """
        return _decoded(self._opened(sealed, _address(table, column, clinic_id, row_id)))

    def new_patient_key(self, *, clinic_id: UUID, patient_id: UUID) -> bytes:
        """Make a data key for one patient, wrapped by our own: it opens with ours, for this patient only."""
        return self._sealed(secrets.token_bytes(KEY_BYTES), _key_address(clinic_id, patient_id))

    def of_patient(self, wrapped_key: bytes | None, *, clinic_id: UUID, patient_id: UUID) -> "PatientVault":
        """Give what seals and opens the cells about one patient; without a key of theirs, it is our own."""
        return PatientVault(self, wrapped_key, clinic_id=clinic_id, patient_id=patient_id)

    def unwrapped(self, wrapped_key: bytes, *, clinic_id: UUID, patient_id: UUID) -> bytes:
        """Open a patient's data key.

        Raises:
            CannotOpenError: another key wrapped it, or it is another patient's.
        """
        return self._opened(wrapped_key, _key_address(clinic_id, patient_id))

    def _sealed(self, content: bytes, address: bytes) -> bytes:
        nonce, active = secrets.token_bytes(_NONCE_BYTES), self._keyset.active
        return FORMAT + active + nonce + self._sealing[active].encrypt(nonce, content, address)

    def _opened(self, sealed: bytes, address: bytes) -> bytes:
        head = len(FORMAT) + KEY_ID_BYTES
        if sealed[: len(FORMAT)] != FORMAT:
            raise CannotOpenError(CannotOpenError.__doc__)
        return _decrypted(self._key_of(sealed[len(FORMAT) : head]), sealed[head:], address)

    def _key_of(self, name: bytes) -> AESGCM:
        """Give the key of this id; one that is not known may have been made since this process began."""
        if name not in self._sealing and self._reread is not None:
            self._take(self._reread())
        if name not in self._sealing:
            raise CannotOpenError(CannotOpenError.__doc__)
        return self._sealing[name]

    def blind_index(self, text: str, *, purpose: str, clinic_id: UUID) -> bytes:
        """Give a keyed fingerprint to look a sealed value up by; equal only within one purpose and clinic."""
        return _mac(self._index_key, purpose.encode(), clinic_id.bytes, text.encode())

    def digest(self, *parts: bytes) -> bytes:
        """Give a keyed fingerprint (32 bytes) of some bytes, for knowing the same again."""
        return _mac(self._digest_key, *parts)

    def link(self, previous: bytes, *parts: bytes) -> bytes:
        """Give the next link (32 bytes) of a chain: it vouches for these bytes and for all links before it."""
        return _mac(self._chain_key, previous, *parts)


class PatientVault:
    """Seals and opens the cells about one patient with the patient's own key; erasing the key erases them all.

    Cells that were sealed with the vault's key, before the patient had one, open as before.
    """

    def __init__(self, vault: Vault, wrapped_key: bytes | None, *, clinic_id: UUID, patient_id: UUID) -> None:
        self._vault = vault
        self._wrapped_key = wrapped_key
        self._clinic_id = clinic_id
        self._patient_id = patient_id
        self._sealing: AESGCM | None = None

    def seal(self, text: str, *, table: str, column: str, row_id: UUID) -> bytes:
        """Encrypt a text for one cell about the patient."""
        if self._wrapped_key is None:
            return self._vault.seal(
                text, table=table, column=column, clinic_id=self._clinic_id, row_id=row_id
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        address = _address(table, column, self._clinic_id, row_id)
        return _PATIENTS_FORMAT + nonce + self._own().encrypt(nonce, text.encode(), address)

    def open(self, sealed: bytes, *, table: str, column: str, row_id: UUID) -> str:
        """Decrypt one cell about the patient.

        Raises:
            CannotOpenError: wrong key, wrong cell, changed bytes, or the patient's key is gone.
        """
        if sealed[:1] != _PATIENTS_FORMAT:
            return self._vault.open(
                sealed, table=table, column=column, clinic_id=self._clinic_id, row_id=row_id
            )
        address = _address(table, column, self._clinic_id, row_id)
        return _decoded(_decrypted(self._own(), sealed[1:], address))

    def _own(self) -> AESGCM:
        """Unwrap the key when it is first needed: most check-ins hold nothing that is sealed."""
        if self._sealing is None:
            if self._wrapped_key is None:
                raise CannotOpenError(CannotOpenError.__doc__)
            key = self._vault.unwrapped(
                self._wrapped_key, clinic_id=self._clinic_id, patient_id=self._patient_id
            )
            self._sealing = AESGCM(key)
        return self._sealing


def new_key_text() -> str:
    """Make a fresh key as it is written in a file or an environment variable (base64 of 32 bytes)."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def load_or_make_key_file(path: Path) -> tuple[Keyset, bool]:
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
        return read_keyset(path.read_text(errors="replace")), made
    if path.stat().st_mode & 0o077:
        raise KeyFileError(KeyFileError.__doc__)
    return read_keyset(path.read_text(errors="replace")), False


def _address(table: str, column: str, clinic_id: UUID, row_id: UUID) -> bytes:
    return f"{table}.{column}.{clinic_id}.{row_id}".encode()


def replace_key_file(path: Path, keyset: Keyset) -> None:
    """Write a key file again (0600), whole or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(write_keyset(keyset) + "\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _key_address(clinic_id: UUID, patient_id: UUID) -> bytes:
    return _address("patient_keys", "wrapped_key", clinic_id, patient_id)


def _decrypted(sealing: AESGCM, sealed: bytes, address: bytes) -> bytes:
    try:
        return sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], address)
    except (InvalidTag, ValueError):  # changed bytes; too few of them
        raise CannotOpenError(CannotOpenError.__doc__) from None


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except ValueError:  # a key is no text
        raise CannotOpenError(CannotOpenError.__doc__) from None


def _mac(key: bytes, *parts: bytes) -> bytes:
    # Lengths are part of what is hashed, or ("ab", "c") and ("a", "bc") would be the same.
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(key, framed, hashlib.sha256).digest()
