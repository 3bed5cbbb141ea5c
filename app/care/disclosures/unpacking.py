"""From the bytes of a body to the texts that they may be: unpacked within bounds, in every likely encoding."""

import codecs
import re
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Final

MOST_BYTES: Final = 6 * 1024 * 1024
"""How much of a body is looked at, also after it was unpacked."""
_PACKED_AT_MOST: Final = 3
_GZIP, _EITHER, _RAW = 31, 47, -15
_BOMS: Final = (
    # The longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GZIP_STARTS: Final = b"\x1f\x8b"
_PACKINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
# What a sender may do to the letters of a whole body, and Python's names for it.
_CHARSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")


def media_type_of(content_type: str) -> tuple[str, dict[str, str]]:
    """Take a Content-Type apart: the type in small letters, and its parameters."""
    message = Message()
    message["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    given = message.get_params(failobj=[], header="content-type")
    return message.get_content_type(), {name.lower(): str(value) for name, value in given[1:]}


def unpacked(body: bytes, encodings: str) -> bytes:
    """Undo gzip and deflate, as far as it goes and at most ``MOST_BYTES`` of it.

    Also where the sender did not say that it is packed, or what is broken off.
    """
    named = [one.strip().lower() for one in encodings.split(",") if one.strip()]
    for name in reversed(named[-_PACKED_AT_MOST:]):
        if name in _PACKINGS:
            body = _inflated(body)
    for _ in range(_PACKED_AT_MOST):
        if not body.startswith(_GZIP_STARTS):
            break
        body = _inflated(body)
    return body[:MOST_BYTES]


def texts_of(body: bytes, charset: str = "") -> list[str]:
    """Give the texts that a body may be, the likeliest first."""
    found = dict.fromkeys(_read(body, name) for name in _encodings_of(body, charset))
    return [text for text in found if text.strip()]


def _inflated(body: bytes) -> bytes:
    for window in (_EITHER, _RAW):
        reader = zlib.decompressobj(window)
        read = bytearray()
        left = body
        try:
            while left and len(read) < MOST_BYTES and not reader.eof:
                read += reader.decompress(left, MOST_BYTES - len(read))
                left = reader.unconsumed_tail
        except zlib.error:
            # What came before the damage counts; one that was never packed is read as it is.
            pass
        if read:
            return bytes(read)
    # zlib gives nothing of a first call that fails: in small pieces, what is whole comes out.
    return _inflated_piecewise(body) or body


def _inflated_piecewise(body: bytes) -> bytes:
    reader, read = zlib.decompressobj(_EITHER), bytearray()
    try:
        for at in range(0, len(body), 64):
            read += reader.decompress(body[at : at + 64], MOST_BYTES - len(read) + 1)
            if len(read) >= MOST_BYTES or reader.eof:
                break
    except zlib.error:
        pass
    return bytes(read)


def _encodings_of(body: bytes, charset: str) -> Iterator[str]:
    for mark, name in _BOMS:
        if body.startswith(mark):
            yield name
    if b"\x00" in body:
        yield from _wide_encodings(body)
    if charset and _CHARSET.fullmatch(charset):
        yield charset
    yield "utf-8"


def _wide_encodings(body: bytes) -> Iterator[str]:
    """Where the letters' zeros stand says how wide they are, and which end comes first."""
    start = body[:400]
    zeros = [start[at::4].count(0) for at in range(4)]
    a_quarter = max(1, len(start) // 4)
    if sum(zeros) > 2 * a_quarter:
        yield from ("utf-32-le", "utf-32-be") if zeros[0] < zeros[3] else ("utf-32-be", "utf-32-le")
    even_first = zeros[0] + zeros[2] < zeros[1] + zeros[3]
    yield from ("utf-16-le", "utf-16-be") if even_first else ("utf-16-be", "utf-16-le")
    yield "utf-32-le"
    yield "utf-32-be"


def _read(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding, "replace").lstrip("\ufeff")
    except (LookupError, ValueError):
        # No encoding of that name, or none of bytes.
        return ""
