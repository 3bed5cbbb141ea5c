"""Words in the reader's language: written in English where they are used, looked up in gettext catalogues.

A catalogue is ``app/locale/<language>.po``; a translator edits it, and the next start reads it. What a
catalogue lacks is shown in English, never left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Final, Self

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol

SOURCE_LANGUAGE: Final = "en"
# What patients may choose, each by its own name.
LANGUAGES: Final = {"en": "English", "es": "Español", "de": "Deutsch", "fr": "Français"}
# What staff may choose.
STAFF_LANGUAGES: Final = {"en": "English", "es": "Español"}
# Spanish as most of America writes it: the same words, numbers with a decimal point.
SPANISH_WITH_POINT: Final = "es_419"
CATALOGUES: Final = Path(__file__).parent.parent / "locale"
_POINT: Final = re.compile(r"(?<=\d)\.(?=\d)")


def put_together(pieces: Iterable[str]) -> str:
    """Write pieces one after the other; a sentence that ends with "7:00 p. m." has no second period."""
    text = ""
    for piece in pieces:
        # An ellipsis of dots is no end of a sentence.
        doubled = text.endswith(".") and piece.startswith(".") and not piece.startswith("..")
        text += piece[1:] if doubled else piece
    return text


def filled(message: str, values: Mapping[str, Any], write: Formatter | None = None) -> str:
    """Fill in the places of a message; where a value ends as the sentence does, its period stands once."""
    text = message.format(**values) if write is None else write.vformat(message, (), values)
    if ".." not in text:
        return text
    write = write or Formatter()
    pieces = list[str]()
    for literal, place, form, conversion in Formatter().parse(message):
        pieces.append(literal)
        if place is not None:
            spec = f"{{{place}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            pieces.append(write.vformat(spec, (), values))
    return put_together(pieces)


class Words(str):
    """A message with its values: in English as a text, and in any language that has a catalogue.

    A page, a drawing or a mail writes it in its reader's language. A value that is itself ``Words`` follows.
    """

    __slots__ = ("message", "values")
    message: str
    values: Mapping[str, Any]

    def __new__(cls, message: str, /, **values: object) -> Self:
        """Write a message; its places in braces are filled with the values, where there are any."""
        words = super().__new__(cls, filled(message, values) if values else message)
        words.message, words.values = message, values
        return words

    def in_language(self, language: str) -> str:
        """Give the text in a language."""
        if language == SOURCE_LANGUAGE:
            return str(self)
        message = catalogue(language).get(self.message, self.message)
        if not self.values:
            return message
        values = {name: in_language(value, language) for name, value in self.values.items()}
        numbers = any(isinstance(value, float) for value in values.values())
        return filled(message, values, _Numbers(language) if numbers else None)

    def parts(self) -> list[Any]:
        """Give the message and its values as JSON keeps them; ``from_parts`` makes words of them again."""
        kept = {name: one.parts() if isinstance(one, Words) else one for name, one in self.values.items()}
        return [self.message, kept]

    @classmethod
    def from_parts(cls, parts: Sequence[Any]) -> Self:
        """Make words of what was kept."""
        message, kept = parts
        values = {name: cls.from_parts(one) if isinstance(one, list) else one for name, one in kept.items()}
        return cls(message, **values)


class _Numbers(Formatter):
    """Fills in numbers with the decimal sign of a language."""

    def __init__(self, language: str) -> None:
        self._language = language

    def format_field(self, value: object, format_spec: str) -> str:
        text = format(value, format_spec)
        return with_decimal_sign(text, self._language) if isinstance(value, float) else text


class _Written(Words):
    """What every language writes in its own way, such as a day: English as it stands here."""

    def in_language(self, language: str) -> str:
        return str(self) if language == SOURCE_LANGUAGE else str(self.values["write"](language))


def written(english: str, write: Callable[[str], str]) -> Words:
    """Give what ``write`` makes in a language other than English."""
    words = _Written(english)
    words.values = {"write": write}
    return words


@cache
def _decimal_sign(language: str) -> str:
    return str(get_decimal_symbol(Locale.parse(language)))


def with_decimal_sign(text: str, language: str) -> str:
    """Write the numbers in a text with the decimal sign of a language."""
    return _POINT.sub(_decimal_sign(language), text)


def number_written(value: float, form: str = "g") -> Words:
    """Write a number, with ``form`` as Python has it: 0.5 is "0,5" in Spanish."""
    english = format(value, form)
    return written(english, lambda language: with_decimal_sign(english, language))


def joined(parts: Iterable[str], by: str = ", ") -> Words:
    """Put words in a row, each in the reader's language."""
    kept = tuple(parts)
    if len(kept) == 1 and isinstance(kept[0], Words):
        return kept[0]
    return written(
        _in_a_row(kept, by),
        lambda language: _in_a_row([in_language(one, language) for one in kept], in_language(by, language)),
    )


def _in_a_row(parts: Sequence[str], by: str) -> str:
    text = by.join(parts)
    return put_together([piece for one in parts for piece in (by, one)][1:]) if ".." in text else text


def capitalized(words: str) -> Words:
    """Give words with a capital at the start, in the reader's language."""

    def first_up(text: str) -> str:
        return text[:1].upper() + text[1:]

    return written(first_up(words), lambda language: first_up(in_language(words, language)))


# Short, as it stands in hundreds of places; Babel's extraction goes by this name too.
say = Words


def in_language(value: object, language: str) -> Any:  # noqa: ANN401 - what is no text comes back as it is
    """Give words, and the words in mappings and tuples, in a language; everything else as it is."""
    if isinstance(value, Words):
        return value.in_language(language)
    if isinstance(value, Mapping):
        return {name: in_language(one, language) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(in_language(one, language) for one in value)
    return value


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Give the translations of a language by their English; what is not translated yet is not among them.

    Of a locale they are its language's, with the numbers in them as it writes them: "1.5" in ``es_419``.
    """
    tongue, _, region = language.partition("_")
    if region:
        sign, there = re.compile(rf"(?<=\d){re.escape(_decimal_sign(tongue))}(?=\d)"), _decimal_sign(language)
        return {english: sign.sub(there, text) for english, text in catalogue(tongue).items()}
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as lines:
        found = read_po(lines, locale=language)
    return {str(one.id): str(one.string) for one in found if one.id and one.string and not one.fuzzy}


def language_of(locale: str) -> str:
    """Give the language to write in: ``es-MX`` reads as ``es``, one that we do not have as English."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else SOURCE_LANGUAGE


@lru_cache(maxsize=64)
def direction(language: str) -> str:
    """Say whether a language is written from left to right (``ltr``) or from right to left (``rtl``)."""
    try:
        return str(Locale.parse(language, sep="-").text_direction)
    except (UnknownLocaleError, ValueError):
        return "ltr"
