"""Answers to a scale's suicide item in a document, however the form is written down."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.care.disclosures.answers import UNREADABLE, folded, means_yes, number_of, score_of
from app.care.disclosures.documents import Pairs, Unfinished
from app.care.disclosures.names import (
    is_statement,
    is_suicide_item,
    is_suicide_question,
    is_total,
    is_total_code,
    item_number,
    scale_of,
    squeezed,
    suicide_item_of,
)
from app.clinical.protocol import SAFETY_ITEMS
from app.clinical.safety import OWN_STATEMENT, SafetyTrigger, Urgency, from_item, from_total
from app.clinical.scales import PHQ_9, STANDARD_SCALES

# Fields that hold a form's answers, and those that say what an answer or a form is about.
_CONTAINERS: Final = frozenset(
    {
        "items",
        "item",
        "answers",
        "answer",
        "responses",
        "response",
        "scores",
        "questions",
        "values",
        "component",
    }
)
_NAMING: Final = frozenset(
    {
        "linkid", "code", "name", "key", "id", "question", "questionid", "item", "itemid", "number", "itemnumber",
        "field", "fieldname", "itemoid", "no", "nr", "n", "q", "index", "loinc", "definition", "coding", "qid",
        "path",
    }
)  # fmt: skip
_WORDED: Final = frozenset({"text", "question", "q", "label", "prompt", "title", "display", "name"})
_FORM_NAMING: Final = frozenset(
    {
        "scale", "scalekey", "scalename", "questionnaire", "instrument", "form", "formname", "formtype", "type",
        "kind", "name", "key", "title", "code", "coding", "test", "measure", "assessment", "survey", "scaleid",
    }
)  # fmt: skip
_OF_A_FORM: Final = _CONTAINERS | _NAMING | _WORDED | _FORM_NAMING
_ANSWERS: Final = ("value", "answer", "response", "score", "result", "selected")
_OTHER_SCALES: Final = frozenset({"gad2", "phq2", "phq4", "phq8", "phq15", "madrss"}) | {
    key.replace("-", "") for key in STANDARD_SCALES if key not in SAFETY_ITEMS
}
# What stands in a list of forms or check-ins, not in a list of answers.
_FORMS_OF_THEIR_OWN: Final = frozenset({"resourcetype", "resource", "recordedat", "takenat", "mood", "scale"})
_MOST_ITEMS: Final = 400
_PARTED: Final = re.compile(r"[,;|\s]+")
# A form of so many items is a PHQ-9, a QIDS-SR16, a MADRS, when nobody says otherwise.
_BY_COUNT: Final[Mapping[int, str]] = {len(STANDARD_SCALES[key].items): key for key in SAFETY_ITEMS}


@dataclass(slots=True)
class _Form:
    """What one object says of a form."""

    scales: set[str] = field(default_factory=set)
    named_otherwise: bool = False
    answers: dict[int, list[Any]] = field(default_factory=dict)
    worded: list[Any] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    # How many answers its largest container has, whoever they belong to.
    size: int = 0


def matters_in_form(name: str) -> bool:
    """Whether a pair of this name may be of a form: an answer, a total, a container of them, or what names it."""
    return (
        not {squeezed(name)}.isdisjoint(_OF_A_FORM)
        or item_number(name) is not None
        or scale_of(name) is not None
        or is_total(name)
        or is_suicide_item(name)
    )


def form_triggers(one: Pairs, scale_around: str | None) -> Iterator[SafetyTrigger]:
    """Find what the answers of a form ask for, if this object is one.

    ``scale_around``: the scale that the path or an object around this one names.
    """
    form = _read_form(one)
    for scale, total in _totals_by_name(one):
        if (trigger := from_total(scale, total)) is not None:
            yield trigger
    scales = form.scales or ({scale_around} if scale_around and not form.named_otherwise else set())
    if not scales and not form.named_otherwise and form.size in _BY_COUNT:
        scales = {_BY_COUNT[form.size]}
    for scale in scales:
        yield from _triggers(form, scale)


def labelled_trigger(one: Pairs) -> SafetyTrigger | None:
    """What a single answer asks for that says itself which item it is: a LOINC code, or phq9_9."""
    for name in _names_in(one, _NAMING):
        scale, number = scale_of(name), item_number(name)
        if scale is None:
            continue
        if number == suicide_item_of(scale):
            return item_trigger(scale, _answer_of(one))
        if is_total_code(name) and (total := score_of(_answer_of(one))) is not None:
            return from_total(scale, total)
    if any(is_suicide_question(name) for name in _names_in(one, _WORDED)):
        return item_trigger(PHQ_9.key, _answer_of(one))
    return None


def keyed_trigger(key: str, value: object) -> SafetyTrigger | None:
    """What a pair asks for whose key says both scale and item: phq9_9, PHQ-9.9, 44260-8."""
    scale, number = scale_of(key), item_number(key)
    if scale is None:
        return None
    if number == suicide_item_of(scale) or (number is None and is_suicide_item(key)):
        return item_trigger(scale, value)
    if isinstance(value, list) and number is None:
        return next(form_triggers(Pairs([("items", value)]), scale), None)
    return None


def item_trigger(scale: str, value: object) -> SafetyTrigger | None:
    """What an answer to the suicide item asks for. One that cannot be read acts too: a slip must not silence it."""
    score = score_of(value)
    if score is UNREADABLE:
        return SafetyTrigger(source=scale, urgency=Urgency.PROMPT, item=suicide_item_of(scale))
    return from_item(scale, suicide_item_of(scale), score)


def scale_named_by(one: Pairs) -> str | None:
    """The scale with a suicide item that an object names for everything in it."""
    return next(
        (scale for name in _names_in(one, _FORM_NAMING) if (scale := scale_of(name)) is not None), None
    )


def _read_form(one: Pairs) -> _Form:
    form = _Form()
    for name in _names_in(one, _FORM_NAMING):
        scale = scale_of(name)
        if scale is not None:
            form.scales.add(scale)
        elif squeezed(name) in _OTHER_SCALES:
            form.named_otherwise = True
    own = 0
    # Counted from nought: the ninth answer is called 8.
    from_nought = any(item_number(key) == 0 for key, _ in one)
    for key, value in one:
        number = item_number(key)
        if number is not None and not isinstance(value, Pairs):
            form.answers.setdefault(number + from_nought, []).append(value)
            own += 1
            if (scale := scale_of(key)) is not None:
                form.scales.add(scale)
        elif is_total(key) and (total := number_of(value)) is not None:
            form.totals.append(total)
        elif is_suicide_item(key):
            form.worded.append(value)
        if squeezed(key) in _CONTAINERS and isinstance(value, list):
            _read_container(value, form)
    _read_container([*_listed(one)], form)
    form.size = max(form.size, own)
    return form


def _listed(one: Pairs) -> Iterator[object]:
    """Answers as forms without lists write them: items[]=0&items[]=1, or items=0,1."""
    for key, value in one:
        if squeezed(key) in _CONTAINERS and not isinstance(value, list | bool):
            if isinstance(value, str) and len(parts := _PARTED.split(value.strip())) > 1:
                yield from parts[:_MOST_ITEMS]
            elif isinstance(value, str) and value.isdigit() and len(value) in _BY_COUNT:
                yield from value
            else:
                yield value


def _read_container(container: list[Any], form: _Form) -> None:
    if isinstance(container, Pairs):
        _read_keyed(container, form)
        return
    form.size = max(form.size, len(container))
    for at, answer in enumerate(container[:_MOST_ITEMS], start=1):
        if not isinstance(answer, Pairs):
            form.answers.setdefault(at, []).append(answer)
            continue
        number, worded = _label_of(answer, form)
        names = {squeezed(key) for key, _ in answer}
        inner = [value for key, value in answer if squeezed(key) == "item" and isinstance(value, list)]
        if not names.isdisjoint(_FORMS_OF_THEIR_OWN):
            continue
        if worded:
            form.worded.append(_answer_of(answer))
        elif inner and number is None:
            for one in inner:
                _read_container(one, form)
        else:
            form.answers.setdefault(at if number is None else number, []).append(_answer_of(answer))


def _read_keyed(container: Pairs, form: _Form) -> None:
    form.size = max(form.size, len(container))
    numbers = {key: item_number(key) for key, _ in container}
    # Counted from nought: the ninth answer is called 8.
    from_nought = any(squeezed(key).lstrip("qitem") in {"0", "00"} for key in numbers)
    for key, value in container[:_MOST_ITEMS]:
        number = numbers[key]
        if (scale := scale_of(key)) is not None:
            form.scales.add(scale)
        if number is not None:
            form.answers.setdefault(number + from_nought, []).append(value)
        elif is_suicide_item(key):
            form.worded.append(value)
        elif is_total(key) and (total := number_of(value)) is not None:
            form.totals.append(total)


def _label_of(answer: Pairs, form: _Form) -> tuple[int | None, bool]:
    """Which item an answer says that it is of, and whether it says so in the item's own words."""
    number = None
    for name in _names_in(answer, _NAMING):
        if (scale := scale_of(name)) is not None:
            form.scales.add(scale)
        if number is None:
            number = item_number(name)
    return number, any(is_suicide_item(name) for name in _names_in(answer, _WORDED | _NAMING))


