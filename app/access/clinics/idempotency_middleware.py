"""Idempotency-Key on clinics' POSTs: the same request sent twice is carried out once, and answered the same.

As in draft-ietf-httpapi-idempotency-key-header. A reply is remembered for 24 hours by credential, path and key; only
one of success is, so that what failed can simply be sent again. It is sealed, by the patient's own key if it is about
one, and what was shown once (a secret, a code, a link) is left out of it, which the repetition says.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app.access.clinics.caller import find_caller
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.foundation.vault import Vault
from app.storage import idempotent_replies, patients
from app.storage.idempotent_replies import KeptReply
from app.web.dependencies import bearer_token
from app.web.problems import MEDIA_TYPE, refusal_document

HEADER: Final = "idempotency-key"
REPLAYED: Final = "idempotency-replayed"
LEFT_OUT: Final = "idempotency-left-out"
_CLINICS: Final = (TokenKind.API_KEY, TokenKind.STAFF_SESSION)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_CELL: Final = {"table": "idempotent_replies", "column": "reply_sealed"}
_OF_PATIENT: Final = re.compile(r"/v1/patients/([0-9a-f-]{36})(/|$)")
# What is shown once, by the end of the path that shows it.
_SHOWN_ONCE: Final[Mapping[str, tuple[str, ...]]] = {
    "/api-keys": ("secret",),
    "/webhook-endpoints": ("secret",),
    "/rotate-secret": ("secret",),
    "/enrolment-codes": ("code", "url", "qr_svg"),
    "/sign-in-links": ("url",),
    "/transfers": ("passphrase",),
    "/staff": ("invite_url",),
    "/invite-again": ("invite_url",),
    "/reset-second-factor": ("invite_url",),
}
_KEPT_HEADERS: Final = ("content-type", "etag", "location")
_SUCCESS: Final = range(200, 300)


class IdempotencyKeyNotValidError(RefusalError):
    """An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID."""

    code = "idempotency-key-not-valid"


class IdempotencyKeyReusedError(RefusalError):
    """This Idempotency-Key was used for another body; another request needs another key."""

    code = "idempotency-key-reused"


class StillBeingCarriedOutError(RefusalError):
    """The first request with this Idempotency-Key is still being carried out; please send it again in a moment."""

    kind = RefusalKind.CONFLICT
    code = "idempotency-in-progress"


class IdempotentPosts:
    """ASGI middleware around the API: clinics' POSTs that carry a key."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request through, or answer it as it was answered before."""
        reference = _credential(scope)
        if reference is None:
            await self._api(scope, receive, send)
            return
        try:
            await self._once(scope, receive, send, reference)
        except RefusalError as error:
            await _refuse(scope, send, error)

    async def _once(self, scope: Scope, receive: Receive, send: Send, reference: TokenReference) -> None:
        context: AppContext = self._api.state.context
        request = Request(scope, receive)
        # What works today only: a key that was taken back must not read old replies.
        caller = await find_caller(context, bearer_token(request), *_CLINICS)
        body = await request.body()
        reply_id = _reply_id(context, scope, reference)
        digest = context.vault.digest(b"idempotent body", body)
        async with context.work(caller.clinic_id, actor=caller.actor) as work:
            kept = await idempotent_replies.claim(work, reply_id, body_digest=digest)
        if kept is not None:
            await _answer_again(context, send, kept, caller.clinic_id, reply_id, digest)
            return
        reply = _Recorder(send)
        try:
            await self._api(scope, _again(body, receive), reply)
        finally:
            async with context.work(caller.clinic_id, actor=caller.actor) as work:
                if reply.status in _SUCCESS:
                    await _keep(work, reply_id, scope["path"], reply)
                else:
                    await idempotent_replies.give_up(work, reply_id)


