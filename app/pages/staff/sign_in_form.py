"""The sign-in form, and what was typed before it: a form whose session ended goes through signing in, sealed.

It is sealed on the page itself, and nothing of it is stored. Only the member whose session it was gets it back,
within half an hour.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import Request
from pydantic_core import from_json, to_json
from starlette.responses import Response

from app.access.clinics.caller import ClinicCaller
from app.access.clinics.staff_sessions import member_of_ended
from app.access.staff import passkeys
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenKind, TokenNotValidError, read_token
from app.foundation.vault import CannotOpenError, Vault
from app.pages.staff.field_names import field_name
from app.pages.staff.rendering import render
from app.pages.staff.visitor import SESSION, StaffVisitor
from app.web.pages.answers import PageAnswer
from app.web.pages.cookies import Cookies
from app.web.pages.forms import TOKEN_FIELD, Form, FormExpiredError, read_form, refuse_foreign, refuse_forged
from app.web.pages.page_route import status_of

START: Final = "/care/"
SIGN_IN: Final = "/care/sign-in"
_LASTS: Final = timedelta(minutes=30)
# As much of a form as one field of the sign-in form brings back.
_MOST_TEXT: Final = 70_000
_NOBODY: Final = UUID(int=0)
_CELL: Final = {"table": "page", "column": "kept_form"}
# Paths of our own pages and nothing that a browser could take for another site's.
_OWN_PATH: Final = re.compile(r"/care/(?!/)[A-Za-z0-9/_.-]{0,300}", re.ASCII)
# Never carried, sealed or not: whoever signs in types them again.
_SECRETS: Final = frozenset({"password", "current", "code", "passphrase"})
# What a page sends along by itself.
_NOT_TYPED: Final = frozenset({TOKEN_FIELD, "version", "back", "next", "draft"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForm:
    """A form as it was sent, and where to."""

    path: str
    fields: Mapping[str, str]

    @property
    def written(self) -> list[tuple[str, str]]:
        """What can be read in it: each field's name in words, and its content."""
        return list(self._written())

    def _written(self) -> Iterator[tuple[str, str]]:
        for name, text in self.fields.items():
            if name not in _NOT_TYPED and text.strip():
                yield field_name(name), text


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """Where whoever signs in goes on: to a path, or to a form that was kept."""

    path: str = START
    draft: str = ""


def without_secrets(form: Mapping[str, str]) -> dict[str, str]:
    """Give what may be shown again: no password, code or passphrase."""
    return {name: text for name, text in form.items() if name not in _SECRETS}


def onward_of(form: Form) -> Onward:
    """Read from the sign-in form where one goes on."""
    return Onward(path=own_path(form["next"]), draft=form["draft"])


def own_path(text: str) -> str:
    """Take a path of these pages as it is, and the worklist for anything else."""
    ours = _OWN_PATH.fullmatch(text) and "//" not in text and ".." not in text
    return text if ours and not text.startswith(SIGN_IN) else START


async def keep_form(request: Request, context: AppContext) -> str:
    """Seal a form that was sent after its session had ended; an empty text when it is not that member's own.

    Raises:
        ForeignFormError: it was sent from another site.
    """
    refuse_foreign(request, context.public_url)
    session = Cookies(context.public_url).read(request, SESSION)
    path, form = request.url.path, await read_form(request)
    if not session or own_path(path) != path:
        return ""
    with suppress(FormExpiredError, TokenNotValidError):
        refuse_forged(context.vault, form[TOKEN_FIELD], (session,))
        reference = read_token(session, TokenKind.STAFF_SESSION)
        async with context.work(reference.clinic_id) as work:
            member = await member_of_ended(work, reference)
            until = work.now + _LASTS
        if member is not None:
            owner = f"{reference.clinic_id} {member.staff_id}"
            said = {"owner": owner, "until": until.isoformat(), "path": path, "fields": without_secrets(form)}
            text = to_json(said).decode()
            if len(text.encode()) <= _MOST_TEXT:
                sealed = context.vault.seal(text, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL)
                return base64.urlsafe_b64encode(sealed).decode()
    return ""


def open_kept(vault: Vault, draft: str, caller: ClinicCaller, *, now: datetime) -> KeptForm | None:
    """Give a kept form back to the member whose it is; None for anyone else, or after half an hour."""
    try:
        sealed = base64.urlsafe_b64decode(draft.encode())
        said = from_json(vault.open(sealed, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL))
    except (CannotOpenError, binascii.Error, ValueError):
        return None
    if said["owner"] != f"{caller.clinic_id} {caller.id}" or datetime.fromisoformat(said["until"]) <= now:
        return None
    return KeptForm(path=said["path"], fields=said["fields"])


def sign_in_form(
    visitor: StaffVisitor,
    onward: Onward,
    *,
    email: str = "",
    out: bool = False,
    error: RefusalError | None = None,
    status: int = 200,
) -> Response:
    """Show the form, with what is wrong in it; a form that was kept goes along."""
    answer = render(
        visitor,
        "sign_in.html",
        here=SIGN_IN,
        status=status if error is None else status_of(error),
        onward=onward,
        email=email,
        out=out,
        passkey=passkeys.challenge_to_sign_in(visitor.context),
        mistake="" if error is None else error.message(),
    )
    if error is not None and error.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(error.retry_after_seconds)
    return answer


def kept_page(
    visitor: StaffVisitor, kept: KeptForm, *, title: str, sentence: str, status: int = 200
) -> PageAnswer:
    """Show what was typed, with one button that sends it as it was."""
    return render(
        visitor, "kept_form.html", here="", status=status, kept=kept, title=title, sentence=sentence
    )
