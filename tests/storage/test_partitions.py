"""The audit log's partitions: made ahead, reached by the table alone, and no line is ever without a place."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.cli.doctor_database import _partitions
from app.context import AppContext
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.storage import audit_log
from app.storage.engine import migrating
from app.storage.engine.database import Database
from app.storage.engine.migrating import (
    APPLICATION_ROLE,
    SchemaBehindError,
    TablesInUseError,
    check_schema,
    losses,
    migrate,
)
from app.worker import Worker
from tests.storage.catalogue import ask, execute
from tests.support.clock import SettableClock
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.months import months_on
from tests.support.processes import wait_until
from tests.support.service import KEY

pytestmark = pytest.mark.usefixtures("within_a_month")
PARTITIONS = """
    SELECT replace(inhrelid::regclass::text, 'partitions.audit_events_', '') AS name FROM pg_inherits
     WHERE inhparent = 'care.audit_events'::regclass ORDER BY 1
"""
_BUILDING = (
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
)
_INDEXED_BY = ("patient", "out_of_step", "actor", "action")
LINES = """
    SELECT id, replace(tableoid::regclass::text, 'partitions.audit_events_', '') AS place FROM care.audit_events
     ORDER BY id
"""


@pytest.fixture
def database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    with cluster.database() as made:
        # What it is a copy of may be of the month before.
        make_ahead(made)
        yield made


def an_id_of(moment: datetime) -> UUID:
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (new_id().int & ((1 << 80) - 1)))


def add_line(database: DatabaseUrls, line: UUID) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)"
            " VALUES (%(id)s, %(id)s, now(), 'system', 'test.happened', 'test', %(id)s)",
            {"id": line},
        )


def places(database: DatabaseUrls) -> dict[UUID, str]:
    return {row["id"]: row["place"] for row in ask(database.owner_url, LINES)}


def names(database: DatabaseUrls) -> list[str]:
    return [row["name"] for row in ask(database.owner_url, PARTITIONS)]


def make_ahead(database: DatabaseUrls) -> None:
    with psycopg.connect(database.application_url) as connection:
        connection.execute("SELECT care.make_partitions_ahead()")


def move(database: DatabaseUrls) -> int:
    """Move some lines out of the default partition; how many were copied."""
    with psycopg.connect(database.application_url) as connection:
        found = connection.execute("SELECT care.move_default_lines()").fetchone()
    return int(found[0]) if found else 0


def take_away(database: DatabaseUrls, *months: int) -> list[str]:
    """As if the worker had not made them."""
    taken = [f"{months_on(one):%Y_%m}" for one in months]
    for one in taken:
        execute(database.owner_url, f"DROP TABLE partitions.audit_events_{one}")
    return taken


def leave_until(database: DatabaseUrls, month: datetime) -> None:
    """As if the upgrade had been long ago, and the worker had made nothing since."""
    for one in names(database):
        if one not in {"before", "default"}:
            execute(database.owner_url, f"DROP TABLE partitions.audit_events_{one}")
    before = "ALTER TABLE care.audit_events {} PARTITION partitions.audit_events_before"
    execute(database.owner_url, before.format("DETACH"))
    end = UUID(int=int(month.timestamp() * 1000) << 80)
    execute(database.owner_url, f"{before.format('ATTACH')} FOR VALUES FROM (MINVALUE) TO ('{end}')")


def test_there_are_partitions_for_three_months_ahead_and_one_for_all_else(database: DatabaseUrls) -> None:
    found = names(database)
    assert found[-2:] == ["before", "default"]
    assert f"{months_on(3):%Y_%m}" in found
    now, ahead, far = (an_id_of(one) for one in (datetime.now(UTC), months_on(3), months_on(60)))
    for line in (now, ahead, far):
        add_line(database, line)
    assert places(database) == {now: "before", ahead: f"{months_on(3):%Y_%m}", far: "default"}


def test_partitions_are_made_with_the_lines_that_came_before_them(database: DatabaseUrls) -> None:
    taken = take_away(database, 3)
    early = an_id_of(months_on(3) + timedelta(days=3))
    add_line(database, early)
    assert places(database) == {early: "default"}
    make_ahead(database)
    assert places(database) == {early: taken[0]}
    before = names(database)
    make_ahead(database)
    assert names(database) == before


def test_a_month_with_too_many_lines_keeps_them_where_they_are(database: DatabaseUrls) -> None:
    leave_until(database, months_on(2))
    taken = [f"{months_on(one):%Y_%m}" for one in (2, 3)]
    fill(database, months_on(2) + timedelta(days=3), 10_001)
    make_ahead(database)
    assert taken[0] not in names(database)
    assert taken[1] in names(database)
    assert set(places(database).values()) == {"default"}


def test_what_is_too_much_at_once_moves_into_its_month_some_at_a_time_while_lines_come(
    database: DatabaseUrls,
) -> None:
    leave_until(database, months_on(-1))
    fill(database, months_on(-1) + timedelta(days=3), 12_000)
    fill(database, months_on(1) + timedelta(days=3), 11_000)
    odd = UUID(int=uuid4().int | (0xF << 124))
    add_line(database, odd)
    make_ahead(database)
    places_before = places(database)
    months = [f"{months_on(one):%Y_%m}" for one in (-1, 1)]
    assert not set(months) & set(names(database))

    assert [move(database) for _ in range(2)] == [5000, 5000]
    # Before what was copied, and after it.
    early, later = (an_id_of(months_on(-1) + timedelta(days=one)) for one in (1, 9))
    for line in (early, later):
        add_line(database, line)
    # Whoever reads sees each line once.
    assert places(database) == {**places_before, early: "default", later: "default"}
    assert [move(database) for _ in range(3)] == [5000, 5000, 3002]
    with psycopg.connect(database.application_url) as connection:
        # What came, and no line that was copied, is read while nobody else can write.
        assert connection.execute("SELECT care.move_default_lines()").fetchone() == (0,)
        assert lines_read(connection) < 10
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SELECT count(*) FROM care.audit_events")
        assert lines_read(connection) > 13000, "what is read is counted"
    assert set(months) <= set(names(database))
    found = places(database)
    assert set(found) == {*places_before, early, later}
    assert [found[one] for one in (early, later, odd)] == [months[0], months[0], "default"]
    assert list(found.values()).count(months[0]) == 12_002
    assert list(found.values()).count(months[1]) == 11_000
    # It is as any other: the next months are made, and there is nothing to move.
    take_away(database, 3)
    make_ahead(database)
    assert move(database) == 0


def lines_read(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """How many lines of partitions this transaction has read so far."""
    found = connection.execute(
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint"
        "  FROM pg_class WHERE relkind IN ('r', 'i') AND relname LIKE 'audit_events%'"
    ).fetchone()
    return int(str(found[0])) if found else 0


def fill(database: DatabaseUrls, moment: datetime, count: int) -> None:
    """Add so many lines of a moment, with ids that differ."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)"
            " SELECT gen_random_uuid(), overlay(gen_random_uuid()::text PLACING %s FROM 1)::uuid, now(), 'system',"
            " 'a', 'b', gen_random_uuid() FROM generate_series(1, %s)",
            [str(an_id_of(moment))[:13], count],
        )


