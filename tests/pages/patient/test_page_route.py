"""What any kind of pages gets from the route: failures are pages, and a form that was sent is never lost."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.testclient import TestClient

from app.foundation.errors import NotFoundError
from app.web.edge import TooManyRequestsError
from app.web.pages.answers import PageAnswer
from app.web.pages.forms import ForeignFormError, Form
from app.web.pages.page_route import NotSignedInError, PageRoute, failure_of, read_form_to_keep


class MadeUpRoute(PageRoute):
    """A kind of pages that says the names of its words."""

    sign_in: ClassVar[str] = "/made-up/sign-in"

    def failure_page(self, request: Request, error: Exception) -> Response:
        failure = failure_of(error)
        return PageAnswer(f"{failure.words} at {request.url.path}", failure.status)

    async def form_again(self, request: Request, form: Form, error: Exception) -> Response:
        failure = failure_of(error)
        return PageAnswer(f"{failure.words} at {request.url.path}: {form['answer']}", failure.status)


ERRORS = {
    "nothing": NotFoundError(),
    "foreign": ForeignFormError(),
    "nobody": NotSignedInError(),
    "fault": ZeroDivisionError("7 divided by 0"),
}
router = APIRouter(route_class=MadeUpRoute)


@router.get("/{name}")
async def show(name: str) -> Response:
    raise ERRORS[name]


@router.post("/{name}")
async def send(name: str, request: Request) -> Response:
    await read_form_to_keep(request)
    raise ERRORS[name]


@pytest.fixture
def browser() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router)
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("nothing", 404, "not_found"), ("foreign", 403, "foreign"), ("fault", 503, "away")],
)
def test_a_failure_is_a_page_of_its_kind(browser: TestClient, name: str, status: int, words: str) -> None:
    answer = browser.get(f"/{name}")

    assert (answer.status_code, answer.text) == (status, f"{words} at /{name}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "not_found at /nothing: 7"),
        ("fault", "away at /fault: 7"),
        ("foreign", "foreign at /foreign"),
    ],
)
def test_a_form_comes_back_filled_in_unless_another_site_sent_it(
    browser: TestClient, name: str, text: str
) -> None:
    assert browser.post(f"/{name}", data={"answer": "7"}).text == text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_is_not_signed_in_is_led_to_the_sign_in_of_its_kind(browser: TestClient, method: str) -> None:
    answer = browser.request(method, "/nobody")

    assert (answer.status_code, answer.headers["location"]) == (303, "/made-up/sign-in")


def test_a_page_says_when_to_come_back() -> None:
    assert failure_of(TooManyRequestsError(retry_after_seconds=9)).headers == {"retry-after": "9"}
    assert failure_of(NotFoundError()).headers == {}
