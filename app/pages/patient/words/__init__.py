"""The pages' own words, a table a language: the same names in each."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from app.pages.patient.words.english import ENGLISH
from app.pages.patient.words.spanish import SPANISH
from app.web.pages.wording import Say, speaking

WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "es": SPANISH}


@cache
def say_in(language: str) -> Say:
    """Give the function that these pages speak with in a language."""
    return speaking(WORDS[language])
