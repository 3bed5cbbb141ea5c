"""What was typed into a form, read by the API's own schema."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.foundation.errors import RefusalError
from app.web.problems import InvalidRequestError, validation_errors

Entry = TypeVar("Entry", bound=BaseModel)


def entered_as(schema: type[Entry], form: Mapping[str, str], *fields: str) -> Entry:
    """Read some fields of a form as the body of the call that does the same; blanks around them are dropped.

    Raises:
        InvalidRequestError: the API would refuse it; the findings point at the fields.
    """
    return entry_of(schema, {name: form[name].strip() for name in fields})


def entry_of(schema: type[Entry], values: Mapping[str, object]) -> Entry:
    """Read values as the body of a call.

    Raises:
        InvalidRequestError: the API would refuse it; the findings point at the fields.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise InvalidRequestError().finding(validation_errors(error.errors(), skip=0)) from None


def mistakes_of(error: RefusalError | None) -> dict[str, str]:
    """Give the sentence for each field that was refused, by the field's name."""
    if error is None:
        return {}
    found = {str(one["pointer"]).removeprefix("#/"): str(one["detail"]) for one in reversed(error.findings)}
    if error.pointer:
        found[error.pointer.removeprefix("#/")] = str(error)
    return found


def sentence_of(error: RefusalError | None) -> str:
    """Say what was refused, for the head of the page: the field's own sentence where one field is wrong."""
    if error is None:
        return ""
    mistakes = mistakes_of(error)
    if len(mistakes) != 1 or error.pointer:
        return str(error)
    ((field, sentence),) = mistakes.items()
    return f"{field.replace('/', ' ').replace('_', ' ').capitalize()}: {sentence}" if field else sentence
