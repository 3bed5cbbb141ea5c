"""Signed tokens of others: believed only by a known key, for us, from whom we expect, and in time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.foundation.errors import RefusalError, RefusalKind

SIGNED_BY: Final = ("RS256", "PS256", "ES256", "RS384", "ES384", "PS384")
"""The ways of signing that are believed; never one that a public key could sign by."""
_LEEWAY: Final = timedelta(minutes=1)
_LONGEST: Final = 20_000


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


def _in_time(claims: Mapping[str, Any], now: datetime) -> bool:
    at, leeway = now.timestamp(), _LEEWAY.total_seconds()
    ends, *begins = claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)
    if not isinstance(ends, int | float) or not all(isinstance(one, int | float) for one in begins):
        return False
    return at < ends + leeway and all(one <= at + leeway for one in begins)
