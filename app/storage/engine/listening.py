"""Listening for a wake-up from the database, on a separate connection."""

from collections.abc import AsyncIterator

import psycopg

from app.storage.engine.database import Database
from app.storage.engine.unit_of_work import OUTBOX_CHANNEL


class NotListeningError(Exception):
    """The connection that listens for wake-ups was lost, or could not be made."""


async def wake_ups(database: Database) -> AsyncIterator[None]:
    """Give one item when listening has begun, and one for each wake-up of the outbox.

    Raises:
        NotListeningError: the connection was lost; nothing is missed by whoever looks again after a while.
    """
    try:
        async with await psycopg.AsyncConnection.connect(database.direct_url, autocommit=True) as connection:
            await connection.execute(f"LISTEN {OUTBOX_CHANNEL}".encode())
            yield
            async for _ in connection.notifies():
                yield
    except (psycopg.Error, OSError) as error:
        raise NotListeningError(NotListeningError.__doc__) from error
