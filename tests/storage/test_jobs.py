"""Jobs live and die with the transaction that wished for them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.foundation.ids import new_id
from app.storage.engine.database import Database
from app.storage.engine.jobs import QUEUE
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls

pytestmark = pytest.mark.anyio
LATER = datetime(2026, 11, 3, 18, 0, tzinfo=UTC) + timedelta(hours=2)


def jobs_about(own_database: DatabaseUrls, thing: UUID) -> list[dict[str, object]]:
    return ask(
        own_database.owner_url,
        """
        SELECT task_name, queue_name, priority, scheduled_at, args, queueing_lock, lock
          FROM jobs.procrastinate_jobs WHERE args->>'thing' = %(thing)s ORDER BY id
        """,
        thing=str(thing),
    )


async def test_a_job_exists_once_its_transaction_is_committed(
    database: Database, own_database: DatabaseUrls
) -> None:
    thing = new_id()
    async with database.work(None) as work:
        work.queue("wake", at=LATER, priority=7, thing=thing)
        assert jobs_about(own_database, thing) == []
        await work.commit()
    assert jobs_about(own_database, thing) == [
        {
            "task_name": "wake",
            "queue_name": QUEUE,
            "priority": 7,
            "scheduled_at": LATER,
            # Ids and nothing else; no queueing lock, whose clash would abort the rows with the job.
            "args": {"thing": str(thing)},
            "queueing_lock": None,
            "lock": None,
        }
    ]


async def test_a_job_is_undone_with_its_transaction(database: Database, own_database: DatabaseUrls) -> None:
    thing = new_id()
    async with database.work(None) as work:
        work.queue("wake", thing=thing)
    assert jobs_about(own_database, thing) == []


async def test_a_job_already_written_is_undone_when_the_commit_fails(
    database: Database, own_database: DatabaseUrls
) -> None:
    thing = new_id()
    async with database.work(None) as work:
        # Checked by the commit itself, which comes after the job was written.
        await work.execute(text(_FAILING_AT_COMMIT))
        await work.execute(text("INSERT INTO late_check VALUES (1)"))
        work.queue("wake", thing=thing)
        with pytest.raises((DBAPIError, psycopg.Error), match="division by zero"):
            await work.commit()
    assert jobs_about(own_database, thing) == []


async def test_several_jobs_are_written_by_one_commit_in_their_order(
    database: Database, own_database: DatabaseUrls
) -> None:
    thing = new_id()
    async with database.work(None) as work:
        for name in ("first", "second", "third"):
            work.queue(name, thing=thing)
        await work.commit()
    assert [job["task_name"] for job in jobs_about(own_database, thing)] == ["first", "second", "third"]


_FAILING_AT_COMMIT = """
    CREATE TEMPORARY TABLE late_check (id int);
    CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 / 0; RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late_check DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION pg_temp.fail();
"""
