"""The settings' first page: every page of them, in its group."""

from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings import (
    channels,
    clinic,
    connections,
    data,
    days_off,
    erasure,
    go_live,
    imports,
    keys,
    protocols,
    retention,
    scales,
    setup,
    webhooks,
)
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, staff_may

router = APIRouter(prefix=SETTINGS, route_class=CarePageRoute, include_in_schema=False)


@router.get("")
async def show_settings(visitor: Annotated[StaffVisitor, staff_may(Permission.CLINIC_READ)]) -> Response:
    """Show what can be set."""
    return await settings_page(visitor, "settings_index.html", here=SETTINGS)


SETTINGS_ROUTERS: Final[tuple[APIRouter, ...]] = (
    router,
    clinic.router,
    go_live.router,
    keys.router,
    connections.router,
    channels.router,
    webhooks.router,
    days_off.router,
    erasure.router,
    retention.router,
    scales.router,
    protocols.router,
    imports.router,
    data.router,
    setup.router,
)
