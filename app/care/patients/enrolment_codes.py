"""The form of an enrolment code: four characters to find it by, eight to prove it, easy to read aloud."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.foundation.errors import RefusalError
from app.foundation.text import read_code as text_of_code

# Crockford's base32: no I, L, O or U, so that nothing is mistaken and no word appears by chance.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
SELECTOR_LENGTH: Final = 4
SECRET_LENGTH: Final = 8
LASTS: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5


class CodeMalformedError(RefusalError):
    """An enrolment code has twelve letters and digits, such as 7K2M-9QF4-XB3T; please check it."""

    code = "enrolment-code-malformed"


@dataclass(frozen=True, slots=True)
class CodeText:
    """A code as a person has it."""

    selector: str
    secret: str

    def __str__(self) -> str:
        half = SECRET_LENGTH // 2
        return f"{self.selector}-{self.secret[:half]}-{self.secret[half:]}"


def new_code() -> CodeText:
    """Make a code of 20 bits to find and 40 random bits to prove; five tries make guessing hopeless."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(SELECTOR_LENGTH + SECRET_LENGTH))
    return CodeText(letters[:SELECTOR_LENGTH], letters[SELECTOR_LENGTH:])


def read_code(text: str) -> CodeText:
    """Read a code as people type and paste it: any case, any dash, blank or full-width form, O for 0, I or L for 1.

    Raises:
        CodeMalformedError: it cannot be a code; this does not count as a try.
    """
    letters = text_of_code(text).translate(_READ_AS)
    if len(letters) != SELECTOR_LENGTH + SECRET_LENGTH or any(letter not in ALPHABET for letter in letters):
        raise CodeMalformedError("#/code")
    return CodeText(letters[:SELECTOR_LENGTH], letters[SELECTOR_LENGTH:])
