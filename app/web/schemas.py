"""What requests and replies share: strict bodies, opaque cursors, pages."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    PlainValidator,
    TypeAdapter,
)
from pydantic_core import CoreSchema, core_schema

from app.foundation.addresses import LONGEST_EMAIL, read_email
from app.foundation.errors import RefusalError
from app.foundation.text import read_chart_number, read_name
from app.foundation.tokens import base64url, from_base64url
from app.foundation.zones import read_country, read_zone

PAGE_SIZE: Final = 50
# Nothing that is recorded here happened before, and adding a few days could leave the calendar.
_EARLIEST_YEAR: Final = 2000
_LATEST_YEAR: Final = 2199
_LARGEST_COUNTER: Final = 2**63 - 1
_ONLY_DATE: Final = re.compile(r"[0-9-]{10}")
_DATE_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_When = TypeVar("_When", datetime, date)


class TimeNotWrittenOutError(RefusalError, ValueError):
    """A date or time is written out, such as 2026-11-03 or 2026-11-03T08:15:00+01:00."""

    code = "time-not-written-out"


class TimeOutOfRangeError(RefusalError, ValueError):
    """The year must lie between 2000 and 2199."""

    code = "time-out-of-range"


class CursorNotValidError(RefusalError):
    """The cursor is not one that this list gave out."""

    code = "cursor-not-valid"


class RequestBody(BaseModel):
    """A body whose every field is known: a misspelt field must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def example(**fields: JsonValue) -> ConfigDict:
    """Show one whole body in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


ShownOnce = Annotated[
    str | None,
    Field(description="Shown this once: null in an answer that is repeated for its Idempotency-Key"),
]
"""What opens something: never kept, so no repeated answer has it. A first answer always does."""


class ReplyBody(BaseModel):
    """A reply; fields may be added, clients ignore those they do not know."""

    model_config = ConfigDict(hide_input_in_errors=True)


class RecordReply(ReplyBody):
    """A reply that shows what a record says, under the record's own names."""

    @classmethod
    def of(cls, record: object) -> Self:
        """Make the reply of a record, or of anything else that has its fields."""
        return cls.model_validate(record, from_attributes=True)


@dataclass(frozen=True, slots=True)
class DescribedAs:
    """Anything is let through as it is; the OpenAPI document names what is expected.

    In a request it is looked at one by one; in a reply it is what was stored.
    """

    form: type[BaseModel]

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let all through, and describe the form by its own name."""
        return core_schema.no_info_wrap_validator_function(
            lambda value, _look: value,
            handler.generate_schema(self.form),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


def _written_out(value: object) -> object:
    # Pydantic would also take numbers, as seconds or milliseconds since 1970, whichever seems likelier.
    if not (isinstance(value, str) and _DATE_FIRST.match(value)):
        raise TimeNotWrittenOutError
    return value


def _in_living_memory(when: _When) -> _When:
    if not _EARLIEST_YEAR <= when.year <= _LATEST_YEAR:
        raise TimeOutOfRangeError
    return when


TimeZoneName = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(read_zone)]
LocaleTag = Annotated[
    str, Field(pattern=r"^[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*$", max_length=35, examples=["en-US"])
]
# Kept as it is, and PostgreSQL's texts cannot hold a NUL; nobody's name holds a control character.
Name = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(read_name)
]
CountryCode = Annotated[str, Field(min_length=2, max_length=2, examples=["GB"]), AfterValidator(read_country)]
ChartNumber = Annotated[
    str, Field(min_length=1, max_length=200, examples=["P-1042"]), AfterValidator(read_chart_number)
]
EmailAddress = Annotated[
    str,
    Field(min_length=3, max_length=LONGEST_EMAIL, examples=["ortega@clinic.example"]),
    AfterValidator(read_email),
]
PhoneNumber = Annotated[str, Field(pattern=r"^\+?[0-9 ()./-]{3,30}$", examples=["+1 555 0100"])]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    AfterValidator(_in_living_memory),
    Field(examples=["2026-11-03T08:15:00+01:00"]),
]
Day = Annotated[
    date, BeforeValidator(_written_out), AfterValidator(_in_living_memory), Field(examples=["2026-11-03"])
]
_A_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
_A_DAY: Final[TypeAdapter[date]] = TypeAdapter(Day)


def _moment_or_day(value: object) -> datetime | date:
    """Read the one that was meant: what is wrong is said once, at the field, and not for each reading of it."""
    day = isinstance(value, str) and _ONLY_DATE.fullmatch(value)
    return _A_DAY.validate_python(value) if day else _A_MOMENT.validate_python(value)


MomentOrDay = Annotated[Moment | Day, PlainValidator(_moment_or_day, json_schema_input_type=Moment | Day)]


def write_cursor(position: str) -> str:
    """Write a place in a list as an opaque cursor."""
    return base64url(position.encode())


def read_cursor(cursor: str | None, *, pointer: str = "query/after") -> str | None:
    """Read a cursor back.

    Raises:
        CursorNotValidError: it was not made by ``write_cursor``.
    """
    if cursor is None:
        return None
    try:
        return from_base64url(cursor).decode()
    except ValueError:
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


def read_counter(text: str) -> int | None:
    """Read a count from 0 to what a column can hold, in plain digits; None when it is not one."""
    # Python takes "²" for a digit, and PostgreSQL takes no more than 63 bits.
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_LARGEST_COUNTER)):
        return None
    number = int(text)
    return number if number <= _LARGEST_COUNTER else None


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
