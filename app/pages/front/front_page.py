"""The start page, the reference of the API, and a page for each problem: for anybody, without a script."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from app.foundation.errors import NotFoundError
from app.pages.front.reference import chapter_of, slug
from app.web.document import Audience, DescribedApi
from app.web.pages.answers import PageAnswer
from app.web.pages.page_route import PageRoute, failure_of
from app.web.pages.templates import SHARED_FILES, StaticFiles, template_environment
from app.web.problem_catalogue import field_codes, known_problems

_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = template_environment(_HERE / "templates")
_FILES: Final = StaticFiles("/docs/static/", [SHARED_FILES, _HERE / "static"])
_CODE: Final = re.compile(r"`([^`]+)`")
_AUDIENCES: Final = {
    Audience.PATIENT: "Patient API: for phones and web apps of patients",
    Audience.CLINIC: "Clinic API: for EHRs and systems of the care team",
}


class FrontPageRoute(PageRoute):
    """A route of these pages: whatever fails is a page too."""

    def failure_page(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - these pages are the same for everybody
        """Say that there is no such page, or that it cannot be shown now."""
        failure = failure_of(error)
        answer = _render("no_page.html", status=failure.status)
        answer.headers.update(failure.headers)
        return answer


router = APIRouter(route_class=FrontPageRoute, include_in_schema=False)
# The documents by audience, for programs.
documents_router = APIRouter(prefix="/v1/openapi", include_in_schema=False)


def marked(text: str) -> Markup:
    """Write what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped one step before


_TEMPLATES.filters["marked"] = marked
_TEMPLATES.filters["slug"] = slug


@router.get("/")
async def show_start() -> Response:
    """Say what runs here, and lead on."""
    return _render("start.html")


@router.get("/docs")
async def show_reference(request: Request) -> Response:
    """List the chapters of both APIs."""
    parts = {audience: _part(request, audience) for audience in Audience}
    return _render("reference.html", parts=parts, titles=_AUDIENCES)


@router.get("/docs/static/{name}")
async def static_file(name: str) -> Response:
    """Give a file; its name says its content."""
    return _FILES.answer(name)


@router.get("/docs/{audience}/{chapter}")
async def show_chapter(request: Request, audience: Audience, chapter: str) -> Response:
    """Show the operations of one chapter."""
    part = _part(request, audience)
    tag = next((tag for tag in part["tags"] if slug(tag["name"]) == chapter), None)
    if tag is None:
        raise NotFoundError
    return _render(
        "chapter.html",
        title=_AUDIENCES[audience],
        said=tag["description"],
        chapter=chapter_of(part, tag["name"]),
        schemes=part["components"]["securitySchemes"],
        named=part["components"]["schemas"],
    )


@router.get("/problems")
async def list_problems() -> Response:
    """List every problem that an answer can name."""
    return _render("problems.html", problems=known_problems(), codes=field_codes())


@router.get("/problems/{code}")
async def show_problem(code: str) -> Response:
    """Explain one problem: what its ``type`` leads to."""
    found = next((one for one in known_problems() if one.code == code), None)
    if found is None:
        raise NotFoundError
    return _render("problem.html", problem=found)


@documents_router.get("/{audience}.json")
async def document_for(request: Request, audience: Audience) -> dict[str, Any]:
    """Give the OpenAPI document of one audience."""
    return _part(request, audience)


def _part(request: Request, audience: Audience) -> dict[str, Any]:
    return cast("DescribedApi", request.app).part(audience)


def _render(template: str, *, status: int = 200, **values: object) -> PageAnswer:
    files: Mapping[str, str] = _FILES.paths
    return PageAnswer(
        _TEMPLATES.get_template(template).render(language="en", direction="ltr", files=files, **values),
        status,
    )
