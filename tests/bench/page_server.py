"""The service, and beside it in the same process the form's own template as a bare page."""

import base64
import os
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp

from app.asgi import build_app
from app.context import AppContext
from app.foundation.clock import SystemClock
from app.foundation.logs import set_up_logs
from app.foundation.translations import LANGUAGES
from app.foundation.vault import Vault
from app.notifications.messages.crisis_help import crisis_help
from app.pages.patient.check_in_form import ID_FIELD, day_sentence, night_sentence
from app.pages.patient.opened_form import open_form
from app.pages.patient.page_route import FILES, TEMPLATES
from app.storage.engine.database import Database
from app.web.edge import Edge
from app.web.pages.forms import NOTHING_FILLED_IN

opened = open_form(datetime.now(UTC), "Europe/Berlin")
VALUES = {
    "language": "en", "direction": "ltr", "languages": LANGUAGES, "crisis": crisis_help("en"), "clinic_name": "",
    "files": FILES.paths, "who": "0", "here": "/p/check-in", "help_first": False, "title": "How are you?",
    "clinic_notified": False,
    "for_later": False, "hidden": opened.fields(ID_FIELD), "form": NOTHING_FILLED_IN, "mistakes": {},
    "earlier_sentence": "", "day_choices": (), "day_sentence": day_sentence(opened, "en"),
    "night_sentence": night_sentence(opened, "en"), "scale_numbers": [str(one) for one in range(11)],
    "note_length": 4000,
}  # fmt: skip


async def page() -> HTMLResponse:
    """Render the form's template; no session, no database, no cookies."""
    return HTMLResponse(TEMPLATES["en"].get_template("check_in.html").render(**VALUES))


def both() -> ASGIApp:
    """Let one process serve both, behind the same edge: what is compared is what the form itself does."""
    context = AppContext(
        database=Database(os.environ["DATABASE_URL"]),
        vault=Vault(base64.b64decode(os.environ["AFTERGLOW_ENCRYPTION_KEY"])),
        clock=SystemClock(),
        public_url="https://bench.test",
    )
    app = build_app(context, requests_per_minute=100_000_000)
    assert isinstance(app, Edge)
    assert isinstance(app._app, FastAPI)
    # First of all routes, so that looking for it costs nothing.
    app._app.add_api_route("/bare", page, include_in_schema=False)
    app._app.router.routes.insert(0, app._app.router.routes.pop())
    return app


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
