"""The connection pool, made once a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.storage.unit_of_work import UnitOfWork

SEARCH_PATH: Final = "care,front_desk,jobs"
# A request that waits longer than this helps nobody; phones try again.
_SESSION_OPTIONS: Final = (
    f"-c search_path={SEARCH_PATH} -c statement_timeout=15000 -c lock_timeout=5000 "
    "-c idle_in_transaction_session_timeout=30000 -c client_connection_check_interval=2000 -c timezone=UTC"
)


class Database:
    """The application role's way to PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            # Transactions are opened by the unit of work as one string with the tenant; see there.
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_reset_on_return=None,
            connect_args={"options": _SESSION_OPTIONS, "prepare_threshold": 3},
        )

    @asynccontextmanager
    async def work(self, clinic_id: UUID | None) -> AsyncIterator[UnitOfWork]:
        """Open a transaction of one clinic; without ``commit()`` everything in it is undone.

        ``None`` opens one without a tenant, in which row-level security shows no patient's row.
        """
        async with self.engine.connect() as connection:
            work = UnitOfWork(connection, clinic_id)
            await work.begin()
            try:
                yield work
            finally:
                await work.end()

    async def close(self) -> None:
        """Give all connections back to PostgreSQL."""
        await self.engine.dispose()
