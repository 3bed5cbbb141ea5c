"""Whether the database answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.storage.engine.binaries import LocalDatabaseError
from app.storage.engine.database import Database

# A hundred kilobytes or so, in a separate file, and lines of the catalog in the write-ahead log.
_PROBE: Final = """
    CREATE TEMP TABLE write_probe ON COMMIT DROP AS
    SELECT n, repeat(md5(random()::text || n), 30) AS filling FROM generate_series(1, 100) AS n
"""


class DatabaseDoesNotAnswerError(Exception):
    """The database does not answer."""


async def database_answers(database: Database) -> None:
    """Ask the database for nothing.

    Raises:
        DatabaseDoesNotAnswerError: it cannot be reached, or its tables are not there.
    """
    try:
        async with database.work(None) as work:
            await work.execute(text("SELECT 1 FROM clinics LIMIT 1"))
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        raise DatabaseDoesNotAnswerError(DatabaseDoesNotAnswerError.__doc__) from error


async def database_takes_writes(database: Database) -> None:
    """Write something that needs new room, and commit it; it is gone at once.

    Small changes find room in pages that are there already: a full disk shows only where a file must grow.

    Raises:
        DatabaseDoesNotAnswerError: it cannot be reached, or does not take what is written.
    """
    try:
        async with database.work(None) as work:
            await work.execute(text(_PROBE))
            await work.commit()
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        raise DatabaseDoesNotAnswerError(DatabaseDoesNotAnswerError.__doc__) from error


class DatabaseFailedError(LocalDatabaseError):
    """The database does not do what it should ({kind}); try `afterglow doctor`."""


def database_is_away(error: BaseException) -> bool:
    """Say whether an error means that the database cannot be reached or cannot take more, for the moment."""
    away = (
        InterfaceError,
        OperationalError,
        PoolTimeoutError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
    )
    return isinstance(error, away)


def is_taken(error: BaseException) -> bool:
    """Say whether others held what was needed for as long as anybody waits: a row, or every connection."""
    cause = getattr(error, "orig", None) or error
    return isinstance(cause, psycopg.errors.LockNotAvailable | PoolTimeoutError)


@contextmanager
def failures_named() -> Iterator[None]:
    """Turn whatever the database's libraries raise in this block into `DatabaseFailedError`.

    Only the kind of the failure is said: the libraries' own texts quote statements and their values.
    """
    try:
        yield
    except (SQLAlchemyError, psycopg.Error) as error:
        raise DatabaseFailedError(kind=type(error).__name__) from None
