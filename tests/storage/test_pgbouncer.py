"""Behind PgBouncer in transaction mode: whoever's turn it is gets another connection, and everything holds.

The program is Debian's; where it cannot be had, the test fails and says so.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from app.foundation.vault import Vault, new_key_text
from app.storage.engine.connecting import DatabaseRefusesError, check_reachable, install_session_settings
from app.storage.engine.database import SEARCH_PATH
from app.storage.tenant_keys import install
from tests.cli.command_line import afterglow_here
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import clinic_client
from tests.support.pgbouncer import pgbouncer, through
from tests.support.receiver import Receiver
from tests.support.service import KEY, NOW, Service, running_service

pytestmark = pytest.mark.processes

SERVER_CONNECTIONS = 3


@dataclass(frozen=True)
class Pooled:
    """A database, and the way to it through PgBouncer."""

    urls: DatabaseUrls
    through: str


@pytest.fixture(scope="module")
def pooled(cluster: Cluster, own_database: DatabaseUrls) -> Iterator[Pooled]:
    install(own_database.owner_url, Vault(KEY).tenant_key)
    with pgbouncer(cluster, mode="transaction", connections=SERVER_CONNECTIONS) as port:
        yield Pooled(own_database, through(own_database, port))


def test_a_pooler_without_a_direct_way_is_named_and_so_are_missing_settings(pooled: Pooled) -> None:
    with pytest.raises(DatabaseRefusesError, match="leads to a pooler such as PgBouncer") as caught:
        check_reachable(pooled.through, direct_url=None)
    assert "AFTERGLOW_DIRECT_URL" in caught.value.fix
    with pytest.raises(DatabaseRefusesError, match="settings that a pooler cannot pass on"):
        check_reachable(pooled.through, direct_url=pooled.urls.application_url)


def test_migrate_keeps_the_settings_in_the_database(pooled: Pooled) -> None:
    with psycopg.connect(pooled.through) as before:
        before.execute("SELECT 1")
    install_session_settings(pooled.urls.owner_url)
    with pytest.raises(
        DatabaseRefusesError, match="holds connections from before `afterglow migrate`"
    ) as caught:
        check_reachable(pooled.through, direct_url=pooled.urls.application_url)
    assert "RECONNECT" in caught.value.fix
    with psycopg.connect(pooled.urls.application_url) as connection:
        row = connection.execute(
            "SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('jit')"
        ).fetchone()
    assert row is not None
    assert (row[0].replace(" ", ""), *row[1:]) == (SEARCH_PATH, "15s", "off")


def test_a_pooler_that_pools_statements_is_named(cluster: Cluster, pooled: Pooled) -> None:
    with (
        pgbouncer(cluster, mode="statement", connections=SERVER_CONNECTIONS) as port,
        pytest.raises(DatabaseRefusesError, match="pools statements") as caught,
    ):
        check_reachable(through(pooled.urls, port), direct_url=pooled.urls.application_url)
    assert "pool_mode = transaction" in caught.value.fix


@pytest.fixture(scope="module")
def behind(pooled: Pooled) -> Iterator[Service]:
    install_session_settings(pooled.urls.owner_url)
    with psycopg.connect(pooled.urls.superuser_url, autocommit=True) as connection:
        # Those that were open before do not have the settings yet.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'afterglow_app' AND datname = current_database()"
        )
    with running_service(
        pooled.through,
        direct_url=pooled.urls.application_url,
        tenant_key=Vault(KEY).tenant_key,
    ) as service:
        yield service


def test_a_safety_event_goes_from_the_phone_to_the_receiver(behind: Service, receiver: Receiver) -> None:
    clinic = clinic_client(behind)
    receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
    phone = clinic.enrol(clinic.patient(), behind.url)
    assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201
    receiver.wait_for("safety.reported")


def test_many_at_once_of_two_clinics_share_few_connections_and_see_only_their_own(behind: Service) -> None:
    both = [clinic_client(behind, name) for name in ("One", "Other")]
    patients = {one.clinic_id: {one.patient() for _ in range(3)} for one in both}

    def seen(number: int) -> bool:
        clinic = both[number % 2]
        listed = clinic.http.get("/v1/patients")
        assert listed.status_code == 200, listed.text
        return {one["id"] for one in listed.json()["items"]} == patients[clinic.clinic_id]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(seen, range(120)))


def test_an_operator_sets_it_up_by_migrate_and_the_commands_go_through_it(
    cluster: Cluster, pooled: Pooled
) -> None:
    with cluster.database(migrated=False) as urls:
        # The pooler of the other tests lets every database of the server through.
        name = psycopg.conninfo.conninfo_to_dict(urls.application_url)["dbname"]
        where = {
            "DATABASE_URL": f"{pooled.through.rpartition('/')[0]}/{name}",
            "AFTERGLOW_DIRECT_URL": urls.application_url,
            "AFTERGLOW_OWNER_URL": urls.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": new_key_text(),
        }
        for words in (("migrate",), ("clinic", "create", "--name", "Riverbend")):
            done = afterglow_here(*words, more=where)
            assert done.returncode == 0, done.stderr
        assert "Riverbend" in afterglow_here("clinic", "list", more=where).stdout
        assert "✗" not in afterglow_here("doctor", more=where).stdout
