"""Reading what came in another way than to the API, such as a page's form, by the very rules of the API's request."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from app.web.problems import InvalidRequestError, validation_errors
from app.web.schemas import RequestBody

_Body = TypeVar("_Body", bound=RequestBody)


def read_as(body: type[_Body], sent: Mapping[str, object]) -> _Body:
    """Read plain values as a request.

    Raises:
        InvalidRequestError: they are none; its findings name the fields and the rules, never a value.
    """
    try:
        return body.model_validate(sent)
    except ValidationError as error:
        found = validation_errors(error.errors(include_input=False, include_url=False), skip=0)
    # Outside of the handler: Pydantic's own error holds what was sent.
    raise InvalidRequestError().finding(found)


def field_of(pointer: str) -> str:
    """Name the field that a finding's pointer leads to, or into."""
    return pointer.removeprefix("#/").partition("/")[0]
