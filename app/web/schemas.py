"""What requests and replies share: strict bodies, opaque cursors, pages."""

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, Final, TypeVar
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from app.foundation.errors import RefusalError

PAGE_SIZE: Final = 50
_ZONES: Final = frozenset(available_timezones())


class UnknownTimeZoneError(RefusalError, ValueError):
    """The time zone is not known; an IANA name is expected, such as Europe/Berlin."""

    code = "unknown-time-zone"


class CursorNotValidError(RefusalError):
    """The cursor is not one that this list gave out."""

    code = "cursor-not-valid"


class RequestBody(BaseModel):
    """A body whose every field is known: a misspelt field must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ReplyBody(BaseModel):
    """A reply; fields may be added, clients ignore those they do not know."""

    model_config = ConfigDict(hide_input_in_errors=True)


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise UnknownTimeZoneError
    return name


TimeZoneName = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_known_zone)]
LocaleTag = Annotated[
    str, Field(pattern=r"^[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*$", max_length=35, examples=["en-US"])
]
Moment = Annotated[AwareDatetime, Field(examples=["2026-11-03T08:15:00+01:00"])]
PageLimit = Annotated[int, Query(ge=1, le=200, description="How many items at the most")]
PageCursor = Annotated[str | None, Query(max_length=200, description="The cursor from the page before")]

T = TypeVar("T")


def write_cursor(position: str) -> str:
    """Write a place in a list as an opaque cursor."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *, pointer: str = "query/after") -> str | None:
    """Read a cursor back.

    Raises:
        CursorNotValidError: it was not made by ``write_cursor``.
    """
    if cursor is None:
        return None
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise CursorNotValidError(pointer) from None


def read_id_cursor(cursor: str | None) -> UUID | None:
    """Read a cursor of a list that is ordered by id.

    Raises:
        CursorNotValidError: it is not one.
    """
    position = read_cursor(cursor)
    try:
        return None if position is None else UUID(position)
    except ValueError:
        raise CursorNotValidError("query/after") from None


class NotAChoiceError(RefusalError, ValueError):
    """The value is not one of those allowed; the OpenAPI document lists them."""

    code = "not-a-choice"


def choice_of(choices: Iterable[str]) -> BeforeValidator:
    """Let the field's own words through as they are said: "Booster given" reads as ``booster_given``."""
    allowed = frozenset(str(choice) for choice in choices)

    def chosen(value: object) -> str:
        text = value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else ""
        if text not in allowed:
            raise NotAChoiceError
        return text

    return BeforeValidator(chosen)
