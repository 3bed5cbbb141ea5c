"""One POST to a push service or the gateway, and what its answer means for the message."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import httpx2

from app.notifications.messages.outcomes import SENT, Ending, Outcome
from app.notifications.transport.addresses import EndpointAddressRefusedError
from app.notifications.transport.guarded_transport import NoAnswerError
from app.notifications.transport.retry_after import read_retry_after

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
    return judge(answer.status_code, wish=wish)


def judge(status: int, *, wish: timedelta | None = None) -> Outcome:
    """Say what an HTTP status means for a message; ``wish`` is how long the other side asks us to wait."""
    if status // 100 == _SUCCESS:
        return SENT
    if status in _GONE:
        return Outcome(ending=Ending.GONE, trouble="gone")
    if status // 100 == _CLIENT_ERROR and status not in _NOT_ITS_FAULT:
        return Outcome(ending=Ending.REFUSED, trouble="refused")
    return Outcome(ending=Ending.NOT_TAKEN, trouble="http_status", retry_after=wish)
