"""Reading a form: field by field as it comes in, keeping no more of any of them than could be meant."""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from fastapi import Depends, Request
from python_multipart import QuerystringParser
from python_multipart.exceptions import QuerystringParseError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import base64url
from app.foundation.vault import Vault
from app.web.dependencies import ContextNeeded

# Every character of the longest note as the longest escape, and room to give back what is too long.
_FIELD_BYTES: Final = 100_000
_MOST_FIELDS: Final = 200


class Form(Mapping[str, str]):
    """What was sent, each field once: the first wins. A field that is not there reads as an empty text.

    ``cut`` names the fields that were longer than is kept.
    """

    def __init__(self, fields: Mapping[str, str], cut: frozenset[str] = frozenset()) -> None:
        self._fields = fields
        self.cut = cut

    def __getitem__(self, name: str) -> str:
        return self._fields.get(name, "")

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def filled(self, fields: Mapping[str, str]) -> "Form":
        """Give the same form with other values in these fields."""
        return Form({**self._fields, **fields}, self.cut)


NOTHING_FILLED_IN: Final = Form({})


async def read_form(request: Request) -> Form:
    """Read a form in the one encoding that our pages send; of any other, nothing is read."""
    gathered = _Gathered()
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        return Form({})
    parser = QuerystringParser(
        {
            "on_field_start": gathered.start,
            "on_field_name": gathered.name,
            "on_field_data": gathered.value,
            "on_field_end": gathered.end,
        }
    )
    try:
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except QuerystringParseError:
        pass  # what was read before it broke off is kept
    return gathered.form()


async def read_upload(request: Request, name: str) -> tuple[Form, bytes]:
    """Read a form with one file, in the encoding that files take; nothing of one that is in another, or broken.

    How large it may be is the limit of the whole body; of the fields beside it no more is kept than of any.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "multipart/form-data":
        return Form({}), b""
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES) as sent:
            file = sent.get(name)
            content = await file.read() if isinstance(file, UploadFile) else b""
            fields = {key: value for key, value in sent.items() if isinstance(value, str)}
    except HTTPException:
        return Form({}), b""
    return Form(fields), content


class _Gathered:
    """The parser's findings. It calls as it reads; no field is ever held in full if it is too long."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._cut: set[str] = set()
        self.start()

    def start(self) -> None:
        self._name, self._value, self._full = bytearray(), bytearray(), False

    def name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start : min(end, start + _FIELD_BYTES)][: _FIELD_BYTES - len(self._name)]

    def value(self, data: bytes, start: int, end: int) -> None:
        room = _FIELD_BYTES - len(self._value)
        self._value += data[start : min(end, start + room)]
        self._full = self._full or end - start > room

    def end(self) -> None:
        name = _text(self._name)
        if len(self._fields) < _MOST_FIELDS and name not in self._fields:
            self._fields[name] = _text(self._value)
            if self._full:
                self._cut.add(name)

    def form(self) -> Form:
        return Form(self._fields, frozenset(self._cut))


def _text(sent: bytearray) -> str:
    # A browser ends lines with two characters or with one, depending on who sends: the same text either way.
    text = unquote_to_bytes(bytes(sent).replace(b"+", b" ")).decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\x00", "")


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
    return base64url(vault.digest(b"form token", bound_to.encode()))


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
