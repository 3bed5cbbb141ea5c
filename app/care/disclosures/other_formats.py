"""What is no JSON and no form, and programs send all the same: XML, tables, HL7 version 2, values in Base64.

Read as far as it goes, by patterns: no entity is expanded, nothing outside is looked up.
"""

import base64
import binascii
import csv
import html
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from app.care.disclosures.documents import Document, Pairs

_MOST_PIECES: Final = 50_000
_TAG: Final = re.compile(
    r"<(?P<end>/)?(?P<name>[A-Za-z_][\w.:-]{0,100})(?P<attributes>(?:\s+[\w.:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)"
    r"\s*(?P<empty>/)?>(?P<text>[^<]*)"
)
_ATTRIBUTE: Final = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
# Lists in FHIR, also where they hold one.
_LISTS: Final = frozenset({"item", "answer", "coding", "entry", "component"})
_HEADER: Final = re.compile(r"[\w .\"'/()?-]+(?:[,;\t|][\w .\"'/()?-]+)+")
_SEPARATORS: Final = ",;\t|"
# Base64 of what begins with a brace, or with a bracket before one.
_BASE64: Final = re.compile(r"(?:e[wy]|W3s|Wy)[A-Za-z0-9+/_-]{10,}={0,2}")
# In MessagePack and CBOR a name stands as it is, with true or a small number behind it.
_BINARY: Final = re.compile(rb"self[ _.-]?harm[ _.-]?(?:thoughts?)?[\xc3\xf5\x01-\x03]", re.IGNORECASE)


def read_other(text: str) -> Document | None:
    """Read XML, a table or HL7 version 2; None: it is none of these."""
    start = text.lstrip("\ufeff \r\n\t")
    value: object | None = None
    if start.startswith("<"):
        value = _read_xml(start)
    elif start.startswith(("MSH|", "OBX|")):
        value = _read_hl7(start)
    elif (header := start.partition("\n")[0].rstrip("\r")) and _HEADER.fullmatch(header):
        value = _read_table(start, header)
    return Document(value=value, text=text, whole=True) if value else None


def from_base64(text: str) -> str | None:
    """Give the text that a value in Base64 holds if it is a document; None: it is none."""
    written = text.strip()
    if _BASE64.fullmatch(written) is None:
        return None
    plain = written.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        # What breaks off in the middle of three bytes counts as far as it goes.
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==").decode("utf-8", "replace")
    except binascii.Error:
        return None


def says_yes_in_binary(body: bytes) -> bool:
    """Whether a body that is no text holds the statement's name with a yes behind it."""
    return _BINARY.search(body) is not None


def _read_xml(text: str) -> Pairs:
    root = Pairs()
    open_elements: list[tuple[str, Pairs]] = [("", root)]
    for found in islice(_TAG.finditer(text), _MOST_PIECES):
        name = found["name"].rpartition(":")[2]
        if found["end"]:
            if len(open_elements) > 1 and open_elements[-1][0] == name:
                open_elements.pop()
            continue
        inside = Pairs(
            (one[1].rpartition(":")[2], html.unescape(one[2] if one[2] is not None else one[3]))
            for one in _ATTRIBUTE.finditer(found["attributes"])
            if not one[1].startswith("xmlns")
        )
        if said := html.unescape(found["text"]).strip():
            inside.append(("value", said))
        open_elements[-1][1].append((name, inside))
        if not found["empty"]:
            open_elements.append((name, inside))
    return Pairs(_simple(root))


def _simple(element: Pairs) -> Iterator[tuple[str, Any]]:
    """Write an element as JSON would be: what holds one value is that value, what comes several times is a list."""
    names = [name for name, _ in element]
    lists: dict[str, list[Any]] = {name: [] for name in names if name in _LISTS}
    for name, inside in element:
        one = inside
        if isinstance(inside, Pairs):
            one = Pairs(_simple(inside))
            if [key for key, _ in one] == ["value"]:
                one = one[0][1]
        if name not in lists:
            yield name, one
        else:
            lists[name].append(one)
    yield from lists.items()


def _read_table(text: str, header: str) -> list[Pairs] | None:
    separator = max(_SEPARATORS, key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names, *lines = islice(rows, _MOST_PIECES)
    except csv.Error:
        return None
    return [Pairs(zip(names, line, strict=False)) for line in lines if line]


def _read_hl7(text: str) -> list[Pairs]:
    fields = [line.split("|") for line in re.split(r"[\r\n]+", text)[:_MOST_PIECES]]
    return [
        Pairs([("code", one[3].replace("^", " ")), ("value", one[5].partition("^")[0])])
        for one in fields
        if one[0] == "OBX" and len(one) > 5  # noqa: PLR2004 - the observation's value is its fifth field
    ]
