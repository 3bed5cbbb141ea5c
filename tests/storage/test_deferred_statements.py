"""What a statement that sets the tenant itself costs and keeps: read at a glance, or deferred until it is alone."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import text

from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.storage import check_in_path
from app.storage.engine.database import Database
from tests.storage.catalogue import ask
from tests.storage.test_unit_of_work import NOW, backend_of, opened
from tests.support.clock import SettableClock
from tests.support.databases import DatabaseUrls
from tests.support.service import KEY

pytestmark = pytest.mark.anyio


@pytest.fixture
async def context(database: Database, own_database: DatabaseUrls) -> AppContext:
    with psycopg.connect(own_database.superuser_url) as connection:
        connection.execute("SET search_path = jobs")
        connection.execute("DELETE FROM procrastinate_jobs")
    return AppContext(
        database=database, vault=Vault(KEY), clock=SettableClock(NOW), public_url="https://afterglow.test"
    )


# As the check-in path's two: they name the tenant themselves.
_GLANCE = (
    "SELECT set_config('app.clinic_id', coalesce(%(tenant)s, current_setting('app.clinic_id')), true) AS said"
)
_WRITE = """
    WITH named AS (SELECT set_config('app.clinic_id', coalesce(%(tenant)s, current_setting('app.clinic_id')), true))
    INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args)
    SELECT 'test', %(task)s, '{}' FROM named RETURNING txid_current() AS transaction
"""


async def jobs_of(database: Database) -> list[str]:
    async with database.work(None, now=NOW) as work:
        found = await work.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY id"))
        return list(found.scalars())


async def test_a_glance_opens_no_transaction_and_leaves_no_tenant(
    database: Database, context: AppContext
) -> None:
    clinic_id = await opened(database)
    async with context.work(clinic_id) as work:
        (row,) = await work.glance(_GLANCE, {})
        assert str(row.said).startswith(str(clinic_id))
        driver = await work._psycopg()
        assert driver.info.transaction_status is TransactionStatus.IDLE
        left = await driver.execute("SELECT current_setting('app.clinic_id', true)")
        assert await left.fetchone() in {(None,), ("",)}


async def test_a_glance_on_a_connection_that_died_takes_another(
    database: Database, context: AppContext, own_database: DatabaseUrls
) -> None:
    clinic_id = await opened(database)
    async with context.work(clinic_id) as work:
        backend = await backend_of(work)
    ask(own_database.superuser_url, "SELECT pg_terminate_backend(%(pid)s) AS ended", pid=backend)
    async with context.work(clinic_id) as work:
        assert await work.glance(_GLANCE, {})


async def test_what_is_deferred_and_alone_commits_as_one_statement(
    database: Database, context: AppContext
) -> None:
    seen: list[object] = []
    async with context.work(await opened(database)) as work:
        await work.defer(_WRITE, {"task": "alone"}, check=seen.extend)
        assert seen == []
        called: list[str] = []
        work.after_commit(lambda: called.append("after"))
    assert (len(seen), called, await jobs_of(database)) == (1, ["after"], ["alone"])


async def test_what_follows_from_the_deferred_is_in_its_transaction_and_after_it(
    database: Database, context: AppContext
) -> None:
    seen: list[object] = []
    async with context.work(await opened(database)) as work:
        await work.defer(_WRITE, {"task": "first"}, check=seen.extend)
        (second,) = await work.directly(_WRITE, {"task": "second", "tenant": None})
        assert [row.transaction for row in seen] == [second.transaction]  # type: ignore[attr-defined] # a row
    assert await jobs_of(database) == ["first", "second"]


@pytest.mark.parametrize("followed", [False, True])
async def test_the_deferred_leaves_nothing_when_it_is_not_ours_or_the_cause_fails(
    database: Database, context: AppContext, followed: bool
) -> None:
    def refuse(_rows: list[object]) -> None:
        raise check_in_path.TurnLostError

    async def lost(check: Callable[[list[object]], None]) -> None:
        async with context.work(clinic_id) as work:
            await work.defer(_WRITE, {"task": "lost"}, check=check)
            if followed:
                await work.execute(text("SELECT 1"))
            raise ZeroDivisionError

    clinic_id = await opened(database)
    with pytest.raises((check_in_path.TurnLostError, ZeroDivisionError)):
        await lost(refuse if followed else lambda _rows: None)
    assert await jobs_of(database) == []


async def test_a_job_goes_along_with_the_deferred(database: Database, context: AppContext) -> None:
    clinic_id = await opened(database)
    async with context.work(clinic_id) as work:
        await work.defer(_WRITE, {"task": "first"}, check=lambda _rows: None)
        work.queue("evaluate_again", clinic_id=clinic_id, patient_id=new_id())
    assert await jobs_of(database) == ["first", "evaluate_again"]
