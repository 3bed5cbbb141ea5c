"""A disclosure that the database does not take is answered with help, put by sealed, and stored later, once."""

import shutil
from pathlib import Path

import pytest

from app.care.intake.spool import Spool, replay
from app.foundation.ids import new_id
from tests.support.databases import running_cluster
from tests.support.people import clinic_client
from tests.support.problems import CANARY
from tests.support.processes import wait_until
from tests.support.service import running_service


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_what_cannot_be_stored_is_put_by_sealed_and_replayed_exactly_once(
    spool_dir: Path, tmp_path: Path
) -> None:
    with (
        running_cluster() as cluster,
        cluster.database() as own_database,
        running_service(own_database.application_url, work=False, spool_dir=spool_dir) as service,
    ):
        clinic = clinic_client(service)
        phone = clinic.enrol(clinic.patient(), service.url)
        spool = Spool(spool_dir, service.context.vault)
        cluster.supervisor.stop()

        kept = str(new_id())
        replies = [
            phone.check_in(service.clock.now(), self_harm_thoughts=True, note=CANARY, check_in_id=kept),
            phone.http.put(f"/v1/check-ins/{new_id()}", json={"selfHarmThoughts": "yes", "note": CANARY}),
            phone.http.put(f"/v1/check-ins/{new_id()}", json={"mood": 11}),
        ]
        waiting = spool.waiting()
        probe = phone.http.get("/health/safety")

        cluster.supervisor.start()
        assert [reply.status_code for reply in replies] == [503, 422, 422]
        assert [bool(reply.json().get("crisis_help")) for reply in replies] == [True, True, False]
        assert (probe.status_code, probe.json()["database_takes_writes"]) == (503, False)
        assert len(waiting) == 2
        for path in waiting:
            assert CANARY.encode() not in path.read_bytes()
            assert phone.patient_id.encode() not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0

        copies = shutil.copytree(spool_dir, tmp_path / "again")
        replayed = [
            service.run(replay(service.context, Spool(folder, service.context.vault)))
            for folder in (spool_dir, copies)
        ]

        assert replayed == [2, 2]
        assert spool.waiting() == []
        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        assert [event["source"] for event in found] == ["refused_check_in"] * 2
        assert {event["patient_id"] for event in found} == {phone.patient_id}
        clinic.close()


def test_a_worker_replays_by_itself(spool_dir: Path) -> None:
    with (
        running_cluster() as cluster,
        cluster.database() as own_database,
        running_service(own_database.application_url, spool_dir=spool_dir) as service,
    ):
        clinic = clinic_client(service)
        phone = clinic.enrol(clinic.patient(), service.url)
        cluster.supervisor.stop()
        assert phone.http.put("/v1/check-ins/x", json={"self_harm_thoughts": True}).json()["crisis_help"]
        cluster.supervisor.start()

        def stored() -> bool:
            return len(clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]) == 1

        assert wait_until(stored, 40)
        clinic.close()
