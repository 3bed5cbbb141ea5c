"""The connection pool, made once a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import AsyncConnection as PsycopgConnection
from psycopg.pq import TransactionStatus
from pydantic_core import from_json, to_json
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.foundation.audit import SYSTEM, Actor
from app.storage.engine.connection_budget import FOR_SAFETY, ConnectionBudget
from app.storage.engine.tenant_proof import TenantProof
from app.storage.engine.unit_of_work import Replica, Server, UnitOfWork

SEARCH_PATH: Final = "care,front_desk,jobs"
SESSION_SETTINGS: Final = {
    "search_path": SEARCH_PATH,
    # A request that waits longer than this helps nobody; phones try again.
    "statement_timeout": "15000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "30000",
    "client_connection_check_interval": "2000",
    "timezone": "UTC",
    # Short statements only: compiling them costs more than running them.
    "jit": "off",
}
SESSION_OPTIONS: Final = " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())
# A pooler passes neither options nor prepared statements on: the database itself has the settings then.
_THROUGH_POOLER: Final = {"prepare_threshold": None}
_STRAIGHT: Final = {"prepare_threshold": 3, "options": SESSION_OPTIONS}


# A replica whose machine is gone refuses nothing: the primary is asked then, after seconds and not minutes.
_REPLICA_PATIENCE: Final = {"connect_timeout": "3", "tcp_user_timeout": "5000"}


def _impatient(url: str) -> str:
    parsed = make_url(url)
    return parsed.set(query={**_REPLICA_PATIENCE, **parsed.query}).render_as_string(hide_password=False)


def role_of(url: str) -> str | None:
    """Give the role that a database URL connects as; None when it leaves that to the machine."""
    return make_url(url).username


def _json_text(value: object) -> str:
    return to_json(value).decode()


def _only_idle(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    """Throw a connection away that comes back in the middle of something.

    Whatever went wrong, no transaction may begin inside another one, with the tenant of the one before.
    Costs nothing: libpq knows the answer without asking the server.
    """
    if connection is None:
        return
    driver = record.driver_connection
    if (
        not isinstance(driver, PsycopgConnection)
        or driver.info.transaction_status is not TransactionStatus.IDLE
    ):
        record.invalidate()


def most_connections(pool_size: int) -> int:
    """Give how many connections a pool of this size may take at most."""
    return pool_size + FOR_SAFETY + 2 if pool_size > 1 else pool_size


class Database:
    """The application role's way to PostgreSQL."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        tenant_key: bytes | None = None,
        direct_url: str | None = None,
        replica_url: str | None = None,
    ) -> None:
        """Make the pool; it connects with its first use.

        Args:
            url: where, and as which role.
            pool_size: how many connections at most, beside those that are kept for safety.
            tenant_key: what proves that a transaction is of the clinic that it names (`Vault.tenant_key`); None:
                nothing does, which a database that has a key installed answers with no rows.
            direct_url: past the pooler to which ``url`` leads; None: it leads to none.
            replica_url: a replica for what may be a little old, such as reports, straight; None: there is none.
        """
        self.url = url
        self.direct_url = direct_url or url
        self.proof = TenantProof(tenant_key, through_pooler=direct_url is not None)
        self.budget = ConnectionBudget(pool_size)
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            # Transactions are opened by the unit of work as one string with the tenant; see there.
            isolation_level="AUTOCOMMIT",
            # Rows are read by name, never by a statement's columns. For those SQLAlchemy would match each result to
            # the statement in hand: a tenth of a request's processor time.
            execution_options={"_result_disable_adapt_to_context": True},
            pool_size=pool_size,
            # What is reserved for safety, and the second connection of a request that holds one.
            max_overflow=most_connections(pool_size) - pool_size,
            pool_timeout=10,
            pool_reset_on_return=None,
            # The connection used last has its plans and caches warm.
            pool_use_lifo=True,
            connect_args=_THROUGH_POOLER if direct_url else _STRAIGHT,
            json_serializer=_json_text,
            json_deserializer=from_json,
        )

        event.listen(self.engine.sync_engine, "checkin", _only_idle)
        self.server = Server(self.engine, self.budget, self.proof)
        self._replica = (
            None
            if replica_url is None
            else Database(_impatient(replica_url), pool_size=pool_size, tenant_key=tenant_key)
        )

    def replica(self, *, at_least: datetime) -> Replica | None:
        """Give the replica, to be read where it has come as far as this moment; None: there is none."""
        return None if self._replica is None else Replica(self._replica.server, at_least)

    @asynccontextmanager
    async def work(
        self, clinic_id: UUID | None, *, actor: Actor = SYSTEM, now: datetime | None = None
    ) -> AsyncIterator[UnitOfWork]:
        """Open a transaction of one clinic; without ``commit()`` everything in it is undone.

        ``None`` opens one without a tenant, in which row-level security shows no patient's row.
        """
        work = UnitOfWork(self.server, clinic_id, actor=actor, now=now)
        try:
            await work.begin()
            yield work
        finally:
            await work.end()

    async def close(self) -> None:
        """Give all connections back to PostgreSQL."""
        await self.engine.dispose()
        if self._replica is not None:
            await self._replica.close()
