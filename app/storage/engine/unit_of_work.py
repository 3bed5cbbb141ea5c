"""One transaction of one clinic. It alone begins, commits and undoes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection as PsycopgConnection
from psycopg.rows import namedtuple_row
from sqlalchemy import CursorResult, Executable, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.foundation.audit import AuditEvent
from app.foundation.ids import new_id
from app.storage.engine.audit import AuditEventRow, audit_values
from app.storage.engine.jobs import Job, queue_jobs

_BEGIN_TENANTLESS: Final = "BEGIN"


class UnitOfWork:
    """What one cause does to the database: all of it, or nothing (see `attempt` for a part that may fail).

    Audit events and jobs are gathered and written just before the commit, in one statement each.
    """

    def __init__(self, connection: AsyncConnection, clinic_id: UUID | None) -> None:
        self._connection = connection
        self._clinic_id = clinic_id
        self._audit: list[AuditEvent] = []
        self._jobs: list[Job] = []
        self._open = False
        self._driver: PsycopgConnection[Any] | None = None

    @property
    def clinic_id(self) -> UUID:
        """The tenant of this transaction."""
        if self._clinic_id is None:
            raise TenantMissingError(TenantMissingError.__doc__)
        return self._clinic_id

    async def begin(self) -> None:
        """Open the transaction and set the tenant, in one round trip.

        A connection that died while it lay in the pool is replaced once: nothing has been sent on it yet.
        """
        # Said before it is so: whatever fails from here on, `end` has something to undo.
        self._open = True
        try:
            await self._say(self._beginning())
        except psycopg.OperationalError:
            await self._throw_away()
            await self._say(self._beginning())

    def _beginning(self) -> str:
        if self._clinic_id is None:
            return _BEGIN_TENANTLESS
        # The only place that sets the tenant. SET takes no parameters; UUID's own text cannot carry SQL.
        return f"BEGIN; SET LOCAL app.clinic_id = '{UUID(str(self._clinic_id))}'"

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run one statement in this transaction."""
        return await self._connection.execute(statement, parameters)

    def audit(self, event: AuditEvent) -> None:
        """Add a line to the trail; it commits with what it tells of, or not at all."""
        self._audit.append(event)

    def queue(
        self,
        task: str,
        *,
        at: datetime | None = None,
        priority: int = 0,
        lock: str | None = None,
        **ids: UUID,
    ) -> None:
        """Add a job by its task's name, with ids only; it exists only if this transaction commits."""
        self._jobs.append(Job(task=task, at=at, priority=priority, lock=lock, ids=ids))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Do all of the block, or, if it raises, nothing of it; what was done before stands either way."""
        audit, jobs = len(self._audit), len(self._jobs)
        await self._say("SAVEPOINT attempt")
        try:
            yield
        except Exception:
            del self._audit[audit:], self._jobs[jobs:]
            with suppress(psycopg.Error):  # a connection that died says so to whoever uses it next
                await self._say("ROLLBACK TO SAVEPOINT attempt")
            raise
        await self._say("RELEASE SAVEPOINT attempt")

    async def commit(self) -> None:
        """Write what was gathered and make it all permanent."""
        if self._audit:
            rows = [audit_values(event, clinic_id=self.clinic_id, id=new_id()) for event in self._audit]
            await self.execute(insert(AuditEventRow), rows)
        if self._jobs:
            await queue_jobs(await self._psycopg(), self._jobs)
        await self._say("COMMIT")
        self._open = False
        self._audit, self._jobs = [], []

    async def end(self) -> None:
        """Undo what was not committed. A connection that cannot even do that is thrown away.

        Never raises: the error that brought us here, or the cancellation, must reach the caller as it is.
        """
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

    async def directly(self, statement: LiteralString, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one statement past SQLAlchemy, with psycopg's own parameters; gives its rows, by name.

        Only for the two statements of the check-in path, where SQLAlchemy's layers cost more processor
        time than validating the check-in and evaluating the patient together, and for finding who is signed
        in, which is half of what the check-in form costs (`make bench`).
        """
        driver = await self._psycopg()
        async with driver.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(statement, parameters)
            return await cursor.fetchall()

    async def _say(self, words: str) -> None:
        """Say something that has no answer, such as COMMIT."""
        driver = await self._psycopg()
        await driver.execute(words.encode())

    async def _psycopg(self) -> PsycopgConnection[Any]:
        if self._driver is None:
            raw = await self._connection.get_raw_connection()
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
