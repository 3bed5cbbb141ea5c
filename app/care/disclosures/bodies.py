"""From a body to the documents that it may be: JSON, a form, a form in parts, or what is left of one."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from app.care.disclosures.documents import Document, Pairs, read_broken, read_json
from app.care.disclosures.unpacking import media_type_of, texts_of, unpacked

_MOST_FIELDS: Final = 20_000
MOST_IN_A_FIELD: Final = 100_000
_BOUNDARY: Final = re.compile(rb"\A(?:\s*)--([^\r\n]{1,200})\r?\n")
_PART_NAME: Final = re.compile(rb"name\*?\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))", re.IGNORECASE)
_PART_TYPE: Final = re.compile(rb"^content-type\s*:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_FORM: Final = re.compile(r"[^={}\"\s][^={}\"\n]{0,200}=")
_JSON_STARTS: Final = ("{", "[", '"')


def documents_of(body: bytes, content_type: str, content_encoding: str) -> Iterator[Document]:
    """Give what a body may be, the likeliest first; mostly one."""
    if not content_encoding and (document := read_json_bytes(body)) is not None:
        yield document
        if document.harmless or not isinstance(document.value, str):
            return
    media_type, parameters = media_type_of(content_type) if content_type else ("", {})
    plain_bytes = unpacked(body, content_encoding)
    boundary = _boundary_of(plain_bytes, parameters.get("boundary", ""))
    if boundary is not None:
        yield Document(value=_parts_of(plain_bytes, boundary, parameters.get("charset", "")), whole=True)
        return
    for text in texts_of(plain_bytes, parameters.get("charset", "")):
        yield from documents_in(text, is_form=media_type == "application/x-www-form-urlencoded")


def read_json_bytes(body: bytes) -> Document | None:
    """Read valid JSON, in whichever of Unicode's encodings."""
    try:
        return read_json(body)
    except UnicodeDecodeError:
        return None


def documents_in(text: str, *, is_form: bool = False) -> Iterator[Document]:
    """Give what a text may be."""
    start = text.lstrip()
    if start.startswith(_JSON_STARTS) or not (is_form or _FORM.match(start)):
        yield read_json(text) or _read_lines(text) or read_broken(text)
        if "%" not in text:
            return
    yield _read_form(text)
    decoded = unquote_plus(start[:200])
    if decoded.startswith(_JSON_STARTS) and not start.startswith(_JSON_STARTS):
        yield from documents_in(unquote_plus(text).strip().removesuffix("="))


def _read_lines(text: str) -> Document | None:
    """Read one document a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:  # noqa: PLR2004 - one line was tried already
        return None
    read = [read_json(line) for line in lines[:_MOST_FIELDS]]
    values = [one.value for one in read if one is not None]
    return Document(value=values, whole=True) if len(values) == len(lines) else None


def _read_form(text: str) -> Document:
    text = text.replace(";", "&") if "&" not in text else text
    # The last piece is all that is left, when there are more fields than anybody sends.
    *fields, rest = [*text.strip("\r\n").split("&", _MOST_FIELDS), ""][: _MOST_FIELDS + 1]
    pairs = parse_qsl("&".join([*fields, rest[:MOST_IN_A_FIELD]]), keep_blank_values=True, errors="replace")
    return Document(value=Pairs(pairs), text=text, whole=True, mixed_up=len(fields) == _MOST_FIELDS)


def _boundary_of(body: bytes, declared: str) -> bytes | None:
    if declared:
        named = declared.encode("latin-1", "replace")
        if b"--" + named in body:
            return named
    found = _BOUNDARY.match(body)
    return found[1].rstrip() if found and b"form-data" in body[:4000].lower() else None


def _parts_of(body: bytes, boundary: bytes, charset: str) -> Pairs:
    fields = Pairs()
    for part in body.split(b"--" + boundary)[1 : _MOST_FIELDS + 1]:
        head, _, value = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if not value and b"\n\n" in part:
            head, _, value = part.lstrip(b"\r\n").partition(b"\n\n")
        name = _PART_NAME.search(head)
        if name is None:
            continue
        named_type = _PART_TYPE.search(head)
        _, parameters = media_type_of(named_type[1].decode("latin-1")) if named_type else ("", {})
        texts = texts_of(value.removesuffix(b"\r\n").removesuffix(b"\n"), parameters.get("charset", charset))
        fields.append(((name[1] or name[2] or b"").decode("utf-8", "replace"), texts[0] if texts else ""))
    return fields
