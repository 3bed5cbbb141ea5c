"""A table is emptied by mistake, and the database is brought back to the moment before, from its archived WAL."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.storage.engine.binaries import find_binaries
from app.storage.engine.embedded.supervisor import Supervisor
from tests.campaign.figures import Figures, Options
from tests.support.databases import Cluster, DatabaseUrls, running_cluster
from tests.support.people import clinic_client
from tests.support.processes import wait_until
from tests.support.service import RunningClock, running_service

_REPORTS = 40


def point_in_time(options: Options) -> Figures:  # noqa: ARG001 - every step is given what to try
    """Do as docs/operations.md says: archive, base backup, mistake, recovery to a named time."""
    with tempfile.TemporaryDirectory(prefix="ag-wal-", dir="/tmp") as name, running_cluster() as cluster:
        folder = Path(name)
        folder.chmod(0o755)
        _archive_into(cluster, folder / "wal")
        with cluster.database() as place:
            with running_service(place.application_url, clock=RunningClock(), work=False) as service:
                clinic = clinic_client(service)
                phone = clinic.enrol(clinic.patient(), service.url)
                _base_backup(cluster, folder / "base")
                kept = [phone.check_in(service.clock.now()).json()["id"] for _ in range(_REPORTS)]
                clinic.close()
            before = _now(place)
            time.sleep(1.1)
            _empty_a_table(place)
            _archived(cluster, folder / "wal")
            database = conninfo_to_dict(place.superuser_url)["dbname"]
        started = time.monotonic()
        found = _found_at(folder, before, str(database))
        seconds = time.monotonic() - started
    lost = len(set(kept) - found)
    return Figures(
        lost=lost,
        said=f"{_REPORTS} check-ins after the base backup, then the table emptied: brought back to the second before"
        f" in {seconds:.1f} s, {lost} lost",
    )


def _archive_into(cluster: Cluster, folder: Path) -> None:
    """Turn WAL archiving on; it takes a restart."""
    folder.mkdir()
    os.chown(folder, *_account(cluster))
    with psycopg.connect(cluster.address.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET archive_mode = on")
        connection.execute(f"ALTER SYSTEM SET archive_command = 'test ! -f {folder}/%f && cp %p {folder}/%f'")
    cluster.supervisor.stop()
    cluster.supervisor.start()


def _account(cluster: Cluster) -> tuple[int, int]:
    owner = (cluster.data_dir / "postgres").stat()
    return owner.st_uid, owner.st_gid


def _base_backup(cluster: Cluster, folder: Path) -> None:
    program = find_binaries().program("pg_basebackup")
    where = cluster.address.conninfo()
    subprocess.run([program, "-d", where, "-D", folder, "-X", "none", "--checkpoint=fast"], check=True)
    for one in (folder, *folder.rglob("*")):
        os.chown(one, *_account(cluster), follow_symlinks=False)


def _now(place: DatabaseUrls) -> str:
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
    assert row is not None
    return str(row[0])


def _empty_a_table(place: DatabaseUrls) -> None:
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("DELETE FROM care.check_ins")


def _archived(cluster: Cluster, folder: Path) -> None:
    """Have the segment that holds the mistake archived, too."""
    with psycopg.connect(cluster.address.url(), autocommit=True) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert row is not None
    assert wait_until((folder / str(row[0])).exists, 30), "the WAL was not archived"


def _found_at(folder: Path, moment: str, database: str) -> set[str]:
    """The check-ins of a server on the base backup that has replayed the WAL up to the moment, and takes writes."""
    data_dir = folder / "recovered"
    data_dir.mkdir()
    cluster = data_dir / "postgres"
    (folder / "base").rename(cluster)
    (cluster / "recovery.signal").touch()
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"archive_mode = off\nrestore_command = 'cp {folder}/wal/%f %p'\n"
            f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n"
        )
    with Supervisor(data_dir, find_binaries()) as recovered:
        address = recovered.start()
        with psycopg.connect(address.url("postgres", database), autocommit=True) as connection:
            asked = "SELECT NOT pg_is_in_recovery()"
            assert wait_until(lambda: connection.execute(asked).fetchone() == (True,), 60), "still recovering"
            return {str(one) for (one,) in connection.execute("SELECT id FROM care.check_ins")}
