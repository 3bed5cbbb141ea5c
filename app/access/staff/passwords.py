"""Passwords: long rather than odd, not what anybody would guess first, kept as argon2id only.

Hashing costs 64 MB and a processor's attention: it is done in its own threads, few at a time, so that guessers
can neither hold up the requests of others nor fill the memory.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.foundation.errors import RefusalError

Found = TypeVar("Found")
SHORTEST: Final = 12
LONGEST: Final = 200
_AT_ONCE: Final = 2
# What must be left of a password without the words that everybody at the clinic knows.
_OWN_PART: Final = 8
_FEWEST_DIFFERENT: Final = 5
_KNOWN_WORD: Final = 4
# The commonest that are long enough, without what is put between and behind: P@ssw0rd-2026! is password.
_COMMON: Final = (
    "password", "passwort", "passphrase", "contrasena", "qwertyuiop", "qwerty", "asdfghjkl", "zxcvbnm",
    "1q2w3e4r5t6y", "abcdefghijkl", "abcdefgh", "1234567890", "0123456789", "0987654321", "12345678", "letmein",
    "welcome", "iloveyou", "administrator", "admin", "changeme", "default", "sunshine", "princess", "football",
    "baseball", "dragon", "monkey", "trustno1", "superman", "batman", "afterglow", "ketamine", "secret",
)  # fmt: skip
_TOO_LITTLE: Final = 5
_READ_AS: Final = str.maketrans("@$!€035", "asieoes")
_HASHER: Final = PasswordHasher()
_THREADS: Final = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="argon2")


class PasswordTooShortError(RefusalError):
    """A password has at least 12 characters, and at most 200; a few words in a row are easy to remember."""

    code = "password-too-short"


class PasswordTooCommonError(RefusalError):
    """This password is among those that are tried first; please choose another."""

    code = "password-too-common"


class PasswordHoldsNameError(RefusalError):
    """This password is little more than the clinic's name or your own address; please choose another."""

    code = "password-holds-name"


def refuse_weak(password: str, *, known: Iterable[str]) -> None:
    """Refuse what is guessed first; ``known`` is what everybody knows: the clinic's name, the own address.

    Raises:
        PasswordTooShortError, PasswordTooCommonError, PasswordHoldsNameError: as they say.
    """
    text = _plain(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise PasswordTooShortError("#/password")
    letters = text.casefold()
    left = min(len(_without(one, _COMMON)) for one in (letters, letters.translate(_READ_AS)))
    if len(set(letters)) < _FEWEST_DIFFERENT or left <= _TOO_LITTLE:
        raise PasswordTooCommonError("#/password")
    words = [part for one in known for part in (one, *one.replace("@", " ").split())]
    if len(_without(letters, words)) < _OWN_PART:
        raise PasswordHoldsNameError("#/password")


async def hashed(password: str) -> str:
    """Give the hash to keep."""
    return await _in_thread(_hash, password)


async def matches(kept: str | None, password: str) -> bool:
    """Say whether this is the password; as slow where nothing is kept, so that nobody learns who is known."""
    return await _in_thread(_verify, kept, password)


def is_outdated(kept: str) -> bool:
    """Say whether a hash was made with other costs than today's."""
    return _HASHER.check_needs_rehash(kept)


def _without(letters: str, words: Iterable[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _KNOWN_WORD:
            letters = letters.replace(word.casefold(), "")
    return letters


def _plain(password: str) -> str:
    # The same characters, however a keyboard writes them.
    return unicodedata.normalize("NFKC", password)


def _hash(password: str) -> str:
    return _HASHER.hash(_plain(password))


def _verify(kept: str | None, password: str) -> bool:
    try:
        _HASHER.verify(kept or _nobodys(), _plain(password)[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password")


async def _in_thread(function: Callable[..., Found], *given: str | None) -> Found:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, function, *given)
