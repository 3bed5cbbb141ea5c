"""Whether the database answers."""

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.storage.engine.database import Database


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
