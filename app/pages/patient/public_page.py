"""What everybody may open: help, files, what a phone keeps for times without a connection, and "no such page"."""

import json
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.care.assessments.questionnaires import WORDINGS, questionnaire
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.translations import LANGUAGES, SOURCE_LANGUAGE, say
from app.notifications.messages.crisis_help import help_everywhere
from app.pages.patient.check_in_page import shell_page
from app.pages.patient.page_route import FILES, SIGN_IN, TEMPLATES, VERSION, PatientPageRoute, render, who
from app.pages.patient.questionnaire_page import questionnaire_shell
from app.pages.patient.visitor import AnyVisitor, Visitor, visitor_without_look_up
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)
# After all other routes of these pages: whatever is left over.
rest_router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)
# The worker fetches pages for its tabs, under a separate policy.
_WORKER_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; connect-src 'self'",
}
_ICONS: Final = (("icon-192.png", "192x192"), ("icon-512.png", "512x512"))


@router.get("/")
async def start(visitor: AnyVisitor) -> Response:
    """Go where this browser's person wants to: the form, or signing in."""
    return RedirectResponse("/p/check-in" if visitor.caller else SIGN_IN, 303)


@router.get("/help")
async def show_help(visitor: AnyVisitor) -> Response:
    """Show crisis help, and answers to what people ask."""
    everywhere = help_everywhere(visitor.language)
    return render(visitor, "help.html", here="/p/help", everywhere=everywhere)


@router.get("/home-screen")
async def show_home_screen(visitor: AnyVisitor) -> Response:
    """Say how the form is put on a phone's home screen."""
    return render(visitor, "home_screen.html", here="/p/home-screen")


@router.get("/static/{name}")
async def static_file(name: str) -> Response:
    """Give a file; its name says its content."""
    return FILES.answer(name)


@router.get("/offline/{language}")
async def offline_form(language: str, context: ContextNeeded, request: Request) -> Response:
    """Give the form as a phone keeps it: nobody's, of no day yet."""
    return shell_page(_nobody(request, context, language))


@router.get("/offline/{language}/{key}")
async def offline_questionnaire(
    language: str, key: str, context: ContextNeeded, request: Request
) -> Response:
    """Give a questionnaire as a phone keeps it."""
    nobody = _nobody(request, context, language)
    return questionnaire_shell(nobody, questionnaire(key, locale=language))


def _nobody(request: Request, context: AppContext, language: str) -> Visitor:
    if language not in LANGUAGES:
        raise NotFoundError
    found = visitor_without_look_up(request, context, session="")
    return replace(
        found, language=language, switched_to="", new_anchor=False, new_country=False, country=None, token=""
    )


@router.get("/worker.js")
async def service_worker() -> Response:
    """Give the program that shows the kept form when there is no connection."""
    text = (
        TEMPLATES[SOURCE_LANGUAGE]
        .get_template("worker.js")
        .render(
            files=json.dumps(sorted(FILES.paths.values())),
            languages=json.dumps(sorted(LANGUAGES)),
            questionnaires=json.dumps([f"/{key}" for key in WORDINGS]),
            version=VERSION,
        )
    )
    return Response(text, media_type="text/javascript; charset=utf-8", headers=_WORKER_HEADERS)


@router.get("/manifest.webmanifest")
async def manifest(lang: str = "en") -> Response:
    """Say how the pages are put on a phone's home screen."""
    language = lang if lang in LANGUAGES else "en"
    document = {
        "name": "Afterglow",
        "short_name": "Afterglow",
        "description": say("Three short questions about mood, energy and sleep").in_language(language),
        "lang": language,
        "id": "/p/",
        "start_url": "/p/check-in",
        "scope": "/p/",
        "display": "standalone",
        "background_color": "#f6f3ee",
        "theme_color": "#1f5f5b",
        "icons": [
            {"src": FILES.path("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            *({"src": FILES.path(name), "sizes": size, "type": "image/png"} for name, size in _ICONS),
            {
                "src": FILES.path("icon-512.png"),
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "maskable",
            },
        ],
    }
    return Response(json.dumps(document), media_type="application/manifest+json")


@router.get("/state")
async def state(visitor: AnyVisitor) -> dict[str, str]:
    """Show a phone with answers to send who is signed in, and with which token it may send them."""
    return {"who": who(visitor.context.vault, visitor), "form_token": visitor.token}


@rest_router.get("/{path:path}")
@rest_router.post("/{path:path}")
async def no_such_page() -> Response:
    """Say that there is no such page, with help where it always is."""
    raise NotFoundError