def _triggers(form: _Form, scale: str) -> Iterator[SafetyTrigger]:
    number = suicide_item_of(scale)
    for answer in [*form.answers.get(number, []), *form.worded]:
        if (trigger := item_trigger(scale, answer)) is not None:
            yield trigger
    scores = {at: _finite(answers) for at, answers in form.answers.items()}
    for total in form.totals:
        if (trigger := from_total(scale, total, scores)) is not None:
            yield trigger


def _finite(answers: list[Any]) -> float | None:
    scores = [score for one in answers if (score := score_of(one)) is not None and score is not UNREADABLE]
    return max(scores, default=None)


def _totals_by_name(one: Pairs) -> Iterator[tuple[str, float]]:
    """Totals whose key is the scale's own name: {"phq9": 27}."""
    for key, value in one:
        scale = scale_of(key)
        if scale is not None and item_number(key) is None and (total := number_of(value)) is not None:
            yield scale, total


def _names_in(one: Pairs, fields: frozenset[str]) -> Iterator[str]:
    """Give the names in an object's naming fields, also where they are wrapped as codes."""
    for key, value in one:
        if squeezed(key) in fields:
            yield from texts_in(value, depth=0)


def texts_in(value: object, *, depth: int = 0) -> Iterator[str]:
    """Give the names in a naming field's value: a text, or codes with their displays."""
    if isinstance(value, bool):
        return
    if isinstance(value, str | int):
        yield str(value)[:400]
    elif isinstance(value, Pairs) and depth < 3:  # noqa: PLR2004 - code, coding, and an object in it
        for key, inner in value:
            if squeezed(key) in {"code", "coding", "display", "text", "reference", "name", "key"}:
                yield from texts_in(inner, depth=depth + 1)
    elif isinstance(value, list) and depth < 3:  # noqa: PLR2004 - same
        for inner in value[:20]:
            if isinstance(inner, Pairs):
                yield from texts_in(inner, depth=depth + 1)


