"""The operator's gateway: one signed call for text messages and app pushes, whoever sends them on."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import httpx2

from app.foundation.relays import GatewayRelay
from app.notifications.messages.http_posts import post
from app.notifications.messages.outcomes import Outcome
from app.notifications.messages.wording import Text
from app.notifications.transport import signing


class GatewayKind(StrEnum):
    """What the gateway is asked to send."""

    SMS = "sms"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """A message about to be handed over; ``to`` is a telephone number, or an app's token."""

    id: UUID
    kind: GatewayKind
    to: str = field(repr=False)
    text: Text
    link: str = field(repr=False)
    sent_at: datetime


async def call_gateway(client: httpx2.AsyncClient, relay: GatewayRelay, call: GatewayCall) -> Outcome:
    """Hand a message to the gateway. A repeat carries the same id: the gateway sends it on only once."""
    body = json.dumps(
        {
            "id": str(call.id),
            "kind": call.kind.value,
            "to": call.to,
            "text": call.text.body,
            "link": call.link,
        },
        ensure_ascii=False,
    ).encode()
    headers = signing.headers(str(call.id), call.sent_at, body, (relay.secret,))
    return await post(client, relay.url, content=body, headers=headers, now=call.sent_at)
