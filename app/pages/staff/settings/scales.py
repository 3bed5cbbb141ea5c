"""The clinic's scales: the validated ones, and those that it describes itself. A kept scale never changes."""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.assessments import commands, queries
from app.foundation.errors import RefusalError
from app.pages.staff.asked_form import mistakes_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.pages.forms import NOTHING_FILLED_IN, Form

HERE: Final = f"{SETTINGS}/scales"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_READ)]
MayDescribe = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_DECIDE)]
_NUMBERS: Final = ("minimum", "maximum", "remission", "relapse", "days_apart")


@router.get("")
async def show_scales(visitor: MayRead) -> Response:
    """List the scales."""
    return await _page(visitor, saved="saved" in visitor.request.query_params)


@router.post("")
async def add_scale(visitor: MayDescribe) -> Response:
    """Keep a scale of the clinic's own."""
    form = await read_own_form(visitor)
    described: dict[str, Any] = {name: _number(form[name].strip()) for name in _NUMBERS if form[name].strip()}
    described |= {"name": form["name"].strip(), "higher_is_better": form["direction"] == "higher"}
    return await visitor.go_on(
        lambda: commands.add_scales(visitor.work, {form["key"].strip().lower(): described}),
        to=f"{HERE}?saved",
        again=_page,
        typed=form,
    )


def _number(text: str) -> float | int | str:
    """Read a number as it was typed; what is none goes on as it is, and is refused by name."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


async def _page(
    visitor: StaffVisitor,
    *,
    saved: bool = False,
    typed: Form | None = None,
    error: RefusalError | None = None,
) -> Response:
    return await settings_page(
        visitor,
        "settings_scales.html",
        here=HERE,
        error=error,
        scales=await queries.list_scales(visitor.work),
        typed=typed or NOTHING_FILLED_IN,
        saved=saved,
        # Each finding points below the scale's key: #/scales/bdi/minimum.
        mistakes={name.rpartition("/")[2]: said for name, said in mistakes_of(error).items()},
    )
