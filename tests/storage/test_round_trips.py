"""The most frequent thing of all, a check-in that raises nothing, costs two round trips and is not planned again."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from app.foundation.ids import new_id
from app.storage.check_in_path import snapshot_of_patient
from app.storage.engine.embedded.folders import Address
from app.storage.engine.migrating import APPLICATION_ROLE
from app.storage.engine.unit_of_work import UnitOfWork
from tests.bench.worklist import fill
from tests.storage.counting_proxy import RoundTrips, counting_proxy
from tests.storage.test_trend_reads import REPORTS, rows_read
from tests.support.care_browser import fading_at
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import ClinicClient, PatientClient, clinic_client, item, treated
from tests.support.service import NOW, Service, running_service

# After this many uses on a connection, every statement is prepared there (psycopg's threshold is 3).
WARM = 8


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[tuple[Address, RoundTrips]]:
    with counting_proxy(cluster.address) as running:
        yield running


@pytest.fixture(scope="module")
def round_trips(proxy: tuple[Address, RoundTrips]) -> RoundTrips:
    return proxy[1]


@pytest.fixture(scope="module")
def proxied_service(own_database: DatabaseUrls, proxy: tuple[Address, RoundTrips]) -> Iterator[Service]:
    database = psycopg.conninfo.conninfo_to_dict(own_database.application_url)["dbname"]
    # Each plan is said to whoever asked.
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        for setting in (SQL("log_planner_stats = on"), SQL("client_min_messages = log")):
            connection.execute(SQL("ALTER DATABASE {} SET ").format(Identifier(str(database))) + setting)
    # Without a worker, whose own looks at the database would be counted too.
    with running_service(proxy[0].url(APPLICATION_ROLE, str(database)), work=False) as running:
        yield running


@pytest.fixture(scope="module")
def clinic(proxied_service: Service) -> Iterator[ClinicClient]:
    made = clinic_client(proxied_service)
    yield made
    made.close()


@pytest.fixture(scope="module")
def phone(clinic: ClinicClient, proxied_service: Service) -> PatientClient:
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=22)
    warm = clinic.enrol(patient, proxied_service.url)
    for minutes in range(WARM):
        assert warm.check_in(NOW - timedelta(days=1, minutes=minutes), (8, 8, 8)).status_code == 201
    return warm


def test_the_proxy_counts_what_goes_over_the_wire(
    own_database: DatabaseUrls, proxy: tuple[Address, RoundTrips]
) -> None:
    address, counted = proxy
    database = psycopg.conninfo.conninfo_to_dict(own_database.application_url)["dbname"]
    with psycopg.connect(address.url(APPLICATION_ROLE, str(database)), autocommit=True) as connection:
        counted.start()
        for _ in range(3):
            connection.execute("SELECT 1", prepare=False)
        assert counted.count == 3


def test_a_check_in_that_raises_nothing_takes_two_round_trips(
    phone: PatientClient, round_trips: RoundTrips
) -> None:
    round_trips.start()
    reply = phone.check_in(NOW, (8, 8, 8))
    assert reply.status_code == 201
    # Read token, patient and state; write. Each is a transaction of its own, with its tenant.
    assert round_trips.count <= 2, round_trips.said


def test_the_statements_of_a_check_in_are_planned_once_and_not_at_each_call(
    phone: PatientClient, round_trips: RoundTrips
) -> None:
    round_trips.start()
    for seconds in range(20):
        assert phone.check_in(NOW + timedelta(seconds=seconds), (8, 8, 8)).status_code == 201
    assert round_trips.count <= 40, round_trips.said
    assert round_trips.plans == 0


def test_a_check_in_writes_nothing_into_the_patients_row(
    phone: PatientClient, own_database: DatabaseUrls
) -> None:
    """A row that is locked is written, too: with many patients each on a page that nothing else changes."""
    row = SQL("SELECT ctid::text, xmin::text, xmax::text FROM care.patients WHERE id = %s")
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        before = connection.execute(row, [phone.patient_id]).fetchall()
        assert phone.check_in(NOW + timedelta(minutes=1), (8, 8, 8)).status_code == 201
        assert connection.execute(row, [phone.patient_id]).fetchall() == before


def test_a_check_in_that_announces_nothing_leaves_what_is_announced_as_it_is_stored(
    phone: PatientClient, own_database: DatabaseUrls
) -> None:
    """Else it counts as changed, and the state's indexes are written: the update is not HOT any more."""
    stored = "SELECT pg_column_size(announced), announced FROM care.patient_states WHERE patient_id = %s"
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        again = "UPDATE care.patient_states SET announced = announced[1:] WHERE patient_id = %s"
        connection.execute(again, [phone.patient_id])
        before = connection.execute(stored, [phone.patient_id]).fetchone()
        assert phone.check_in(NOW + timedelta(minutes=2), (8, 8, 8)).status_code == 201
        assert connection.execute(stored, [phone.patient_id]).fetchone() == before


