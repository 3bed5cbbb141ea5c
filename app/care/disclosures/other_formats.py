"""What is no JSON and no form, and programs send all the same: XML, tables, lists of YAML, HL7 version 2, Base64.

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

from app.care.disclosures.documents import Document, Pairs, read_broken

_MOST_PIECES: Final = 50_000
# What lies deeper in XML is read as if it lay here.
_DEEPEST: Final = 60
_TAG: Final = re.compile(
    r"<(?P<end>/)?(?P<name>[A-Za-z_][\w.:-]{0,100})(?P<attributes>(?:\s+[\w.:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)"
    r"\s*(?P<empty>/)?>(?P<text>[^<]*)"
)
_ATTRIBUTE: Final = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
# Lists in FHIR, also where they hold one.
_LISTS: Final = frozenset({"item", "answer", "coding", "entry", "component"})
_HEADER: Final = re.compile(r"[\w .:\"'/()?-]+(?:[,;\t|][\w .:\"'/()?-]+)+")
_SEPARATORS: Final = ",;\t|"
# Base64 of what begins with a brace, or with a bracket before one.
_BASE64: Final = re.compile(r"(?:e[wy]|W3s|Wy)[A-Za-z0-9+/_-]{10,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")
_ANY_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
# What stands behind a name in a list of properties (plist).
_PROPERTIES: Final = frozenset(
    {"array", "data", "date", "dict", "false", "integer", "real", "string", "true"}
)
_IS_VALUE: Final = re.compile(r"[\d.,]*|true|false|yes|no|null", re.IGNORECASE)
_BULLET: Final = re.compile(r"^[ \t]*- ", re.MULTILINE)
# In MessagePack, CBOR and BSON a name stands as it is, with true or a small number behind it.
_BINARY: Final = re.compile(
    rb"self[ _.-]?harm[ _.-]?(?:thoughts?)?(?:[\xc3\xf5]|\x00?[\x01-\x03])", re.IGNORECASE
)
_HL7_STARTS: Final = ("MSH|", "OBX|", "FHS|", "BHS|")


def read_other(text: str) -> Document | None:
    """Read XML, a table, HL7 version 2 or a list of YAML; None: it is none of these."""
    # A message on a wire has a mark in front of it (MLLP).
    start = text.lstrip("\ufeff \r\n\t\x0b")
    value: object | None = None
    if start.startswith("<"):
        value = _read_xml(start)
    elif start.startswith(_HL7_STARTS):
        value = _read_hl7(start)
    elif (header := start.partition("\n")[0].rstrip("\r")) and _HEADER.fullmatch(header):
        value = _read_table(start, header)
    elif not start.startswith(("{", "[")) and _BULLET.search(start):
        value = read_broken(_bracketed(start)).value
    return Document(value=value, text=text, whole=True) if value else None


def from_base64(text: str) -> str | None:
    """Give the text that a value in Base64 holds if it is a document; None: it is none."""
    # What a token says stands in the second of its three parts (JWT).
    text = parts[1] if len(parts := text.split(".")) == 3 else text  # noqa: PLR2004 - as said
    # What comes after it does not belong to it.
    found = _BASE64.match(text.strip())
    if found is None:
        return None
    plain = found[0].rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        # What breaks off in the middle of three bytes counts as far as it goes.
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==").decode("utf-8", "replace")
    except binascii.Error:
        return None


def unwrapped(text: str) -> bytes | None:
    """Give the bytes that a text holds which is Base64 or hexadecimal all through; None: it is neither."""
    plain = "".join(text.split())
    if _HEX.fullmatch(plain):
        return bytes.fromhex(plain)
    if _ANY_BASE64.fullmatch(plain) is None:
        return None
    plain = plain.rstrip("=").translate(str.maketrans("-_", "+/"))
    return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==")


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
        if not found["empty"] and len(open_elements) < _DEEPEST:
            open_elements.append((name, inside))
    return Pairs(_simple(root))


def _simple(element: Pairs) -> Iterator[tuple[str, Any]]:
    """Write an element as JSON would be: what holds one value is that value, what comes several times is a list."""
    names, named = [name for name, _ in element], ""
    lists: dict[str, list[Any]] = {name: [] for name in names if name in _LISTS}
    is_plist = len(names) > 1 and set(names[::2]) == {"key"} and set(names[1::2]) <= _PROPERTIES
    for name, inside in element:
        one = inside
        if isinstance(inside, Pairs):
            one = Pairs(_simple(inside))
            if [key for key, _ in one] == ["value"]:
                one = one[0][1]
        if is_plist and name == "key" and isinstance(one, str):
            # A list of properties names its values so: the next element is what it says. Elsewhere a key may come
            # after its answer, or have the question's words behind it.
            named = one
            continue
        if named:
            yield named, name == "true" if name in {"true", "false"} else one
            named = ""
        elif name not in lists:
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
    found = [Pairs(zip(names, line, strict=False)) for line in lines if line]
    if len(names) == 2 and _IS_VALUE.fullmatch(names[1].strip()):  # noqa: PLR2004 - a name and its value a line
        found.append(Pairs((line[0], line[1]) for line in (names, *lines) if len(line) > 1))
    return found


def _bracketed(text: str) -> str:
    """Write the lists of YAML with brackets, and what has names in them with braces."""
    written: list[str] = []
    indent, ending = -1, ""
    for line in text.splitlines()[:_MOST_PIECES]:
        said = line.strip()
        deep, is_item = len(line) - len(line.lstrip()), said.startswith("- ")
        if indent >= 0 and said and (deep < indent or (deep == indent and not is_item)):
            written.append(f"{ending}]")
            indent = -1
        if is_item and indent < 0:
            indent, ending = deep, "}" if ":" in said else ""
            said = f"[{'{' if ending else ''}{said[2:]}"
        elif is_item and deep == indent:
            said = f"{ending},{'{' if ending else ''}{said[2:]}"
        written.append(said)
    return "\n".join(written) + (f"{ending}]" if indent >= 0 else "")


def _read_hl7(text: str) -> list[Pairs]:
    fields = [line.split("|") for line in re.split(r"[\r\n]+", text)[:_MOST_PIECES]]
    return [
        Pairs([*(("code", part) for part in one[3].split("^")), ("value", one[5].partition("^")[0])])
        for one in fields
        if one[0] == "OBX" and len(one) > 5  # noqa: PLR2004 - the observation's value is its fifth field
    ]
