"""The process that answers says that it lives; while no worker does, it sends what is safety's itself."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.logs import where
from app.notifications.dispatch.dispatcher import Dispatcher
from app.notifications.messages.sending import Post
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox
from app.storage import heartbeats
from app.storage.heartbeats import Duty

_LOOK_EVERY_SECONDS: Final = 5.0


class StandIn:
    """Looks every few seconds whether a worker lives; while none does, sends what is urgent and nothing else.

    ``escalate`` does, first, what is due by the clock: what nobody acknowledged in time.
    """

    def __init__(self, context: AppContext, *, escalate: Callable[[], Awaitable[None]]) -> None:
        self._context = context
        self._escalate = escalate
        self._log = structlog.get_logger()
        self._stands_in = False
        self._id = new_id()

    async def run(self) -> None:
        """Stand in until cancelled."""
        allowed = AllowedNetworks.parse(self._context.webhook_allow)
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            dispatcher = Dispatcher(
                Outbox(context=self._context, client=client),
                Post(context=self._context, client=client),
                does=(),
                only_urgent=True,
            )
            try:
                while True:
                    await self._look(dispatcher)
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
            finally:
                with suppress(asyncio.CancelledError):
                    await dispatcher.finish()
                await self._say_ended()

    async def _look(self, dispatcher: Dispatcher) -> None:
        try:
            async with self._context.work(None) as work:
                needed = not await heartbeats.a_worker_lives(work)
                await heartbeats.beat(work, self._id, does=[Duty.ANSWERS])
            if needed != self._stands_in:
                self._stands_in = needed
                if needed:
                    self._log.warning("stand_in.begins")
                else:
                    self._log.info("stand_in.ends")
            if needed:
                await self._escalate()
                await dispatcher.look()
        except Exception as error:  # noqa: BLE001 - the next look comes anyway, and must
            self._log.warning("stand_in.failed", error_type=type(error).__name__, error_at=where(error))

    async def _say_ended(self) -> None:
        with suppress(Exception):  # the database may be away; the heartbeat ends by itself
            async with self._context.work(None) as work:
                await heartbeats.end(work, self._id)
