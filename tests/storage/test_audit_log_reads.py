"""Looking through the audit log reads the lines that it gives, however long it is, and gives them by their time."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from app.foundation.ids import first_id, new_id
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


# Of lines written at once, in the same second, minutes later, by another clock.
_LATER = (0, 0.004, 0.004, 0.3, 9, 59, -0.5, 61, 600, -30, -86_400, 40 * 86_400)
_ADD = """
    INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)
    VALUES (%(clinic)s, %(id)s, %(at)s, 'system', %(action)s, 'clinic', %(clinic)s)
"""


def _id_at(moment: datetime) -> UUID:
    return UUID(int=first_id(moment).int | (new_id().int & ((1 << 80) - 1)))


@pytest.mark.parametrize("seed", range(4))
def test_pages_are_in_the_order_of_time_whatever_the_ids_say(
    own_service: Service, own_database: DatabaseUrls, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same each time
    clinic = clinic_client(own_service)
    clinic.close()
    lines: list[tuple[datetime, UUID, str]] = []
    for number in range(300):
        # A hundred lines within minutes, so that ids and times cross, then hours without any.
        at = NOW - timedelta(hours=5 * (number // 100), seconds=draw.randrange(200), microseconds=number)
        # Some are of programs whose ids say no time.
        one = uuid4() if draw.random() < 0.03 else _id_at(at + timedelta(seconds=draw.choice(_LATER)))
        lines.append((at, one, draw.choice(["check_in.recorded", "patient.read"])))
    rows = [{"clinic": clinic.clinic_id, "at": at, "id": one, "action": action} for at, one, action in lines]
    with psycopg.connect(own_database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.executemany(_ADD, rows)
    since, until = NOW - timedelta(hours=5, seconds=draw.randrange(300)), NOW - timedelta(seconds=30)

    async def pages(wanted: AuditFilter) -> list[UUID]:
        found, before = list[UUID](), None
        async with own_service.context.work(UUID(clinic.clinic_id)) as work:
            while some := await audit_log.page(work, wanted, before=before, limit=7):
                found += [event.id for event, _ in some]
                before = some[-1][0].at, some[-1][0].id
        return found

    for action in (None, "check_in.recorded"):
        expected = sorted(
            (at, one) for at, one, done in lines if since <= at < until and action in (None, done)
        )
        found = own_service.run(pages(AuditFilter(since=since, until=until, action=action)))
        assert found == [one for _, one in reversed(expected)]
        assert len(found) > 20


def test_bounds_may_be_as_far_as_times_go(own_service: Service, busy_clinic: ClinicClient) -> None:
    wanted = AuditFilter(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC))

    async def read(work: UnitOfWork) -> None:
        assert len(await audit_log.page(work, wanted, before=None, limit=50)) == 50

    assert rows_read(own_service, busy_clinic, read)["audit_events"] <= 2 * 50