class _Recorder:
    """Sends a reply on, and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(Headers(raw=message["headers"]).items())
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
        await self._send(message)

    def text(self, path: str) -> str:
        """Write what is kept, without what is shown once."""
        headers = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
        shown_once = next((names for end, names in _SHOWN_ONCE.items() if path.endswith(end)), ())
        body, left_out = self.body.decode(), []
        if shown_once:
            document = json.loads(body)
            left_out = [name for name in shown_once if document.pop(name, None) is not None]
            body = json.dumps(document)
        return json.dumps({"headers": headers, "body": body, "left_out": left_out})


async def _keep(work: Work, reply_id: UUID, path: str, reply: _Recorder) -> None:
    text, patient_id = reply.text(path), _patient_of(path, reply.body)
    # Whoever was just erased has no key any more, and nothing else that names them either.
    patient = await patients.find(work, patient_id) if patient_id else None
    if patient is None:
        sealed = work.vault.seal(text, clinic_id=work.clinic_id, row_id=reply_id, **_CELL)
    else:
        own = work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient.id)
        sealed = own.seal(text, row_id=reply_id, **_CELL)
    await idempotent_replies.keep(
        work, reply_id, status=reply.status, reply_sealed=sealed, patient_id=patient.id if patient else None
    )


def _opened(vault: Vault, kept: KeptReply, sealed: bytes, clinic_id: UUID, reply_id: UUID) -> str:
    if kept.patient_id is None:
        return vault.open(sealed, clinic_id=clinic_id, row_id=reply_id, **_CELL)
    own = vault.of_patient(kept.wrapped_key, clinic_id=clinic_id, patient_id=kept.patient_id)
    return own.open(sealed, row_id=reply_id, **_CELL)


def _credential(scope: Scope) -> TokenReference | None:
    """Give the credential of a clinic's POST that carries a key; None for everything else."""
    if scope["type"] != "http" or scope["method"] != "POST" or not str(scope["path"]).startswith("/v1/"):
        return None
    if HEADER not in Headers(scope=scope):
        return None
    try:
        return read_token(bearer_token(Request(scope)), *_CLINICS)
    except TokenNotValidError:
        return None


def _reply_id(context: AppContext, scope: Scope, reference: TokenReference) -> UUID:
    key = Headers(scope=scope)[HEADER].strip()
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyNotValidError("header/idempotency-key")
    path = str(scope["path"]).encode() + b"?" + scope["query_string"]
    digest = context.vault.digest(b"idempotency key", reference.digest, path, key.encode())
    return UUID(bytes=digest[:16])


async def _answer_again(
    context: AppContext, send: Send, kept: KeptReply, clinic_id: UUID, reply_id: UUID, digest: bytes
) -> None:
    if kept.body_digest != digest:
        raise IdempotencyKeyReusedError("header/idempotency-key")
    if kept.status is None or kept.reply_sealed is None:
        raise StillBeingCarriedOutError("header/idempotency-key")
    reply: dict[str, Any] = json.loads(_opened(context.vault, kept, kept.reply_sealed, clinic_id, reply_id))
    headers = {**reply["headers"], REPLAYED: "true"}
    if reply["left_out"]:
        headers[LEFT_OUT] = ", ".join(reply["left_out"])
    await _send(send, kept.status, headers, reply["body"].encode())


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already once more, then whatever comes."""
    sent = False

    async def receive_again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _patient_of(path: str, body: bytes) -> UUID | None:
    """Give the patient whom a reply is about: what is kept of it is erased with the patient."""
    found = _OF_PATIENT.match(path)
    if found:
        return UUID(found.group(1))
    try:
        document = json.loads(body)
        named = document["id"] if path == "/v1/patients" else document.get("patient_id")
        return UUID(named) if named else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


async def _refuse(scope: Scope, send: Send, error: RefusalError) -> None:
    document = refusal_document(error, request_id=scope["request_id"])
    await _send(send, document["status"], {"content-type": MEDIA_TYPE}, json.dumps(document).encode())


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
