"""What a chart and a sweep of schedules read: the rows that they show, however old patient and clinic are."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from app.care.monitoring.schedule import schedules_of
from app.storage import check_ins, patients, trends
from app.storage.engine.unit_of_work import UnitOfWork
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service

YEARS = 1826
PATIENTS = 20
DAYS_OF_OTHERS = 300
REPORTS = """
    INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
           check_in_day, received_at, late, mood, asks_about_booster, self_harm_thoughts, input_mode, turn,
           evaluated_at, level, rule_version)
    SELECT %(clinic)s, %(patient)s, gen_random_uuid(), n, '\\x00', %(now)s - n * interval '1 day', 'Europe/Berlin',
           (%(now)s - n * interval '1 day')::date, %(now)s, false, 5, false, false, 'radio', 1,
           %(now)s - n * interval '1 day', CASE WHEN n / 10 %% 2 = 0 THEN 'steady' ELSE 'watch' END, 'gain-lost 2.0'
      FROM generate_series(0, %(days)s - 1) AS n
"""
# Of a table with partitions, what is read of them.
_READ = """
    SELECT c.relname, sum(coalesce(s.seq_tup_read, 0) + coalesce(s.idx_tup_fetch, 0))::bigint AS rows
      FROM pg_stat_xact_user_tables s JOIN pg_class c ON c.oid = coalesce(pg_partition_root(s.relid), s.relid)
     WHERE c.relnamespace = 'care'::regnamespace GROUP BY c.relname
"""


@pytest.fixture(scope="module")
def old_clinic(own_service: Service, own_database: DatabaseUrls) -> tuple[ClinicClient, UUID]:
    """A clinic with many patients, one of whom has checked in every day for five years."""
    own_service.clock.move_to(NOW)
    clinic = clinic_client(own_service)
    patients = [clinic.patient() for _ in range(PATIENTS)]
    clinic.close()
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        for number, patient in enumerate(patients):
            days = DAYS_OF_OTHERS if number else YEARS
            values = {"clinic": clinic.clinic_id, "patient": patient, "days": days, "now": NOW}
            connection.execute(REPORTS, values)
        connection.execute("VACUUM ANALYZE care.check_ins")
    return clinic, UUID(patients[0])


def rows_read(
    service: Service, clinic: ClinicClient, read: Callable[[UnitOfWork], Awaitable[object]]
) -> dict[str, int]:
    """Count the rows of each table that were read by something, not those that it gave."""

    async def counted() -> dict[str, int]:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            # What the connection did shortly before is counted along.
            before = {row.relname: row.rows for row in await work.execute(text(_READ))}
            await read(work)
            after = {row.relname: row.rows for row in await work.execute(text(_READ))}
            return {name: rows - before.get(name, 0) for name, rows in after.items()}

    return service.run(counted())


def test_a_chart_reads_the_check_ins_of_its_own_days_only(
    own_service: Service, old_clinic: tuple[ClinicClient, UUID]
) -> None:
    clinic, patient = old_clinic
    days = 92
    last = NOW.date() - timedelta(days=100)

    async def read(work: UnitOfWork) -> None:
        found = await trends.check_ins_between(
            work, patient, first=last - timedelta(days=days - 1), last=last
        )
        assert len(found) == days

    assert rows_read(own_service, clinic, read)["check_ins"] <= days


@pytest.mark.parametrize("days", [30, 360])
def test_a_chart_reads_the_levels_of_its_own_days_and_those_beside_them(
    own_service: Service, old_clinic: tuple[ClinicClient, UUID], days: int
) -> None:
    clinic, patient = old_clinic
    until = NOW - timedelta(days=100)

    async def read(work: UnitOfWork) -> None:
        found = await trends.level_changes(
            work, patient, since=until - timedelta(days=days), until=until, given_at=[]
        )
        assert days / 10 <= len(found) <= days / 10 + 2

    assert rows_read(own_service, clinic, read)["check_ins"] <= days + 7


def test_a_phone_that_syncs_reads_what_changed_and_no_more(
    own_service: Service, old_clinic: tuple[ClinicClient, UUID]
) -> None:
    clinic, patient = old_clinic

    async def read(work: UnitOfWork) -> None:
        found = await check_ins.since(work, patient, sequence=YEARS - 8, limit=50)
        assert [one.sync_sequence for one in found] == [*range(YEARS - 7, YEARS)]

    assert rows_read(own_service, clinic, read)["check_ins"] <= 7


def test_a_sweep_reads_one_check_in_of_each_patient(
    own_service: Service, old_clinic: tuple[ClinicClient, UUID]
) -> None:
    clinic, _ = old_clinic

    async def read(work: UnitOfWork) -> None:
        whose = [one.id for one in await patients.page(work, after=None, limit=PATIENTS)]
        found = await schedules_of(work, own_service.context, whose, now=NOW)
        assert len(found) == PATIENTS
        assert {one.last_check_in_on for one in found.values()} == {NOW.date()}

    assert rows_read(own_service, clinic, read)["check_ins"] <= PATIENTS


def test_an_infusion_makes_the_same_level_a_new_one(
    own_service: Service, old_clinic: tuple[ClinicClient, UUID]
) -> None:
    clinic, patient = old_clinic
    noon = datetime.combine(NOW.date() - timedelta(days=5), time(12), tzinfo=UTC)

    async def levels(given_at: list[datetime]) -> list[str]:
        async with own_service.context.work(UUID(clinic.clinic_id)) as work:
            since = NOW - timedelta(days=8)
            return [
                level
                for _, level in await trends.level_changes(
                    work, patient, since=since, until=NOW, given_at=given_at
                )
            ]

    assert own_service.run(levels([])) == ["steady"]
    assert own_service.run(levels([noon])) == ["steady", "steady"]
