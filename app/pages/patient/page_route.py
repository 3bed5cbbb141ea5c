"""The patient's pages as routes: whatever fails is a page in the person's language, with crisis help on it."""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID

from fastapi import Request, Response

from app.care.assessments.questionnaires import WORDINGS
from app.chart.drawing import STYLE_SOURCE
from app.context import AppContext
from app.foundation.translations import CATALOGUES, LANGUAGES, Words, direction, say
from app.foundation.vault import Vault
from app.pages.patient.visitor import Visitor, visitor_without_look_up
from app.web.pages.answers import PageAnswer
from app.web.pages.forms import TOKEN_FIELD
from app.web.pages.page_route import PageRoute, failure_of
from app.web.pages.templates import SHARED_FILES, StaticFiles, template_environment, template_texts

_HERE: Final = Path(__file__).parent


TEMPLATES: Final = {
    language: template_environment(_HERE / "templates", language=language) for language in LANGUAGES
}
FILES: Final = StaticFiles("/p/static/", [SHARED_FILES, _HERE / "static"])

# Another name as soon as anything changes that a phone keeps: files, templates, words.
VERSION: Final = hashlib.sha256(
    b"".join(
        (FILES.version.encode(), repr(WORDINGS).encode(), *template_texts(_HERE / "templates", CATALOGUES))
    )
).hexdigest()[:12]


def render(
    visitor: Visitor,
    template: str,
    *,
    here: str,
    status: int = 200,
    help_first: bool = False,
    with_logo: bool = True,
    hidden: Mapping[str, str] | None = None,
    **values: object,
) -> PageAnswer:
    """Make a page; ``here`` is the path that it can be opened at again, for the switch of language."""
    at = "/tablet" if visitor.is_on_tablet else here
    text = (
        TEMPLATES[visitor.language]
        .get_template(template)
        .render(
            language=visitor.language,
            direction=direction(visitor.language),
            languages=LANGUAGES,
            crisis=visitor.crisis,
            clinic_name=visitor.caller.clinic_name if visitor.caller else "",
            clinic_logo=_logo(visitor) if with_logo else "",
            files=FILES.paths,
            # On the clinic's tablet nothing waits to be sent, and no other page is named.
            who="" if visitor.is_on_tablet else who(visitor.context.vault, visitor),
            here=at,
            can_switch=visitor.can_switch,
            address_in=partial(visitor.address_in, at=at),
            on_tablet=visitor.is_on_tablet,
            help_first=help_first,
            hidden={TOKEN_FIELD: visitor.token} | dict(hidden or {}),
            **values,
        )
    )
    answer = PageAnswer(text, status)
    # On every page: after sending, a script puts one page in the place of another under the first one's policy.
    answer.allow_style(STYLE_SOURCE)
    visitor.keep_cookies(answer)
    return answer


def _logo(visitor: Visitor) -> str:
    """Give the address of the clinic's logo, with its size; an empty text where there is none."""
    if visitor.caller is None or not visitor.caller.clinic_logo:
        return ""
    return f"{'/tablet' if visitor.is_on_tablet else '/p'}/logo/{visitor.caller.clinic_logo}"


def who(vault: Vault, visitor: Visitor) -> str:
    """Name the signed-in patient for the phone's queue: it must not send one person's answers as another's.

    It says nothing by itself, and nothing can be asked for with it.
    """
    caller = visitor.caller
    return "" if caller is None else _mark(vault, caller.clinic_id, caller.patient_id)


def _mark(vault: Vault, clinic_id: UUID, patient_id: UUID) -> str:
    return vault.digest(b"queue of", clinic_id.bytes, patient_id.bytes)[:9].hex()


SIGN_IN: Final = "/p/enrol"
# What a page says of a failure, by the name that it has in every kind of pages.
_FAILURES: Final[Mapping[str, tuple[Words, Words]]] = {
    "foreign": (
        say("This could not be sent"),
        say("It came from another site. Please open the page here and send it again."),
    ),
    "again": (
        say("Please try once more"),
        say("This page was open for a long time. Go back, load it again and try again."),
    ),
    "not_found": (say("There is no such page"), say("The address may be mistyped, or the page has moved.")),
    "busy": (
        say("Please wait a little"),
        say("Too many requests came from here. Nothing was lost: go back, wait a minute and try again."),
    ),
    "too_large": (
        say("That was too much at once"),
        say(
            "What you sent is larger than we can take. Go back: your answers are still on the page. "
            "Shorten the note and send again."
        ),
    ),
    "away": (
        say("We cannot do this just now"),
        say("Something is wrong on our side. What was sent before is kept. Please try again in a minute."),
    ),
}


class PatientPageRoute(PageRoute):
    """A route of these pages."""

    sign_in: ClassVar[str] = SIGN_IN

    def failure_page(self, request: Request, error: Exception) -> Response:
        """Say in plain words what is wrong."""
        return failure_page(request, request.app.state.context, error)


def failure_page(request: Request, context: AppContext, error: Exception) -> Response:
    """Make the page for a failure, without asking the database anything."""
    visitor, failure = visitor_without_look_up(request, context), failure_of(error)
    title, sentence = _FAILURES[failure.words]
    answer = render(
        visitor, "message.html", here="/p/", status=failure.status, title=title, sentence=sentence
    )
    answer.headers.update(failure.headers)
    return answer
