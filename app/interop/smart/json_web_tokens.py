"""Signed tokens of others: believed only by a known key, for us, from whom we expect, and in time."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import backend_clients

SIGNED_BY: Final = ("RS256", "PS256", "ES256", "RS384", "ES384", "PS384")
"""The ways of signing that are believed; never one that a public key could sign by."""
_LASTS: Final = timedelta(minutes=5)
_LEEWAY: Final = timedelta(minutes=1)
_LONGEST_JTI: Final = 200
_MOST_KEYS: Final = 10
_FEWEST_BITS: Final = 2048
_LONGEST: Final = 20_000


class KeysNotUsableError(RefusalError):
    """Give a JSON Web Key Set with public keys: RSA of at least 2048 bits, or EC on the curve P-384."""

    code = "keys-not-usable"


class TokenNotBelievedError(RefusalError):
    """This signed token is not believed: another key, another audience, or its time has passed."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "token-not-believed"


def claims_in(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    audience: str,
    now: datetime,
    algorithms: Sequence[str] = SIGNED_BY,
) -> dict[str, Any]:
    """Give what a token says, once it is found to be true.

    Raises:
        TokenNotBelievedError: it is not.
    """
    # Here and not above: the library takes a third of a second to load, and most processes never need it.
    from joserfc import jwt  # noqa: PLC0415 - see above
    from joserfc.errors import JoseError  # noqa: PLC0415 - same
    from joserfc.jwk import KeySet  # noqa: PLC0415 - same

    if len(token) > _LONGEST:
        raise TokenNotBelievedError
    try:
        key_set = KeySet.import_key_set({"keys": list(keys.get("keys", []))})
        claims = dict(jwt.decode(token, key_set, algorithms=list(algorithms)).claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise TokenNotBelievedError from None
    meant = claims.get("aud")
    audiences = meant if isinstance(meant, list) else [meant]
    if claims.get("iss") != issuer or audience not in audiences or not _in_time(claims, now):
        raise TokenNotBelievedError
    if len(audiences) > 1 and claims.get("azp") != audience:
        raise TokenNotBelievedError
    return claims


def read_keys(text: str, *, pointer: str = "#/keys") -> dict[str, Any]:
    """Take a JSON Web Key Set of another system.

    Raises:
        KeysNotUsableError: it holds something else, a private key, or one that is too weak.
    """
    from joserfc.errors import JoseError  # noqa: PLC0415 - takes a third of a second to load; seldom needed
    from joserfc.jwk import ECKey, KeySet, RSAKey  # noqa: PLC0415 - same

    try:
        read = json.loads(text)
        key_set = KeySet.import_key_set({"keys": list(read["keys"])})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise KeysNotUsableError(pointer) from None
    for key in key_set.keys:
        good = (isinstance(key, RSAKey) and key.raw_value.key_size >= _FEWEST_BITS) or (
            isinstance(key, ECKey) and key.curve_name == "P-384"
        )
        if not good or key.is_private:
            raise KeysNotUsableError(pointer)
    if not 0 < len(key_set.keys) <= _MOST_KEYS:
        raise KeysNotUsableError(pointer)
    return {"keys": [key.as_dict(private=False) for key in key_set.keys]}


async def claims_once(
    work: Work,
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    audience: str,
    shown_by: UUID,
    algorithms: Sequence[str],
) -> dict[str, Any]:
    """Give what a token says that lasts five minutes at most, and is believed once, by its ``jti``.

    Raises:
        TokenNotBelievedError: it is not to be believed, or was shown before.
    """
    now = work.real_now
    claims = claims_in(token, keys, issuer=issuer, audience=audience, now=now, algorithms=algorithms)
    jti, ends = claims.get("jti"), datetime.fromtimestamp(claims["exp"], UTC)
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or ends > now + _LASTS + _LEEWAY:
        raise TokenNotBelievedError
    digest = work.vault.digest(b"assertion", shown_by.bytes, jti.encode())
    # It is believed for a minute after its end, for clocks differ.
    if not await backend_clients.spend(work, digest, expires_at=ends + 2 * _LEEWAY):
        raise TokenNotBelievedError
    return claims


def _in_time(claims: Mapping[str, Any], now: datetime) -> bool:
    at, leeway = now.timestamp(), _LEEWAY.total_seconds()
    ends, *begins = claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)
    if not isinstance(ends, int | float) or not all(isinstance(one, int | float) for one in begins):
        return False
    return at < ends + leeway and all(one <= at + leeway for one in begins)
