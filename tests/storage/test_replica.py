"""What may be a little old is read at a replica, which says how old, and at the primary while there is none."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.access.clinics.permissions import Scope
from app.cli.doctor_database import _replica
from app.cli.doctor_findings import Verdict
from app.context import REPLICA_BEHIND
from app.storage import operation_figures
from app.storage.engine.binaries import find_binaries
from app.storage.engine.database import Database
from app.storage.engine.embedded.supervisor import Supervisor
from app.storage.engine.migrating import APPLICATION_ROLE
from app.storage.engine.unit_of_work import UnitOfWork
from tests.storage.catalogue import ask, execute
from tests.support.databases import Cluster, DatabaseUrls, in_memory, programs, running_cluster
from tests.support.people import ClinicClient, clinic_client, key_with
from tests.support.processes import wait_until
from tests.support.service import Service, running_service

pytestmark = pytest.mark.processes

AS_OF = "afterglow-as-of"


@dataclass(frozen=True)
class Pair:
    """A primary, its replica, and a service that knows both."""

    service: Service
    clinic: ClinicClient
    primary: DatabaseUrls
    replica: Supervisor
    database: str

    @property
    def replica_url(self) -> str:
        """The application's way to the replica."""
        return self.replica.address.url(APPLICATION_ROLE, self.database)

    def on_replica(self, statement: str) -> tuple[object, ...]:
        """Ask the replica as its superuser."""
        with psycopg.connect(self.replica.address.url("postgres", self.database), autocommit=True) as there:
            return there.execute(statement.encode()).fetchone() or ()

    def is_caught_up(self) -> bool:
        """Whether the replica has replayed all that the primary wrote."""
        (written,) = ask(self.primary.superuser_url, "SELECT pg_current_wal_insert_lsn()::text AS lsn")
        return self.on_replica(f"SELECT pg_last_wal_replay_lsn() >= '{written['lsn']}'::pg_lsn") == (True,)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_cluster(in_memory()) as cluster, cluster.database() as primary:
        replica = Supervisor(_copy_of(cluster), find_binaries(programs()))
        database = str(conninfo_to_dict(primary.superuser_url)["dbname"])
        execute(primary.superuser_url, f"GRANT pg_monitor TO {APPLICATION_ROLE}")
        replica_url = replica.start().url(APPLICATION_ROLE, database)
        try:
            with running_service(primary.application_url, replica_url=replica_url) as service:
                clinic = clinic_client(service)
                made = Pair(service, clinic, primary, replica, database)
                assert wait_until(made.is_caught_up, 20)
                yield made
                clinic.close()
        finally:
            replica.stop()


def _copy_of(cluster: Cluster) -> Path:
    """A streaming replica's folder beside the primary's."""
    data_dir = cluster.data_dir.with_name("replica")
    data_dir.mkdir()
    program, owner = (
        find_binaries(programs()).program("pg_basebackup"),
        (cluster.data_dir / "postgres").stat(),
    )
    where = cluster.address.conninfo()
    copied = data_dir / "postgres"
    subprocess.run([program, "-d", where, "-D", copied, "-R", "--checkpoint=fast"], check=True)
    with (copied / "postgresql.auto.conf").open("a") as settings:
        settings.write("wal_receiver_status_interval = 1\n")
    for one in (data_dir, copied, *copied.rglob("*")):
        shutil.chown(one, owner.st_uid, owner.st_gid)
    return data_dir


@pytest.mark.parametrize(
    "path",
    [
        "/v1/insights",
        "/v1/insights.csv",
        "/fhir/Patient",
        "/v1/patients/{}/export",
        "/fhir/Patient/{}/$everything",
    ],
)
def test_reports_exports_and_searches_are_read_at_the_replica_and_recorded_at_the_primary(
    pair: Pair, path: str
) -> None:
    patient = pair.clinic.patient()
    assert wait_until(pair.is_caught_up, 20)
    lines = "SELECT count(*) AS number FROM care.audit_events"
    (before,) = ask(pair.primary.superuser_url, lines)
    reply = pair.clinic.http.get(path.format(patient))
    assert reply.status_code == 200, reply.text
    behind = pair.service.clock.now() - datetime.fromisoformat(reply.headers[AS_OF])
    assert timedelta(0) <= behind <= REPLICA_BEHIND
    (after,) = ask(pair.primary.superuser_url, lines)
    assert after["number"] == before["number"] + 1


def test_a_replica_that_stopped_replaying_shows_the_past_says_so_and_is_passed_by_for_what_is_newer(
    pair: Pair,
) -> None:
    async def read(at_least: datetime) -> datetime | None:
        context = pair.service.context
        async with context.work(None, as_of_at_least=at_least) as work:
            await work.begin()
            return work.read_as_of

    assert wait_until(pair.is_caught_up, 20)
    pair.on_replica("SELECT pg_wal_replay_pause()")
    try:
        new, now = pair.clinic.patient(), pair.service.clock.now()
        assert AS_OF not in pair.clinic.http.get(f"/v1/patients/{new}").headers
        found = pair.clinic.http.get("/fhir/Patient")
        assert new not in found.text
        assert datetime.fromisoformat(found.headers[AS_OF]) < now + timedelta(seconds=1)
        # What was asked for now has to hold all that is there now: it is read at the primary.
        assert new in _exported(pair)
        assert wait_until(lambda: _lag_of(pair) > timedelta(seconds=0.5), 20)
        assert pair.service.run(read(now)) is None
        assert pair.service.run(read(now - REPLICA_BEHIND)) is not None
    finally:
        pair.on_replica("SELECT pg_wal_replay_resume()")
    assert wait_until(lambda: new in pair.clinic.http.get("/fhir/Patient").text, 20)


