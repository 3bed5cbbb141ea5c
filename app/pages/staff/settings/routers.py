"""All rooms of the settings, for the service to show."""

from typing import Final

from fastapi import APIRouter

from app.pages.staff.settings import (
    channels,
    clinic,
    days_off,
    erasure,
    go_live,
    index,
    keys,
    scales,
    webhooks,
)

SETTINGS_ROUTERS: Final[tuple[APIRouter, ...]] = (
    index.router,
    clinic.router,
    go_live.router,
    keys.router,
    channels.router,
    webhooks.router,
    days_off.router,
    erasure.router,
    scales.router,
)
