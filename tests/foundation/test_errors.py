"""Refusals: the docstring is the message, and says nothing of what was sent."""

import pytest

from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.web.problems import STATUS, refusal_document


class TeapotError(RefusalError):
    """This is a teapot; please
    ask for tea.

    A note for the reader of the code, not for the reader of the answer.
    """

    kind = RefusalKind.CONFLICT
    code = "teapot"


def test_the_first_paragraph_of_the_docstring_is_the_message_on_one_line() -> None:
    assert TeapotError.message() == "This is a teapot; please ask for tea."
    assert str(TeapotError()) == TeapotError.message()


def test_a_refusal_points_to_a_place_and_never_holds_a_value() -> None:
    document = refusal_document(TeapotError("#/drink"), request_id="r")
    assert document["errors"] == [
        {"pointer": "#/drink", "code": "teapot", "detail": "This is a teapot; please ask for tea."}
    ]
    assert document["type"] == "/problems/teapot"
    assert (document["title"], document["status"], document["request_id"]) == ("Teapot", 409, "r")


def test_a_refusal_without_a_place_has_no_errors_in_it() -> None:
    assert refusal_document(NotFoundError())["errors"] == []


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_kind_of_refusal_has_a_status_of_its_own(kind: RefusalKind) -> None:
    assert 400 <= STATUS[kind] < 600
    assert [STATUS[other] for other in RefusalKind].count(STATUS[kind]) == 1
