"""A disclosure that the database does not take is answered with help, put by sealed, and stored later, once."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.care.intake.spool import Spool, replay
from app.foundation.ids import new_id
from tests.support.databases import Cluster, in_memory, running_cluster
from tests.support.people import ZONE, ClinicClient, PatientClient, clinic_client, entry
from tests.support.problems import CANARY
from tests.support.processes import wait_until
from tests.support.service import Service, running_service

# Databases that are taken away, each a server to itself.
pytestmark = pytest.mark.processes
JSON = {"content-type": "application/json"}


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@contextmanager
def own_clinic(
    spool_dir: Path, *, work: bool = False
) -> Iterator[tuple[Cluster, Service, ClinicClient, PatientClient]]:
    """A clinic with a patient's phone, on a service whose database server can be stopped."""
    with (
        running_cluster(in_memory()) as cluster,
        cluster.database() as own_database,
        running_service(own_database.application_url, work=work, spool_dir=spool_dir) as service,
    ):
        clinic = clinic_client(service)
        yield cluster, service, clinic, clinic.enrol(clinic.patient(), service.url)
        clinic.close()


def test_what_cannot_be_stored_is_put_by_sealed_and_replayed_exactly_once(
    spool_dir: Path, tmp_path: Path
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
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
        # The phone sends the first again, so that it is known by its own id; the other is refused for good.
        assert [event["source"] for event in found] == ["check_in", "refused_check_in"]
        assert found[0]["source_id"] == kept
        assert {event["patient_id"] for event in found} == {phone.patient_id}


def test_a_worker_replays_by_itself(spool_dir: Path) -> None:
    with own_clinic(spool_dir, work=True) as (cluster, _, clinic, phone):
        cluster.supervisor.stop()
        assert phone.http.put("/v1/check-ins/x", json={"self_harm_thoughts": True}).json()["crisis_help"]
        cluster.supervisor.start()

        def stored() -> bool:
            return len(clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]) == 1

        assert wait_until(stored, 40)


def test_what_failed_in_a_spelling_that_no_schema_reads_is_one_event_when_it_is_refused_afterwards(
    spool_dir: Path,
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
        now, ids = service.clock.now(), [new_id() for _ in range(3)]
        twice = (
            json.dumps(entry(now, (4, 4, 4)))[:-1]
            + ', "self_harm_thoughts": true, "self_harm_thoughts": false}'
        )
        form = {"scale": "phq-9", "taken_at": now.isoformat(), "time_zone": ZONE, "items": {"9": 2}}

        def send_all() -> list[int]:
            replies = [
                phone.http.put(f"/v1/check-ins/{ids[0]}", content=twice.encode(), headers=JSON),
                phone.http.put(f"/v1/assessments/{ids[1]}", json=form),
                phone.http.patch(f"/v1/check-ins/{ids[2]}", json={"selfHarmThoughts": "yes"}),
            ]
            assert all(reply.json()["crisis_help"] for reply in replies)
            return [reply.status_code for reply in replies]

        cluster.supervisor.stop()
        assert send_all() == [503, 503, 405]
        cluster.supervisor.start()
        assert send_all() == [201, 422, 405]
        assert service.run(replay(service.context, Spool(spool_dir, service.context.vault))) == 3
        assert send_all() == [200, 422, 405]
        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        assert len(found) == 3


@pytest.mark.parametrize("sent_again_first", [True, False], ids=["sent again first", "replayed first"])
def test_what_was_put_by_and_is_sent_again_by_the_phone_is_one_event(
    spool_dir: Path, *, sent_again_first: bool
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
        now, ids = service.clock.now(), [str(new_id()) for _ in range(5)]
        form = {"scale": "phq-9", "taken_at": now.isoformat(), "time_zone": ZONE, "items": [0] * 8 + [2]}
        batch = {
            "items": [{"id": one, "self_harm_thoughts": True, **entry(now, (4, 4, 4))} for one in ids[2:]]
        }

        def send_all() -> list[int]:
            return [
                phone.check_in(now, self_harm_thoughts=True, check_in_id=ids[0]).status_code,
                phone.http.put(f"/v1/assessments/{ids[1]}", json=form).status_code,
                phone.http.post("/v1/check-ins/batch", json=batch).status_code,
            ]

        cluster.supervisor.stop()
        assert send_all() == [503] * 3
        cluster.supervisor.start()

        if sent_again_first:
            assert send_all() == [201, 201, 200]
        assert service.run(replay(service.context, Spool(spool_dir, service.context.vault))) == 3
        if not sent_again_first:
            assert send_all() == [201, 201, 200]

        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        assert {(event["source"], event["source_id"]) for event in found} == {
            ("assessment" if one == ids[1] else "check_in", one) for one in ids
        }
        assert len(found) == len(ids)
