"""Refusals: what can be wrong with what someone sent, said without repeating what they sent; operators' errors."""

from collections.abc import Iterable, Mapping
from enum import Enum
from inspect import cleandoc
from typing import Any, ClassVar, Self

from app.foundation.translations import Words


class RefusalKind(Enum):
    """Why something is refused; ``web/problems.py`` alone knows the HTTP status of each."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    NOT_SUPPORTED = "not_supported"
    NOT_ACCEPTABLE = "not_acceptable"
    TOO_MANY = "too_many"
    PRECONDITION_MISSING = "precondition_missing"
    PRECONDITION_FAILED = "precondition_failed"
    UNAVAILABLE = "unavailable"


class RefusalError(Exception):
    """The request cannot be carried out."""

    # The first paragraph of each subclass's docstring is the sentence its reader gets. It may name the
    # field, never the value: any value may be health data, and answers end up in logs and screenshots.
    kind: ClassVar[RefusalKind] = RefusalKind.INVALID
    code: ClassVar[str] = "refused"

    def __init__(self, pointer: str | None = None, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(self.message())
        self.pointer = pointer
        self.retry_after_seconds = retry_after_seconds
        self.findings: tuple[Mapping[str, Any], ...] = ()
        self.extensions: dict[str, Any] = {}

    def finding(self, findings: Iterable[Mapping[str, Any]]) -> Self:
        """Add what was found, each with `pointer`, `code` and `detail`: places and counts, never an answer.

        The one value that may be named is a total that contradicts its own items.
        """
        self.findings = (*self.findings, *findings)
        return self

    def with_extensions(self, **ours: str | list[str]) -> Self:
        """Add what the reader needs to fix it: something of ours, such as `server_time`, never what was sent."""
        self.extensions = {**self.extensions, **ours}
        return self

    @classmethod
    def message(cls) -> Words:
        """Give the sentence for the reader: the docstring's first paragraph on one line."""
        return Words(" ".join(cleandoc(cls.__doc__ or "").split("\n\n")[0].split()))


class OperatorError(Exception):
    """What whoever runs a command can correct: shown as one sentence, without a traceback."""


class NotFoundError(RefusalError):
    """There is nothing here under this id, or it is not yours to see."""

    kind = RefusalKind.NOT_FOUND
    code = "not-found"
