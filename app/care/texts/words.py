"""What a whole text message asks of us, and what it is answered with."""

import re
import unicodedata
from enum import StrEnum
from typing import Final

from app.foundation.translations import SOURCE_LANGUAGE, Words, say
from app.notifications.messages.crisis_help import CrisisHelp


class Word(StrEnum):
    """What a person asks of whoever sends text messages, not of the clinic."""

    STOP = "stop"
    START = "start"


_STOP: Final = {
    # The words of the US carriers (CTIA) and of the FCC's rule on revoking consent.
    SOURCE_LANGUAGE: "stop stopall unsubscribe cancel end quit revoke optout",
    "es": "alto parar pare basta cancelar baja",
    "de": "stopp stoppen abmelden",
    "fr": "arret arreter stopper desabonner",
}
_START: Final = {
    SOURCE_LANGUAGE: "start unstop subscribe optin",
    "es": "iniciar inicio comenzar",
    "de": "starten anmelden",
    "fr": "debut demarrer abonner",
}
_MEANINGS: Final = {
    one: (word, language)
    for word, by_language in ((Word.STOP, _STOP), (Word.START, _START))
    for language, written in by_language.items()
    for one in written.split()
}
# Letters of any script and digits stay: what says more than the word is no such word.
_DRESS: Final = re.compile(r"[\W_]")
_LONGEST: Final = 40
_STOPPED: Final = say("You get no more text messages from us. Reply START to get them again.")
_STARTED: Final = say("You get text messages from us again. Reply STOP to end them.")
_NOT_READ: Final = say(
    "Text messages are not read here. Your clinic sees yours later; to reach someone, please call them. Reply STOP "
    "to get no more texts."
)
_NOT_KEPT: Final = say(
    "Text messages are not read here, and nobody gets yours. To reach someone, please call your clinic. Reply STOP "
    "to get no more texts."
)
_TEST: Final = say("[TEST]")


def word_in(text: str) -> tuple[Word, str] | None:
    """Give what a whole message asks for and its language, in any case, with any accents, blanks and marks.

    HELP is none: whoever writes it may mean it, so it is answered with help like anything else, and the team sees it.
    """
    if len(text.strip()) > _LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text.strip()).casefold()
    return _MEANINGS.get(_DRESS.sub("", plain))


def answer_to(word: Word, *, language: str, mode: str) -> str:
    """Say that what was asked for is done."""
    return _marked(_STOPPED if word is Word.STOP else _STARTED, language, mode)


def not_read(help_now: CrisisHelp, *, is_kept: bool, mode: str) -> str:
    """Say that nobody reads along, with the help of the place; ``is_kept``: the care team will see it."""
    lines = [f"{one.label}: {one.number}." if one.number else f"{one.label}." for one in help_now.lines]
    said = _marked(_NOT_READ if is_kept else _NOT_KEPT, help_now.locale, mode)
    return " ".join([said, help_now.title, *lines])


def _marked(words: Words, language: str, mode: str) -> str:
    said = words.in_language(language)
    return f"{_TEST.in_language(language)} {said}" if mode == "test" else said