def _answer_of(answer: Pairs) -> object:
    """The answer in an object that is labeled with its item."""
    values = [value for key, value in answer if folded(key).startswith(_ANSWERS)]
    return values or [value for key, value in answer if squeezed(key) not in _NAMING | _WORDED]


_NAMED: Final = re.compile(
    r"((?:self|harm|thoughts|suicid)[a-z _.-]{0,30})([\"'\s\]:=]*)[\"'\s\[]*([^\s\"',}\]&;:=]*)",
    re.IGNORECASE,
)
# Between a name and its answer when nothing separates them: only what plainly says yes.
_PLAIN_YES: Final = frozenset({"true", "yes", "1", "si", "on"})
_SCALE: Final = re.compile(
    r"(?:scale|questionnaire|instrument)[\"'\s]*[:=]?[\"'\s]*([\w .-]{3,40})", re.IGNORECASE
)
_ITEMS: Final = re.compile(r"(?:items|answers)[\"'\s]*[:=]?[\"'\s]*([\[{])([^\]}]*)", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"([a-z0-9_.-]{0,12}?\d{1,2})[\"'\s]*[:=][\"'\s]*([^,}\s\"']+)", re.IGNORECASE)


def scanned_triggers(text: str, path: str) -> Iterator[SafetyTrigger]:
    """Find what is disclosed where nothing can be read in order."""
    for name, between, value in _NAMED.findall(text):
        # A quote that is escaped stands within a text, such as a note about this app.
        if not is_statement(name) or value.startswith("\\"):
            continue
        separated = ":" in between or "=" in between
        if means_yes(Unfinished(value)) if separated else folded(value) in _PLAIN_YES:
            yield OWN_STATEMENT
            return
    named = _SCALE.search(text)
    scale = scale_of(named[1]) if named else scale_of(path)
    for opening, answers in _ITEMS.findall(text):
        if opening == "[" and ":" in answers:
            # Objects, not answers in the form's order.
            continue
        read: object = [one.strip(" \"'") or None for one in answers.split(",")]
        if opening == "{":
            read = Pairs(_NUMBERED.findall(answers))
        yield from form_triggers(Pairs([("items", read)]), scale)