def test_whoever_reads_the_whole_log_is_waited_for_two_seconds_and_no_longer(database: DatabaseUrls) -> None:
    take_away(database, 3)
    with psycopg.connect(database.owner_url) as reader:
        reader.execute("SELECT count(*) FROM care.audit_events")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            make_ahead(database)
    make_ahead(database)
    assert f"{months_on(3):%Y_%m}" in names(database)


def test_a_sweep_makes_what_is_missing_and_until_then_it_is_pointed_out(database: DatabaseUrls) -> None:
    leave_until(database, months_on(1))
    taken = [f"{months_on(one):%Y_%m}" for one in (1, 2, 3)]
    add_line(database, an_id_of(months_on(3)))

    async def seen() -> list[str]:
        context = AppContext(
            database=Database(database.application_url),
            vault=Vault(KEY),
            clock=SettableClock(datetime.now(UTC)),
            public_url="https://afterglow.test",
        )
        try:
            before = await _partitions(context)
            assert await Worker(context).sweep()
            return [one.found for one in (before, await _partitions(context))]
        finally:
            await context.database.close()

    missing, made = asyncio.run(seen())
    assert "lacks partitions" in missing
    assert "1 lines in the default one" in missing
    assert "has partitions" in made
    assert set(taken) <= set(names(database))


