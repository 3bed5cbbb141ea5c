"""Every text is there in every language, and none of them says anything about anybody's health."""

import re

import pytest

from app.foundation.translations import LANGUAGES
from app.notifications.messages.wording import text_of
from app.outbox import Wording

# Words that would show a stranger over the shoulder what this is about, in any of the languages.
REVEALING = re.compile(
    r"ketamin|infusi|booster|depress|depres|mood|ánimo|animo|energy|energía|sleep|sueño|sympto|síntoma"
    r"|relaps|recaíd|score|puntua|treat|tratam|therap|terap|patient|paciente|suicid|harm|daño|safety"
    r"|psych|psiq|mental|check-in|phq|gad|madrs|qids|signal|señal|level|nivel|dose|dosis|medic"
    r"|stimmung|energie|schlaf|rückfall|behandl|selbst|dosis|arzt|ärzt|gesund|krank|schlimm|krise"
    r"|humeur|énergie|sommeil|rechut|traitement|thérap|médecin|santé|malad|pire|crise|soign"
    r"|doctor|médic|health|salud|worse|peor|crisis",
    re.IGNORECASE,
)
every = pytest.mark.parametrize("wording", Wording)
in_every_language = pytest.mark.parametrize("locale", sorted(LANGUAGES))


@every
@in_every_language
def test_it_is_there_and_says_nothing_clinical(wording: Wording, locale: str) -> None:
    text = text_of(wording, locale=locale, mode="live")
    assert text.subject
    assert text.body.endswith(".")
    assert not REVEALING.search(text.subject + text.body)


@every
def test_the_languages_differ(wording: Wording) -> None:
    assert len({text_of(wording, locale=locale, mode="live").body for locale in LANGUAGES}) == len(LANGUAGES)


@in_every_language
def test_while_the_clinic_tries_things_out_the_subject_says_so(locale: str) -> None:
    live, tried = (text_of(Wording.CONTACT_TEST, locale=locale, mode=mode) for mode in ("live", "test"))
    assert tried.subject.startswith("[")
    assert tried.subject.endswith(live.subject)


def test_a_revealing_word_would_be_noticed() -> None:
    assert REVEALING.search("Your depression check-in")


@pytest.mark.parametrize(
    ("locale", "language"), [("es-MX", "es"), ("ES_es", "es"), ("de-AT", "de"), ("pt-BR", "en"), ("", "en")]
)
def test_an_unknown_language_reads_as_english(locale: str, language: str) -> None:
    assert text_of(Wording.SIGN_IN_LINK, locale=locale, mode="live") == text_of(
        Wording.SIGN_IN_LINK, locale=language, mode="live"
    )
