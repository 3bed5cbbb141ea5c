"""The whole safety pathway: the worker killed as it sends, the endpoint down for an hour, nobody who answers."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from prometheus_client import generate_latest

from app.foundation.ids import new_id
from tests.journeys.test_secrets_stay_secret import everywhere, forms
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT, gone_live
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.problems import CANARY
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service
from tests.support.worker_process import running_worker

pytestmark = pytest.mark.processes

MINUTE = timedelta(minutes=1)


@dataclass
class Runtime:
    """An API without a worker, and a mail server."""

    own_database: DatabaseUrls
    service: Service
    mail: MailServer

    def begin_work(self) -> None:
        """Start a worker that lives at the service's time."""
        asyncio.run_coroutine_threadsafe(self.service.worker.run(), self.service.loop)

    def look_at(self, since: timedelta) -> None:
        """Let the worker look at the clock so long after the beginning."""
        self.service.clock.move_to(NOW + since)
        self.service.sweep()


@pytest.fixture
def runtime(cluster: Cluster, own_log: StringIO) -> Iterator[Runtime]:
    assert own_log is not None

    with (
        cluster.database() as own_database,
        running_mail_server() as mail,
        running_service(own_database.application_url, work=False, speedup=1, mail=mail.relay()) as service,
    ):
        yield Runtime(own_database, service, mail)


def statement(runtime: Runtime, clinic: ClinicClient) -> str:
    """Have a patient ask for a booster and say it, with a word in every place that takes one; gives the id."""
    patient = clinic.patient(reference=CANARY)
    code = clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()["code"]
    device = {"code": code, "device_name": CANARY}
    enrolled = httpx2.post(
        f"{runtime.service.url}/v1/enrolments", json=device, timeout=30, verify=NO_TLS
    ).json()
    body = {
        "recorded_at": NOW.isoformat(),
        "time_zone": "Europe/Berlin",
        "mood": 1,
        "note": CANARY,
        "self_harm_thoughts": True,
        "asks_about_booster": True,
    }
    said = httpx2.put(
        f"{runtime.service.url}/v1/check-ins/{new_id()}",
        json=body,
        headers={"authorization": f"Bearer {enrolled['access_token']}"},
        timeout=30,
        verify=NO_TLS,
    )
    assert said.status_code == 201, said.text
    assert said.json()["crisis_help"]["lines"], "help is in the same answer"
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    return str(event["id"])


def read(clinic: ClinicClient, event_id: str) -> dict[str, Any]:
    return dict(clinic.http.get(f"/v1/safety-events/{event_id}").json())


def at(since: timedelta) -> str:
    return (NOW + since).isoformat().replace("+00:00", "Z")


def test_a_statement_arrives_first_and_is_escalated_on_time_whatever_is_down(
    runtime: Runtime, receiver: Receiver, tmp_path: Path, own_log: StringIO
) -> None:
    clinic = clinic_client(runtime.service)
    killed = threading.Event()
    log = tmp_path / "worker.log"
    with running_worker(runtime.own_database.application_url, now=NOW, log=log) as worker:
        receiver.secret = gone_live(runtime.service, clinic, receiver)["secret"]
        receiver.answer = lambda _sent: 503
        receiver.pause = lambda: float(not killed.wait(20))
        event_id = statement(runtime, clinic)
        # It is killed while the receiver has the event and has not answered yet.
        assert wait_until(lambda: receiver.requests[-1].type == "safety.reported", 20)
        worker.kill()
        worker.join()
        killed.set()
    assert (worker.exitcode, read(clinic, event_id)["delivered_at"]) == (-9, None)

    runtime.begin_work()
    for minutes in range(5, 60, 5):
        before = len(receiver.requests)
        runtime.look_at(minutes * MINUTE)
        assert wait_until(partial(more_than, receiver, before), 20), minutes
        # The next attempt is due from when this one was written down: the clock may not move before.
        assert wait_until(partial(all_kept, runtime, receiver), 20), minutes
        assert len(runtime.mail.wait_for(2 if minutes >= 30 else 1)) == (2 if minutes >= 30 else 1)
    assert {one.type for one in receiver.requests[1:]} == {"safety.reported"}, "all others wait behind it"
    assert clinic.http.get("/v1/clinic").json()["attention"] == ["safety_unacknowledged", "endpoint_failing"]

    receiver.answer = lambda _sent: 204
    already_sent = len(receiver.accepted())
    runtime.look_at(60 * MINUTE)
    assert wait_until(lambda: read(clinic, event_id)["delivered_at"] is not None, 20)
    safety_first = ["safety.reported", "safety.unacknowledged"]
    # Ordinary ones go several at a time: no order is promised among them.
    patients_own = {"patient.asked_about_booster", "finding.raised"}
    for half_minutes in range(1, 20):
        runtime.look_at(60 * MINUTE + half_minutes * MINUTE / 2)
        if wait_until(lambda: patients_own <= {one.type for one in receiver.accepted()}, 2):
            break
    order = [one.type for one in receiver.accepted()[already_sent:]]
    assert (order[:2], sorted(order[2:])) == (safety_first, sorted(patients_own))
    assert {one.verified for one in receiver.requests[1:]} == {True}
    assert {one.event["data"]["mode"] for one in receiver.accepted()[already_sent:]} == {"live"}

    letters = runtime.mail.wait_for(4)
    assert [one.to for one in letters[:2]] == [SAFETY_CONTACT["email"], SECOND_CONTACT["email"]]
    assert {one.to for one in letters[2:]} == {SAFETY_CONTACT["email"], SECOND_CONTACT["email"]}
    check_times(runtime, clinic, event_id)
    check_that_nobody_repeats_a_word(runtime, receiver, log.read_text(), own_log.getvalue())
    clinic.close()


