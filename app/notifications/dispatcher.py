"""The dispatcher: looks what is due, and has each lane sent, within the slots that keep lanes and clinics apart.

The rows say what is due when. A look is one question over all clinics; it is made each second, and at once when a
transaction that wrote something has committed. Each lane is sent by one task at a time, in small batches.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog

from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.logs import where
from app.notifications.messages.handing_over import channels_set_up
from app.notifications.messages.sending import Post, send_due
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox, deliver_due
from app.storage import due_work, heartbeats
from app.storage.due_work import Lane
from app.storage.engine.listening import NotListeningError, wake_ups
from app.storage.heartbeats import BEATS_EVERY, OF_A_WORKER, Duty


class Kind(StrEnum):
    """What has its own slots."""

    SAFETY_EVENT = "safety_event"
    URGENT_MESSAGE = "urgent_message"
    EVENT = "event"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most attempts in flight in one process: of a lane, of a clinic, of all clinics (None: no such limit)."""

    lane: int
    clinic: int
    total: int | None


LIMITS: Final = {
    Kind.SAFETY_EVENT: Limits(lane=4, clinic=8, total=None),
    Kind.URGENT_MESSAGE: Limits(lane=4, clinic=8, total=None),
    Kind.EVENT: Limits(lane=4, clinic=8, total=40),
    Kind.MESSAGE: Limits(lane=10, clinic=20, total=40),
}


def kind_of(lane: Lane) -> Kind:
    """Say whose slots a lane uses."""
    if lane.endpoint_id is not None:
        return Kind.SAFETY_EVENT if lane.urgent else Kind.EVENT
    return Kind.URGENT_MESSAGE if lane.urgent else Kind.MESSAGE


@dataclass(slots=True)
class Slots:
    """What is in flight now, so that nobody waits behind someone else's receiver.

    Urgent lanes have slots that nothing else takes: there is no sum over all clinics that one clinic's hanging
    receiver could use up. Ordinary ones share a sum, of which one clinic gets a part.
    """

    _of_lane: Counter[Lane] = field(default_factory=Counter)
    _of_clinic: Counter[tuple[Kind, UUID]] = field(default_factory=Counter)
    _of_all: Counter[Kind] = field(default_factory=Counter)

    def take(self, lane: Lane) -> int:
        """Take as many slots as a lane may have now; gives how many, which may be none."""
        kind = kind_of(lane)
        limits = LIMITS[kind]
        room = min(
            limits.lane - self._of_lane[lane],
            limits.clinic - self._of_clinic[kind, lane.clinic_id],
            limits.lane if limits.total is None else limits.total - self._of_all[kind],
        )
        self._add(lane, max(0, room))
        return max(0, room)

    def give_back(self, lane: Lane, count: int) -> None:
        """Give back slots that were taken."""
        self._add(lane, -count)

    def _add(self, lane: Lane, count: int) -> None:
        kind = kind_of(lane)
        self._of_lane[lane] += count
        self._of_clinic[kind, lane.clinic_id] += count
        self._of_all[kind] += count
        if not self._of_lane[lane]:
            del self._of_lane[lane]
        if not self._of_clinic[kind, lane.clinic_id]:
            del self._of_clinic[kind, lane.clinic_id]


_LOOK_EVERY_SECONDS: Final = 1.0
# What commits within this time of a wake-up is found by the same look.
_GATHER_SECONDS: Final = 0.01
_LISTEN_AGAIN_AFTER_SECONDS: Final = 1.0


