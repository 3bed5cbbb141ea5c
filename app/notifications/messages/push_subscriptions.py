"""Where a device gets its pushes: a browser's push service, or an app's token for the operator's gateway."""

import json
from dataclasses import dataclass, field
from typing import Final, TypedDict
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from app.context import AppContext, Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import from_base64url
from app.foundation.vault import Vault
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
