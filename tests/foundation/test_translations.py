"""Words in the reader's language: catalogues that are complete, and templates that are compiled once a language."""

import re
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader
from markupsafe import Markup, escape

from app.foundation.translations import (
    catalogue,
    direction,
    filled,
    in_language,
    joined,
    language_of,
    number_written,
    say,
)
from app.pages.staff.wall_clock import clock_written, short_day
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


def test_a_sentence_that_ends_with_a_period_of_its_value_has_no_second_one() -> None:
    at, day = clock_written(time(19)), short_day(date(2026, 11, 29))
    assert in_language(say("Since {day}.", day=day), "de") == "Since 29. Nov."
    ended = say("{moment} ({ago})", moment=at, ago=at)
    evening = in_language(at, "es_419")
    assert evening.endswith(".m.")
    assert in_language(joined((at, ended), ". "), "es_419") == f"{evening} {evening} ({evening})"
    assert joined(("Acme Inc.", "Ltd."), ". ") == "Acme Inc. Ltd."
    assert joined(("By J. Roe Jr.", "."), "") == "By J. Roe Jr."
    assert say("{name}. {name}. No. {number:.1f}.", name="Roe Jr.", number=1.5) == "Roe Jr. Roe Jr. No. 1.5."
    assert say("{name}.", name="wait..") == "wait..", "what someone wrote stays as it is"


@pytest.mark.parametrize("language", ["en", *TRANSLATED])
def test_no_message_doubles_the_period_of_a_value(language: str) -> None:
    messages = catalogue("es") if language == "en" else catalogue(language)
    for english, translated in messages.items():
        message = english if language == "en" else translated
        if not _PLACE.search(message) or "{{" in message or ":" in "".join(_PLACE.findall(message)):
            continue
        values = dict.fromkeys((one[1:-1] for one in _PLACE.findall(message)), "7:00 p. m.")
        assert ".." not in filled(message, values), message


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


def test_a_sentence_on_a_page_ends_with_one_period_whatever_it_ends_with() -> None:
    source = (
        "{% macro at(one) %}<i>{{ one }}</i>{% endmacro %}"
        "<p>Since {{ day }}. By <b>{{ name }}</b>. {{ at(day) }}. {{ name }}, {{ 7 }}.{{ 5 }}</p>"
        "<p>{{ day }}{% if other %} by {{ other }}{% elif name == '' %}{{ day }}{% endif %}.</p>"
        "<p>{{ day }}{% if other %} {{ other }}{% else %} Sam{% endif %}. {{ typed }}... {{ number }}.</p>"
    )
    shown = {"day": clock_written(time(19)), "name": "J. Roe <Jr.", "typed": "wait.", "number": 7}
    environment = template_environment(Path(), language="es_419")
    environment.loader = DictLoader({"page": source})
    at = in_language(shown["day"], "es_419")
    for other, second, third in (
        ("", at, f"{at} Sam."),
        ("Acme Inc.", f"{at} by Acme Inc.", f"{at} Acme Inc."),
    ):
        assert environment.get_template("page").render(**shown, other=other) == (
            f"<p>Since {at} By <b>J. Roe &lt;Jr.</b> <i>{at}</i> J. Roe &lt;Jr., 7.5</p>"
            f"<p>{second}</p><p>{third} wait.... 7.</p>"
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
