"""Enumerations of words that are looked up many times at every check-in."""

from enum import StrEnum
from typing import TypeVar

Words = TypeVar("Words", bound=StrEnum)


def quick(words: type[Words]) -> type[Words]:
    """The same enumeration, whose members are found and hashed without a call.

    Up to Python 3.11 `Level.WATCH` runs a function, and so does the hash of a member in every version: a
    step of the rule spent a sixth of its time there.
    """
    for name, member in words.__members__.items():
        type.__setattr__(words, name, member)
    type.__setattr__(words, "__hash__", str.__hash__)
    return words
