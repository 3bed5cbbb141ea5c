"""The code that was just made, kept by the browser that asked for it: shown on a reload, gone with its time.

We keep no code that could be read. The cookie is sealed for one patient, and holds what this browser showed anyway.
"""

import base64
from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.care.patients.enrolment import IssuedCode
from app.care.patients.enrolment_codes import LASTS
from app.context import AppContext
from app.foundation.vault import CannotOpenError
from app.web.pages.cookies import Cookies

COOKIE: Final = "afterglow-staff-code"
_CELL: Final = {"table": "enrolment_codes", "column": "shown"}


def keep_code(
    response: Response, context: AppContext, clinic_id: UUID, patient_id: UUID, issued: IssuedCode
) -> None:
    """Let the browser keep a code for as long as it works."""
    text = f"{issued.expires_at.isoformat()} {issued.code}"
    sealed = context.vault.seal(text, clinic_id=clinic_id, row_id=patient_id, **_CELL)
    Cookies(context.public_url).write(
        response, COOKIE, base64.urlsafe_b64encode(sealed).decode(), lasts=LASTS
    )


def kept_code(
    request: Request, context: AppContext, clinic_id: UUID, patient_id: UUID
) -> tuple[str, datetime] | None:
    """Give the code that this browser keeps for this patient, while it works."""
    kept = Cookies(context.public_url).read(request, COOKIE)
    try:
        sealed = base64.urlsafe_b64decode(kept)
        text = context.vault.open(sealed, clinic_id=clinic_id, row_id=patient_id, **_CELL)
        until, _, code = text.partition(" ")
        expires_at = datetime.fromisoformat(until)
    except (ValueError, CannotOpenError):
        return None
    return (code, expires_at) if expires_at > context.clock.now() else None
