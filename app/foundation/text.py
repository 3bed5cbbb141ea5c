"""Text as people type and paste it: one way to read chart numbers, names, codes and addresses.

Copied text carries what nobody sees: blanks that do not break, hyphens that hide, marks of direction, letters
in two encodings. Here it is normalized, or refused by name; nothing else in the service cleans text.
"""

import unicodedata
from typing import Final

from app.foundation.errors import RefusalError

# Without meaning in what we read; they come from web pages and word processors.
_DROPPED: Final = frozenset("\u00ad\u200b\u2060\ufeff\u200e\u200f\u180e\ufe0e\ufe0f\u034f")
# They join or part letters in Persian, Arabic and the scripts of India; elsewhere they are only invisible.
_JOINERS: Final = frozenset("\u200c\u200d")
_DASHES: Final = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d\u02d7")
_HYPHENS: Final = frozenset("\u2010\u2011")
_ASCII: Final = 0x80
# Letters of Cyrillic and Greek that look like a Latin one, as small letters (the capitals fold to them).
_LOOKS_LIKE: Final = str.maketrans("авекмнорстухіјѕԁԛԝαβεζηικμνορτυχ", "abekmhopctyxijsdqwabezhikmnoptyx")
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK")


class NothingWrittenError(RefusalError, ValueError):
    """There is nothing to read here but blanks or characters that cannot be seen."""

    code = "nothing-written"


class InvisibleCharacterError(RefusalError, ValueError):
    """This holds a character that cannot be seen, such as one that turns the direction of writing; type it again."""

    code = "invisible-character"


class LookAlikeLettersError(RefusalError, ValueError):
    """This mixes letters of two alphabets that look alike, such as Latin and Cyrillic; type it again."""

    code = "look-alike-letters"


def one_line(text: str) -> str:
    """Give text in one form (NFC), with each run of blanks as one, none around it, nothing invisible in it.

    Raises:
        InvisibleCharacterError: a character without a shape cannot just be left out.
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(_read(composed, at) for at in range(len(composed)))
    return " ".join(kept.split())


def read_name(text: str) -> str:
    """Give a name as it is kept; a hyphen that only forbids a line break is a hyphen.

    Raises:
        NothingWrittenError: only blanks, or less.
        InvisibleCharacterError: it holds what cannot be seen.
    """
    return _something("".join("-" if one in _HYPHENS else one for one in one_line(text)))


def read_label(text: str) -> str:
    """Give what a program says of itself, such as a device's name: what has no shape in it is left out.

    Raises:
        NothingWrittenError: nothing is left.
    """
    shaped = "".join(one for one in text if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return _something(one_line(shaped))


def read_chart_number(text: str) -> str:
    """Give the clinic's own number of a patient as it is kept and shown: any dash is ``-``, full-width is narrow.

    Raises:
        NothingWrittenError, InvisibleCharacterError: as for a name.
        LookAlikeLettersError: one word of it mixes alphabets.
    """
    narrow = "".join("-" if one in _DASHES else _narrow(one) for one in one_line(text) if one not in _JOINERS)
    number = _something(" ".join(narrow.split()))
    for word in number.split():
        if len({script for letter in word if (script := _script(letter))}) > 1:
            raise LookAlikeLettersError
    return number


def chart_number_key(number: str) -> str:
    """Give what a chart number is found by: however composed, in any case, in any digits, by its shape.

    Two numbers that a person cannot distinguish have the same key.
    """
    shaped = "".join("-" if one in _DASHES else one for one in number if not _is_formless(one))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shaped).casefold())
    folded = " ".join(folded.split())
    digits = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in folded)
    return digits.translate(_LOOKS_LIKE)


def read_code(text: str) -> str:
    """Give the letters and digits of a code in capitals: blanks and dashes of any kind are only there to read by."""
    wide = unicodedata.normalize("NFKC", text).upper()
    return "".join(one for one in wide if not _is_filler(one))


def _read(text: str, at: int) -> str:
    one = text[at]
    if one in _DROPPED:
        return ""
    if one in _JOINERS:
        return one if _joins(text, at) else ""
    category = unicodedata.category(one)
    if category in {"Zs", "Zl", "Zp"} or one in "\t\r\n\v\f\x85":
        return " "
    if category in {"Cf", "Cc", "Cs", "Co", "Cn"}:
        raise InvisibleCharacterError
    return one


def _joins(text: str, at: int) -> bool:
    beside = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
    return len(beside) == 2 and all(ord(one) >= _ASCII and one.isprintable() for one in beside)  # noqa: PLR2004 - both sides


def _something(text: str) -> str:
    if not any(unicodedata.category(one)[0] in "LNPS" for one in text):
        raise NothingWrittenError
    return text


def _narrow(one: str) -> str:
    return unicodedata.normalize("NFKC", one) if "\uff01" <= one <= "\uff5e" else one


def _script(letter: str) -> str:
    if not letter.isalpha():
        return ""
    return next((one for one in _SCRIPTS if unicodedata.name(letter, "").startswith(one)), "")


def _is_formless(one: str) -> bool:
    return one in _DROPPED or unicodedata.category(one) in {"Cf", "Cs", "Co", "Cn"}


def _is_filler(one: str) -> bool:
    return one in _DASHES or _is_formless(one) or one.isspace() or unicodedata.category(one) == "Pd"
