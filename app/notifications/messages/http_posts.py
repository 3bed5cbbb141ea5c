"""One POST to a push service or the gateway, and what its answer means for the message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import httpx2

from app.foundation.relays import GatewayRelay
from app.notifications.messages.outcomes import SENT, Ending, Outcome
from app.notifications.messages.wording import Text
from app.notifications.transport import signing
from app.notifications.transport.addresses import EndpointAddressRefusedError
from app.notifications.transport.guarded_transport import NoAnswerError, read_retry_after

# The address is no more (RFC 8030, section 7.3 names the first, push services use both).
_GONE: Final = {404, 410}
# Not because of this message: signed wrongly, too many, too slow. It may go better later.
_NOT_ITS_FAULT: Final = {401, 403, 408, 425, 429}
_SUCCESS, _CLIENT_ERROR = 2, 4


async def post(
    client: httpx2.AsyncClient, url: str, *, content: bytes, headers: Mapping[str, str], now: datetime
) -> Outcome:
    """Send once and say how it ended; never raises for what the other side does.

    No answer counts as not taken: both kinds of receivers know a repeat by the message's id.
    """
    try:
        answer = await client.post(url, content=content, headers=headers)
    except (EndpointAddressRefusedError, httpx2.InvalidURL):
        # Also what a name gives that does not resolve just now.
        return Outcome(ending=Ending.NOT_TAKEN, trouble="address_refused")
    except NoAnswerError:
        return Outcome(ending=Ending.NOT_TAKEN, trouble="no_answer")
    wish = read_retry_after(answer.headers.get("retry-after"), answered_at=now)
    return outcome_of_status(answer.status_code, wish=wish)


def outcome_of_status(status: int, *, wish: timedelta | None = None) -> Outcome:
    """Say what an HTTP status means for a message; ``wish`` is how long the other side asks us to wait."""
    if status // 100 == _SUCCESS:
        return SENT
    if status in _GONE:
        return Outcome(ending=Ending.GONE, trouble="gone")
    if status // 100 == _CLIENT_ERROR and status not in _NOT_ITS_FAULT:
        return Outcome(ending=Ending.REFUSED, trouble="refused")
    return Outcome(ending=Ending.NOT_TAKEN, trouble="http_status", retry_after=wish)


class GatewayKind(StrEnum):
    """What the gateway is asked to send."""

    SMS = "sms"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """A message about to be handed over; ``to`` is a telephone number, or an app's token.

    ``replies_to`` is where the gateway posts what is answered to it.
    """

    id: UUID
    kind: GatewayKind
    to: str = field(repr=False)
    text: Text
    link: str = field(repr=False)
    replies_to: str
    sent_at: datetime


async def call_gateway(client: httpx2.AsyncClient, relay: GatewayRelay, call: GatewayCall) -> Outcome:
    """Hand a message to the gateway. A repeat carries the same id: the gateway sends it on only once."""
    sent = {
        "id": str(call.id),
        "kind": call.kind.value,
        "to": call.to,
        "text": call.text.body,
        "link": call.link,
    }
    if call.kind is GatewayKind.SMS:
        sent["replies_to"] = call.replies_to
    body = json.dumps(sent, ensure_ascii=False).encode()
    headers = signing.headers(str(call.id), call.sent_at, body, (relay.secret,))
    return await post(client, relay.url, content=body, headers=headers, now=call.sent_at)
