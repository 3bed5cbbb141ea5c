"""The sentences of an explanation as it was kept: one by one, in one, or after what comes first."""

import re
from typing import Final

from app.clinical.explanation import HEADLINES

SAFETY_BANNER: Final = "A safety report is open: see to it first."
_SENTENCES_END: Final = re.compile(r"(?<=\.) (?=[A-Z])")


def in_one_sentence(explanation: str) -> str:
    """What an explanation rests on: its own first sentence after the headline."""
    said = explanation
    for headline in HEADLINES.values():
        said = explanation.partition(f"{headline} ")[2] or said
    return sentences_of(said)[0]


def sentences_of(explanation: str) -> list[str]:
    """The sentences of an explanation, as it was written."""
    return _SENTENCES_END.split(explanation.strip())


def with_safety_first(explanation: str) -> str:
    """The sentences of a patient whose safety event is open: that comes before everything."""
    return f"{SAFETY_BANNER} {explanation}"
