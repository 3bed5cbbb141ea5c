"""A last look at a text whose quotes do not pair up: names and values where they stand, whatever is around them."""

import re
from collections.abc import Iterator
from typing import Final

from app.care.disclosures.answers import folded, means_yes
from app.care.disclosures.documents import Pairs, Unfinished
from app.care.disclosures.forms import form_triggers
from app.care.disclosures.names import is_statement, scale_of
from app.clinical.safety import OWN_STATEMENT, SafetyTrigger

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