def test_sweeps_move_some_lines_each_and_give_way_before_a_check_in_does(database: DatabaseUrls) -> None:
    leave_until(database, months_on(-1))
    fill(database, months_on(-1) + timedelta(days=3), 11_000)
    month, copied = f"{months_on(-1):%Y_%m}", list[int]()

    async def swept() -> None:
        context = AppContext(
            database=Database(database.application_url),
            vault=Vault(KEY),
            clock=SettableClock(datetime.now(UTC)),
            public_url="https://afterglow.test",
        )
        try:
            worker = Worker(context)
            for _ in range(4):
                assert await worker.sweep()
                staged = f"SELECT count(*) AS lines FROM partitions.audit_events_{month}"  # noqa: S608 - the test's own
                exchanged = month in names(database)
                (found,) = ask(database.superuser_url, staged if exchanged else f"{staged}_staged")
                copied.append(found["lines"])
            async with context.database.work(None) as work:
                await audit_log.move_default_lines(work)
                assert (await work.execute(text("SHOW statement_timeout"))).scalar_one() == "4s"
        finally:
            await context.database.close()

    asyncio.run(swept())
    assert copied == [5000, 10_000, 11_000, 11_000]
    assert month in names(database)


def test_the_application_reaches_no_partition_but_by_the_table(database: DatabaseUrls) -> None:
    found = ask(
        database.superuser_url,
        """
        SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
               ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) AS policies,
               has_any_column_privilege(%(role)s, c.oid, 'SELECT, INSERT, UPDATE')
               OR has_table_privilege(%(role)s, c.oid, 'DELETE, TRUNCATE') AS reached
          FROM pg_class c WHERE c.relnamespace = 'partitions'::regnamespace AND c.relkind IN ('r', 'p')
        """,
        role=APPLICATION_ROLE,
    )
    assert len(found) == len(names(database))
    for row in found:
        assert (row["forced"], row["policies"], row["reached"]) == (True, ["owner"], False), row
    with (
        psycopg.connect(database.application_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema partitions"),
    ):
        connection.execute("SELECT FROM partitions.audit_events_before")


def test_a_log_becomes_partitions_in_place_and_one_table_again(cluster: Cluster) -> None:
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0069")
        past = [an_id_of(months_on(0) - timedelta(days=days)) for days in (400, 3)]
        for line in past:
            add_line(database, line)
        file = "SELECT pg_relation_filenode(%(table)s::regclass) AS number"
        before = ask(database.owner_url, file, table="care.audit_events")
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        # No line was written again.
        assert ask(database.owner_url, file, table="partitions.audit_events_before") == before
        ahead = an_id_of(months_on(3))
        add_line(database, ahead)
        found = places(database)
        assert found == {past[0]: "before", past[1]: "before", ahead: f"{months_on(3):%Y_%m}"}

        assert losses(database.owner_url, application_role=APPLICATION_ROLE, to="0069") == []
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0069")
        assert list(places(database)) == list(found)
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        assert list(places(database)) == list(found)


def test_a_migration_that_gave_way_leaves_a_month_for_new_lines_and_names_its_end(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_TIMEOUTS", migrating._TIMEOUTS.replace("10000", "300"))
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0069")
        with psycopg.connect(database.superuser_url) as other:
            other.execute("CREATE SCHEMA partitions")
            with pytest.raises(TablesInUseError, match="audit_events_before_its_end") as refused:
                migrate(database.owner_url, application_role=APPLICATION_ROLE)
            other.rollback()
        add_line(database, an_id_of(datetime.now(UTC) + timedelta(days=31)))
        end = datetime.fromisoformat(str(refused.value).partition("From ")[2][:10]).replace(tzinfo=UTC)
        add_line(database, an_id_of(end - timedelta(seconds=1)))
        with pytest.raises(psycopg.errors.CheckViolation):
            add_line(database, an_id_of(end))
        with pytest.raises(SchemaBehindError, match=f"From {end:%Y-%m-%d} on"):
            check_schema(database.application_url)
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        check_schema(database.application_url)
        assert set(places(database).values()) == {"before"}


def test_lines_with_ids_that_say_no_time_go_into_the_default_partition(cluster: Cluster) -> None:
    with cluster.database() as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0069")
        usual, odd = an_id_of(months_on(0)), UUID(int=uuid4().int | (0xF << 124))
        for line in (usual, odd):
            add_line(database, line)
        migrate(database.owner_url, application_role=APPLICATION_ROLE)
        assert places(database) == {usual: "before", odd: "default"}


def indexes_of_months(database: DatabaseUrls) -> dict[str, set[str]]:
    """Say what indexes each partition has, and that all of them are valid and parts of the log's own."""
    found: dict[str, set[str]] = {}
    for row in ask(
        database.superuser_url,
        """
        SELECT replace(i.indrelid::regclass::text, 'partitions.audit_events_', '') AS place,
               (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid) AS of_log,
               i.indisvalid
          FROM pg_index i JOIN pg_inherits p ON p.inhrelid = i.indrelid
         WHERE p.inhparent = 'care.audit_events'::regclass
           AND i.indexrelid <> coalesce(to_regclass('partitions.audit_events_default_id_idx'), 0)
        """,
    ):
        assert row["indisvalid"], row
        found.setdefault(row["place"], set()).add(row["of_log"])
    return found


def test_every_month_gets_an_index_of_the_log_while_lines_come(cluster: Cluster) -> None:
    with cluster.database() as database, ThreadPoolExecutor(1) as beside:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0095")
        before = indexes_of_months(database)
        # Lines that are being copied towards their month go on where they began: the copies have the old indexes.
        leave_until(database, months_on(-1))
        fill(database, months_on(-1) + timedelta(days=3), 12_000)
        assert move(database) == 5_000
        # A broken-off run left the first index, of one month, half made.
        execute(database.owner_url, "CREATE VIEW partitions.audit_events_default_out_of_step_idx AS SELECT 1")
        with pytest.raises(ProgrammingError, match="is not an index"):
            migrate(database.owner_url, application_role=APPLICATION_ROLE)
        execute(database.owner_url, "DROP VIEW partitions.audit_events_default_out_of_step_idx")
        with psycopg.connect(database.owner_url) as writer:
            writer.execute("LOCK TABLE partitions.audit_events_default IN ROW EXCLUSIVE MODE")
            changing = beside.submit(migrate, database.owner_url, application_role=APPLICATION_ROLE)
            assert wait_until(lambda: bool(ask(database.superuser_url, _BUILDING)), 20)
            add_line(database, an_id_of(datetime.now(UTC)))
        changing.result(60)
        while move(database):
            pass
        make_ahead(database)
        assert f"{months_on(-1):%Y_%m}" in names(database)
        log = {"care.pk_audit_events"} | {f"care.ix_audit_events_{one}" for one in _INDEXED_BY}
        assert {place: own for place, own in indexes_of_months(database).items() if own != log} == {}
        assert count_lines(database) == 12_001

        assert losses(database.owner_url, application_role=APPLICATION_ROLE, to="0095") == []
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0095")
        assert set(map(frozenset, indexes_of_months(database).values())) == {frozenset(before["default"])}
        assert count_lines(database) == 12_001
        migrate(database.owner_url, application_role=APPLICATION_ROLE)


def count_lines(database: DatabaseUrls) -> int:
    (row,) = ask(database.owner_url, "SELECT count(*) AS lines FROM care.audit_events")
    return int(row["lines"])