def _lag_of(pair: Pair) -> timedelta:
    """How far behind `afterglow status` and the metrics say that the replica is."""

    async def look() -> timedelta | None:
        async with pair.service.context.work(None) as work:
            return (await operation_figures.server(work)).replication_lag

    return pair.service.run(look()) or timedelta()


def _exported(pair: Pair) -> str:
    """The patients of an export that is asked for now."""
    key = key_with(pair.service, pair.clinic.clinic_id, Scope.FHIR_EXPORT)
    asks = {"authorization": f"Bearer {key}", "prefer": "respond-async"}
    asked = pair.clinic.http.get("/fhir/$export", headers=asks)
    status = asked.headers["content-location"].replace("https://afterglow.test", "")
    manifest = pair.clinic.http.get(status, headers=asks).json()
    (file,) = [one["url"] for one in manifest["output"] if one["type"] == "Patient"]
    return pair.clinic.http.get(file.replace("https://afterglow.test", ""), headers=asks).text


def test_nothing_can_be_written_where_a_replica_would_do(pair: Pair) -> None:
    async def write() -> None:
        context = pair.service.context
        async with context.work(None, as_of_at_least=context.clock.now() - REPLICA_BEHIND) as work:
            await work.directly("INSERT INTO front_desk.clinics DEFAULT VALUES", {})

    assert wait_until(pair.is_caught_up, 20)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        pair.service.run(write())


def test_doctor_says_whether_the_replica_is_one(pair: Pair) -> None:
    assert _replica(pair.replica_url).verdict is Verdict.GOOD
    assert "leads to a primary" in _replica(pair.primary.application_url).found


def test_while_the_replica_is_away_the_primary_answers(pair: Pair) -> None:
    new, replica_url = pair.clinic.patient(), pair.replica_url
    pair.replica.stop()
    try:
        replies = [pair.clinic.http.get(path) for path in ("/v1/insights", "/fhir/Patient", "/v1/insights")]
        assert [one.status_code for one in replies] == [200, 200, 200]
        assert new in replies[1].text
        assert not any(AS_OF in one.headers for one in replies)
        assert _replica(replica_url).verdict is Verdict.UNUSUAL
    finally:
        pair.replica.start()
    assert wait_until(lambda: AS_OF in pair.clinic.http.get("/v1/insights").headers, 30)


def test_a_replica_that_has_replayed_nothing_since_it_started_is_passed_by(pair: Pair) -> None:
    (primary,) = pair.on_replica("SHOW primary_conninfo")
    replayed = "SELECT pg_last_xact_replay_timestamp() IS NULL"
    # Cut off from its primary with nothing behind its last checkpoint; a commit may come between.
    for _ in range(10):
        execute(pair.primary.superuser_url, "CHECKPOINT")
        assert wait_until(pair.is_caught_up, 20)
        _follow(pair, "")
        execute(_superuser_of(pair), "CHECKPOINT")
        pair.replica.stop()
        pair.replica.start()
        if pair.on_replica(replayed) == (True,):
            break
        _follow(pair, str(primary))
    try:
        new = pair.clinic.patient()
        reply = pair.clinic.http.get("/fhir/Patient")
        assert pair.on_replica(replayed) == (True,)
        assert new in reply.text
        assert AS_OF not in reply.headers
    finally:
        _follow(pair, str(primary))
    assert wait_until(lambda: AS_OF in pair.clinic.http.get("/v1/insights").headers, 30)


def _superuser_of(pair: Pair) -> str:
    return pair.replica.address.url("postgres", pair.database)


def _follow(pair: Pair, primary: str) -> None:
    """Have the replica follow a primary, or none."""
    written = primary.replace("'", "''")
    execute(_superuser_of(pair), f"ALTER SYSTEM SET primary_conninfo = '{written}'")
    execute(_superuser_of(pair), "SELECT pg_reload_conf()")


def test_a_replica_whose_machine_is_gone_is_passed_by_within_seconds(pair: Pair) -> None:
    async def read(gone: str) -> tuple[datetime | None, float]:
        database = Database(pair.primary.application_url, replica_url=gone)
        now = pair.service.clock.now()
        work = UnitOfWork(database.server, None, replica=database.replica(at_least=now), now=now)
        began = time.monotonic()
        try:
            await work.begin()
            return work.read_as_of, time.monotonic() - began
        finally:
            await work.end()
            await database.close()

    # Where nobody answers: connections are taken, and nothing ever comes back.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = f"postgresql://afterglow_app@127.0.0.1:{silent.getsockname()[1]}/afterglow"
        as_of, seconds = pair.service.run(read(gone))
    assert as_of is None
    assert seconds < 10
