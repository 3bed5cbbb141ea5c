"""The guard against forms that another site made a browser send (CSRF).

Two locks. The browser itself says where a form came from; and each form carries a token made from a cookie
that only this browser has, keyed with the service's own key, so that nobody else can make one.
"""

import base64
import hmac
import secrets
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from fastapi import Depends, Request

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.web.dependencies import ContextNeeded

TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the field's name


class ForeignFormError(RefusalError):
    """This form was sent from another site; please open the page itself and send it from there."""

    kind = RefusalKind.FORBIDDEN
    code = "foreign-form"


class FormExpiredError(RefusalError):
    """This form is no longer valid here; please send it once more from the page as it is now."""

    kind = RefusalKind.FORBIDDEN
    code = "form-expired"


def new_anchor() -> str:
    """Make what a browser that is not signed in keeps, for its forms to be bound to."""
    return secrets.token_urlsafe(32)


def form_token(vault: Vault, bound_to: str) -> str:
    """Make the token for forms of the browser that holds this cookie."""
    return base64.urlsafe_b64encode(vault.digest(b"form token", bound_to.encode())).decode().rstrip("=")


def refuse_foreign(request: Request, public_url: str) -> None:
    """Refuse what a browser says it sends for another site.

    Browsers too old to say so are held to the form's token alone. ``Origin`` is "null" for our own forms
    too, because our pages send no referrer.

    Raises:
        ForeignFormError: it comes from another site.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise ForeignFormError
        return
    origin = request.headers.get("origin", "null")
    ours = {urlsplit(public_url).netloc, request.headers.get("host", "")}
    if origin != "null" and urlsplit(origin).netloc not in ours:
        raise ForeignFormError


async def own_form_only(request: Request, context: ContextNeeded) -> None:
    """Refuse forms from other sites.

    Raises:
        ForeignFormError: the browser says that it comes from one.
    """
    refuse_foreign(request, context.public_url)


OwnFormOnly = Depends(own_form_only)


def refuse_forged(vault: Vault, token: str, bound_to: Iterable[str]) -> None:
    """Refuse a form whose token was not made for this browser.

    Raises:
        FormExpiredError: the token is missing, or belongs to a cookie that this browser does not hold.
    """
    made = [form_token(vault, one) for one in bound_to if one]
    if not any(hmac.compare_digest(token.encode(), one.encode()) for one in made):
        raise FormExpiredError
