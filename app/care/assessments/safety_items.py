"""Finding the answer to a scale's suicide item in whatever was sent, however broken."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.clinical.protocol import SAFETY_ITEMS
from app.clinical.safety import SafetyTrigger, Urgency, from_item
from app.clinical.scales import STANDARD_SCALES
from app.foundation.vault import Vault
from app.web.sent_documents import objects_in

_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]")
_SCALE: Final = re.compile(r'"scale"\s*:\s*"([^"]{1,40})"')
_ITEMS: Final = re.compile(r'"items"\s*:\s*([\[{][^\]}]*)')
_NAMED: Final = re.compile(r'"(\d{1,2})"\s*:\s*("[^"]*"|[^,}\s]+)')
_MOST_FORMS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """An answer that must reach somebody, and what it was said in."""

    trigger: SafetyTrigger
    said_in: str


def answers_in(body: bytes) -> list[FoundAnswer]:
    """Find every answer that acts in a body as it was sent."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = _pieces_of(body.decode("utf-8", "replace"))
    found = []
    for one in objects_in(document):
        trigger = _trigger_of(one)
        if trigger is not None:
            found.append(FoundAnswer(trigger=trigger, said_in=_written(one)))
    return found[:_MOST_FORMS]


def source_id(vault: Vault, patient_id: UUID, answer: FoundAnswer) -> UUID:
    """Make an id of what was sent: the same twice is one event, and anything else is another."""
    digest = vault.digest(b"refused assessment", patient_id.bytes, answer.said_in.encode())
    return UUID(bytes=digest[:16])


def _trigger_of(form: Mapping[str, object]) -> SafetyTrigger | None:
    items = form.get("items")
    if not isinstance(items, list | dict):
        return None
    for scale in _scales_meant(form.get("scale"), len(items)):
        number = SAFETY_ITEMS[scale][0]
        trigger = _acts(scale, number, _answer_to(items, number))
        if trigger is not None:
            return trigger
    return None


def _scales_meant(named: object, count: int) -> list[str]:
    """The scale that is named, however it is spelt; without one, whichever has as many items."""
    name = _NOT_A_LETTER.sub("", str(named).lower())
    by_name = [
        key for key in SAFETY_ITEMS if name.startswith(_NOT_A_LETTER.sub("", key)[:4]) and name != "madrss"
    ]
    if by_name or name in {_NOT_A_LETTER.sub("", key) for key in STANDARD_SCALES}:
        return by_name
    return [key for key in SAFETY_ITEMS if len(STANDARD_SCALES[key].items) == count]


def _answer_to(items: list[object] | dict[str, object], number: int) -> object:
    if isinstance(items, dict):
        return items.get(str(number))
    return items[number - 1] if len(items) >= number else None


def _acts(scale: str, number: int, answer: object) -> SafetyTrigger | None:
    """What an answer asks for. One that cannot be read as a number acts too: a slip must not silence it."""
    if answer is None or answer is False or answer == "":
        return None
    try:
        score = float(str(answer).strip().strip('"'))
    except ValueError:
        return SafetyTrigger(source=scale, urgency=Urgency.PROMPT, item=number)
    return from_item(scale, number, score)


def _pieces_of(text: str) -> list[dict[str, object]]:
    """Read scale and items out of a text that is no JSON, as far as it goes."""
    scale, items = _SCALE.search(text), _ITEMS.search(text)
    if items is None:
        return []
    told = items.group(1)
    answers: object = (
        dict(_NAMED.findall(told)) if told.startswith("{") else [_plain(one) for one in told[1:].split(",")]
    )
    return [{"scale": scale and scale.group(1), "items": answers}]


def _plain(text: str) -> str | None:
    return None if text.strip() in {"", "null"} else text.strip()


def _written(form: Mapping[str, object]) -> str:
    # To a fixed depth only: anything may be nested below, to any depth.
    items = form.get("items")
    listed = list(items.items()) if isinstance(items, dict) else items if isinstance(items, list) else []
    plain = {name: value for name, value in form.items() if not isinstance(value, list | dict)}
    return json.dumps([sorted(plain.items(), key=str), [str(one)[:200] for one in listed[:50]]], default=str)
