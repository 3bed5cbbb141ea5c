"""Web Push: where a device gets it; encrypted for one browser (RFC 8188, 8291), signed as ours (RFC 8292), sent.

The key that says who sends is made from the master key, so that there is nothing more to back up; with
another master key every browser has to subscribe again.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

import http_ece
import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import Vault
from app.notifications.messages.http_posts import post
from app.notifications.messages.outcomes import Outcome
from app.notifications.messages.wording import Text
from app.notifications.transport.addresses import (
    AllowedNetworks,
    EndpointAddressRefusedError,
    parse_endpoint_url,
)
from app.storage import push_subscriptions
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.push_subscriptions import PushSubscription

_AUTH_BYTES: Final = 16


class PushAddressRefusedError(RefusalError):
    """The push address must be public HTTPS, as browsers give it."""

    code = "push-address-refused"


class PushKeysNotUsableError(RefusalError):
    """The keys are not those of a push subscription: a P-256 public key and 16 bytes, in base64url."""

    code = "push-keys-not-usable"


class NoGatewayError(RefusalError):
    """This service has no gateway for app pushes; a browser's subscription works."""

    kind = RefusalKind.CONFLICT
    code = "no-gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPushAddress:
    """A browser's subscription: its push service's address, and the keys to encrypt for it (RFC 8291)."""

    endpoint: str = field(repr=False)
    public_key: str = field(repr=False)
    auth: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAddress:
    """An app's token at its push service, which the operator's gateway speaks to."""

    token: str = field(repr=False)


PushAddress = WebPushAddress | AppAddress


async def subscribe(
    work: Work,
    address: PushAddress,
    *,
    patient_id: UUID,
    device_id: UUID,
) -> None:
    """Have a device get pushes from now on, at this address and no longer at the one before.

    Raises:
        PushAddressRefusedError, PushKeysNotUsableError: it is no browser's subscription.
        NoGatewayError: app pushes need a gateway, and there is none.
    """
    _check(work.context, address)
    subscription_id = new_id()
    subscription = PushSubscription(
        id=subscription_id,
        patient_id=patient_id,
        device_id=device_id,
        kind="web" if isinstance(address, WebPushAddress) else "app",
        address_sealed=_seal(work.vault, work.clinic_id, subscription_id, address),
        made_at=work.real_now,
    )
    await push_subscriptions.put(work, subscription)
    work.audit("push.subscribed", "device", device_id, patient_id=patient_id)


async def unsubscribe(work: Work, *, patient_id: UUID, device_id: UUID) -> None:
    """Let a device get no more pushes; the same again changes nothing."""
    await push_subscriptions.remove_of_device(work, device_id)
    work.audit("push.unsubscribed", "device", device_id, patient_id=patient_id)


async def subscribed_address(work: UnitOfWork, vault: Vault, subscription_id: UUID) -> PushAddress | None:
    """Find where a subscription leads to; None when it or its device is gone."""
    found = await push_subscriptions.find(work, subscription_id)
    if found is None:
        return None
    text = vault.open(found.address_sealed, **_cell(work.clinic_id, subscription_id))
    return WebPushAddress(**json.loads(text)) if found.kind == "web" else AppAddress(token=text)


async def forget(work: UnitOfWork, subscription_id: UUID) -> None:
    """Forget a subscription that its push service says is gone."""
    await push_subscriptions.remove(work, subscription_id)
    work.audit("push.gone", "push_subscription", subscription_id)


def _check(context: AppContext, address: PushAddress) -> None:
    if isinstance(address, AppAddress):
        if context.gateway is None:
            raise NoGatewayError
        return
    allowed = AllowedNetworks.parse(context.webhook_allow)
    try:
        parse_endpoint_url(address.endpoint, allowed=allowed, http_allowed=True)
    except EndpointAddressRefusedError:
        raise PushAddressRefusedError("#/endpoint") from None
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(address.public_key))
    except ValueError:
        raise PushKeysNotUsableError("#/p256dh") from None
    try:
        length = len(from_base64url(address.auth))
    except ValueError:
        length = 0
    if length != _AUTH_BYTES:
        raise PushKeysNotUsableError("#/auth")


def _seal(vault: Vault, clinic_id: UUID, subscription_id: UUID, address: PushAddress) -> bytes:
    if isinstance(address, AppAddress):
        text = address.token
    else:
        text = json.dumps(
            {"endpoint": address.endpoint, "public_key": address.public_key, "auth": address.auth}
        )
    return vault.seal(text, **_cell(clinic_id, subscription_id))


class _Cell(TypedDict):
    table: str
    column: str
    clinic_id: UUID
    row_id: UUID


def _cell(clinic_id: UUID, subscription_id: UUID) -> _Cell:
    return {
        "table": "push_subscriptions",
        "column": "address_sealed",
        "clinic_id": clinic_id,
        "row_id": subscription_id,
    }


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
