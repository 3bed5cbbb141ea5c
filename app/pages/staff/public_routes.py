"""What everybody may open: files, and "no such page"."""

from fastapi import APIRouter
from starlette.responses import Response

from app.foundation.errors import NotFoundError
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import FILES

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
# After all other routes of these pages: whatever is left over.
rest_router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/static/{name}")
async def care_file(name: str) -> Response:
    """Give a file; its name says its content."""
    return FILES.answer(name)


@rest_router.api_route("/{path:path}", methods=["GET", "POST"])
async def no_such_care_page(path: str) -> Response:  # noqa: ARG001 - whatever it is
    """Say that there is no such page."""
    raise NotFoundError
