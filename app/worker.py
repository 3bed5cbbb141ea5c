"""The worker: dispatch what is due, evaluate again, sweep, rescue; it reconnects when the database blinks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx2
import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException

from app.access.audit.seals import seal_clinic
from app.access.clinics.test_clock import learn_now_and_then
from app.access.resealing import RESEAL, reseal_clinic
from app.care.alerts import escalation, signal_commands
from app.care.alerts.safety_event_commands import ESCALATE_SAFETY
from app.care.alerts.signal_commands import ESCALATE_SIGNAL
from app.care.intake.spool import Spool, replay_now_and_then
from app.care.monitoring import commands as monitoring
from app.care.monitoring import corrections
from app.care.patients.commands import compute_keys
from app.care.reminders.due_reminders import StillDue, remind_due
from app.care.retention.commands import remove_old
from app.context import AppContext
from app.foundation.audit import SYSTEM
from app.foundation.ids import new_id
from app.foundation.logs import where
from app.imports.job import WORK_ON_IMPORT
from app.interop.ehr.reading import READ_EHR, read_ehr
from app.interop.transfer import commands as transfers
from app.notifications.dispatcher import Dispatcher
from app.notifications.messages.sending import Post, cancel_too_late
from app.notifications.stream.queries import keep_stream
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox
from app.notifications.webhooks.trouble import notify_of_newly_held
from app.outbox import Wording
from app.storage import audit_log, clinics, due_work, heartbeats
from app.storage.due_work import DueClinic
from app.storage.engine.jobs import QUEUE, STUDIES_QUEUE, job_app
from app.storage.heartbeats import OF_A_WORKER, Duty
from app.studies import what_if_jobs as what_if

_SWEEP_EVERY_SECONDS: Final = 10.0
_AT_ONCE: Final = 20
# A sweep seals what is new in the audit log; this often all of it is looked through for what was overlooked.
_LOOK_THROUGH_EVERY: Final = timedelta(hours=1)
_MAKE_PARTITIONS_EVERY: Final = timedelta(hours=1)
_LOOKED_THROUGH_A_SWEEP: Final = 20
# Heartbeats come every 5 s; a worker without one for this long is dead.
_DEAD_AFTER_SECONDS: Final = 20.0
_RECONNECT_AFTER_SECONDS: Final = 1.0
_QUEUES: Final = {Duty.JOBS: QUEUE, Duty.STUDIES: STUDIES_QUEUE}


class Worker:
    """Does its duties until it is asked to stop: all of a worker's, or those that were chosen for it."""

    def __init__(
        self,
        context: AppContext,
        *,
        retry_speedup: int = 1,
        spool: Spool | None = None,
        duties: Sequence[Duty] = OF_A_WORKER,
    ) -> None:
        self._context = context
        self._duties = duties
        self._queues = [queue for duty, queue in _QUEUES.items() if duty in duties]
        self._id = new_id()
        self._spool = spool
        self._speedup = retry_speedup
        self._stopping = asyncio.Event()
        self._jobs: procrastinate.App | None = None
        # When each clinic's whole audit log was last looked through.
        self._looked_through: dict[UUID, datetime] = {}
        self._partitions_made: datetime | None = None
        self._moves_lines = False
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
            endless = [asyncio.create_task(learn_now_and_then(self._context))]
            background = []
            if Duty.SWEEP in self._duties:
                if self._spool is not None:
                    # Beside the sweep, which may wait for a database that answers slowly.
                    endless.append(asyncio.create_task(replay_now_and_then(self._context, self._spool)))
                background.append(asyncio.create_task(self._sweep_now_and_then()))
            elif self._queues:
                background.append(asyncio.create_task(self._rescue_now_and_then()))
            if Duty.DELIVERIES in self._duties:
                dispatcher = Dispatcher(outbox, post, does=self._duties)
                background.append(asyncio.create_task(dispatcher.run(self._stopping)))
            else:
                background.append(asyncio.create_task(self._beat_now_and_then()))
            try:
                while not self._stopping.is_set():
                    if self._queues:
                        await self._work_while_connected()
                    else:
                        await self._stopping.wait()
            finally:
                # What is being sent is finished; a sweep looks before each step whether it may go on.
                self._stopping.set()
                for task in endless:
                    task.cancel()
                await asyncio.gather(*endless, *background, return_exceptions=True)
                await self._context.database.close()

    async def _work_while_connected(self) -> None:
        try:
            jobs = job_app(self._context.database.direct_url)
            _add_tasks(jobs, self._context)
            async with jobs.open_async():
                self._jobs = jobs
                working = asyncio.create_task(
                    jobs.run_worker_async(
                        queues=self._queues,
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

    async def _rescue_now_and_then(self) -> None:
        """Rescue jobs where no sweep of this worker's does."""
        while not self._stopping.is_set():
            with suppress(Exception):  # the database may be away; the next look comes anyway
                await self._rescue()
            await self._pause(_SWEEP_EVERY_SECONDS)

    async def _beat_now_and_then(self) -> None:
        """Say that this worker lives, where no dispatcher of its says so."""
        while not self._stopping.is_set():
            with suppress(Exception):  # as above
                async with self._context.work(None) as work:
                    await heartbeats.beat(work, self._id, does=self._duties)
            await self._pause(heartbeats.BEATS_EVERY.total_seconds())
        with suppress(Exception):  # as above
            async with self._context.work(None) as work:
                await heartbeats.end(work, self._id)

    async def sweep(self) -> bool:
        """Do what is due in any clinic: escalate, end snoozes, remind, seal. One worker does it at a time.

        What is safety's goes first, in all clinics, and sealing last: after all that someone waits for. Gives
        whether it was this worker's turn.
        """
        await self._rescue()
        context = self._context
        # Not committed: nothing is written in it, and one that idles too long is ended by the server.
        async with context.database.work(None) as electing:
            if not await due_work.elect(electing):
                return False
            due = {one.clinic_id: one for one in await escalation.list_due(context)}
            await self._in_each([one for one in due if due[one].safety], self._escalate)
            await self._in_each(due, lambda clinic_id: self._sweep_clinic(due[clinic_id]))
            await self._in_each([one for one in due if due[one].seals], self._seal)
            await self._in_each(await self._to_look_through(), self._look_through)
            await self._make_partitions_ahead()
        return True

    async def _in_each(self, whose: Iterable[UUID], step: Callable[[UUID], Awaitable[None]]) -> None:
        """Do this in each clinic: what fails in one must not keep others waiting."""
        for clinic_id in whose:
            if self._stopping.is_set():
                return
            try:
                await step(clinic_id)
            except Exception as error:  # noqa: BLE001 - the next sweep tries it again; the others must not wait
                self._log.error(
                    "sweep.clinic_failed",
                    clinic_id=str(clinic_id),
                    error_type=type(error).__name__,
                    error_at=where(error),
                )

    async def _escalate(self, clinic_id: UUID) -> None:
        await escalation.escalate_due(self._context, clinic_id)

    async def _sweep_clinic(self, clinic: DueClinic) -> None:
        clinic_id = clinic.clinic_id
        if clinic.signals:
            await escalation.escalate_due(self._context, clinic_id)
        async with self._context.work(clinic_id) as work:
            if clinic.signals:
                await signal_commands.return_from_snooze(work)
            if clinic.messages:
                await cancel_too_late(work)
            if clinic.held:
                await notify_of_newly_held(work)
        if clinic.looks:
            await remind_due(self._context, clinic_id)

    async def _seal(self, clinic_id: UUID) -> None:
        await seal_clinic(self._context.database, self._context.vault, clinic_id, whole=False)

    async def _to_look_through(self) -> list[UUID]:
        """Choose the next clinics whose whole audit log is looked through for what sealing passed over.

        Also closed ones: how long they keep what goes on.
        """
        async with self._context.work(None) as work:
            known, before = await clinics.clinics_with_rules(work), work.now - _LOOK_THROUGH_EVERY
        late = [one for one in known if self._looked_through.get(one, before) <= before]
        return late[:_LOOKED_THROUGH_A_SWEEP]

    async def _look_through(self, clinic_id: UUID) -> None:
        self._looked_through[clinic_id] = self._context.clock.now()
        computed = 1
        while computed:
            async with self._context.work(clinic_id) as work:
                computed = await compute_keys(work)
        await seal_clinic(self._context.database, self._context.vault, clinic_id, whole=True)
        async with self._context.work(clinic_id) as work:
            await keep_stream(work)
        await remove_old(self._context, clinic_id)

    async def _make_partitions_ahead(self) -> None:
        now = self._context.clock.now()
        if self._partitions_made is None or now - self._partitions_made >= _MAKE_PARTITIONS_EVERY:
            self._partitions_made = now
            self._moves_lines = True
            async with self._context.work(None) as work:
                await audit_log.make_partitions_ahead(work)
        if self._moves_lines:
            # Some a sweep, for what is due elsewhere must not wait for all; what fails is tried again in an hour.
            self._moves_lines = False
            async with self._context.work(None) as work:
                self._moves_lines = await audit_log.move_default_lines(work) > 0

    async def _rescue(self) -> None:
        jobs = self._jobs
        if jobs is None:
            return
        async with self._context.work(None) as work:
            await due_work.free_jobs(work)
        stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER_SECONDS)
        for job in stalled:
            await jobs.job_manager.retry_job(job, retry_at=procrastinate.utils.utcnow())
            self._log.info("job.rescued", job=job.task_name, job_id=job.id)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _add_tasks(jobs: procrastinate.App, context: AppContext) -> None:
    @jobs.task(
        name=monitoring.EVALUATE_AGAIN, queue=QUEUE, retry=procrastinate.RetryStrategy(exponential_wait=5)
    )
    async def evaluate_again(clinic_id: str, patient_id: str, *, corrected: str | None = None) -> None:
        record_id = UUID(corrected) if corrected else None
        await corrections.evaluate_again(context, UUID(clinic_id), UUID(patient_id), corrected=record_id)

    @jobs.task(
        name=transfers.CONFIRM_HERE, queue=QUEUE, retry=procrastinate.RetryStrategy(exponential_wait=5)
    )
    async def confirm_transfer(clinic_id: str, transfer_id: str, sender_id: str) -> None:
        await transfers.confirm_here(context, UUID(clinic_id), UUID(transfer_id), UUID(sender_id))

    @jobs.task(name=what_if.WORK_OUT, queue=STUDIES_QUEUE)
    async def work_out_what_if(clinic_id: str, what_if_id: str) -> None:
        if not await what_if.work_out(context, UUID(clinic_id), UUID(what_if_id)):
            structlog.get_logger().error("what_if.failed", clinic_id=clinic_id)

    @jobs.task(
        name=WORK_ON_IMPORT, queue=STUDIES_QUEUE, retry=procrastinate.RetryStrategy(exponential_wait=5)
    )
    async def work_on_import(clinic_id: str, import_id: str) -> None:
        # Only here: it holds rows to the API's schemas, which take half a second of each worker's start.
        from app.imports.commands import work_on  # noqa: PLC0415 - see above

        await work_on(context, UUID(clinic_id), UUID(import_id))

    @jobs.task(
        name=READ_EHR, queue=QUEUE, retry=procrastinate.RetryStrategy(max_attempts=5, exponential_wait=5)
    )
    async def read_a_clinics_ehr(clinic_id: str, system_id: str) -> None:
        await read_ehr(context, UUID(clinic_id), UUID(system_id), actor=SYSTEM)

    @jobs.task(name=RESEAL, queue=QUEUE, retry=procrastinate.RetryStrategy(exponential_wait=5))
    async def reseal(clinic_id: str) -> None:
        await reseal_clinic(context, UUID(clinic_id))

    @jobs.task(name=ESCALATE_SAFETY, queue=QUEUE)
    async def escalate_safety(clinic_id: str, event_id: str) -> None:
        await escalation.escalate_safety(context, UUID(clinic_id), UUID(event_id))

    @jobs.task(name=ESCALATE_SIGNAL, queue=QUEUE)
    async def escalate_signal(clinic_id: str, signal_id: str) -> None:
        await escalation.escalate_signal(context, UUID(clinic_id), UUID(signal_id))