class Dispatcher:
    """Sends what is due until it is stopped.

    ``does``: what the worker that this is part of does, as it says in the database that it lives; nothing: it is no
    worker that others may rely on. ``only_urgent``: sends nothing but what someone waits for.
    """

    def __init__(
        self,
        outbox: Outbox,
        post: Post,
        *,
        does: Collection[Duty] = OF_A_WORKER,
        only_urgent: bool = False,
    ) -> None:
        self._outbox = outbox
        self._post = post
        self._does = does
        self._only_urgent = only_urgent
        self._id: UUID = new_id()
        self._slots = Slots()
        self._sending: dict[Lane, asyncio.Task[None]] = {}
        # Lanes in which something became due while they were being sent.
        self._again: set[Lane] = set()
        self._served_at: dict[Lane, float] = {}
        # Whether a lane had to wait for a slot: those that hold one make room after their batch.
        self._crowded = False
        self._awake = asyncio.Event()
        self._last_beat = 0.0
        self._log = structlog.get_logger()

    @property
    def _context(self) -> AppContext:
        return self._outbox.context

    async def run(self, stopping: asyncio.Event) -> None:
        """Look and send until stopped; what is being sent then is finished."""
        listening = asyncio.create_task(self._listen(stopping))
        ending = asyncio.create_task(self._wake_when(stopping))
        try:
            while not stopping.is_set():
                await self.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), _LOOK_EVERY_SECONDS)
                await asyncio.sleep(_GATHER_SECONDS)
        finally:
            listening.cancel()
            ending.cancel()
            await self.finish()
            with suppress(asyncio.CancelledError):
                await listening
            await self._say_ended()

    async def look(self) -> None:
        """Look once what is due, and begin to send it; a database that is away is looked at again later."""
        self._awake.clear()
        self._crowded = False
        try:
            due = await self._due()
        except Exception as error:  # noqa: BLE001 - the next look comes anyway, and must
            self._log.warning("dispatch.look_failed", error_type=type(error).__name__, error_at=where(error))
            return
        self._served_at = {
            lane: at for lane, at in self._served_at.items() if lane in self._sending or lane in due
        }
        for lane in sorted(due, key=lambda lane: (not lane.urgent, self._served_at.get(lane, 0.0))):
            if lane in self._sending:
                self._again.add(lane)
            else:
                self._sending[lane] = asyncio.create_task(self._send_lane(lane))

    async def finish(self) -> None:
        """Wait for what is being sent."""
        while self._sending:
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _due(self) -> Collection[Lane]:
        context = self._context
        async with context.work(None) as work:
            due = await due_work.due(
                work,
                now=work.real_now,
                channels=channels_set_up(context),
                only_urgent=self._only_urgent,
            )
            if self._does and time.monotonic() - self._last_beat >= BEATS_EVERY.total_seconds():
                await heartbeats.beat(work, self._id, does=self._does)
                self._last_beat = time.monotonic()
        return due

    async def _send_lane(self, lane: Lane) -> None:
        sent = 0
        try:
            while (count := await self._send_batch(lane)) or lane in self._again:
                self._again.discard(lane)
                sent += count
                if self._crowded:
                    break
        except Exception as error:  # noqa: BLE001 - the next look tries it again; the others must not wait
            self._log.error(
                "dispatch.lane_failed",
                clinic_id=str(lane.clinic_id),
                error_type=type(error).__name__,
                error_at=where(error),
            )
        finally:
            self._served_at[lane] = time.monotonic()
            self._again.discard(lane)
            del self._sending[lane]
            if sent:
                self._awake.set()

    async def _send_batch(self, lane: Lane) -> int:
        """Send as much of a lane as has slots; gives how many attempts were made."""
        room = self._slots.take(lane)
        if room == 0:
            self._crowded = True
            return 0
        try:
            if lane.endpoint_id is not None:
                return await deliver_due(
                    self._outbox, lane.clinic_id, lane.endpoint_id, safety=lane.urgent, limit=room
                )
            attempted = await send_due(
                self._post, lane.clinic_id, channel=lane.channel or "", urgent=lane.urgent, limit=room
            )
            for one in attempted:
                self._log.info(
                    "message.attempted",
                    clinic_id=str(lane.clinic_id),
                    message_id=str(one.message_id),
                    attempt=one.attempt,
                    outcome=one.outcome.trouble or one.outcome.ending.value,
                )
            return len(attempted)
        finally:
            self._slots.give_back(lane, room)

    async def _listen(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(NotListeningError):
                async for _ in wake_ups(self._context.database):
                    self._awake.set()
            await asyncio.sleep(_LISTEN_AGAIN_AFTER_SECONDS)

    async def _wake_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._awake.set()

    async def _say_ended(self) -> None:
        if not self._does:
            return
        with suppress(Exception):  # the database may be away; the heartbeat ends by itself
            async with self._context.work(None) as work:
                await heartbeats.end(work, self._id)


_STAND_IN_LOOKS_EVERY_SECONDS: Final = 5.0


class StandIn:
    """The process that answers says that it lives, and looks every few seconds whether a worker does.

    While none does, it sends what is urgent and nothing else.

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
                    await asyncio.sleep(_STAND_IN_LOOKS_EVERY_SECONDS)
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
