"""What a clinic's numbers read: the rows of their period, however long the clinic's past is."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from app.care.insights.numbers import Insights
from app.care.insights.queries import read_insights
from app.foundation.audit import OPERATOR
from app.storage import care_pasts, insights
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.insights import Window
from tests.storage.test_trend_reads import rows_read
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service

YEARS = 1826
PATIENTS = 10
DAYS = 30
# For each day of five years something of everything, each of another patient's in turn.
_PAST = [
    """
    INSERT INTO care.courses (clinic_id, patient_id, id, protocol, started_on, declared_started_on, version,
                              created_at)
    SELECT %(clinic)s, unnest(%(patients)s::uuid[]), gen_random_uuid(), 'standard', '2021-01-01', '2021-01-01', 1,
           %(now)s
    """,
    """
    INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
           check_in_day, received_at, late, mood, asks_about_booster, self_harm_thoughts, input_mode, turn)
    SELECT %(clinic)s, patient, gen_random_uuid(), n, '\\x00', %(now)s, 'Europe/Berlin',
           (%(now)s - n * interval '1 day')::date, %(now)s, false, 5, false, false, 'radio', 1
      FROM generate_series(0, %(days)s - 1) AS n, unnest(%(patients)s::uuid[]) AS patient
    """,
    """
    INSERT INTO care.signals (clinic_id, patient_id, id, state, level, criterion, criteria, raised_at, raised_on,
           decision, latest, explanation, closed_at, disposition, version, turn, known)
    SELECT %(clinic)s, (%(patients)s::uuid[])[1 + n %% %(count)s], gen_random_uuid(),
           'closed', 'consider_booster', 'gain_lost', '{gain_lost}',
           %(now)s - n * interval '1 day', (%(now)s - n * interval '1 day')::date, '{}', '{}', '-',
           %(now)s - n * interval '1 day', 'booster_given', 1, 1, '{}'
      FROM generate_series(0, %(days)s - 1) AS n
    """,
    """
    INSERT INTO care.safety_events (clinic_id, patient_id, id, source, source_id, urgent, state, received_at,
           version, escalations, late_entry, further_sources, said_as)
    SELECT %(clinic)s, (%(patients)s::uuid[])[1 + n %% %(count)s], gen_random_uuid(),
           'check_in', gen_random_uuid(), false, 'closed',
           %(now)s - n * interval '1 day', 1, 0, false, '{}', '{}'
      FROM generate_series(0, %(days)s - 1) AS n
    """,
    """
    INSERT INTO care.webhook_endpoints (clinic_id, id, url_sealed, secret_sealed, state, created_at, version)
    VALUES (%(clinic)s, %(clinic)s, '\\x00', '\\x00', 'enabled', %(now)s, 1)
    """,
    """
    WITH made AS (
        INSERT INTO care.notifications (clinic_id, patient_id, id, type, occurred_at, body)
        SELECT %(clinic)s, (%(patients)s::uuid[])[1 + n %% %(count)s], gen_random_uuid(),
           'signal.raised', %(now)s - n * interval '1 day', '{}'
          FROM generate_series(0, %(days)s - 1) AS n
        RETURNING clinic_id, id
    )
    INSERT INTO care.deliveries (clinic_id, id, notification_id, endpoint_id, urgency, state, attempts_made)
    SELECT clinic_id, gen_random_uuid(), id, clinic_id, 'ordinary', 'exhausted', 10 FROM made
    """,
]


@pytest.fixture(scope="module")
def old_clinic(own_service: Service, own_database: DatabaseUrls) -> ClinicClient:
    """A clinic to which everything has happened every day for five years."""
    own_service.clock.move_to(NOW)
    clinic = clinic_client(own_service)
    patients = [clinic.patient() for _ in range(PATIENTS)]
    clinic.close()
    values = {
        "clinic": clinic.clinic_id,
        "patients": patients,
        "count": PATIENTS,
        "days": YEARS,
        "now": NOW,
    }
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        for statement in _PAST:
            connection.execute(statement, values)
        for table in ("patients", "check_ins", "signals", "safety_events", "notifications", "deliveries"):
            connection.execute(f"VACUUM ANALYZE care.{table}")
    return clinic


def test_numbers_of_a_month_read_the_rows_of_a_month(own_service: Service, old_clinic: ClinicClient) -> None:
    end = NOW.date() + timedelta(days=1)
    first = end - timedelta(days=DAYS)

    async def read(work: UnitOfWork) -> None:
        ended_at = NOW.replace(hour=0) + timedelta(days=1)
        window = Window(
            mode="test", first=first, end=end, began_at=ended_at - timedelta(days=DAYS), ended_at=ended_at
        )
        care = await care_pasts.care_in(work, window, infusions_until=ended_at)
        assert [len(one.check_in_days) for one in care] == [DAYS] * PATIENTS
        assert len(await insights.signals_in(work, window)) == DAYS
        assert len(await insights.safety_in(work, window)) == DAYS
        assert len(await insights.not_out(work, window)) == DAYS

    read_rows = rows_read(own_service, old_clinic, read)

    most = {
        "check_ins": PATIENTS * DAYS,
        "signals": DAYS,
        "safety_events": DAYS,
        # That each patient was registered is an event of this month too.
        "notifications": DAYS + PATIENTS,
        "deliveries": DAYS,
    }
    assert {name: rows for name, rows in read_rows.items() if rows > most.get(name, rows)} == {}


def test_the_whole_of_it_counts_the_same(own_service: Service, old_clinic: ClinicClient) -> None:
    end = NOW.date() + timedelta(days=1)

    async def read() -> Insights:
        async with own_service.context.work(UUID(old_clinic.clinic_id), actor=OPERATOR) as work:
            return await read_insights(work, first=end - timedelta(days=DAYS), end=end)

    found = own_service.run(read())
    assert (found.signals.raised, found.safety.reported, found.undelivered.exhausted) == (DAYS,) * 3
