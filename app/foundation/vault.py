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
# The same for what is sealed with a patient's own key.
_PATIENTS_FORMAT = b"\x02"


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
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + self._key_id + nonce + self._sealing.encrypt(nonce, content, address)

    def _opened(self, sealed: bytes, address: bytes) -> bytes:
        head = len(_FORMAT) + _KEY_ID_BYTES
        if sealed[:head] != _FORMAT + self._key_id:
            raise CannotOpenError(CannotOpenError.__doc__)
        return _decrypted(self._sealing, sealed[head:], address)

    def blind_index(self, text: str, *, purpose: str, clinic_id: UUID) -> bytes:
        """Give a keyed fingerprint to look a sealed value up by; equal only within one purpose and clinic."""
        return _mac(self._index_key, purpose.encode(), clinic_id.bytes, text.encode())

    def digest(self, *parts: bytes) -> bytes:
        """Give a keyed fingerprint (32 bytes) of some bytes, for telling same from other."""
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
