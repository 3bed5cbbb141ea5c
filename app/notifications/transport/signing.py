"""Signing as Standard Webhooks 1.0 has it: HMAC-SHA256 over id, time and body."""

import base64
import hmac
import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks import Webhook

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public prefix by which secret scanners know a secret
_SECRET_BYTES: Final = 32
_USER_AGENT: Final = "Afterglow-Webhooks/1"
# Seconds since 1970, up to the year 2286.
_LONGEST_TIMESTAMP: Final = 10


class NoSigningSecretError(ValueError):
    """A webhook must be signed with at least one secret."""


class NaiveSendingTimeError(ValueError):
    """The time a webhook is sent at must carry its offset from UTC."""


def new_secret() -> str:
    """Make a signing secret of 256 random bits, as Standard Webhooks writes it: ``whsec_`` and base64."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode()


def headers(webhook_id: str, sent_at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Give the headers of one attempt.

    Args:
        webhook_id: Made with the notification; the same on every attempt, so that receivers can recognize repeats.
        sent_at: The time of this attempt: receivers refuse what is minutes old, so each attempt signs again.
        body: The exact bytes to be sent, UTF-8.
        secrets: The current secret first; while secrets rotate also the one before, a signature for each.

    Raises:
        NoSigningSecretError: there is no secret to sign with.
        NaiveSendingTimeError: the time has no offset.
    """
    if not secrets:
        raise NoSigningSecretError(NoSigningSecretError.__doc__)
    if sent_at.tzinfo is None:
        raise NaiveSendingTimeError(NaiveSendingTimeError.__doc__)
    # The library overwrites the time zone instead of converting, so it may only ever see UTC.
    sent_at_utc = sent_at.astimezone(UTC).replace(microsecond=0)
    signatures = (Webhook(secret).sign(webhook_id, sent_at_utc, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(sent_at_utc.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


TOLERANCE: Final = timedelta(minutes=5)
"""How far the time in a signature may be off, as Standard Webhooks has it: an old call is not taken again."""


def is_signed(sent: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> bool:
    """Say whether a call that came in carries the signature of this secret, and is of this moment.

    By hand, because the library's own check goes by the machine's clock, and ours is a parameter.
    """
    timestamp = sent.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP):
        return False
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    right = Webhook(secret).sign(sent.get("webhook-id", ""), sent_at, body.decode("utf-8", "replace"))
    given = sent.get("webhook-signature", "").split(" ")
    # All of them are compared, so that the time it takes says nothing.
    matches = [hmac.compare_digest(right.encode(), one.encode()) for one in given]
    return any(matches) and abs(now - sent_at) <= TOLERANCE
