"""`/health/safety` looks whether a safety event would reach someone now, and names what is broken."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from tests.support.clinics import name_contacts
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import NO_TLS, clinic_client
from tests.support.processes import running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, RunningClock, Service, running_service


def asked(url: str) -> tuple[int, dict[str, Any]]:
    reply = httpx2.get(f"{url}/health/safety", timeout=10, verify=NO_TLS)
    return reply.status_code, dict(reply.json())


@pytest.fixture
def own_database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """A database in which no other clinic is live, and no other worker lives."""
    with cluster.database() as made:
        yield made


def test_without_a_worker_it_fails_and_says_so_and_with_one_it_holds(own_database: DatabaseUrls) -> None:
    with running_service(own_database.application_url, work=False) as service:
        status, said = asked(service.url)
        assert (status, said["status"], said["reasons"]) == (503, "not safe", ["no-worker"])
        assert said["worker_looked_seconds_ago"] is None
        assert httpx2.get(f"{service.url}/health/ready", timeout=30, verify=NO_TLS).status_code == 200

        with running_service(own_database.application_url):
            assert wait_until(lambda: asked(service.url)[0] == 200, 20)
            _, said = asked(service.url)
            assert (said["status"], said["reasons"]) == ("safe", [])
            assert said["worker_looked_seconds_ago"] < 60

        # It ended in order, and said so.
        assert asked(service.url)[1]["reasons"] == ["no-worker"]


def test_a_worker_that_was_killed_is_missed_after_a_minute(own_database: DatabaseUrls) -> None:
    with running_service(own_database.application_url, work=False) as service:
        for seconds, reasons in ((50, []), (70, ["no-worker"])):
            with psycopg.connect(own_database.superuser_url) as connection:
                connection.execute("DELETE FROM front_desk.process_heartbeats")
                connection.execute(
                    "INSERT INTO front_desk.process_heartbeats SELECT gen_random_uuid(), t, t, '{deliveries}'"
                    " FROM (SELECT clock_timestamp() - make_interval(secs => %s) AS t) AS ago",
                    [seconds],
                )
            assert asked(service.url)[1]["reasons"] == reasons


def live_and_waiting(service: Service, shared_database: DatabaseUrls, receiver: Receiver) -> None:
    """A live clinic without a mail server, one of whose patients said it; nobody sends."""
    clinic = clinic_client(service)
    clinic.add_endpoint(receiver.url)
    name_contacts(clinic)
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute("UPDATE care.clinic_profiles SET mode = 'live'")
    clinic.close()


def test_a_stuck_event_a_missing_mail_server_and_an_endpoint_that_fails_are_each_named(
    own_database: DatabaseUrls, receiver: Receiver
) -> None:
    with running_service(own_database.application_url, work=False) as service:
        live_and_waiting(service, own_database, receiver)
        assert asked(service.url)[1]["reasons"] == ["no-worker", "mail-not-set-up"]

        service.clock.move_to(NOW + timedelta(seconds=61))
        status, said = asked(service.url)
        assert (status, said["reasons"]) == (503, ["no-worker", "safety-event-waits", "mail-not-set-up"])
        assert said["unsent_since"].startswith("2026-11-03T18:00:00")

        with psycopg.connect(own_database.superuser_url) as connection:
            connection.execute("UPDATE care.webhook_endpoints SET failing_since = now()")
        _, said = asked(service.url)
        assert said["reasons"][-1] == "endpoints-not-able"
        assert (said["live_clinics"], said["live_clinics_unreachable"]) == (1, 1)


def test_a_live_clinic_and_its_worklist_say_that_no_worker_runs(
    own_database: DatabaseUrls, receiver: Receiver
) -> None:
    with running_service(own_database.application_url, work=False) as service:
        clinic = clinic_client(service)
        clinic.add_endpoint(receiver.url)
        assert clinic.http.get("/v1/clinic").json()["attention"] == []
        with psycopg.connect(own_database.superuser_url) as connection:
            connection.execute("UPDATE care.clinic_profiles SET mode = 'live'")
        assert clinic.http.get("/v1/clinic").json()["attention"] == ["no_worker"]
        refused = clinic.http.post("/v1/clinic/go-live")
        assert refused.status_code == 200, "it is live already"
        with psycopg.connect(own_database.superuser_url) as connection:
            connection.execute("UPDATE care.clinic_profiles SET mode = 'test'")
        refused = clinic.http.post("/v1/clinic/go-live")
        assert refused.status_code == 409
        assert "no-worker" in [one["code"] for one in refused.json()["errors"]]
        clinic.close()


@pytest.mark.processes
def test_a_service_without_a_worker_sends_a_safety_event_itself_and_nothing_else(receiver: Receiver) -> None:
    with temporary_data_dir() as data_dir, running_dev(data_dir, "serve --no-worker") as alone:
        assert asked(alone.url)[1]["reasons"] == ["no-worker"]
        clinic = alone.clinic()
        endpoint = clinic.add_endpoint(receiver.url)
        assert clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test").status_code == 202
        phone = clinic.enrol(clinic.patient(), alone.url)
        said = phone.check_in(RunningClock().now(), self_harm_thoughts=True, asks_about_booster=True)
        assert said.status_code == 201

        receiver.wait_for("safety.reported")
        assert {one.type for one in receiver.requests} == {"safety.reported"}
        clinic.close()


@pytest.mark.processes
def test_serving_works_too_unless_it_is_said_otherwise(receiver: Receiver) -> None:
    with temporary_data_dir() as data_dir, running_dev(data_dir, "serve") as both:
        assert wait_until(lambda: asked(both.url)[0] == 200, 60)
        clinic = both.clinic()
        endpoint = clinic.add_endpoint(receiver.url)
        clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
        receiver.wait_for("endpoint.test")

        assert both.kill("worker")
        assert wait_until(lambda: both.child("worker") is not None, 20), "it is started again"
        clinic.close()
