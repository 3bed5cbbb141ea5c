"""The service, and beside it in the same process the check-in form that no session and no database is asked for."""

import base64
import os
from datetime import UTC, datetime

import uvicorn
from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp

from app import asgi
from app.context import AppContext
from app.foundation.clock import SystemClock
from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from app.pages.patient.check_in_page import form_page
from app.pages.patient.opened_form import open_form
from app.pages.patient.visitor import visitor_without_look_up
from app.storage.engine.database import Database

opened = open_form(datetime.now(UTC), "Europe/Berlin")


async def page(request: Request) -> Response:
    """Render the form as the page itself does, for nobody."""
    context = request.app.state.context
    return form_page(visitor_without_look_up(request, context), opened)


def both() -> ASGIApp:
    """Let one process serve both, behind the same edge: what is compared is what the form itself does."""
    context = AppContext(
        database=Database(os.environ["DATABASE_URL"]),
        vault=Vault(base64.b64decode(os.environ["AFTERGLOW_ENCRYPTION_KEY"])),
        clock=SystemClock(),
        public_url="https://bench.test",
    )
    bare = APIRouter()
    bare.add_api_route("/bare", page, include_in_schema=False)
    asgi._ROUTERS = (bare, *asgi._ROUTERS)  # type: ignore[misc] # the product needs no way in for this page
    return asgi.build_app(context, requests_per_minute=100_000_000)


if __name__ == "__main__":
    set_up_logs()
    uvicorn.run(
        both(),
        port=int(os.environ["AFTERGLOW_PORT"]),
        log_level="error",
        access_log=False,
        date_header=False,
        lifespan="off",
    )
