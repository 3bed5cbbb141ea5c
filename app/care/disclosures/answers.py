"""What a value that was sent means: yes or no to a statement, or the score of an item.

A value that cannot be read is taken as a yes: a phone that writes it wrongly must not silence the person.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from app.care.disclosures.documents import Pairs, Unfinished

# What means "no" to a question that is answered with yes or no.
_NO: Final = frozenset(
    {
        "", "0", "00", "0.0", "0,0", "false", "no", "none", "null", "nil", "undefined", "nan", "n", "f", "off",
        "unchecked", "never", "not at all", "n/a", "na", "-", "falso", "nunca", "nein", "non", "nao", "nie",
        "faux", "falsch", "nada", "not asked", "not answered", "skipped",
    }
)  # fmt: skip
# What a text that breaks off may have begun to say.
_NO_BEGUN: Final = ("false", "null", "none", "no", "not at all", "never", "undefined", "nein", "nunca")
# "false" and "null" with a character too many in them, as a whole and in pieces.
_BROKEN_NO: Final = frozenset({"false", "null"})
_PIECES_OF_NO: Final = frozenset({"fa", "fal", "fals", "alse", "lse", "nu", "nul"})
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]")
# The answers of the PHQ-9 and their codes (LOINC LL358-3), and what the other forms call "no".
_SCORES: Final = {
    "la6568-5": 0.0, "la6569-3": 1.0, "la6570-1": 2.0, "la6571-9": 3.0,
    "not at all": 0.0, "several days": 1.0, "more than half the days": 2.0, "nearly every day": 3.0,
    "ningun dia": 0.0, "varios dias": 1.0, "mas de la mitad de los dias": 2.0, "casi todos los dias": 3.0,
}  # fmt: skip
# An object around an answer: the fields that hold it.
_ANSWER_FIELDS: Final = ("value", "answer", "response", "selected", "checked", "score", "result", "code")
_MOST_LEAVES: Final = 200
_AROUND: Final = "\"'.,;:!()[]{} \ufffd"
UNREADABLE: Final = math.inf
"""The score of an answer that is no number: it acts, and how urgent it is nobody knows."""


# More than the letters of all living languages together that people write reports in.
_MOST_LETTERS: Final = 20_000


# Letters of the Cyrillic and the Greek alphabet that look the same as the Latin ones of the names.
_LOOK_ALIKE: Final = dict(
    zip("аеорсухіѕһԁԛѵАЕОРСУХІЅНТМКВοιυρνακτ", "aeopcyxishdqvAEOPCYXISHTMKBoiupvakt", strict=True)
)


class _Letters(dict[int, str | None]):
    """What becomes of each letter, mostly looked up once: marks and what cannot be seen go.

    What looks like a letter of the Latin alphabet is that letter.
    """

    def __missing__(self, code: int) -> str | None:
        letter = _LOOK_ALIKE.get(chr(code), chr(code))
        kept = None if unicodedata.combining(letter) or not letter.isprintable() else letter
        if len(self) < _MOST_LETTERS:
            self[code] = kept
        return kept


_LETTERS: Final = _Letters()


def folded(text: str) -> str:
    """Write a text in one way: compatible letters, no accents, small, single blanks."""
    plain = text[:400]
    # Nearly everything is sent in ASCII, which has no other way to write a letter.
    if not (plain.isascii() and plain.isprintable()):
        plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return " ".join(plain.casefold().split())


def means_yes(value: object) -> bool:
    """Whether a value says yes."""
    return any(_leaf_says_yes(leaf) for leaf in leaves_of(value))


def score_of(value: object) -> float | None:
    """The score that a value stands for, the highest if there are several; None: not answered."""
    scores = [score for leaf in leaves_of(value) if (score := _leaf_score(leaf)) is not None]
    known = [score for score in scores if score is not UNREADABLE]
    return max(known or scores, default=None)


def number_of(value: object) -> float | None:
    """A plain number, also as a text; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(str(value)[:40].strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def leaves_of(value: object) -> Iterator[object]:
    """Give the plain values in an answer that came wrapped: of an object, those of the fields that hold answers."""
    left, given = [value], 0
    while left and given < _MOST_LEAVES:
        one = left.pop()
        given += 1
        if isinstance(one, Pairs):
            answers = [inner for name, inner in one if folded(name).startswith(_ANSWER_FIELDS)]
            left.extend(answers or [inner for _, inner in one])
        elif isinstance(one, list):
            left.extend(one)
        else:
            yield one


def _leaf_says_yes(leaf: object) -> bool:
    if leaf is None or leaf is False:
        return False
    if isinstance(leaf, int | float):
        return leaf != 0 and leaf == leaf  # noqa: PLR0124 - not a number is no answer
    said = folded(str(leaf)).strip(_AROUND)
    if said in _NO or (isinstance(leaf, Unfinished) and any(no.startswith(said) for no in _NO_BEGUN)):
        return False
    if said in _PIECES_OF_NO or _NOT_A_LETTER.sub("", said) in _BROKEN_NO:
        return False
    number = number_of(said)
    return number is None or number != 0


def _leaf_score(leaf: object) -> float | None:
    if leaf is None or leaf is False or leaf == "":
        return None
    number = number_of(leaf)
    if number is not None:
        return number
    said = folded(str(leaf)).strip(_AROUND)
    if said in _SCORES:
        return _SCORES[said]
    number = number_of(said)
    if number is not None:
        return number
    return UNREADABLE if _leaf_says_yes(leaf) else None
