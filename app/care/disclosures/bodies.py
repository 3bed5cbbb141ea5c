"""From a body to the documents that it may be: JSON, a form, a form in parts, or what is left of one."""

import base64
import binascii
import codecs
import html
import re
import unicodedata
import zlib
from collections.abc import Iterator
from email.message import Message
from quopri import decodestring
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from app.care.disclosures.documents import Document, Pairs, read_broken, read_json
from app.care.disclosures.other_formats import from_base64, read_other, unwrapped

MOST_BYTES: Final = 6 * 1024 * 1024
"""How much of a body is looked at, also after it was unpacked."""
_PACKED_AT_MOST: Final = 6
_MOST_MEMBERS: Final = 50
_EITHER, _RAW = 47, -15
_BOMS: Final = (
    # The longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Which of a text's letters stand in no text, and in how large a share of it they may come by damage.
_SAMPLE: Final = 16 * 1024
_STRANGE: Final = frozenset({"Cc", "Cn", "Co", "Cs"})
_USUAL: Final = "\t\n\r\x00"
_MOST_STRANGE: Final = 0.04
_READABLE: Final = re.compile(r"[\t\n\r\x00 -~]{8,}")
# How gzip and zlib begin.
_PACKED_STARTS: Final = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
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
        if not body.startswith(_PACKED_STARTS):
            break
        body = _inflated(body)
    return body[:MOST_BYTES]


def texts_of(body: bytes, charset: str = "") -> list[str]:
    """Give the texts that a body may be, the likeliest first."""
    found = dict.fromkeys(_legible(_read(body, name)) for name in _encodings_of(body, charset))
    return [text for text in found if text.strip()]


def _legible(text: str) -> str:
    """Of a long text that is none, such as a picture, keep what stands in it to be read."""
    if len(text) <= _SAMPLE:
        return text
    sample = text[:: len(text) // _SAMPLE]
    strange = sum(unicodedata.category(letter) in _STRANGE for letter in sample if letter not in _USUAL)
    return text if strange < len(sample) * _MOST_STRANGE else "\n".join(_READABLE.findall(text))


def _inflated(body: bytes) -> bytes:
    for window in (_EITHER, _RAW):
        reader = zlib.decompressobj(window)
        read = bytearray()
        left, members = body, 1
        try:
            while left and len(read) < MOST_BYTES and members <= _MOST_MEMBERS:
                read += reader.decompress(left, MOST_BYTES - len(read))
                left = reader.unconsumed_tail
                if reader.eof:
                    # Perhaps another member of the same file.
                    members += 1
                    left = reader.unused_data if reader.unused_data.startswith(_PACKED_STARTS) else b""
                    reader = zlib.decompressobj(window)
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


_MOST_FIELDS: Final = 20_000
MOST_IN_A_FIELD: Final = 100_000
_BOUNDARY: Final = re.compile(rb"\A(?:\s*)--([^\r\n]{1,200})\r?\n")
_PART_NAME: Final = re.compile(rb"name\*?\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))", re.IGNORECASE)
_PART_TYPE: Final = re.compile(rb"^content-type\s*:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_PART_ENCODING: Final = re.compile(
    rb"^content-(?P<what>transfer-encoding|encoding)\s*:\s*(?P<how>[^\r\n]+)", re.IGNORECASE | re.MULTILINE
)
_FORM: Final = re.compile(r"[^={}\"\s][^={}\"\n]{0,200}=")
_JSON_STARTS: Final = ("{", "[", '"')
_ENCODED_STARTS: Final = (*_JSON_STARTS, "%7B", "%5B", "%22", "%25")
_CURLED: Final = str.maketrans("“”„«»\uff1a\uff1d", '""""":=')


def documents_of(body: bytes, content_type: str, content_encoding: str, depth: int = 0) -> Iterator[Document]:
    """Give what a body may be, the likeliest first; mostly one."""
    if not content_encoding and (document := read_json_bytes(body)) is not None:
        yield document
        if document.harmless or not isinstance(document.value, str):
            return
    media_type, parameters = media_type_of(content_type) if content_type else ("", {})
    plain_bytes = unpacked(body, content_encoding)
    boundary = _boundary_of(plain_bytes, parameters.get("boundary", ""))
    if boundary is not None and depth < _PACKED_AT_MOST:
        parts = _parts_of(plain_bytes, boundary, parameters.get("charset", ""), depth)
        yield Document(value=parts, whole=True)
        return
    for text in texts_of(plain_bytes, parameters.get("charset", "")):
        is_form = media_type == "application/x-www-form-urlencoded"
        yield from documents_in(text, is_form=is_form, depth=depth)


def read_json_bytes(body: bytes) -> Document | None:
    """Read valid JSON, in whichever of Unicode's encodings."""
    try:
        return read_json(body)
    except UnicodeDecodeError:
        return None


def documents_in(
    text: str, *, is_form: bool = False, undone: bool = False, depth: int = 0
) -> Iterator[Document]:
    """Give what a text may be; ``undone``: entities of HTML were undone in it already."""
    start = text.lstrip()
    if not start.startswith(("{", "[")) and (other := read_other(text)) is not None:
        yield other
    if (inner := from_base64(start)) is not None:
        yield from documents_in(inner, depth=depth)
    elif depth < _PACKED_AT_MOST and (packed := unwrapped(start)) is not None:
        yield from documents_of(packed, "", "", depth + 1)
    if not text.isascii() and '"' not in text:
        # A word processor wrote its quotes.
        start = text = text.translate(_CURLED).lstrip()
    looks_like_form = not start.startswith(_JSON_STARTS) and (is_form or _FORM.match(start) is not None)
    # A form is one line; what has several may as well be names and values, one a line.
    if not looks_like_form or (not is_form and ("\n" in start or "{" in start)):
        yield read_json(text) or _read_lines(text) or read_broken(text)
        if ("&quot;" in text or "&lt;" in text) and not undone:
            yield from documents_in(html.unescape(text), undone=True, depth=depth)
        if "%" not in text and not looks_like_form:
            return
    yield form_document(text)
    decoded = unquote_plus(start[:200])
    encoded = decoded.startswith(_ENCODED_STARTS) and not start.startswith(_JSON_STARTS)
    if encoded and depth < _PACKED_AT_MOST:
        yield from documents_in(unquote_plus(text).strip().removesuffix("="), depth=depth + 1)


def _read_lines(text: str) -> Document | None:
    """Read one document a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:  # noqa: PLR2004 - one line was tried already
        return None
    read = [read_json(line) for line in lines[:_MOST_FIELDS]]
    values = [one.value for one in read if one is not None]
    return Document(value=values, whole=True) if len(values) == len(lines) else None


def form_document(text: str) -> Document:
    """Read names and values as forms write them."""
    text = text.replace(";", "&") if "&" not in text else text
    # The last piece is all that is left, when there are more fields than anybody sends.
    *fields, rest = [*text.strip("\r\n").split("&", _MOST_FIELDS), ""][: _MOST_FIELDS + 1]
    pairs = parse_qsl("&".join([*fields, rest[:MOST_IN_A_FIELD]]), keep_blank_values=True, errors="replace")
    # A name that was written for a form twice.
    named = [(unquote_plus(name) if "%" in name else name, value) for name, value in pairs]
    return Document(value=Pairs(named), text=text, whole=True, mixed_up=len(fields) == _MOST_FIELDS)


def _boundary_of(body: bytes, declared: str) -> bytes | None:
    if declared:
        named = declared.encode("latin-1", "replace")
        if b"--" + named in body:
            return named
    found = _BOUNDARY.match(body)
    return found[1].rstrip() if found and b"form-data" in body[:4000].lower() else None


def _parts_of(body: bytes, boundary: bytes, charset: str, depth: int) -> Pairs:
    fields = Pairs()
    for part in body.split(b"--" + boundary)[1 : _MOST_FIELDS + 1]:
        head, _, value = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if not value and b"\n\n" in part:
            head, _, value = part.lstrip(b"\r\n").partition(b"\n\n")
        value = value.removesuffix(b"\n").removesuffix(b"\r")
        named = _PART_NAME.search(head)
        name = (named[1] or named[2] or b"").decode("utf-8", "replace") if named else ""
        if "%" in name:
            name = unquote_plus(name.rpartition("'")[2])
        found = _PART_TYPE.search(head)
        part_type = found[1].decode("latin-1") if found else ""
        encodings = {one["what"].lower(): one["how"].strip().lower() for one in _PART_ENCODING.finditer(head)}
        value = _transferred(value, encodings.get(b"transfer-encoding", b""))
        packing = encodings.get(b"encoding", b"").decode("latin-1")
        if packing or not name or media_type_of(part_type or "text/plain")[0] != "text/plain":
            documents = documents_of(value, part_type, packing, depth + 1)
            fields.extend((name, document.value) for document in documents)
        else:
            _, parameters = media_type_of(part_type) if part_type else ("", {})
            texts = texts_of(value, parameters.get("charset", charset))
            fields.append((name, texts[0] if texts else ""))
    return fields


def _transferred(value: bytes, how: bytes) -> bytes:
    """Undo what mail does to a part."""
    if how == b"quoted-printable":
        return decodestring(value)
    if how == b"base64":
        try:
            return base64.b64decode(value)
        except binascii.Error:
            return value
    return value