def test_a_check_in_reads_none_of_the_earlier_ones(
    proxied_service: Service, clinic: ClinicClient, phone: PatientClient, own_database: DatabaseUrls
) -> None:
    """With many patients each of them is on another page; patients of a month, as most are, and a plan is kept."""
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        for _ in range(30):
            values = {"clinic": clinic.clinic_id, "patient": clinic.patient(), "days": 33, "now": NOW}
            connection.execute(REPORTS, values)
        # As in a large table: of many clinics (by the statistics), and nobody reads all of it.
        connection.execute("ALTER TABLE care.check_ins ALTER COLUMN clinic_id SET (n_distinct = 30)")
        connection.execute("VACUUM ANALYZE care.check_ins")

    async def read(work: UnitOfWork) -> None:
        await work.execute(text("SET LOCAL enable_seqscan = off"))
        await work.execute(text("DISCARD PLANS"))
        found = await snapshot_of_patient(work, UUID(phone.patient_id), ids=[new_id()], now=NOW)
        assert found is not None
        assert found.seen == {}

    assert rows_read(proxied_service, clinic, read).get("check_ins", 0) == 0


def test_a_check_in_takes_the_latest_signal_and_course_from_their_indexes(
    proxied_service: Service, clinic: ClinicClient, own_database: DatabaseUrls
) -> None:
    """With many patients each of these rows lies on a page of its own."""
    patient = UUID(fading_at(clinic, NOW)["patient_id"])
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        fill(connection, UUID(clinic.clinic_id), patient, patients=300, waiting=12, now=NOW)
        connection.execute("VACUUM ANALYZE")

    async def read(work: UnitOfWork) -> None:
        await work.execute(text("SET LOCAL enable_seqscan = off"))
        await work.execute(text("DISCARD PLANS"))
        found = await snapshot_of_patient(work, patient, now=NOW)
        assert found is not None
        assert found.signal is not None

    counted = rows_read(proxied_service, clinic, read)
    tables = ("patients", "signals", "courses")
    assert {table: counted.get(table, 0) for table in tables} == {"patients": 1, "signals": 0, "courses": 0}


def test_a_plan_is_counted_where_one_is_made(
    own_database: DatabaseUrls, proxy: tuple[Address, RoundTrips]
) -> None:
    address, counted = proxy
    database = psycopg.conninfo.conninfo_to_dict(own_database.application_url)["dbname"]
    url = address.url(APPLICATION_ROLE, str(database))
    with psycopg.connect(url, autocommit=True) as connection:
        counted.start()
        for _ in range(20):
            connection.execute("SELECT count(*) FROM care.check_ins", prepare=False)
        # Besides, once a connection, what the policy of the rows asks.
        assert counted.plans >= 20


def test_a_check_in_sent_again_takes_no_more_than_four(phone: PatientClient, round_trips: RoundTrips) -> None:
    known = str(new_id())
    assert phone.check_in(NOW, (8, 8, 8), check_in_id=known).status_code == 201
    for _ in range(WARM):
        round_trips.start()
        assert phone.check_in(NOW, (8, 8, 8), check_in_id=known).status_code == 200
    # Read; begin; read the check-in as it is kept; commit.
    assert round_trips.count <= 4, round_trips.said


def hundred_at_once(phone: PatientClient, round_trips: RoundTrips, *, apart: timedelta) -> int:
    items = [item(NOW - apart * (99 - number), (8, 8, 8)) for number in range(100)]
    round_trips.start()
    reply = phone.http.post("/v1/check-ins/batch", json={"items": items})
    assert [result["status"] for result in reply.json()["results"]] == [201] * 100
    return round_trips.count


def test_a_hundred_check_ins_in_a_batch_take_as_many_as_one(
    clinic: ClinicClient, proxied_service: Service, round_trips: RoundTrips
) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=22)
    phone = clinic.enrol(patient, proxied_service.url)
    for minutes in range(WARM):
        assert phone.check_in(NOW - timedelta(days=1, minutes=WARM - minutes), (8, 8, 8)).status_code == 201
    assert hundred_at_once(phone, round_trips, apart=timedelta(minutes=10)) <= 2, round_trips.said


def test_a_hundred_check_ins_after_a_silence_cost_the_two_events_of_its_end_besides(
    clinic: ClinicClient, proxied_service: Service, round_trips: RoundTrips
) -> None:
    patient = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=10)
    phone = clinic.enrol(patient, proxied_service.url)
    for minutes in range(WARM):
        assert phone.check_in(NOW - timedelta(days=13, minutes=WARM - minutes), (8, 8, 8)).status_code == 201
    trips = hundred_at_once(phone, round_trips, apart=timedelta(hours=3))
    # Their level was unknown and is known again. The finding: end it, its step, whom it is about, and look whether
    # the answer ends another. Each event: the patient's next number, whom to send it to, itself. And the audit log.
    # And once in 28 days the checkpoint.
    assert trips <= 16, round_trips.said


def test_a_hundred_check_ins_out_of_order_cost_only_the_reading_of_the_history(
    phone: PatientClient, round_trips: RoundTrips
) -> None:
    items = [item(NOW - timedelta(hours=5 * number), (8, 8, 8)) for number in range(100)]
    round_trips.start()
    reply = phone.http.post("/v1/check-ins/batch", json={"items": items})
    assert [result["status"] for result in reply.json()["results"]] == [201] * 100
    # Check-ins, assessments, courses and infusions besides.
    # The history since the last checkpoint: which there are, whether they hold, and once in 28 days one more.
    assert round_trips.count <= 11, round_trips.said
