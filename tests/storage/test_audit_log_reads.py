"""Looking through the audit log reads the lines that it gives, however long the audit log is."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from app.storage import audit_log
from app.storage.audit_log import AuditFilter
from app.storage.engine.unit_of_work import UnitOfWork
from tests.storage.test_trend_reads import rows_read
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service

LINES = 200_000
RARE_ACTOR, RARE_ACTION = uuid4(), "patient.erased"
# A year of a busy clinic; four lines of it are someone's who seldom comes, and four are of a rare kind.
_YEAR = """
    INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id)
    SELECT %(clinic)s, overlay(gen_random_uuid()::text PLACING
               regexp_replace(lpad(to_hex((extract(epoch FROM %(now)s - n * interval '157 seconds') * 1000)::bigint),
               12, '0'), '^(.{8})', '\\1-') FROM 1)::uuid,
           %(now)s - n * interval '157 seconds', 'staff',
           CASE WHEN n %% 50000 = 49999 THEN %(rare)s ELSE (%(actors)s::uuid[])[1 + n %% 20] END,
           CASE WHEN n %% 50000 = 49998 THEN %(action)s WHEN n %% 10 = 0 THEN 'patient.read' ELSE 'signals.read' END,
           'clinic', %(clinic)s
      FROM generate_series(1, %(lines)s) AS n
"""


@pytest.fixture(scope="module")
def busy_clinic(own_service: Service, own_database: DatabaseUrls) -> ClinicClient:
    own_service.clock.move_to(NOW)
    clinic = clinic_client(own_service)
    clinic.close()
    values = {
        "clinic": clinic.clinic_id,
        "now": NOW,
        "rare": RARE_ACTOR,
        "action": RARE_ACTION,
        "actors": [uuid4() for _ in range(20)],
        "lines": LINES,
    }
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        connection.execute(_YEAR, values)
        connection.execute("VACUUM ANALYZE care.audit_events")
    return clinic


@pytest.mark.parametrize(
    ("actor", "action", "given"),
    [(RARE_ACTOR, None, 4), (None, RARE_ACTION, 4), (None, "patient.read", 50), (None, None, 50)],
)
def test_a_year_is_searched_by_reading_what_is_given(
    own_service: Service, busy_clinic: ClinicClient, actor: UUID | None, action: str | None, given: int
) -> None:
    since: datetime = NOW - timedelta(days=365)
    wanted = AuditFilter(since=since, until=NOW, actor_id=actor, action=action)

    async def read(work: UnitOfWork) -> None:
        assert len(await audit_log.page(work, wanted, before=None, limit=50)) == given

    assert rows_read(own_service, busy_clinic, read)["audit_events"] <= given


def test_the_actions_are_found_from_one_to_the_next(own_service: Service, busy_clinic: ClinicClient) -> None:
    found: list[str] = []

    async def read(work: UnitOfWork) -> None:
        found.extend(await audit_log.actions(work))

    assert rows_read(own_service, busy_clinic, read)["audit_events"] <= len(found) + 2
    assert found == sorted(found)
    assert {"patient.erased", "patient.read", "signals.read"} <= set(found)
