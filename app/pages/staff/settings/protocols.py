"""The clinic's own protocol templates: each version is kept, and a course keeps the one that it was started with."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.treatment import protocol_templates
from app.care.treatment.template_schemas import TemplateChange, TemplateEntry
from app.clinical.course import Route
from app.foundation.errors import RefusalError
from app.pages.staff.about_patient import number_in, whole_in
from app.pages.staff.infusion_page import ROUTES
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.storage.protocol_templates import OwnTemplate
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

HERE: Final = f"{SETTINGS}/protocols"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_READ)]
MayDecide = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_DECIDE)]
_NUMBERS: Final = ("dose_mg_per_kg", "dose_mg")
_EMPTY: Final = dict.fromkeys(("name", "infusions", "interval_days", *_NUMBERS, "route"), "")


@router.get("")
async def show_templates(visitor: MayRead) -> Response:
    """List the templates, and offer to add one."""
    return await _page(visitor, saved="saved" in visitor.request.query_params)


@router.post("")
async def add_template(visitor: MayDecide) -> Response:
    """Keep a new template."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = read_as(TemplateEntry, _read(form))
        await protocol_templates.add_template(visitor.work, dict(entry))

    return await visitor.go_on(change, to=f"{HERE}?saved", again=_page, typed=dict(form))


@router.get("/{template_id}")
async def show_template(template_id: UUID, visitor: MayDecide) -> Response:
    """Show one template, to be changed."""
    return await _one(visitor, template_id=template_id)


@router.post("/{template_id}")
async def change_template(template_id: UUID, visitor: MayDecide) -> Response:
    """Keep its next version, or retire it."""
    form = await read_own_form(visitor)

    async def change() -> None:
        changes = read_as(TemplateChange, {"retired": True} if form["retire"] else _read(form)).changes()
        version = version_in(form["version"])
        await protocol_templates.change_template(visitor.work, template_id, changes, version=version)

    return await visitor.go_on(
        change, to=f"{HERE}?saved", again=_one, template_id=template_id, typed=dict(form)
    )


def _read(form: Form) -> dict[str, Any]:
    return {
        "name": form["name"].strip(),
        **{name: whole_in(form[name]) for name in ("infusions", "interval_days")},
        **{name: number_in(form[name]) for name in _NUMBERS},
        "route": form["route"] or None,
    }


def _written(one: OwnTemplate) -> dict[str, str]:
    """Write a template as its fields hold it."""
    return {
        "name": one.name,
        "infusions": str(one.infusions),
        "interval_days": str(one.interval_days),
        "dose_mg_per_kg": f"{one.dose_mg_per_kg:g}" if one.dose_mg_per_kg is not None else "",
        "dose_mg": f"{one.dose_mg:g}" if one.dose_mg is not None else "",
        "route": one.route.value if one.route else "",
        "version": str(one.version),
    }


async def _one(
    visitor: StaffVisitor,
    *,
    template_id: UUID,
    typed: dict[str, str] | None = None,
    error: RefusalError | None = None,
) -> Response:
    found = await protocol_templates.read_template(visitor.work, template_id)
    return await _page(visitor, changed=found, typed=typed or _written(found), error=error)


async def _page(
    visitor: StaffVisitor,
    *,
    saved: bool = False,
    changed: OwnTemplate | None = None,
    typed: dict[str, str] | None = None,
    error: RefusalError | None = None,
) -> Response:
    return await settings_page(
        visitor,
        "settings_protocols.html",
        here=HERE,
        error=error,
        templates=await protocol_templates.list_templates(visitor.work),
        changed=changed,
        action=f"{HERE}/{changed.id}" if changed else HERE,
        typed=_EMPTY | (typed or {}),
        routes=[(one.value, ROUTES[one]) for one in Route],
        words=ROUTES,
        saved=saved,
    )
