"""Words in the reader's language: catalogues that are complete, and templates that are compiled once a language."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader
from markupsafe import Markup, escape

from app.foundation.translations import catalogue, direction, in_language, language_of, number_written, say
from app.web.pages.templates import template_environment
from app.web.pages.translated_templates import template_messages
from app.web.pages.wording import locale_for
from tests.support.budget import budget
from tests.support.catalogues import TRANSLATED, read_catalogue, updated

_PLACE = re.compile(r"{[^}]*}")
_SAME = {"de": 30, "fr": 30, "es": 60}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_message_of_its_readers_and_no_other(language: str) -> None:
    kept, needed = read_catalogue(language), updated(language)
    assert {one.id for one in kept} == {one.id for one in needed}, "run make translations"
    assert [one.id for one in kept if one.id and not one.string] == []
    assert [one.id for one in kept if one.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_in_the_same_places(language: str) -> None:
    found = catalogue(language)
    assert {
        message: text
        for message, text in found.items()
        if set(_PLACE.findall(text)) - set(_PLACE.findall(message))
    } == {}


@pytest.mark.parametrize("language", TRANSLATED)
def test_few_messages_are_the_same_as_in_english(language: str) -> None:
    same = [message for message, text in catalogue(language).items() if message == text]
    assert len(same) < _SAME[language], same


def test_words_are_written_in_each_language_with_their_values() -> None:
    words = say("Send for {day}", day="Nov 3")
    assert words == "Send for Nov 3"
    assert in_language(words, "es") == "Enviar para el Nov 3"
    assert in_language(("7", words), "de") == ("7", "Für Nov 3 senden")
    assert in_language({"a": say("{label}, day and night", label=say("Call"))}, "fr") == {
        "a": say("{label}, day and night", label=say("Call")).in_language("fr")
    }


def test_numbers_have_the_decimal_sign_of_the_language_and_of_where_its_reader_is() -> None:
    words = say("{dose:g} mg/kg", dose=0.5)
    assert [in_language(words, one) for one in ("en", "es", "es_419")] == [
        "0.5 mg/kg",
        "0,5 mg/kg",
        "0.5 mg/kg",
    ]
    assert in_language(number_written(2), "es") == "2"
    fixed = say("This dose is above 1.5 mg/kg, or 2 mg/kg into a muscle or under the skin.")
    assert ["1,5 mg/kg" in in_language(fixed, one) for one in ("es", "es_419")] == [True, False]
    assert "1.5 mg/kg" in in_language(fixed, "es_419")
    assert [catalogue(one)["Such as 0.5."] for one in ("es", "es_419")] == ["Como 0,5.", "Como 0.5."]
    accepted = {"es": "es", "es-ES,en": "es", "es-MX": "es_419", "en-US,en;q=0.9": "es_419", "es-XX": "es"}
    assert {one: locale_for("es", one) for one in accepted} == accepted
    assert locale_for("en", "es-MX") == "en"


def test_a_language_without_a_catalogue_reads_english() -> None:
    assert say("Save").in_language("xx") == "Save"
    assert language_of("pt-BR") == "en"
    assert language_of("fr_CA") == "fr"


def test_a_language_says_in_which_direction_it_is_written() -> None:
    assert [direction(one) for one in ("en", "de", "ar", "he", "not a language")] == ["ltr"] * 2 + [
        "rtl"
    ] * 2 + ["ltr"]


def _rendered(source: str, words: dict[str, str], **values: object) -> str:
    environment = template_environment(Path())
    environment.loader = DictLoader({"page": source})
    environment.words = words
    return environment.get_template("page").render(**values)


@settings(max_examples=budget(25, long=500))
@given(st.text(alphabet="ab<>&\"' é"))
def test_a_page_escapes_all_that_it_shows(text: str) -> None:
    shown = {"text": text, "said": say("{text}", text=text), "marked": Markup("<b>{}</b>").format(text)}
    source = "".join(f"{{{{ {one} }}}}|" for one in (*shown, "number", "yes", "nothing"))
    written = _rendered(source, {}, **shown, number=7, yes=True, nothing=None)
    safe = escape(text)
    assert written == f"{safe}|{safe}|<b>{safe}</b>|7|True|None|"


def test_a_template_is_written_in_the_words_of_its_language() -> None:
    source = (
        '<p title="Hello">Hello, {{ who.name }}! <b>Bye</b> <code>Bye</code></p>'
        '{% if day %}<a href="/x"{% if yes %} class="Bye"{% endif %}>{{ "Bye" if yes else "Hello" }}</a>{% endif %}'
    )
    words = {"Hello": "Hola", "Hello, {name}!": "¡Hola, {name}!", "Bye": "Adiós"}
    assert _rendered(source, words, who={"name": "<Ana>"}, day=True, yes=True) == (
        '<p title="Hola">¡Hola, &lt;Ana&gt;! <b>Adiós</b> <code>Bye</code></p><a href="/x" class="Bye">Adiós</a>'
    )
    assert _rendered(source, {}, who={"name": "Ana"}, day=False, yes=False).startswith(
        '<p title="Hello">Hello, Ana!'
    )


def test_what_a_template_says_is_found_also_in_its_expressions() -> None:
    source = (
        '<p>Last {{ one.day }}: {{ number }} days.</p>{{ field("code", "Your code") }}'
        '{% for path, name in (("/p/help", say("Help")),) %}<i class="{{ path }}">{{ name }}</i>{% endfor %}'
        '{% if state == "Not this" %}{{ "yes" if a else "no" }}{% endif %}<script>const Not = "This";</script>'
    )
    assert [message for _, message in template_messages(template_environment(Path()), source)] == [
        "Last {day}: {number} days.",
        "Your code",
        "Help",
        "yes",
        "no",
    ]
