"""Catalogues in which every translation stands in brackets, so that what a page says outside of them is in none."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html.parser import HTMLParser
from itertools import chain
from typing import Any, Final

from babel import Locale

from app.care.assessments.questionnaires import WORDINGS
from app.chart.wording import chart_words
from app.clinical import explanation_words
from app.foundation.translations import catalogue
from app.notifications.messages.consent_text import consent_text
from app.notifications.messages.national_crisis_lines import NATIONAL_HELP
from app.pages.patient.page_route import TEMPLATES as FOR_PATIENTS
from app.pages.staff.rendering import TEMPLATES as FOR_STAFF
from app.web.pages.wording import countries_in
from tests.support.catalogues import TRANSLATED

_OPEN, _CLOSE = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
_IN_BRACKETS: Final = re.compile(f"{_OPEN}[^{_OPEN}{_CLOSE}]*{_CLOSE}")
_PLACE: Final = re.compile(r"({[^{}]*})")
_LETTER: Final = re.compile(r"[^\W\d_]")
# A word, or a number with a decimal point.
_SAID: Final = re.compile(r"[^\W\d_]{2,}(?:['-][^\W\d_]+)*|(?<![\w.])\d+\.\d+(?![\w.])")
_READ: Final = ("aria-label", "title", "alt", "placeholder", "data-l", "label")
_EMPTY: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"})
_FIELDS: Final = frozenset({"input", "select", "textarea"})
# Code is read by programs, and what names its own language is in that one.
_NOT_READ: Final = frozenset({"script", "style", "code", "pre", "kbd", "textarea", "datalist"})


def in_brackets(text: str) -> str:
    """Put what a message says in brackets, and leave its places out of them: a value must be translated too."""
    return "".join(
        f"{_OPEN}{one}{_CLOSE}" if _LETTER.search(one) and not _PLACE.fullmatch(one) else one
        for one in _PLACE.split(text)
    )


def _all_translations() -> Iterator[dict[Any, Any]]:
    """The tables of translations themselves, as the running program reads them."""
    for found in (
        *(catalogue(language) for language in TRANSLATED),
        explanation_words.SPANISH.templates,
        explanation_words.SPANISH.nouns,
        explanation_words._CAUTIONS_ES,
    ):
        assert isinstance(found, dict)
        yield found


@contextmanager
def bracketed_catalogues() -> Iterator[None]:
    """Let every page of this process be written with brackets around what is translated, until the block ends."""
    kept = [(table, dict(table)) for table in _all_translations()]
    for table, _ in kept:
        for name, said in table.items():
            several = isinstance(said, tuple)
            table[name] = tuple(in_brackets(one) for one in said) if several else in_brackets(said)
    _read_again()
    try:
        yield
    finally:
        for table, before in kept:
            table.update(before)
        _read_again()


def _read_again() -> None:
    for environment in (*FOR_STAFF.values(), *FOR_PATIENTS.values()):
        assert environment.cache is not None
        environment.cache.clear()
    chart_words.cache_clear()


def _of_calendars(language: str) -> Iterator[str]:
    """What dates and times are written with."""
    locale = Locale(language)
    for tables in (locale.months, locale.days, locale.day_periods):
        for widths in tables.values():
            for names in widths.values():
                yield from names.values()
    if language == "es":
        yield from explanation_words._MONTHS_ES


@dataclass
class SeenForm:
    """A form as a page has it: what goes along by itself, and what is typed or chosen."""

    action: str
    encoding: str
    method: str
    hidden: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    file: str = ""

    def take(self, found: dict[str, str]) -> None:
        """Take one of its fields."""
        name, kind = found.get("name", ""), found.get("type", "text")
        if not name:
            return
        if kind == "hidden":
            self.hidden[name] = found.get("value", "")
        elif kind == "file":
            self.file = name
        elif kind not in {"radio", "checkbox"}:
            self.typed.append(name)


class _Page(HTMLParser):
    """Gathers what a person reads or hears, and the forms."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.forms: list[SeenForm] = []
        self._open: list[tuple[str, bool]] = []
        # How many of them are not read.
        self._skips = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        own = "lang" in found and tag != "html"
        if not own and not self._skips:
            self.said += [found[name] for name in _READ if name in found]
        if tag == "form":
            self.forms.append(
                SeenForm(found.get("action", ""), found.get("enctype", ""), found.get("method", "get"))
            )
        elif tag in _FIELDS and self.forms and any(one == "form" for one, _ in self._open):
            self.forms[-1].take(found)
        if tag not in _EMPTY:
            skips = own or tag in _NOT_READ
            self._open.append((tag, skips))
            self._skips += skips

    def handle_endtag(self, tag: str) -> None:
        if not any(one == tag for one, _ in self._open):
            return
        ended = ""
        while ended != tag:
            ended, skips = self._open.pop()
            self._skips -= skips

    def handle_data(self, data: str) -> None:
        if not self._skips and data.strip():
            self.said.append(" ".join(data.split()))


# For its forms and for its words: once.
@lru_cache(maxsize=1)
def _read(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    return page


def forms_on(text: str) -> list[SeenForm]:
    """Give the forms of a page."""
    return _read(text).forms


def _shipped(language: str) -> Iterator[str]:
    """The texts that a language has elsewhere than in its catalogue: whole ones, by their authors or by CLDR."""
    consent = consent_text(language)
    yield from (consent.title, *consent.paragraphs, consent.accept)
    for wordings in WORDINGS.values():
        if one := wordings.get(language):
            yield from (one.title, one.instructions, *one.items, *one.answers, one.copyright)
    yield from (line.name for line in NATIONAL_HELP.values())
    yield from countries_in(language).values()


class Listener:
    """Finds in pages what is not in brackets, and is neither a date nor of the clinic's own words."""

    def __init__(self, language: str, own: Iterable[str]) -> None:
        shipped = sorted({" ".join(one.split()) for one in _shipped(language)}, key=len, reverse=True)
        known = [*(re.escape(one) for one in shipped), *own]
        self._own = re.compile("|".join(rf"(?<!\w)(?:{one})(?!\w)" for one in known))
        calendar = " ".join(_of_calendars(language)).replace(".", " ")
        self._calendar = {word.casefold() for word in _SAID.findall(calendar)}
        # What stands on every page is listened to once.
        self._heard = cache(self._in)

    def english_on(self, text: str) -> list[str]:
        """List what a page says in no catalogue's words, each with the words that were found."""
        said = _read(text).said
        return list(dict.fromkeys(chain.from_iterable(map(self._heard, said))))

    def _in(self, said: str) -> list[str]:
        left = said
        while (inner := _IN_BRACKETS.sub(" ", left)) != left:
            left = inner
        left = self._own.sub(" ", left)
        words = [one for one in _SAID.findall(left) if one.casefold() not in self._calendar]
        return [f"{' '.join(words)}  [{said[:90]}]"] if words else []