def all_kept(runtime: Runtime, receiver: Receiver) -> bool:
    """Whether each attempt that arrived is written down, but the one whose worker was killed."""
    with psycopg.connect(runtime.own_database.superuser_url) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM care.attempts").fetchone() or (0,)
    return int(kept) == len(receiver.requests) - 1


def more_than(receiver: Receiver, before: int) -> bool:
    return len(receiver.requests) > before


def check_times(runtime: Runtime, clinic: ClinicClient, event_id: str) -> None:
    """Take it up, reach the person, close it: every time of its life is in the answer."""
    for since, what, body in (
        (75 * MINUTE, "acknowledge", None),
        (90 * MINUTE, "close", {"outcome": "contact made", "contact_made_at": at(80 * MINUTE)}),
    ):
        runtime.service.clock.move_to(NOW + since)
        reply = clinic.http.post(f"/v1/safety-events/{event_id}/{what}", json=body)
        assert reply.status_code == 200, reply.text
    event = read(clinic, event_id)
    times = {name: event[name] for name in event if name.endswith("_at")}
    assert times == {
        "received_at": at(0 * MINUTE),
        "shown_at": at(0 * MINUTE),
        "sent_at": at(0 * MINUTE),
        "delivered_at": at(60 * MINUTE),
        "escalated_at": at(30 * MINUTE),
        "escalate_at": None,
        "acknowledged_at": at(75 * MINUTE),
        "contact_made_at": at(80 * MINUTE),
        "closed_at": at(90 * MINUTE),
    }
    assert (event["escalations"], event["outcome"]) == (2, "contact_made")
    assert event["acknowledged_by"] == event["closed_by"] is not None


def check_that_nobody_repeats_a_word(runtime: Runtime, receiver: Receiver, *logs: str) -> None:
    """What the patient wrote, and whom the clinic named, is in nothing that leaves or is written down."""
    metrics = generate_latest().decode()
    tables = list(everywhere(runtime.own_database.superuser_url))
    assert all("delivery.attempted" in log for log in logs)
    assert "afterglow_request_seconds" in metrics
    for secret in forms(CANARY):
        assert not any(secret in text for text in (*logs, metrics))
        assert not any(secret.encode() in one.raw for one in receiver.requests)
        assert not any(secret.encode() in letter.raw for letter in runtime.mail.letters)
        assert {table for table, row in tables if secret in row} == set()
    for person in (SAFETY_CONTACT, SECOND_CONTACT):
        for secret in (*forms(str(person["name"])), *forms(str(person["email"]))):
            assert not any(secret in text for text in (*logs, metrics))
            assert not any(secret.encode() in one.raw for one in receiver.requests)
            assert {table for table, row in tables if secret in row} == set()
