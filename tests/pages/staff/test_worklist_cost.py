"""The worklist asks the database as often for a full page as for an empty one."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from app.care.worklist.queries import A_LANE
from app.storage import worklist
from app.storage.engine.embedded.folders import Address
from app.storage.engine.migrating import APPLICATION_ROLE
from app.storage.worklist import WorklistFilter
from tests.bench.worklist import fill
from tests.storage.counting_proxy import RoundTrips, counting_proxy
from tests.storage.test_round_trips import WARM
from tests.support.browser import LARGEST_PAGE
from tests.support.care_browser import CareBrowser, fading
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import clinic_client
from tests.support.service import NOW, Service, running_service

# The session, the list with what stands above it, and its line on the audit log.
MOST_ROUND_TRIPS = 24


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[tuple[Address, RoundTrips]]:
    with counting_proxy(cluster.address) as running:
        yield running


@pytest.fixture(scope="module")
def proxied_service(own_database: DatabaseUrls, proxy: tuple[Address, RoundTrips]) -> Iterator[Service]:
    database = psycopg.conninfo.conninfo_to_dict(own_database.application_url)["dbname"]
    with running_service(proxy[0].url(APPLICATION_ROLE, str(database)), work=False) as running:
        yield running


def test_a_full_page_takes_as_many_round_trips_as_one_with_a_single_row(
    own_database: DatabaseUrls, proxied_service: Service, proxy: tuple[Address, RoundTrips]
) -> None:
    counted, rows = {}, {}
    for patients, waiting in ((2, 1), (80, 2 * A_LANE)):
        clinic = clinic_client(proxied_service)
        first = fading(clinic)["patient_id"]
        with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
            fill(
                connection,
                UUID(clinic.clinic_id),
                UUID(first),
                patients=patients,
                waiting=waiting,
                now=datetime.now(UTC),
            )
            connection.execute(
                "INSERT INTO care.safety_events (clinic_id, patient_id, id, source, source_id, urgent, state,"
                " received_at, version, escalations, late_entry, further_sources, said_as)"
                " SELECT clinic_id, id, gen_random_uuid(), 'check_in', gen_random_uuid(), false, 'open', %s,"
                " 1, 0, false, '{}', '{}' FROM care.patients WHERE clinic_id = %s LIMIT %s",
                [NOW, clinic.clinic_id, waiting // 2],
            )
            connection.execute(
                "INSERT INTO care.findings (clinic_id, id, patient_id, code, state, raised_at, raised_on, facts,"
                " version) SELECT clinic_id, gen_random_uuid(), id, 'unknown', 'open', %s, %s, '{}', 1"
                " FROM care.patients WHERE clinic_id = %s LIMIT %s",
                [NOW, NOW.date(), clinic.clinic_id, waiting // 2],
            )
        browser = CareBrowser(proxied_service, clinic.clinic_id)
        for _ in range(WARM):
            assert browser.get("/care/").status_code == 200
        proxy[1].start()
        today = browser.get("/care/").text
        counted[waiting], rows[waiting] = proxy[1].count, today.count('<li class="row"')
        for page in (today, browser.get("/care/patients").text):
            assert len(gzip.compress(page.encode())) < LARGEST_PAGE

    assert rows == {1: 1, 2 * A_LANE: 3 * A_LANE}
    assert counted[2 * A_LANE] - counted[1] in {0, 1}, "the names of staff are asked for when there are some"
    assert counted[2 * A_LANE] <= MOST_ROUND_TRIPS, proxy[1].said


@pytest.mark.parametrize("index", ["uq_signals_one_open", "ix_findings_open"])
def test_what_waits_is_found_by_the_index_of_what_is_open_also_by_a_plan_for_every_clinic(
    proxied_service: Service, index: str
) -> None:
    clinic = clinic_client(proxied_service)
    scans = text("SELECT pg_stat_get_xact_numscans(to_regclass(:index))")

    async def scanned() -> int:
        async with proxied_service.context.work(UUID(clinic.clinic_id)) as work:
            await work.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
            await work.execute(text("SET LOCAL enable_seqscan = off"))
            await worklist.page(work, WorklistFilter(), limit=50)
            return int((await work.execute(scans, {"index": f"care.{index}"})).scalar_one())

    assert proxied_service.run(scanned()) > 0
