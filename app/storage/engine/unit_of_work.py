"""One transaction of one clinic. It alone begins, commits and undoes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection as PsycopgConnection
from psycopg.rows import namedtuple_row
from sqlalchemy import ColumnElement, CursorResult, Executable, UpdateBase, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.foundation.audit import SYSTEM, Actor, AuditEvent
from app.foundation.ids import new_id
from app.storage.engine.audit import StoredEvent, audit_values
from app.storage.engine.connection_budget import ConnectionBudget, Ticket
from app.storage.engine.jobs import QUEUE, Job, queue_jobs
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.statements import Found, Ready, RecordReader
from app.storage.engine.tenant_proof import UNSEEN, TenantProof

# What workers listen to. PostgreSQL notifies each of them once a transaction, however much it wrote.
OUTBOX_CHANNEL: Final = "afterglow_outbox"
_BEGIN: Final = "BEGIN"
# Everything read in it is of one moment; it sees no change that commits while a page is being read.
_BEGIN_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ"
# How far a replica is behind: since the last commit that it replayed. Some process commits every few seconds. One
# that has replayed none since it started cannot say: null, which greatest() alone would pass over.
_BEHIND: Final = """
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN interval '0'
                WHEN pg_last_xact_replay_timestamp() IS NOT NULL
                THEN greatest(clock_timestamp() - pg_last_xact_replay_timestamp(), interval '0')
                END AS behind
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A way to PostgreSQL: connections, who may hold how many, and what proves there whose transaction it is."""

    engine: AsyncEngine
    budget: ConnectionBudget
    proof: TenantProof


@dataclass(frozen=True, slots=True)
class Replica:
    """A server that may be read instead of the primary, where it has come as far as this moment."""

    server: Server
    at_least: datetime


@dataclass(frozen=True, slots=True)
class _Deferred:
    """A statement that runs as soon as it is known whether it is alone."""

    statement: LiteralString
    parameters: Mapping[str, Any]
    check: Callable[[list[Any]], None]


class UnitOfWork(RecordReader):
    """What one cause does to the database: all of it, or nothing (see `attempt` for a part that may fail).

    Audit events and jobs are gathered and written just before the commit, in one statement each.
    """

    def __init__(
        self,
        server: Server,
        clinic_id: UUID | None,
        *,
        replica: Replica | None = None,
        actor: Actor = SYSTEM,
        now: datetime | None = None,
        ahead: timedelta = timedelta(),
        snapshot: bool = False,
        safety: bool = False,
    ) -> None:
        self.actor = actor
        self._now = now
        self._ahead = ahead
        self._server = server
        # Where this is read until it is known to be too far behind, or something is to be kept.
        self._replica = replica
        self._read_as_of: datetime | None = None
        self._ticket: Ticket | None = None
        self._safety = safety
        self._taken: AsyncConnection | None = None
        self._clinic_id = clinic_id
        self._snapshot = snapshot or replica is not None
        self._audit: list[AuditEvent] = []
        # Tables of the clinic whose rows were changed by what the audit log has to record.
        self._changed: set[str] = set()
        self._jobs: list[Job] = []
        self._after_commit: list[Callable[[], object]] = []
        self._wakes_outbox = False
        self._open = False
        self._deferred: _Deferred | None = None
        self._driver: PsycopgConnection[Any] | None = None

    @property
    def clinic_id(self) -> UUID:
        """The tenant of this transaction."""
        if self._clinic_id is None:
            raise TenantMissingError(TenantMissingError.__doc__)
        return self._clinic_id

    def owns(self, row: type[TenantRow]) -> ColumnElement[bool]:
        """Say that a table's row is of this transaction's clinic: a second lock beside row-level security.

        It holds on a connection that row-level security does not bind (docs/decisions/0016); plans do not need it.
        """
        return row.clinic_id == self.clinic_id

    @property
    def now(self) -> datetime:
        """When this cause happens for the clinic: what patients report, what is due, what is evaluated.

        It is the real time, unless the clinic's test clock was moved ahead of it.
        """
        return self.real_now + self._ahead

    @property
    def real_now(self) -> datetime:
        """When this cause happens, read once at the edge: for credentials, limits, the audit log and sending."""
        if self._now is None:
            raise TimeMissingError(TimeMissingError.__doc__)
        return self._now

    @property
    def read_as_of(self) -> datetime | None:
        """Of which moment this was read, if that was at a replica; None: at the primary."""
        return self._read_as_of

    async def begin(self) -> None:
        """Take a connection, open the transaction and set the tenant, in one round trip.

        Done by itself before the first statement: what turns out to need no database takes no connection.
        A connection that died while it lay in the pool is replaced once: nothing has been sent on it yet.
        """
        if self._replica is not None and await self._begin_at(self._replica):
            return
        await self._take()
        # Said before it is so: whatever fails from here on, `end` has something to undo.
        self._open = True
        try:
            await self._say(await self._beginning())
        except psycopg.OperationalError:
            await self._throw_away()
            await self._say(await self._beginning())
        if self._deferred is not None:
            deferred, self._deferred = self._deferred, None
            await self._run(deferred)

    async def _begin_at(self, replica: Replica) -> bool:
        """Begin at a replica; where it is away, busy or too far behind, say so, and the primary is read."""
        try:
            await self._take()
            self._open = True
            await self._say(await self._beginning())
            behind = (await self._fetch(_BEHIND, {}))[0].behind
        except (SQLAlchemyError, psycopg.Error):
            behind = None
        if behind is not None and self.real_now - behind >= replica.at_least:
            self._read_as_of = self.real_now - behind
            return True
        await self._leave_replica()
        return False

    async def _leave_replica(self) -> None:
        await self.end()
        self._replica = None

    @property
    def _at(self) -> Server:
        return self._server if self._replica is None else self._replica.server

    async def _take(self) -> None:
        if self._taken is None:
            if self._ticket is None:
                self._ticket = await self._at.budget.take(self._clinic_id, safety=self._safety)
            self._taken = await self._at.engine.connect()

    async def _beginning(self) -> str:
        begin = _BEGIN_SNAPSHOT if self._snapshot else _BEGIN
        if self._clinic_id is None:
            return begin
        driver = await self._psycopg()
        pid, begun = driver.info.backend_pid, f"{begin};"
        if self._at.proof.through_pooler:
            # What the driver knows is its connection to the pooler; the server's is this transaction's from now on.
            await self._say(begin)
            asked = await (await driver.execute(b"SELECT pg_backend_pid()")).fetchone()
            pid, begun = asked[0] if asked else 0, ""
        # The only place that sets the tenant. SET takes no parameters; what is said is digits and dots.
        said = self._at.proof.said(self._clinic_id, pid)
        return f"{begun}{UNSEEN}SET LOCAL app.clinic_id = '{said}'"

    async def execute(
        self,
        statement: Executable | Ready,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        *,
        unaudited: str | None = None,
    ) -> CursorResult[Any] | Found:
        """Run one statement in this transaction.

        ``unaudited``: why a statement that changes a clinic's rows needs no line of the audit log. Any other
        that changes them makes `commit` ask for one.
        """
        if not self._open:
            await self.begin()
        done: CursorResult[Any] | Found
        if isinstance(statement, Ready):
            done = await statement.run(await self._psycopg(), self._at.engine.dialect, self.clinic_id)
            statement = statement.built.statement
        else:
            done = await self._connection.execute(statement, parameters)
        # What found nothing to change, such as an insert of what is there already, changed nothing.
        if isinstance(statement, UpdateBase) and unaudited is None and done.rowcount != 0:
            table = statement.entity_description["table"]
            if table.schema == CARE:
                self._changed.add(table.name)
        return done

    def audit(
        self,
        action: str,
        subject_kind: str,
        subject_id: UUID,
        *,
        patient_id: UUID | None = None,
        actor: Actor | None = None,
    ) -> None:
        """Write a line of the audit log; it commits with the change that it is about, or not at all.

        Args:
            action: a dotted verb in the past, such as ``signal.closed``.
            subject_kind: what was changed or read, such as ``signal``.
            subject_id: its id. A subject that is a patient needs no ``patient_id`` beside it.
            patient_id: the patient whom it is about, if there is one.
            actor: who did it, where that is not the actor of this transaction.
        """
        whose = subject_id if subject_kind == "patient" else patient_id
        self._audit.append(
            AuditEvent(
                at=self.real_now,
                actor=actor or self.actor,
                action=action,
                subject_kind=subject_kind,
                subject_id=subject_id,
                patient_id=whose,
            )
        )

    def queue(
        self,
        task: str,
        *,
        at: datetime | None = None,
        priority: int = 0,
        lock: str | None = None,
        queue: str = QUEUE,
        **ids: UUID,
    ) -> None:
        """Add a job by its task's name, with ids only; it exists only if this transaction commits."""
        self._jobs.append(Job(task=task, at=at, priority=priority, lock=lock, queue=queue, ids=ids))

    def after_commit(self, call: Callable[[], object]) -> None:
        """Call this once what was done here is permanent; never if it is undone."""
        self._after_commit.append(call)

    def wake_outbox(self) -> None:
        """Have workers look at once at what is to be sent; they are woken when this transaction commits.

        Only to be quick: the rows say what is due when, and every worker looks each second.
        """
        self._wakes_outbox = True

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Do all of the block, or, if it raises, nothing of it; what was done before stands either way."""
        audit, jobs, changed = len(self._audit), len(self._jobs), set(self._changed)
        calls = len(self._after_commit)
        if not self._open:
            await self.begin()
        await self._say("SAVEPOINT attempt")
        try:
            yield
        except Exception:
            del self._audit[audit:], self._jobs[jobs:], self._after_commit[calls:]
            self._changed = changed
            with suppress(psycopg.Error):  # a connection that died says so to whoever uses it next
                await self._say("ROLLBACK TO SAVEPOINT attempt")
            raise
        await self._say("RELEASE SAVEPOINT attempt")

    async def commit(self) -> None:
        """Write what was gathered and make it all permanent; where nothing was done, nothing happens.

        What was read at a replica is recorded at the primary.
        """
        if self._replica is not None:
            await self._leave_replica()
        if not self._open:
            if not (self._audit or self._jobs or self._deferred):
                return
            if self._is_alone:
                await self._run_alone()
                return
            await self.begin()
        if self._changed and not self._audit:
            raise UnauditedChangeError(*sorted(self._changed))
        if self._audit:
            rows = [audit_values(event, clinic_id=self.clinic_id, id=new_id()) for event in self._audit]
            await self._connection.execute(insert(StoredEvent), rows)
        if self._jobs:
            await queue_jobs(await self._psycopg(), self._jobs)
        await self._say(f"NOTIFY {OUTBOX_CHANNEL}; COMMIT" if self._wakes_outbox else "COMMIT")
        self._open = False
        self._call_after_commit()

    def _call_after_commit(self) -> None:
        calls = self._after_commit
        self._forget()
        for call in calls:
            call()

    async def end(self) -> None:
        """Undo what was not committed and give the connection back; one that cannot even do that is thrown away.

        Never raises: the error that brought us here, or the cancellation, must reach the caller as it is.
        """
        try:
            await self._undo()
        finally:
            budget, ticket, self._ticket = self._at.budget, self._ticket, None

            def give_back_ticket(_closed: object = None) -> None:
                if ticket is not None:
                    budget.give_back(ticket)

            if self._taken is not None:
                closing = asyncio.create_task(self._taken.close())
                self._taken, self._driver = None, None
                # Also when this request was cancelled: the pool gets its connection back.
                closing.add_done_callback(give_back_ticket)
                await asyncio.shield(closing)
            else:
                give_back_ticket()

    async def _undo(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._connection.invalidated:
            # Dead, or cancelled in the middle of an answer: already thrown away, and PostgreSQL undoes.
            return
        try:
            await self._say("ROLLBACK")
        except psycopg.Error:
            await self._throw_away()

    async def start_over(self, *, snapshot: bool = False) -> None:
        """Undo everything, and let the next statement see what is true then, such as for a page after a refusal."""
        await self._undo()
        self._forget()
        self._snapshot = snapshot

    def _forget(self) -> None:
        self._audit, self._jobs, self._changed = [], [], set()
        self._after_commit, self._wakes_outbox, self._deferred = [], False, None

    async def directly(self, statement: LiteralString, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one statement past SQLAlchemy, with psycopg's own parameters; gives its rows, by name.

        Only for finding who is signed in, which is half of what the check-in form costs, and for the two
        statements of the check-in path (`glance`, `defer`), where SQLAlchemy's layers cost more processor time
        than validating the check-in and evaluating the patient together (`make bench`).
        """
        if not self._open:
            await self.begin()
        return await self._fetch(statement, parameters)

    async def glance(self, statement: LiteralString, parameters: Mapping[str, Any]) -> list[Any]:
        """Read by one statement that sets the tenant itself, to its parameter ``tenant``; gives its rows, by name.

        Unless a transaction is open it is a separate one: one round trip instead of three.
        """
        if self._open or not self._goes_alone:
            return await self.directly(statement, {**parameters, "tenant": None})
        await self._take()
        try:
            return await self._fetch(statement, await self._with_tenant(parameters))
        except psycopg.OperationalError:
            # A time-out is one too, and says nothing against the connection.
            if not (await self._psycopg()).closed:
                raise
            await self._throw_away()
            return await self._fetch(statement, await self._with_tenant(parameters))

    async def defer(
        self, statement: LiteralString, parameters: Mapping[str, Any], *, check: Callable[[list[Any]], None]
    ) -> None:
        """Write by one statement that sets the tenant itself and needs no line of the audit log beside its own.

        It runs before whatever else is done in this transaction, or, if nothing else is, with the commit as a
        separate transaction. ``check`` gets its rows, and raises if they are not what they should be.
        """
        self._deferred = _Deferred(statement, parameters, check)
        if self._open:
            deferred, self._deferred = self._deferred, None
            await self._run(deferred)

    @property
    def _goes_alone(self) -> bool:
        # Behind a pooler the backend that a proof names is known only inside of a transaction.
        return not (self._snapshot or self._at.proof.through_pooler)

    @property
    def _is_alone(self) -> bool:
        return self._goes_alone and not (self._audit or self._jobs or self._wakes_outbox)

    async def _run(self, deferred: "_Deferred") -> None:
        deferred.check(await self._fetch(deferred.statement, {**deferred.parameters, "tenant": None}))

    async def _run_alone(self) -> None:
        deferred, self._deferred = self._deferred, None
        if deferred is not None:
            await self._take()
            parameters = await self._with_tenant(deferred.parameters)
            deferred.check(await self._fetch(deferred.statement, parameters))
        self._call_after_commit()

    async def _with_tenant(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        driver = await self._psycopg()
        return {**parameters, "tenant": self._at.proof.said(self.clinic_id, driver.info.backend_pid)}

    async def _fetch(self, statement: LiteralString, parameters: Mapping[str, Any]) -> list[Any]:
        driver = await self._psycopg()
        async with driver.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(statement, parameters)
            return await cursor.fetchall()

    @property
    def _connection(self) -> AsyncConnection:
        if self._taken is None:
            raise TransactionOverError(TransactionOverError.__doc__)
        return self._taken

    async def _say(self, words: str) -> None:
        """Say something that has no answer, such as COMMIT."""
        driver = await self._psycopg()
        # Never prepared: several statements at once cannot be.
        await driver.execute(words.encode(), prepare=False)

    async def _psycopg(self) -> PsycopgConnection[Any]:
        if self._driver is None:
            taken = self._connection.sync_connection
            # One that works is asked directly: SQLAlchemy would go through a greenlet for it.
            raw = (
                await self._connection.get_raw_connection()
                if taken is None or taken.invalidated
                else taken.connection
            )
            driver = raw.driver_connection
            if not isinstance(driver, PsycopgConnection):
                raise TypeError
            self._driver = driver
        return self._driver

    async def _throw_away(self) -> None:
        """Give up a connection that is dead; the next use takes another."""
        self._driver = None
        await self._connection.invalidate()
        await self._connection.rollback()


class TenantMissingError(RuntimeError):
    """This transaction has no clinic; open it with one."""


class TimeMissingError(RuntimeError):
    """This transaction was opened without a time; open it with one."""


class TransactionOverError(RuntimeError):
    """This transaction has ended; its connection was given back."""


class UnauditedChangeError(RuntimeError):
    """These tables were changed without a line of the audit log: write one, or say why there is none."""
