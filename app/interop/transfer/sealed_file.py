"""The file that travels, and the receipt that comes back.

The file is one line of JSON that says what it is, then the packed archive, encrypted with a key that is derived from
the passphrase. From the same key comes the one that signs the receipt: only whoever opened the file can make it.
"""

import hashlib
import hmac
import json
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.care.patients.enrolment import ALPHABET, READ_AS
from app.foundation.errors import RefusalError
from app.foundation.text import read_code
from app.foundation.tokens import base64url, from_base64url
from app.interop.archive.archive_file import ArchiveDamagedError

FORMAT: Final = "afterglow-transfer"
VERSION: Final = 1
RECEIPT: Final = "afterglow-receipt"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
# 120 random bits, in groups that can be read out on the telephone.
_LETTERS: Final = 24
_GROUP: Final = 4
_LONGEST_HEAD: Final = 2000
# What a file may unpack to: some decades of daily reports, and never all of the memory.
_MOST_UNPACKED: Final = 200_000_000


class NotATransferError(RefusalError):
    """This file is not a patient's transfer from Afterglow, or a later version made it."""

    code = "not-a-transfer"


class PassphraseWrongError(RefusalError):
    """This passphrase does not open this file; please ask the clinic that sent it."""

    code = "passphrase-wrong"


class ReceiptNotValidError(RefusalError):
    """This is not the receipt of this transfer; please copy all of it, as the receiving clinic has it."""

    code = "receipt-not-valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferHead:
    """What a file says of itself, bound to what it holds."""

    transfer_id: UUID
    clinic_id: UUID
    made_at: datetime
    salt: bytes
    nonce: bytes
    check: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """A file that the passphrase opened: the lines of the archive, and the key that signs the receipt."""

    head: TransferHead
    lines: list[bytes]
    sha256: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the receiving clinic confirms: which file it imported, and when."""

    transfer_id: UUID
    clinic_id: UUID
    sha256: str
    file_made_at: datetime
    imported_at: datetime


def new_passphrase() -> str:
    """Make a passphrase, such as 7K2M-9QF4-XB3T-…"""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(_LETTERS))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))


def new_salt() -> bytes:
    """Make what a passphrase is derived with."""
    return secrets.token_bytes(_KEY_BYTES)


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """Derive the key (32 bytes) from a passphrase as people type it; takes a moment on purpose."""
    letters = read_code(passphrase).translate(READ_AS)
    return Scrypt(salt=salt, length=_KEY_BYTES, n=2**14, r=8, p=1).derive(letters.encode())


def receipt_key(key: bytes) -> bytes:
    """Give the public key (32 bytes) that the receipt is verified with."""
    return _signer(key).public_key().public_bytes_raw()


def seal_file(
    lines: list[bytes], key: bytes, *, salt: bytes, transfer_id: UUID, clinic_id: UUID, made_at: datetime
) -> bytes:
    """Pack and encrypt the lines of an archive."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    said = {
        "format": FORMAT,
        "version": VERSION,
        "transfer_id": str(transfer_id),
        "clinic_id": str(clinic_id),
        "made_at": made_at.isoformat(),
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "check": _check(key).hex(),
    }
    head = json.dumps(said).encode() + b"\n"
    return head + AESGCM(_derived(key, b"file")).encrypt(nonce, zlib.compress(b"".join(lines)), head)


def read_head(content: bytes) -> TransferHead:
    """Read what a file says of itself, before anything shows that it is true.

    Raises:
        NotATransferError: it is no such file.
    """
    try:
        said = json.loads(content[:_LONGEST_HEAD].partition(b"\n")[0])
        if (said["format"], said["version"]) != (FORMAT, VERSION):
            raise NotATransferError
        return TransferHead(
            transfer_id=UUID(said["transfer_id"]),
            clinic_id=UUID(said["clinic_id"]),
            made_at=datetime.fromisoformat(said["made_at"]),
            **{name: bytes.fromhex(said[name]) for name in ("salt", "nonce", "check")},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotATransferError from None


def open_file(content: bytes, passphrase: str) -> OpenedFile:
    """Decrypt and unpack a file.

    Raises:
        NotATransferError: it is no such file.
        PassphraseWrongError: the passphrase is another one.
        ArchiveDamagedError: something of it was changed or is missing.
    """
    head, line = read_head(content), content.partition(b"\n")[0] + b"\n"
    key = derive_key(passphrase, head.salt)
    if not hmac.compare_digest(head.check, _check(key)):
        raise PassphraseWrongError("#/passphrase")
    try:
        packed = AESGCM(_derived(key, b"file")).decrypt(head.nonce, content[len(line) :], line)
        unpacking = zlib.decompressobj()
        archive = unpacking.decompress(packed, _MOST_UNPACKED)
    except (InvalidTag, ValueError, zlib.error):
        raise ArchiveDamagedError from None
    if not unpacking.eof:
        raise ArchiveDamagedError
    return OpenedFile(
        head=head,
        lines=archive.splitlines(keepends=True),
        sha256=hashlib.sha256(content).hexdigest(),
        key=key,
    )


def sign_receipt(opened: OpenedFile, *, clinic_id: UUID, imported_at: datetime) -> str:
    """Make the receipt of a file that was imported: one line of text, to be sent back."""
    said = {
        "transfer_id": str(opened.head.transfer_id),
        "clinic_id": str(clinic_id),
        "sha256": opened.sha256,
        "file_made_at": opened.head.made_at.isoformat(),
        "imported_at": imported_at.isoformat(),
    }
    content = json.dumps(said).encode()
    return f"{RECEIPT}.{base64url(content)}.{base64url(_signer(opened.key).sign(content))}"


def read_receipt(text: str, public_key: bytes) -> Receipt:
    """Read a receipt, and verify who signed it; line breaks from a mail do no harm.

    Raises:
        ReceiptNotValidError: it is none, or another transfer's, or was changed.
    """
    try:
        name, content, signature = "".join(text.split()).split(".")
        signed = from_base64url(content)
        Ed25519PublicKey.from_public_bytes(public_key).verify(from_base64url(signature), signed)
        said: dict[str, Any] = json.loads(signed)
        if name != RECEIPT:
            raise ReceiptNotValidError("#/receipt")
        return Receipt(
            transfer_id=UUID(said["transfer_id"]),
            clinic_id=UUID(said["clinic_id"]),
            sha256=said["sha256"],
            file_made_at=datetime.fromisoformat(said["file_made_at"]),
            imported_at=datetime.fromisoformat(said["imported_at"]),
        )
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise ReceiptNotValidError("#/receipt") from None


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"afterglow transfer " + purpose).derive(key)


def _signer(key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derived(key, b"receipt"))


def _check(key: bytes) -> bytes:
    """Say which key it is without saying anything of it: a wrong passphrase is then no damaged file."""
    return _derived(key, b"check")
