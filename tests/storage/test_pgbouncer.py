"""Behind PgBouncer in transaction mode: whoever's turn it is gets another connection, and everything holds.

The program is Debian's; where it cannot be had, the test fails and says so.
"""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from app.foundation.vault import Vault
from app.storage.engine.connecting import DatabaseRefusesError, check_reachable, install_session_settings
from app.storage.engine.database import SEARCH_PATH
from app.storage.tenant_keys import install
from tests.docs.test_sessions import free_port
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.debian_programs import debian_program, library_folders
from tests.support.people import clinic_client
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import KEY, NOW, Service, running_service

pytestmark = pytest.mark.processes

SERVER_CONNECTIONS = 3


@dataclass(frozen=True)
class Pooled:
    """A database, and the way to it through PgBouncer."""

    urls: DatabaseUrls
    through: str


@contextmanager
def pgbouncer(cluster: Cluster, *, mode: str) -> Iterator[int]:
    """Run PgBouncer before the server; gives its port."""
    program = debian_program("pgbouncer", "pgbouncer", "libc-ares2")
    port, account = free_port(), pwd.getpwuid((cluster.data_dir / "postgres").stat().st_uid).pw_name
    with tempfile.TemporaryDirectory(prefix="ag-pgbouncer-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users.txt").write_text('"afterglow_app" ""\n')
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host={cluster.address.socket_folder} port={cluster.address.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder}/users.txt\n"
            f"pool_mode = {mode}\ndefault_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 200\n"
            + (f"user = {account}\n" if os.geteuid() == 0 else "")
        )
        with subprocess.Popen(
            [program, folder / "pgbouncer.ini"],
            env=os.environ | {"LD_LIBRARY_PATH": library_folders("libc-ares2")},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                assert wait_until(lambda: _listens(port), 20), "PgBouncer does not start"
                yield port
            finally:
                process.terminate()


def _listens(port: int) -> bool:
    with subprocess.Popen(["bash", "-c", f": < /dev/tcp/127.0.0.1/{port}"], stderr=subprocess.DEVNULL) as one:
        return one.wait() == 0


def through(urls: DatabaseUrls, port: int) -> str:
    with psycopg.connect(urls.application_url) as connection:
        return f"postgresql://afterglow_app@127.0.0.1:{port}/{connection.info.dbname}"


@pytest.fixture(scope="module")
def pooled(cluster: Cluster, own_database: DatabaseUrls) -> Iterator[Pooled]:
    install(own_database.owner_url, Vault(KEY).tenant_key)
    with pgbouncer(cluster, mode="transaction") as port:
        yield Pooled(own_database, through(own_database, port))


def test_a_pooler_without_a_direct_way_is_named_and_so_are_missing_settings(pooled: Pooled) -> None:
    with pytest.raises(DatabaseRefusesError, match="leads to a pooler such as PgBouncer") as caught:
        check_reachable(pooled.through, direct_url=None)
    assert "AFTERGLOW_DIRECT_URL" in caught.value.fix
    with pytest.raises(DatabaseRefusesError, match="settings that a pooler cannot pass on"):
        check_reachable(pooled.through, direct_url=pooled.urls.application_url)


def test_migrate_keeps_the_settings_in_the_database(pooled: Pooled) -> None:
    install_session_settings(pooled.urls.owner_url)
    with psycopg.connect(pooled.urls.application_url) as connection:
        row = connection.execute(
            "SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('jit')"
        ).fetchone()
    assert row is not None
    assert (row[0].replace(" ", ""), *row[1:]) == (SEARCH_PATH, "15s", "off")


def test_a_pooler_that_pools_statements_is_named(cluster: Cluster, pooled: Pooled) -> None:
    with (
        pgbouncer(cluster, mode="statement") as port,
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
