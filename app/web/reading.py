"""Reading what was sent: a page's form by the very rules of the API's request, a body that was read before."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from starlette.types import Message, Receive

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


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Give a body that a middleware read once more, whole, then whatever comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
