"""Rules of errors: the docstring is the message, a full sentence, and says nothing of what was sent."""

import importlib
import re
from collections import Counter
from typing import Any

import pytest

from app.foundation.errors import RefusalError
from app.web.problems import STATUS
from tests.house.sources import sources


def all_of(base: type[Any]) -> list[type[Any]]:
    """Find every class below this one, once all of our modules are loaded."""
    for source in sources():
        if not source.name.endswith(("__main__", "become_program")):
            importlib.import_module(source.name)
    found, waiting = [], [base]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child.__module__.startswith("app."):
                found.append(child)
                waiting.append(child)
    return found


REFUSALS: list[type[RefusalError]] = all_of(RefusalError)
each = pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.__name__)


def test_there_are_refusals() -> None:
    assert len(REFUSALS) > 10


@each
def test_its_message_is_a_sentence_of_its_own(refusal: type[RefusalError]) -> None:
    assert refusal.__doc__ is not None
    assert refusal.__doc__ not in {base.__doc__ for base in refusal.__mro__[1:]}
    assert re.fullmatch(r"[A-Z].*[^.]\.", refusal.message(), re.DOTALL), refusal.message()


@each
def test_its_message_has_no_place_for_a_value(refusal: type[RefusalError]) -> None:
    # One fixed sentence: nothing that was sent can get into it.
    assert not re.search(r"[{}%]", refusal.message())
    assert refusal("#/somewhere").message() == refusal.message() == str(refusal("#/elsewhere"))
    assert "__init__" not in vars(refusal)
    assert "message" not in vars(refusal)


@each
def test_its_code_is_words_with_hyphens_and_its_kind_has_a_status(refusal: type[RefusalError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", refusal.code)
    assert "code" in vars(refusal), "a separate code"
    assert refusal.kind in STATUS


@each
def test_its_class_is_named_an_error(refusal: type[RefusalError]) -> None:
    assert refusal.__name__.endswith("Error")


def test_no_two_refusals_share_a_code() -> None:
    counted = Counter(refusal.code for refusal in REFUSALS)
    assert [code for code, count in counted.items() if count > 1] == []


def test_all_our_errors_are_named_so_and_say_what_was_wrong() -> None:
    for error in all_of(Exception):
        assert error.__name__.endswith("Error"), error
        assert error.__doc__, error
        assert error.__doc__ not in {base.__doc__ for base in error.__mro__[1:]}, error
