"""The database's failures by a name of ours, so that nobody above storage need know whose library raised them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.storage.engine.binaries import LocalDatabaseError


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
