"""SMART Backend Services: a program shows a signed assertion, and gets a token for five minutes.

An owner registers the program with its public keys and scopes. An assertion is for this server's token address,
lasts at most five minutes, and opens once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Scope, read_scope, within
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.interop.smart.json_web_tokens import TokenNotBelievedError, claims_once, read_keys
from app.storage import api_keys, backend_clients
from app.storage.api_keys import ApiKey
from app.storage.backend_clients import BackendClient

LASTS: Final = timedelta(minutes=5)
ALGORITHMS: Final = ("RS384", "ES384")
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MARK: Final = "agc"


class ScopesNotKnownError(RefusalError):
    """Scopes are system/<type>.rs (or .read, .c and so on), and fhir:export."""

    code = "scopes-not-known"


class TokenRequestRefusedError(RefusalError):
    """This request for a token is refused."""

    code = "token-request-refused"

    @property
    def error(self) -> str:
        """OAuth's word for it."""
        return self.pointer or "invalid_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenToken:
    """A token, shown this once."""

    token: str
    scopes: tuple[str, ...]


def client_id_of(clinic_id: UUID, client_id: UUID) -> str:
    """Write the id by which a program names itself: it says at which clinic it is registered."""
    return f"{_MARK}_{clinic_id.hex}_{client_id.hex}"


async def register(work: Work, *, name: str, scopes: str, keys: str) -> BackendClient:
    """Register a program.

    Raises:
        KeysNotUsableError, ScopesNotKnownError: as they say.
    """
    wanted = tuple(dict.fromkeys(scopes.split()))
    if not wanted or not all(one == Scope.FHIR_EXPORT or read_scope(one) for one in wanted):
        raise ScopesNotKnownError("#/scopes")
    client = BackendClient(
        id=new_id(), name=name, scopes=list(wanted), jwks=read_keys(keys), created_at=work.real_now
    )
    await backend_clients.add(work, client)
    work.audit("backend_client.registered", "backend_client", client.id)
    return client


async def revoke(work: Work, client_id: UUID) -> None:
    """Let a program, and every token that it has, open nothing any more.

    Raises:
        NotFoundError: the clinic has no such program.
    """
    if not await backend_clients.revoke(work, client_id):
        raise NotFoundError
    work.audit("backend_client.revoked", "backend_client", client_id)


async def give_token(context: AppContext, form: Mapping[str, str], *, token_url: str) -> GivenToken:
    """Give a token for an assertion.

    Raises:
        TokenRequestRefusedError: the request or the assertion is not right; ``error`` is OAuth's word.
    """
    if form.get("grant_type") != "client_credentials":
        raise TokenRequestRefusedError("unsupported_grant_type")
    if form.get("client_assertion_type") != ASSERTION:
        raise TokenRequestRefusedError("invalid_request")
    assertion, wanted = form.get("client_assertion", ""), form.get("scope", "").split()
    clinic_id, client_id = _who_says(assertion)
    actor = Actor(kind=ActorKind.API_KEY, id=client_id)
    async with context.work(clinic_id, actor=actor) as work:
        client = await backend_clients.working(work, client_id)
        if client is None:
            raise TokenRequestRefusedError("invalid_client")
        await _spend(work, client, assertion, token_url=token_url)
        scopes = tuple(one for one in dict.fromkeys(wanted) if within(one, client.scopes))
        if not scopes:
            raise TokenRequestRefusedError("invalid_scope")
        token, reference = new_token(TokenKind.BACKEND_ACCESS, work.clinic_id)
        key = ApiKey(
            id=new_id(),
            name=client.name,
            scopes=list(scopes),
            created_at=work.real_now,
            revoked_at=None,
            client_id=client.id,
            expires_at=work.real_now + LASTS,
        )
        await api_keys.add_for_client(work, key, digest=reference.digest)
        work.audit("backend_client.token_given", "backend_client", client.id)
    return GivenToken(token=token, scopes=scopes)


async def _spend(work: Work, client: BackendClient, assertion: str, *, token_url: str) -> None:
    """Believe an assertion once."""
    named = client_id_of(work.clinic_id, client.id)
    try:
        claims = await claims_once(
            work,
            assertion,
            client.jwks,
            issuer=named,
            audience=token_url,
            shown_by=client.id,
            algorithms=ALGORITHMS,
        )
    except TokenNotBelievedError:
        raise TokenRequestRefusedError("invalid_client") from None
    if claims.get("sub") != named:
        raise TokenRequestRefusedError("invalid_client")


def _who_says(assertion: str) -> tuple[UUID, UUID]:
    """Read whose assertion it says it is. Nothing of it is believed yet."""
    from joserfc import jws  # noqa: PLC0415 - takes a third of a second to load; seldom needed
    from joserfc.errors import JoseError  # noqa: PLC0415 - same

    try:
        said = json.loads(jws.extract_compact(assertion.encode()).payload)
        mark, clinic, client = str(said["iss"]).split("_")
        found = UUID(hex=clinic), UUID(hex=client)
    except (JoseError, ValueError, TypeError, KeyError):
        raise TokenRequestRefusedError("invalid_client") from None
    if mark != _MARK:
        raise TokenRequestRefusedError("invalid_client")
    return found
