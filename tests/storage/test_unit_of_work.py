"""One transaction of one clinic: all of it or nothing, and never with another clinic's tenant."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import anyio
import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.foundation.ids import new_id
from app.storage import check_in_path, clinics, patients
from app.storage.assessments import CustomScaleRow
from app.storage.clinics import ClinicProfile
from app.storage.engine.audit import StoredEvent
from app.storage.engine.database import Database
from app.storage.engine.health import DatabaseFailedError, failures_named
from app.storage.engine.unit_of_work import TenantMissingError, UnauditedChangeError, UnitOfWork
from app.storage.patients import PatientRecord
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)


async def opened(database: Database) -> UUID:
    clinic_id = new_id()
    async with database.work(clinic_id, now=NOW) as work:
        await clinics.add(work, name="Clinic", now=NOW)
        work.audit("clinic.opened", "clinic", new_id())
        await work.commit()
    return clinic_id


async def name_of(database: Database, clinic_id: UUID) -> str | None:
    async with database.work(clinic_id, now=NOW) as work:
        found = await clinics.profile(work)
    return None if found is None else found.name


async def tenant_of(work: UnitOfWork) -> str:
    found = await work.execute(text("SELECT coalesce(current_setting('app.clinic_id', true), '')"))
    return str(found.scalar_one())


async def audit_log_of(database: Database, clinic_id: UUID) -> list[str]:
    async with database.work(clinic_id, now=NOW) as work:
        found = await work.execute(select(StoredEvent.action).where(StoredEvent.clinic_id == clinic_id))
        return list(found.scalars())


async def backend_of(work: UnitOfWork) -> int:
    return int((await work.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_nothing_is_kept_without_commit(database: Database) -> None:
    clinic_id = new_id()
    async with database.work(clinic_id, now=NOW) as work:
        await clinics.add(work, name="Clinic", now=NOW)
        work.audit("clinic.opened", "clinic", new_id())
    assert await name_of(database, clinic_id) is None
    assert await audit_log_of(database, clinic_id) == []


async def test_nothing_is_kept_after_an_error(database: Database) -> None:
    clinic_id = new_id()

    async def broken() -> None:
        async with database.work(clinic_id, now=NOW) as work:
            await clinics.add(work, name="Clinic", now=NOW)
            work.audit("clinic.opened", "clinic", new_id())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert await name_of(database, clinic_id) is None


async def test_what_comes_after_commit_is_not_kept_either(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        await work.commit()
        work.audit("never.happened", "clinic", new_id())
    assert await audit_log_of(database, clinic_id) == ["clinic.opened"]


async def test_the_audit_log_commits_with_what_it_records(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        await clinics.change_profile(work, name="Other", crisis_phone_sealed=None, version=1)
        work.audit("clinic.changed", "clinic", new_id())
        await work.commit()
    assert await audit_log_of(database, clinic_id) == ["clinic.opened", "clinic.changed"]


async def test_an_audit_log_that_cannot_be_written_takes_everything_with_it(database: Database) -> None:
    clinic_id = await opened(database)
    same = new_id()
    for _ in range(2):
        async with database.work(clinic_id, now=NOW) as work:
            await work.execute(text("UPDATE clinic_profiles SET name = name || '!'"))
            await work.execute(
                text(
                    "INSERT INTO audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)"
                    " VALUES (:clinic_id, :id, now(), 'system', 'a', 'b', :id) ON CONFLICT DO NOTHING"
                ),
                {"clinic_id": clinic_id, "id": same},
            )
            work.audit("\0", "b", same)
            with pytest.raises(DBAPIError):
                await work.commit()
    assert await name_of(database, clinic_id) == "Clinic"


async def test_the_tenant_is_gone_with_its_transaction(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        assert await tenant_of(work) == str(clinic_id)
        await work.commit()
    async with database.work(None, now=NOW) as work:
        assert await tenant_of(work) == ""
        assert await clinics_seen(work) == 0


async def test_the_tenant_is_gone_after_an_error_of_ours(database: Database) -> None:
    clinic_id = await opened(database)
    with pytest.raises(ZeroDivisionError):
        async with database.work(clinic_id, now=NOW):
            raise ZeroDivisionError
    async with database.work(None, now=NOW) as work:
        assert await clinics_seen(work) == 0


async def test_the_tenant_is_gone_after_an_error_of_the_database(database: Database) -> None:
    clinic_id = await opened(database)
    with pytest.raises(ProgrammingError):
        async with database.work(clinic_id, now=NOW) as work:
            await work.execute(text("SELECT nothing_of_this_name"))
    async with database.work(None, now=NOW) as work:
        assert await tenant_of(work) == ""
        assert await clinics_seen(work) == 0


async def test_the_tenant_is_gone_after_a_cancelled_task(database: Database) -> None:
    clinic_id = await opened(database)
    under_way = asyncio.Event()

    async def slow() -> None:
        async with database.work(clinic_id, now=NOW) as work:
            await work.execute(text("UPDATE clinic_profiles SET name = 'Half done'"))
            under_way.set()
            await work.execute(text("SELECT pg_sleep(30)"))
            await work.commit()

    task = asyncio.create_task(slow())
    await under_way.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(5), database.work(None, now=NOW) as work:
        assert await tenant_of(work) == ""
        assert await clinics_seen(work) == 0
    assert await name_of(database, clinic_id) == "Clinic"


@pytest.mark.parametrize("in_the_middle", [True, False])
async def test_the_tenant_is_gone_even_if_undoing_is_cancelled_too(
    database: Database, *, in_the_middle: bool
) -> None:
    clinic_id = await opened(database)
    # A cancelled scope interrupts every wait in it, that of the ROLLBACK included.
    with anyio.CancelScope() as scope:
        async with database.work(clinic_id, now=NOW) as work:
            await work.execute(text("UPDATE clinic_profiles SET name = 'Half done'"))
            scope.cancel()
            if in_the_middle:
                await work.execute(text("SELECT pg_sleep(5)"))

    async with asyncio.timeout(3), database.work(None, now=NOW) as work:
        assert await tenant_of(work) == ""
        assert await clinics_seen(work) == 0
    assert await name_of(database, clinic_id) == "Clinic"


async def test_a_task_cancelled_while_it_begins_leaves_nothing_open(database: Database) -> None:
    clinic_id = await opened(database)
    for steps in range(12):

        async def begun() -> None:
            async with database.work(clinic_id, now=NOW) as work:
                await work.execute(text("SELECT 1"))

        task = asyncio.create_task(begun())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5), database.work(None, now=NOW) as work:
            assert await tenant_of(work) == ""
            assert await clinics_seen(work) == 0


async def test_a_connection_that_comes_back_in_the_middle_of_something_is_thrown_away(
    database: Database,
) -> None:
    clinic_id = await opened(database)
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(f"BEGIN; SET LOCAL app.clinic_id = '{clinic_id}'")
        await connection.exec_driver_sql("UPDATE clinic_profiles SET name = 'Half done'")
    async with database.work(None, now=NOW) as work:
        assert await tenant_of(work) == ""
        assert await clinics_seen(work) == 0
    assert await name_of(database, clinic_id) == "Clinic"


async def test_a_connection_is_used_again_and_again(database: Database) -> None:
    backends = set()
    for _ in range(5):
        async with database.work(None, now=NOW) as work:
            backends.add(await backend_of(work))
            await work.commit()
        async with database.work(None, now=NOW) as work:
            backends.add(await backend_of(work))
    assert len(backends) == 1


async def test_work_inside_of_other_tenants_work_keeps_them_apart(own_database: DatabaseUrls) -> None:
    database = Database(own_database.application_url, pool_size=2)
    mine, theirs = await opened(database), await opened(database)
    async with database.work(mine, now=NOW) as outer, database.work(theirs, now=NOW) as inner:
        assert await tenant_of(outer) == str(mine)
        assert await tenant_of(inner) == str(theirs)
    await database.close()


async def test_a_connection_that_died_in_the_pool_is_replaced(
    database: Database, own_database: DatabaseUrls
) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        backend = await backend_of(work)
    ask(own_database.superuser_url, "SELECT pg_terminate_backend(%(backend)s, 5000)", backend=backend)

    async with database.work(clinic_id, now=NOW) as work:
        assert await backend_of(work) != backend
        assert await tenant_of(work) == str(clinic_id)
        assert await clinics.profile(work) is not None


async def test_a_connection_that_dies_in_the_middle_keeps_nothing_and_harms_nobody(
    database: Database, own_database: DatabaseUrls
) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        await work.execute(text("UPDATE clinic_profiles SET name = 'Half done'"))
        backend = await backend_of(work)
        ask(own_database.superuser_url, "SELECT pg_terminate_backend(%(backend)s, 5000)", backend=backend)
        with pytest.raises((DBAPIError, psycopg.Error)):
            await work.commit()
    assert await name_of(database, clinic_id) == "Clinic"


async def test_work_without_a_clinic_cannot_name_one(database: Database) -> None:
    async with database.work(None, now=NOW) as work:
        with pytest.raises(TenantMissingError):
            _ = work.clinic_id


async def test_a_report_whose_turn_was_lost_leaves_nothing(database: Database) -> None:
    clinic_id = await opened(database)
    patient_id = new_id()
    record = PatientRecord(
        id=patient_id,
        external_ref_sealed=b"x",
        wrapped_key=None,
        email_sealed=None,
        time_zone="Europe/Berlin",
        time_zone_canonical="Europe/Berlin",
        locale="en-US",
        mode="test",
        registered_at=NOW,
        version=1,
    )
    found_by = patients.IndexedChartNumber(exactly=b"x", key=b"x")
    async with database.work(clinic_id, now=NOW) as work:
        await patients.add(work, record, external_ref=found_by)
        work.audit("patient.registered", "patient", patient_id)
        await work.commit()
    async with database.work(clinic_id, now=NOW) as work:
        snapshot = await check_in_path.snapshot_of_patient(work, patient_id, now=NOW)
        assert snapshot is not None
        await work.execute(text("UPDATE patient_states SET version = version + 1"))
        with pytest.raises(check_in_path.TurnLostError):
            await check_in_path.record(work, snapshot, [], answer=None)
    async with database.work(clinic_id, now=NOW) as work:
        count = await work.execute(text("SELECT count(*) FROM check_ins"))
        assert count.scalar_one() == 0
    assert "check_in.recorded" not in await audit_log_of(database, clinic_id)


async def test_failures_are_named_without_a_word_of_what_was_asked(database: Database) -> None:
    async def failing() -> None:
        async with database.work(None, now=NOW) as work:
            await work.execute(text("SELECT :secret || nothing_here"), {"secret": "Maria"})

    with pytest.raises(DatabaseFailedError) as failure, failures_named():
        await failing()
    assert "ProgrammingError" in str(failure.value)
    assert "Maria" not in str(failure.value)
    assert failure.value.__cause__ is None


async def clinics_seen(work: UnitOfWork) -> int:
    found = await work.execute(select(func.count()).select_from(text("clinic_profiles")))
    return int(found.scalar_one())


async def test_a_change_without_a_line_of_the_audit_log_cannot_be_committed(database: Database) -> None:
    clinic_id = await opened(database)
    renamed = update(ClinicProfile).values(name="Renamed")
    async with database.work(clinic_id, now=NOW) as work:
        await work.execute(renamed)
        with pytest.raises(UnauditedChangeError, match="clinic_profiles"):
            await work.commit()
    assert await name_of(database, clinic_id) == "Clinic"

    async with database.work(clinic_id, now=NOW) as work:
        await work.execute(renamed)
        work.audit("clinic.changed", "clinic", clinic_id)
        await work.commit()
    assert await name_of(database, clinic_id) == "Renamed"


async def test_a_change_whose_attempt_was_undone_asks_for_no_line(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        with suppress(ZeroDivisionError):
            async with work.attempt():
                await work.execute(update(ClinicProfile).values(name="Half done"))
                raise ZeroDivisionError
        await work.commit()
    assert await name_of(database, clinic_id) == "Clinic"


async def test_what_finds_nothing_to_change_asks_for_no_line(database: Database) -> None:
    clinic_id = await opened(database)
    adding = insert(CustomScaleRow).values(clinic_id=clinic_id, key="own", definition={}, created_at=NOW)
    unless_there = adding.on_conflict_do_nothing().returning(CustomScaleRow.key)
    async with database.work(clinic_id, now=NOW) as work:
        assert (await work.execute(unless_there)).one_or_none() is not None
        with pytest.raises(UnauditedChangeError, match="custom_scales"):
            await work.commit()
        work.audit("scale.added", "clinic", clinic_id)
        await work.commit()

    async with database.work(clinic_id, now=NOW) as work:
        assert (await work.execute(unless_there)).one_or_none() is None
        await work.execute(
            update(ClinicProfile).where(ClinicProfile.clinic_id == new_id()).values(name="Nobody's")
        )
        await work.commit()


async def test_a_change_that_says_why_needs_no_line(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        await work.execute(update(ClinicProfile).values(name="Counted"), unaudited="a counter, for this test")
        await work.commit()
    assert await name_of(database, clinic_id) == "Counted"


async def test_after_a_refusal_a_transaction_starts_over_with_what_is_true_then(database: Database) -> None:
    clinic_id = await opened(database)
    async with database.work(clinic_id, now=NOW) as work:
        await work.execute(update(ClinicProfile).values(name="Refused"))
        work.audit("clinic.changed", "clinic", clinic_id)
        await work.start_over(snapshot=True)
        found = await clinics.profile(work)
        assert found is not None
        assert found.name == "Clinic"
        await work.commit()
    assert await audit_log_of(database, clinic_id) == ["clinic.opened"]
