"""Web Push: encrypted for one browser (RFC 8188, 8291), signed as ours (RFC 8292), handed to its push service.

The key that says who sends is made from the master key, so that there is nothing more to back up; with
another master key every browser has to subscribe again.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import http_ece
import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import Vault
from app.notifications.messages.http_posts import post
from app.notifications.messages.outcomes import Outcome
from app.notifications.messages.push_subscriptions import WebPushAddress
from app.notifications.messages.wording import Text

# The order of P-256 (FIPS 186-5, appendix A).
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# RFC 8292 allows a day at the most.
_PROOF_LASTS: Final = timedelta(hours=12)
_LONGEST_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A push about to be sent. ``not_after``: from then on its push service drops it."""

    id: UUID
    to: WebPushAddress
    text: Text
    link: str = field(repr=False)
    urgent: bool
    sent_at: datetime
    not_after: datetime | None


def push_key(vault: Vault) -> ec.EllipticCurvePrivateKey:
    """Make the key that our pushes are signed with: always the same for one master key."""
    return ec.derive_private_key(int.from_bytes(vault.push_seed) % (_ORDER - 1) + 1, ec.SECP256R1())


def public_push_key(vault: Vault) -> str:
    """Give what a browser needs to subscribe: the public key as an uncompressed point in base64url."""
    point = push_key(vault).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64url(point)


async def send_push(client: httpx2.AsyncClient, vault: Vault, push: Push, *, contact: str) -> Outcome:
    """Hand a push to its push service; ``contact`` (mailto: or https:) is whom that may write to about us."""
    headers = _proof(vault, push, contact) | {
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(_seconds_kept(push)),
        "urgency": "high" if push.urgent else "normal",
    }
    return await post(client, push.to.endpoint, content=encrypted(push), headers=headers, now=push.sent_at)


def encrypted(push: Push) -> bytes:
    """Encrypt text and link for the one browser. ``tag`` makes it show a repeat only once."""
    shown = {"title": push.text.subject, "body": push.text.body, "link": push.link, "tag": str(push.id)}
    content: bytes = http_ece.encrypt(
        json.dumps(shown, ensure_ascii=False).encode(),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=from_base64url(push.to.public_key),
        auth_secret=from_base64url(push.to.auth),
        version="aes128gcm",
    )
    return content


def _proof(vault: Vault, push: Push, contact: str) -> dict[str, str]:
    parts = urlsplit(push.to.endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((push.sent_at + _PROOF_LASTS).timestamp()),
        "sub": contact,
    }
    # Not strict: the library knows fewer forms of addresses than there are.
    signed = Vapid02(push_key(vault), conf={"no-strict": True}).sign(claims)
    return {"authorization": str(signed["Authorization"])}


def _seconds_kept(push: Push) -> int:
    kept = _LONGEST_KEPT if push.not_after is None else min(push.not_after - push.sent_at, _LONGEST_KEPT)
    return max(0, int(kept.total_seconds()))
