"""API keys: made with no more scopes than whoever makes them has, shown once, revoked for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.access.clinics.permissions import Scope
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.storage import api_keys
from app.storage.api_keys import ApiKey


class ScopeNotYoursError(RefusalError):
    """A key can give away only scopes that it has itself."""

    kind = RefusalKind.FORBIDDEN
    code = "scope-not-yours"


class LastKeyError(RefusalError):
    """This is the last key that can make keys; make another one first."""

    kind = RefusalKind.CONFLICT
    code = "last-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A new key, whose text is shown this once."""

    key: ApiKey
    secret: str


async def make_key(work: Work, *, name: str, scopes: Sequence[Scope], own_scopes: frozenset[str]) -> NewKey:
    """Make a key with these scopes.

    Raises:
        ScopeNotYoursError: the caller's own key lacks one of them.
    """
    if not own_scopes.issuperset(scopes):
        raise ScopeNotYoursError("#/scopes")
    secret, reference = new_token(TokenKind.API_KEY, work.clinic_id)
    key = ApiKey(
        id=new_id(),
        name=name,
        scopes=[scope.value for scope in Scope if scope in scopes],
        created_at=work.real_now,
        revoked_at=None,
    )
    await api_keys.add(work, key, digest=reference.digest)
    work.audit("api_key.made", "api_key", key.id)
    return NewKey(key=key, secret=secret)


async def list_keys(work: Work) -> list[ApiKey]:
    """List the clinic's keys, oldest first, also the revoked ones."""
    return await api_keys.all_of_clinic(work)


async def revoke_key(work: Work, key_id: UUID) -> None:
    """Revoke a key: it opens nothing any more, from its next use on. A second time changes nothing.

    Raises:
        NotFoundError: the clinic has no such key.
        LastKeyError: nobody could make a key afterwards.
    """
    # Locked: two keys that revoke each other at once would otherwise both succeed.
    known = {key.id: key for key in await api_keys.all_of_clinic(work, lock=True)}
    if key_id not in known:
        raise NotFoundError
    if known[key_id].revoked_at is not None:
        return
    makers = {key.id for key in known.values() if key.revoked_at is None and Scope.API_KEYS in key.scopes}
    if makers == {key_id}:
        raise LastKeyError
    await api_keys.revoke(work, key_id, now=work.real_now)
    work.audit("api_key.revoked", "api_key", key_id)
