"""From a text to the document that it holds, however broken: objects that keep every pair, lists and plain values.

What is valid JSON is read as JSON, with duplicate keys kept side by side. Everything else is read as far as it
goes: cut off, without quotes, with single quotes, several documents in a row, a form.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from app.clinical.domains import REPORTED_NUMBERS


class Pairs(list[tuple[str, Any]]):
    """An object as it was sent: every pair, also those whose keys are the same."""

    def all(self, key: str) -> Iterator[Any]:
        """Give every value that was sent under a key."""
        return (value for name, value in self if name == key)


class Unfinished(str):
    """A value that stands at the very end of a text that breaks off: there may have been more of it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a text holds.

    Attributes:
        value: objects as ``Pairs``, lists, texts, numbers, true, false and null.
        text: what it was read from; empty where nobody needs it.
        plain: it is valid JSON without a duplicate key, so that a schema read all of it.
        whole: it was read without a guess, so that what is in it can be kept apart.
        mixed_up: quotes do not pair up, so that keys may have been taken for texts.
        harmless: every field is known and asks for nothing.
    """

    value: Any
    text: str = ""
    plain: bool = False
    whole: bool = False
    mixed_up: bool = False
    harmless: bool = False


class _Noting:
    """Notes, while JSON is read, whether an object names a key twice, and whether any field may disclose anything."""

    def __init__(self) -> None:
        self.duplicates = False
        self.harmless = True

    def keep(self, pairs: list[tuple[str, Any]]) -> Pairs:
        seen = set()
        for key, value in pairs:
            seen.add(key)
            if key not in _HARMLESS and not (key == _STATEMENT and value is False):
                self.harmless = self.harmless and key == _BATCH and _are_objects(value)
        self.duplicates = self.duplicates or len(seen) < len(pairs)
        return Pairs(pairs)


# The fields of a check-in that say nothing of self-harm, whatever stands in them, and the one that does. A body of
# these alone, which nearly all are, needs no closer look.
_HARMLESS: Final = frozenset(
    {
        "id", "recorded_at", "time_zone", *REPORTED_NUMBERS, "note",
        "asks_about_booster", "input_mode", "supersedes",
    }
)  # fmt: skip
_STATEMENT, _BATCH = "self_harm_thoughts", "items"


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, Pairs) for one in value)


# More than any report has; what comes after them is looked through without being read (``scanning``).
_MOST_TOKENS: Final = 200_000
_TOKEN: Final = re.compile(
    r"""
      "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)(?P<closed>"|\Z|\\\Z)
    | '(?P<single>[^'\\\n]*(?:\\.[^'\\\n]*)*)'
    | (?P<mark>[{}\[\]:,=;])
    | (?P<word>[^\s"'{}\[\]:,=;]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Final[dict[str, Any]] = {
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None,
}  # fmt: skip
# Brackets that open again and again, one inside the other, and the run of those that close them. So many levels are
# kept as anything that is looked for may lie below what asks for it; only a fault in a program, or a sender who
# wants to keep us busy, nests deeper.
_KEPT_OF_A_RUN: Final = 300
_RUN: Final = re.compile(
    rf"(?P<opening>(?:[\[{{][^\[\]{{}}]{{0,100}}){{1,3}}?)(?P=opening){{{_KEPT_OF_A_RUN},}}|[\]}}]{{{_KEPT_OF_A_RUN},}}"
)
# Words in a row are one text up to here: no name and no answer is longer.
_LONGEST_WORDS: Final = 1000
# What may follow a closed text where quotes pair up.
_AFTER_A_TEXT: Final = frozenset(":,}]=;")


def read_json(text: str | bytes) -> Document | None:
    """Read valid JSON; None: it is not."""
    noting = _Noting()
    try:
        value = json.loads(text, object_pairs_hook=noting.keep)
    except (ValueError, RecursionError):
        return None
    harmless = noting.harmless and not noting.duplicates and isinstance(value, Pairs)
    return Document(value=value, plain=not noting.duplicates, whole=True, harmless=harmless)


def read_broken(text: str) -> Document:
    """Read what is no JSON as far as it goes."""
    reader = _Reader()
    shallow = _without_long_runs(text)
    tokens = _TOKEN.finditer(shallow)
    for found in islice(tokens, _MOST_TOKENS):
        reader.take(found, at_end=found.end() == len(shallow))
    mixed_up = reader.mixed_up or next(tokens, None) is not None
    return Document(value=reader.end(), text=text, mixed_up=mixed_up)


def _without_long_runs(text: str) -> str:
    """Nest what repeats itself less deeply: as many brackets that close are left out as such that open."""
    left_out = 0

    def shorter(found: re.Match[str]) -> str:
        nonlocal left_out
        if opening := found["opening"]:
            fewer = len(found[0]) // len(opening) - _KEPT_OF_A_RUN
            left_out += fewer * sum(opening.count(bracket) for bracket in "[{")
            return opening * _KEPT_OF_A_RUN
        # The first of them close what lies innermost.
        fewer = min(left_out, len(found[0]) - _KEPT_OF_A_RUN)
        left_out -= fewer
        return found[0][fewer:]

    return _RUN.sub(shorter, text)


class _Reader:
    """Puts tokens together, forgiving whatever is missing between them."""

    def __init__(self) -> None:
        self._root: list[Any] = []
        self._loose = Pairs()
        self._open: list[list[Any]] = []
        self._keys: list[str | None] = []
        self._key: str | None = None
        # The value that was read last; a colon after it makes it a key.
        self._held: list[Any] = []
        self._held_is_word = False
        self._after_text = False
        self._end = 0
        self.mixed_up = False

    def take(self, found: re.Match[str], *, at_end: bool) -> None:
        mark = found["mark"]
        if self._after_text and (mark is None or mark not in _AFTER_A_TEXT):
            self.mixed_up = True
        self._after_text = False
        if mark is None:
            self._value(found, at_end=at_end)
        elif mark in "{[":
            self._begin([] if mark == "[" else Pairs())
        elif mark in "}]":
            self._settle()
            if mark == "]" and self._in_object_of_a_list():
                # The list ends, so the object in it does too.
                self._close()
            self._close()
        elif mark in ":=":
            self._name()
        else:
            self._settle()
        self._end = found.end()

    def end(self) -> Any:  # noqa: ANN401 - a document
        """Close what is still open, and give everything."""
        self._settle()
        while self._open:
            self._close()
        if self._loose:
            self._root.append(self._loose)
        return self._root[0] if len(self._root) == 1 else self._root

    def _value(self, found: re.Match[str], *, at_end: bool) -> None:
        is_word = False
        value: Any
        if (text := found["double"]) is not None:
            value = _unescaped(text)
            self._after_text = found["closed"] == '"'
            if not self._after_text:
                value = Unfinished(value)
        elif (text := found["single"]) is not None:
            value = _unescaped(text)
        else:
            word = found["word"]
            is_word = word not in _WORDS
            value = _unescaped(word) if is_word else _WORDS[word]
            if at_end and is_word:
                value = Unfinished(value)
        same_line = "\n" not in found.string[self._end : found.start()]
        if (
            self._held
            and self._held_is_word
            and is_word
            and same_line
            and len(self._held[0]) < _LONGEST_WORDS
        ):
            # Words without quotes, one after the other, are one text.
            value = type(value)(f"{self._held[0]} {value}")
        elif self._held:
            self._settle()
        self._held, self._held_is_word = [value], is_word

    def _begin(self, holder: list[Any]) -> None:
        if self._held and self._key is None and isinstance(self._held[0], str):
            # The colon between a key and its list is missing.
            self._key, self._held = self._held[0], []
        elif self._held:
            key = self._key
            self._settle()
            self._key = key
        self._open.append(holder)
        self._keys.append(self._key)
        self._key = None

    def _name(self) -> None:
        if not self._held:
            return
        if self._key is not None and self._held_is_word:
            # A colon within a value without quotes, as in a time of day.
            return
        if self._key is not None:
            self._put(None, None)
        self._key, self._held = str(self._held[0]), []

    def _in_object_of_a_list(self) -> bool:
        kinds = [isinstance(one, Pairs) for one in self._open[-2:]]
        return kinds == [False, True]

    def _settle(self) -> None:
        if self._held:
            self._put(self._key, self._held[0])
        elif self._key is not None and self._open and not isinstance(self._open[-1], Pairs):
            # A colon too many in a list: what stands before it is an answer, in its place.
            self._put(None, self._key)
        self._key, self._held = None, []

    def _put(self, key: str | None, value: object) -> None:
        holder = self._open[-1] if self._open else None
        if isinstance(holder, Pairs):
            holder.append((key or "", value))
        elif holder is not None:
            one: object = value if key is None else Pairs([(key, value)])
            holder.append(one)
        elif key is not None:
            self._loose.append((key, value))
        else:
            self._root.append(value)

    def _close(self) -> None:
        if self._open:
            value, key = self._open.pop(), self._keys.pop()
            self._put(key, value)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else _SHORT.get(found[3], found[3])
