"""What a name that was sent means, however it is spelt: the statement, a scale, an item's number, a total."""

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

from app.care.disclosures.answers import folded
from app.clinical.protocol import SAFETY_ITEMS
from app.clinical.scales import PHQ_9

_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]+")
# A trailing index is a form's way of writing lists: self_harm_thoughts[0].
_STATEMENT: Final = re.compile(
    r"(?:self|selbst)harm(?:ing)?(?:t[a-z]{0,10})?(?:present|flag|today|now|currently|yesno|yn|bool)?\d{0,2}$"
    r"|selfinjur(?:y|ious)(?:thoughts?)?$"
    r"|harm(?:ing)?(?:my|one)?self(?:thoughts?)?$|thoughtsof(?:selfharm|harmingmyself|suicide)$"
    r"|suicid(?:al|e)(?:thoughts?|ideation|ideas)$|suicidality$|suicidal$"
    r"|(?:pensamientos?|ideas?|ideacion)(?:de)?(?:autolesion(?:es)?|suicid(?:as?|io))$|autolesion(?:es)?$"
    r"|selbstverletzung(?:en|sgedanken)?$|su[iy]zid(?:al|alitat|gedanken|idee(?:n)?)$|suizidalegedanken$"
    r"|(?:pensees?|idees?)suicidaires?$|automutilation$"
)
_DENIAL: Final = re.compile(r"^(?:no|not|denies|denied|without|ohne|sin)(?=self|harm|suicid|thoughts)")
_SUICIDE_ITEM: Final = re.compile(
    r"suicid|betteroffdead|hurt(?:ing)?(?:your|my)?self|selfharm|harm(?:ing)?(?:your|my)self"
)
# The PHQ-9's own question, in English and Spanish.
_SUICIDE_QUESTION: Final = re.compile(
    r"betteroffdead|hurtingyourself|harmingyourself|mejormuert|hacersedano|lastimarse"
)
_ITEM_WORDS: Final = frozenset(
    {
        "", "q", "qn", "question", "questions", "item", "items", "i", "nr", "no", "n", "num", "number", "answer",
        "answers", "response", "responses", "score", "scores", "value", "a", "pregunta", "frage", "linkid", "v",
        "form", "data", "itemscore", "questionscore", "itemanswer", "survey", "s",
    }
)  # fmt: skip
_NAMED_NINE: Final = {
    "nine": 9,
    "nueve": 9,
    "neun": 9,
    "ix": 9,
    "ten": 10,
    "diez": 10,
    "twelve": 12,
    "doce": 12,
    "xii": 12,
}
_SCALE_PART: Final = re.compile(
    r"p\W{0,2}h\W{0,2}q(?:\W{0,2}9(?!\d))?|qids(?:\W{0,2}(?:sr|c|s))?(?:\W{0,2}16)?(?:\W{0,2}(?:sr))?|madrs(?!\W?s\b)"
)
_LAST_NUMBER: Final = re.compile(r"^(.*?)(?<!\d)0*(\d{1,2})(?!\d)(\D*)$", re.DOTALL)
_TOTALS: Final = frozenset(
    {
        "total",
        "totalscore",
        "totals",
        "statedtotal",
        "sum",
        "sumscore",
        "summe",
        "totalpoints",
        "puntuaciontotal",
    }
)
_LOINC: Final = re.compile(r"(?<!\d)(\d{5}-\d)(?!\d)")
_PANEL, _TOTAL, _ITEMS = PHQ_9.loinc.panel, PHQ_9.loinc.total, PHQ_9.loinc.items

T = TypeVar("T")
# Names come again and again, in one body and in the next. Longer ones do not: they are not kept.
_MOST_REMEMBERED: Final = 16_384
_LONGEST_REMEMBERED: Final = 100


def remembered(meaning: Callable[[str], T]) -> Callable[[str], T]:
    """Look at a name once."""
    known = lru_cache(maxsize=_MOST_REMEMBERED)(meaning)

    @wraps(meaning)
    def of(name: str) -> T:
        return known(name) if len(name) <= _LONGEST_REMEMBERED else meaning(name)

    return of


@remembered
def squeezed(name: str) -> str:
    """Write a name with its letters and digits only."""
    return _NOT_A_LETTER.sub("", folded(name))


@remembered
def is_statement(name: str) -> bool:
    """Whether a field of this name asks for thoughts of self-harm."""
    plain = squeezed(name)
    return bool(_STATEMENT.search(plain)) and not _DENIAL.match(plain)


@remembered
def scale_of(name: str) -> str | None:
    """The scale with a suicide item that a name means, however it is spelt; also its LOINC code."""
    plain = squeezed(name)
    if "phq" in plain or "patienthealthquestionnaire" in plain:
        return None if re.search(r"phq(?:2|4|8|15)(?!\d)", plain) else "phq-9"
    if "qids" in plain or "quickinventoryofdepressive" in plain:
        return "qids-sr16"
    if "madrs" in plain or "montgomeryasberg" in plain:
        return None if "madrss" in plain else "madrs"
    codes = _LOINC.findall(name)
    return "phq-9" if any(code in {_PANEL, _TOTAL, *_ITEMS} for code in codes) else None


@remembered
def item_number(name: str) -> int | None:
    """The number of the item that a key means: 9, 09, q9, item_9, phq9_9, PHQ-9.9, items[9], or its LOINC code."""
    for code in _LOINC.findall(name):
        if code in _ITEMS:
            return _ITEMS.index(code) + 1
        return None
    plain = _SCALE_PART.sub(" ", folded(_parted(name)))
    found = _LAST_NUMBER.match(plain)
    if found is None:
        words = _NOT_A_LETTER.sub(" ", plain).split()
        spelled = [_NAMED_NINE[word] for word in words if word in _NAMED_NINE]
        return (
            spelled[0] if spelled and all(one in _NAMED_NINE or one in _ITEM_WORDS for one in words) else None
        )
    before, number, after = found.groups()
    words = _NOT_A_LETTER.sub(" ", f"{before} {after}").split()
    return int(number) if all(word in _ITEM_WORDS for word in words) else None


@remembered
def is_suicide_item(name: str) -> bool:
    """Whether a key of a scale's form names its suicide item in words."""
    plain = squeezed(name)
    return bool(_SUICIDE_ITEM.search(plain)) and not _DENIAL.match(plain)


@remembered
def is_suicide_question(text: str) -> bool:
    """Whether a text is the suicide item's question itself, so that no scale need be named beside it."""
    return bool(_SUICIDE_QUESTION.search(squeezed(text)))


@remembered
def is_total(name: str) -> bool:
    """Whether a key of a scale's form means its total."""
    plain = squeezed(_SCALE_PART.sub(" ", folded(_parted(name))))
    return (
        plain in _TOTALS
        or _TOTAL in _LOINC.findall(name)
        or (plain == "score" or (plain == "" and scale_of(name) is not None))
    )


def is_total_code(name: str) -> bool:
    """Whether a name is the LOINC code of the PHQ-9's total."""
    return _TOTAL in _LOINC.findall(name)


def suicide_item_of(scale: str) -> int:
    """The number of a scale's suicide item."""
    return SAFETY_ITEMS[scale][0]


def _parted(name: str) -> str:
    """Part what is written together: itemNine, phq9_9."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200]).replace("_", " ")
