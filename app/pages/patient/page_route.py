"""The patient's pages as routes: whatever fails is a page in the person's language, with crisis help on it."""

from typing import ClassVar, Final

from fastapi import Request, Response

from app.context import AppContext
from app.pages.patient.rendering import render
from app.pages.patient.visitor import visitor_without_look_up
from app.pages.patient.words import say_in
from app.web.pages.page_route import PageRoute, failure_of

SIGN_IN: Final = "/p/enrol"


class PatientPageRoute(PageRoute):
    """A route of these pages."""

    sign_in: ClassVar[str] = SIGN_IN

    def failure_page(self, request: Request, error: Exception) -> Response:
        """Say in plain words what is wrong."""
        return failure_page(request, request.app.state.context, error)


def failure_page(request: Request, context: AppContext, error: Exception) -> Response:
    """Make the page for a failure, without asking the database anything."""
    visitor, failure = visitor_without_look_up(request, context), failure_of(error)
    say = say_in(visitor.language)
    answer = render(
        context,
        visitor,
        "message.html",
        here="/p/",
        status=failure.status,
        title=say(f"{failure.words}_title"),
        sentence=say(failure.words),
    )
    answer.headers.update(failure.headers)
    return answer
