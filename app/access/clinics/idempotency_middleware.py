"""Idempotency-Key on clinics' POSTs: the same request sent twice is carried out once, and answered the same.

As in draft-ietf-httpapi-idempotency-key-header. A reply is remembered for 24 hours by credential, path and key; only
one of success is, so that what failed can simply be sent again. It is kept in the transaction of what it reports:
a process that is killed leaves both or neither, and of two at once one is carried out and both get its reply. It is
sealed, by the patient's own key if it is about one, and what was shown once (a secret, a code, a link) is left out of
it, which the repetition says.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.access.clinics.access import KEEPS_REPLY
from app.access.clinics.caller import find_caller
from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.foundation.vault import Vault
from app.storage import idempotent_replies, patients
from app.storage.idempotent_replies import IdempotentReply, KeptReply
from app.web.dependencies import bearer_token
from app.web.problems import MEDIA_TYPE, refusal_document
from app.web.reading import replay_body

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


class CarriedOutMeanwhileError(RefusalError):
    """Another request with this Idempotency-Key was carried out at the same moment; please send this one again."""

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
            await _refuse(scope["request_id"], send, error)

    async def _once(self, scope: Scope, receive: Receive, send: Send, reference: TokenReference) -> None:
        context: AppContext = self._api.state.context
        request = Request(scope, receive)
        # What works today only: a key that was taken back must not read old replies.
        caller = await find_caller(context, bearer_token(request), *_CLINICS)
        body = await request.body()
        reply = _Reply(
            context,
            send,
            clinic_id=caller.clinic_id,
            reply_id=_reply_id(context, scope, reference),
            body_digest=context.vault.digest(b"idempotent body", body),
            path=scope["path"],
            request_id=scope["request_id"],
        )
        if not await reply.is_sent_again():
            await self._api({**scope, KEEPS_REPLY: reply.keep}, replay_body(body, receive), reply)


class _Reply:
    """The reply to one request: kept in the transaction of what was done, and sent again if it was kept before."""

    def __init__(
        self,
        context: AppContext,
        send: Send,
        *,
        clinic_id: UUID,
        reply_id: UUID,
        body_digest: bytes,
        path: str,
        request_id: str,
    ) -> None:
        self._context = context
        self._send = send
        self._clinic_id = clinic_id
        self._id = reply_id
        self._body_digest = body_digest
        self._path = path
        self._request_id = request_id
        self._over = False

    async def __call__(self, message: Message) -> None:
        """Send it on; where the request failed and another with its key was carried out meanwhile, the other's."""
        if message["type"] == "http.response.start" and message["status"] not in _SUCCESS:
            try:
                await self.is_sent_again()
            except RefusalError as error:
                self._over = True
                await _refuse(self._request_id, self._send, error)
        if not self._over:
            await self._send(message)

    async def is_sent_again(self) -> bool:
        """Send what is kept, if anything is; says whether.

        Raises:
            IdempotencyKeyReusedError: the key was used for another body.
        """
        async with self._context.work(self._clinic_id) as work:
            kept = await idempotent_replies.find(work, self._id)
        if kept is None:
            return False
        if kept.body_digest != self._body_digest:
            raise IdempotencyKeyReusedError("header/idempotency-key")
        self._over = True
        reply: dict[str, Any] = json.loads(_opened(self._context.vault, kept, self._clinic_id, self._id))
        headers = {**reply["headers"], REPLAYED: "true"}
        if reply["left_out"]:
            headers[LEFT_OUT] = ", ".join(reply["left_out"])
        await _send(self._send, kept.status, headers, reply["body"].encode())
        return True

    async def keep(self, work: Work, response: Response) -> None:
        """Keep it if it says success, in the transaction of the request.

        Raises:
            CarriedOutMeanwhileError: another request with the same key was; all that this one did is undone.
        """
        if response.status_code not in _SUCCESS:
            return
        sealed, patient_id = await self._sealed(work, response)
        kept = await idempotent_replies.keep(
            work,
            IdempotentReply(
                id=self._id,
                patient_id=patient_id,
                body_digest=self._body_digest,
                kept_at=work.real_now,
                status=response.status_code,
                reply_sealed=sealed,
            ),
        )
        if not kept:
            raise CarriedOutMeanwhileError("header/idempotency-key")

    async def _sealed(self, work: Work, response: Response) -> tuple[bytes, UUID | None]:
        text = _text(self._path, response)
        patient_id = _patient_of(self._path, bytes(response.body))
        # Whoever was just erased has no key any more, and nothing else that names them either.
        patient = await patients.find(work, patient_id) if patient_id else None
        if patient is None:
            return work.vault.seal(text, clinic_id=work.clinic_id, row_id=self._id, **_CELL), None
        own = work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient.id)
        return own.seal(text, row_id=self._id, **_CELL), patient.id


def _text(path: str, response: Response) -> str:
    """Write what is kept, without what is shown once."""
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    shown_once = next((names for end, names in _SHOWN_ONCE.items() if path.endswith(end)), ())
    body, left_out = bytes(response.body).decode(), []
    if shown_once:
        document = json.loads(body)
        left_out = [name for name in shown_once if document.get(name) is not None]
        document |= dict.fromkeys(left_out)
        body = json.dumps(document)
    return json.dumps({"headers": headers, "body": body, "left_out": left_out})


def _opened(vault: Vault, kept: KeptReply, clinic_id: UUID, reply_id: UUID) -> str:
    if kept.patient_id is None:
        return vault.open(kept.reply_sealed, clinic_id=clinic_id, row_id=reply_id, **_CELL)
    own = vault.of_patient(kept.wrapped_key, clinic_id=clinic_id, patient_id=kept.patient_id)
    return own.open(kept.reply_sealed, row_id=reply_id, **_CELL)


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


async def _refuse(request_id: str, send: Send, error: RefusalError) -> None:
    document = refusal_document(error, request_id=request_id)
    await _send(send, document["status"], {"content-type": MEDIA_TYPE}, json.dumps(document).encode())


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
