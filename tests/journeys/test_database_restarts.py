"""The database ends under the running service: by a kill, or by an orderly restart. Both come back by themselves."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx2
import psycopg
import pytest

from app.foundation.ids import new_id
from app.storage.engine.embedded.supervisor import Supervisor
from app.storage.engine.migrating import APPLICATION_ROLE
from tests.support.databases import in_memory, running_cluster
from tests.support.people import PatientClient, clinic_client
from tests.support.processes import running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Receiver
from tests.support.service import RunningClock, Service, running_service

pytestmark = pytest.mark.processes


def says(phone: PatientClient, service_now: Service | None = None) -> bool:
    """Send one statement until it is kept, as a phone does; whether it was."""
    check_in_id = str(new_id())
    at = service_now.clock.now() if service_now else RunningClock().now()

    def kept() -> bool:
        try:
            reply = phone.check_in(at, check_in_id=check_in_id, self_harm_thoughts=True)
        except httpx2.HTTPError:
            return False
        return reply.status_code in {200, 201}

    return wait_until(kept, 60)


@contextmanager
def own_server_and_service() -> Iterator[tuple[Supervisor, Service]]:
    """A server that this test alone stops and starts, and API and worker on it."""
    with running_cluster(in_memory()) as cluster, cluster.database() as made:
        with psycopg.connect(made.superuser_url, autocommit=True) as connection:
            # What is committed here has to outlive its server.
            connection.execute(f"ALTER ROLE {APPLICATION_ROLE} RESET synchronous_commit")
        with running_service(made.application_url, clock=RunningClock(), speedup=1000) as service:
            yield cluster.supervisor, service


def test_dev_comes_back_after_its_database_was_killed(receiver: Receiver) -> None:
    with temporary_data_dir() as data_dir, running_dev(data_dir, AFTERGLOW_RETRY_SPEEDUP="100") as dev:
        clinic = dev.clinic()
        receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
        phone = clinic.enrol(clinic.patient(), dev.url)
        assert says(phone)
        receiver.wait_for("safety.reported")
        before = dev.server_pid()

        os.kill(before, signal.SIGKILL)

        assert wait_until(lambda: dev.server_pid() != before and dev.is_ready(), 60), dev.log.read_text()[
            -1500:
        ]
        assert says(phone)
        receiver.wait_for("safety.reported", count=2, within=60)
        assert len(phone.http.get("/v1/check-ins").json()["items"]) == 2
        phone.http.close()
        clinic.http.close()


@pytest.mark.parametrize("how", ["in order", "killed"])
def test_api_and_worker_go_on_after_the_database_was_away(receiver: Receiver, how: str) -> None:
    with own_server_and_service() as (server, service):
        clinic = clinic_client(service)
        clinic.add_endpoint(receiver.url)
        phone = clinic.enrol(clinic.patient(), service.url)
        assert says(phone, service)
        receiver.wait_for("safety.reported")

        if how == "killed":
            pid = int((server.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            assert wait_until(lambda: not server.alive, 20)
        else:
            server.stop()
        away = phone.check_in(service.clock.now(), self_harm_thoughts=True)
        ready = phone.http.get("/health/ready")
        time.sleep(2)
        server.start()

        assert away.status_code in {500, 503}
        assert away.json()["crisis_help"]["lines"]
        assert (ready.status_code, phone.http.get("/health/live").status_code) == (200, 200), "it still helps"
        assert ready.json()["status"] == "database does not answer"
        assert says(phone, service)
        receiver.wait_for("safety.reported", count=2, within=60)
        clinic.close()


def test_a_delivery_outlives_the_database_it_is_kept_in(receiver: Receiver) -> None:
    """The answer of the receiver comes while the database is away: it is sent again under the same id."""
    with own_server_and_service() as (server, service):
        clinic = clinic_client(service)
        endpoint = clinic.add_endpoint(receiver.url)
        receiver.pause = lambda: 3
        clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
        receiver.wait_for("endpoint.test")
        server.stop()
        time.sleep(4)
        receiver.pause = lambda: 0
        server.start()
        # A claim lasts a minute; the clock need not.
        service.clock.move_to(service.clock.now() + timedelta(minutes=2))

        def delivered() -> bool:
            listed = clinic.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries")
            return listed.status_code == 200 and [one["state"] for one in listed.json()["items"]] == [
                "delivered"
            ]

        assert wait_until(delivered, 60)
        assert len({one.webhook_id for one in receiver.requests}) == 1
        clinic.close()
