"""The worker: deliver, send, evaluate again, sweep, rescue; it reconnects when the database blinks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx2
import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException

from app.access.audit.sealing import seal_clinic
from app.care.alerts import escalation
from app.care.alerts import signal_commands as signals
from app.care.alerts.episodes import ESCALATE_SIGNAL
from app.care.alerts.safety import ESCALATE_SAFETY
from app.care.monitoring import service as monitoring
from app.care.patients.chart_numbers import compute_keys
from app.care.reminders.asking import remind_due
from app.care.reminders.still_due import StillDue
from app.context import AppContext
from app.foundation.logs import where
from app.notifications.messages import sending
from app.notifications.messages.sending import Post
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox, deliver
from app.notifications.webhooks.notifying import DELIVER, queue_delivery
from app.notifications.webhooks.trouble import tell_of_newly_held
from app.outbox import SEND_MESSAGE, Wording
from app.storage import clinics, deliveries
from app.storage.engine.jobs import QUEUE, job_app
from app.studies import what_if_jobs as trying

# A delivery this much past its time has lost its job (a worker died, a database was restored).
_FORGOTTEN_AFTER: Final = timedelta(seconds=20)
_SWEEP_EVERY_SECONDS: Final = 10.0
_AT_ONCE: Final = 20
_MOST_A_SWEEP: Final = 500
# A sweep seals what is new in the trail; this often the whole trail is looked through for what was overlooked.
_LOOK_THROUGH_EVERY: Final = timedelta(hours=1)
# Heartbeats come every 5 s; a worker without one for this long is dead.
_DEAD_AFTER_SECONDS: Final = 20.0
_RECONNECT_AFTER_SECONDS: Final = 1.0


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, context: AppContext, *, retry_speedup: int = 1) -> None:
        self._context = context
        self._speedup = retry_speedup
        self._stopping = asyncio.Event()
        self._jobs: procrastinate.App | None = None
        # When each clinic's whole trail was last looked through.
        self._looked_through: dict[UUID, datetime] = {}
        self._log = structlog.get_logger()

    def stop(self) -> None:
        """Finish what is being done, then end."""
        self._stopping.set()

    def post(self, client: httpx2.AsyncClient) -> Post:
        """Make what messages are sent with: who wrote one is asked before it goes whether it is still wanted."""
        return Post(
            context=self._context,
            client=client,
            still_wanted={Wording.CHECK_IN_DUE: StillDue(self._context)},
            speedup=self._speedup,
        )

    async def run(self) -> None:
        """Work until stopped; whatever the database does meanwhile."""
        allowed = AllowedNetworks.parse(self._context.webhook_allow)
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            outbox = Outbox(context=self._context, client=client, speedup=self._speedup)
            post = self.post(client)
            sweeping = asyncio.create_task(self._sweep_now_and_then())
            try:
                while not self._stopping.is_set():
                    await self._work_while_connected(outbox, post)
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping
                await self._context.database.close()

    async def _work_while_connected(self, outbox: Outbox, post: Post) -> None:
        try:
            jobs = job_app(self._context.database.url)
            _add_tasks(jobs, outbox, post)
            async with jobs.open_async():
                self._jobs = jobs
                working = asyncio.create_task(
                    jobs.run_worker_async(
                        queues=[QUEUE],
                        concurrency=_AT_ONCE,
                        fetch_job_polling_interval=0.5,
                        delete_jobs="always",
                        install_signal_handlers=False,
                        update_heartbeat_interval=5.0,
                        stalled_worker_timeout=_DEAD_AFTER_SECONDS,
                        shutdown_graceful_timeout=20.0,
                    )
                )
                stopping = asyncio.create_task(self._stopping.wait())
                await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
        except (psycopg.Error, ConnectorException, OSError) as error:
            self._log.warning("worker.reconnecting", error_type=type(error).__name__)
            await self._pause(_RECONNECT_AFTER_SECONDS)
        finally:
            self._jobs = None

    async def _sweep_now_and_then(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001 - the next sweep comes anyway, and must
                self._log.warning("sweep.failed", error_type=type(error).__name__, error_at=where(error))
            await self._pause(_SWEEP_EVERY_SECONDS)

    async def sweep(self) -> int:
        """Rescue dead workers' jobs; in each clinic escalate, remind, end snoozes, queue forgotten sendings, seal.

        Gives how many deliveries and messages were queued, over all clinics.
        """
        await self._rescue()
        database, now = self._context.database, self._context.clock.now()
        async with database.work(None) as work:
            open_clinics = await clinics.open_clinics(work)
        count = await self._in_each(open_clinics, self._sweep_clinic, now)
        # After all that somebody waits for.
        await self._in_each(open_clinics, self._seal, now)
        if count:
            self._log.info("sweep.queued", count=count)
        return count

    async def _in_each(
        self, whose: Sequence[UUID], step: Callable[[UUID, datetime], Awaitable[int]], now: datetime
    ) -> int:
        """Do this in each clinic, and give the sum: what fails in one must not keep others waiting."""
        count = 0
        for clinic_id in whose:
            try:
                count += await step(clinic_id, now)
            except Exception as error:  # noqa: BLE001 - the next sweep tries it again; the others must not wait
                self._log.error(
                    "sweep.clinic_failed",
                    clinic_id=str(clinic_id),
                    error_type=type(error).__name__,
                    error_at=where(error),
                )
        return count

    async def _sweep_clinic(self, clinic_id: UUID, now: datetime) -> int:
        """What is safety's goes first: nothing after it can keep it from being done."""
        await escalation.escalate_due(self._context, clinic_id)
        async with self._context.database.work(clinic_id) as work:
            taken = await deliveries.take_overdue(
                work, before=now - _FORGOTTEN_AFTER, now=now, limit=_MOST_A_SWEEP
            )
            for delivery_id, safety in taken:
                queue_delivery(work, delivery_id, safety=safety)
            await signals.return_from_snooze(work, now=now)
            await compute_keys(work, self._context.vault)
            messages = await sending.queue_forgotten(work, self._context, now=now)
            await work.commit()
        await tell_of_newly_held(self._context, clinic_id)
        await remind_due(self._context, clinic_id)
        return len(taken) + messages

    async def _seal(self, clinic_id: UUID, now: datetime) -> int:
        """Seal what is new in a clinic's trail; gives how many events."""
        last = self._looked_through.get(clinic_id)
        whole = last is None or now - last >= _LOOK_THROUGH_EVERY
        count = await seal_clinic(self._context.database, self._context.vault, clinic_id, whole=whole)
        if whole:
            self._looked_through[clinic_id] = now
        return count

    async def _rescue(self) -> None:
        jobs = self._jobs
        if jobs is None:
            return
        stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER_SECONDS)
        for job in stalled:
            await jobs.job_manager.retry_job(job, retry_at=procrastinate.utils.utcnow())
            self._log.info("job.rescued", job=job.task_name, job_id=job.id)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _add_tasks(jobs: procrastinate.App, outbox: Outbox, post: Post) -> None:
    @jobs.task(name=DELIVER, queue=QUEUE)
    async def deliver_one(clinic_id: str, delivery_id: str) -> None:
        await deliver(outbox, UUID(clinic_id), UUID(delivery_id))

    @jobs.task(name=SEND_MESSAGE, queue=QUEUE)
    async def send_one_message(clinic_id: str, message_id: str) -> None:
        attempted = await sending.send_message(post, UUID(clinic_id), UUID(message_id))
        if attempted is not None:
            structlog.get_logger().info(
                "message.attempted",
                clinic_id=clinic_id,
                message_id=message_id,
                attempt=attempted.attempt,
                outcome=attempted.outcome.trouble or attempted.outcome.ending.value,
            )

    @jobs.task(
        name=monitoring.EVALUATE_AGAIN, queue=QUEUE, retry=procrastinate.RetryStrategy(exponential_wait=5)
    )
    async def evaluate_again(clinic_id: str, patient_id: str) -> None:
        await monitoring.evaluate_again(outbox.context, UUID(clinic_id), UUID(patient_id))

    @jobs.task(name=trying.WORK_OUT, queue=QUEUE)
    async def work_out_what_if(clinic_id: str, what_if_id: str) -> None:
        if not await trying.work_out(outbox.context, UUID(clinic_id), UUID(what_if_id)):
            structlog.get_logger().error("what_if.failed", clinic_id=clinic_id)

    @jobs.task(name=ESCALATE_SAFETY, queue=QUEUE)
    async def escalate_safety(clinic_id: str, event_id: str) -> None:
        await escalation.escalate_safety(outbox.context, UUID(clinic_id), UUID(event_id))

    @jobs.task(name=ESCALATE_SIGNAL, queue=QUEUE)
    async def escalate_signal(clinic_id: str, signal_id: str) -> None:
        await escalation.escalate_signal(outbox.context, UUID(clinic_id), UUID(signal_id))
