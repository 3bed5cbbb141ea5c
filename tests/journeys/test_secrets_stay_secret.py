"""Words that a patient or a clinic entrusts to us turn up nowhere but in the answers they belong in."""

import base64
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from app.foundation.ids import new_id
from app.storage.engine.embedded.supervisor import find_running
from app.storage.engine.migrating import DATABASE
from tests.support.browser import PlainBrowser, fields_of
from tests.support.clinics import name_contacts
from tests.support.mail_server import SENDER, running_mail_server
from tests.support.people import NO_TLS, ClinicClient, entry, item, treated
from tests.support.problems import CANARY
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Receiver

pytestmark = pytest.mark.processes

PHONE = "+1 555 0147 4711"


def everywhere(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as the superuser reads it, bytes as hex."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            for (row,) in connection.execute(f"SELECT t::text FROM {schema}.{table} t"):  # noqa: S608 - the catalogue's own names
                yield f"{schema}.{table}", row


def forms(secret: str) -> list[str]:
    """The ways in which a text may be written without being hidden."""
    raw = secret.encode()
    return [secret, raw.hex(), base64.b64encode(raw).decode()[:-4], secret.upper(), secret[::-1]]


def entrust(dev: Dev, clinic: ClinicClient, receiver: Receiver, now: datetime) -> None:
    """Say the secret in every place that takes one, rightly and wrongly."""
    version = clinic.http.get("/v1/clinic").headers["etag"]
    change = {"crisis_phone": PHONE}
    assert clinic.http.patch("/v1/clinic", json=change, headers={"if-match": version}).status_code == 200
    receiver.secret = clinic.add_endpoint(f"{receiver.url}/{CANARY}")["secret"]
    patient = treated(clinic, now, days_since=24, level=lambda day: (8, 8, 8) if day < 15 else (3, 3, 3))
    clinic.patient(reference=CANARY)
    code = clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()["code"]
    enrolled = httpx2.post(
        f"{dev.url}/v1/enrolments", json={"code": code, "device_name": CANARY}, timeout=30, verify=NO_TLS
    )
    with httpx2.Client(
        base_url=dev.url,
        headers={"authorization": f"Bearer {enrolled.json()['access_token']}"},
        timeout=30,
        verify=NO_TLS,
    ) as phone:
        said = entry(now, (3, 3, 3)) | {"note": CANARY, "self_harm_thoughts": True}
        check_in_id = new_id()
        for body, status in (
            (said, 201),
            (said, 200),
            (said | {"note": CANARY * 2}, 409),
            (said | {"mood": CANARY}, 422),
            (said | {CANARY: CANARY}, 422),
            (said | {"time_zone": CANARY}, 422),
        ):
            assert phone.put(f"/v1/check-ins/{check_in_id}", json=body).status_code == status
        wrong: list[Any] = [item(now, (3, 3, 3)) | {"note": CANARY, "mood": CANARY}, CANARY]
        phone.post("/v1/check-ins/batch", json={"items": wrong})
        phone.put(f"/v1/check-ins/{CANARY}", json=said)
        phone.get("/v1/check-ins", params={"after": CANARY, "limit": CANARY})
        phone.post("/v1/check-ins/batch", content=CANARY, headers={"content-type": "application/json"})
        phone.get(f"/{CANARY}", headers={"authorization": f"Bearer {CANARY}", "user-agent": CANARY})
        for note in phone.get("/v1/check-ins?limit=200").json()["items"]:
            assert note["note"] in {CANARY, None}
    entrust_to_pages(dev, clinic, patient)
    (signal,) = clinic.signals(patient)
    closing = {"disposition": "data_problem", "note": CANARY}
    assert clinic.http.post(f"/v1/signals/{signal['id']}/close", json=closing).json()["note"] == CANARY
    clinic.http.post("/v1/webhook-endpoints", json={"url": f"https://{CANARY}.invalid/"})
    for kind, address in (("slack", f"{receiver.url}/{CANARY}"), ("email", f"{CANARY}@clinic.example")):
        channel = clinic.http.post("/v1/notice-channels", json={"kind": kind, "address": address})
        assert channel.status_code == 201, channel.text
        assert clinic.http.post(f"/v1/notice-channels/{channel.json()['id']}/test").status_code == 202
    clinic.http.post("/v1/notice-channels", json={"kind": "email", "address": CANARY})


def entrust_to_pages(dev: Dev, clinic: ClinicClient, patient: str) -> None:
    """Say it on every page that takes words, signed in and not."""
    browser = PlainBrowser(dev.url)
    browser.sign_in(clinic, patient)
    consent = fields_of(browser.get("/p/consent").text, "/p/consent")
    assert browser.post("/p/consent", consent | {"answer": "yes"}).status_code == 303
    form = fields_of(browser.get("/p/check-in").text, "/p/check-in")
    said = form | {"mood": "3", "note": CANARY, "self_harm_thoughts": "yes"}
    for fields, status in (
        (said, 200),
        (said | {"note": CANARY * 3}, 200),
        (said | {"mood": CANARY}, 422),
        (said | {"sleep_hours": CANARY, "time_zone": CANARY}, 422),
        (said | {"form_token": CANARY}, 403),
        (said | {CANARY: CANARY, "check_in_id": CANARY}, 422),
    ):
        assert browser.post("/p/check-in", fields).status_code == status
    assert CANARY in browser.get("/p/check-in").text
    browser.cookies = {}
    assert browser.post("/p/check-in", said).status_code == 401
    browser.post("/p/enrol", {"code": CANARY} | said)
    browser.get(f"/p/{CANARY}")
    browser.get(f"/p/link/agl_{CANARY}")
    browser.http.close()


def test_a_secret_appears_in_no_log_webhook_mail_metric_or_table(receiver: Receiver) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics_port = free.getsockname()[1]
    with (
        temporary_data_dir() as data_dir,
        running_mail_server() as mail,
        running_dev(
            data_dir,
            AFTERGLOW_METRICS_PORT=str(metrics_port),
            AFTERGLOW_SMTP_URL=f"smtp://127.0.0.1:{mail.port}?tls=off",
            AFTERGLOW_MAIL_FROM=SENDER,
        ) as dev,
    ):
        clinic = dev.clinic()
        name_contacts(clinic)
        entrust(dev, clinic, receiver, now)
        receiver.wait_for("safety.reported", count=4)
        receiver.wait_for("signal.closed")
        mail.wait_for(4)
        metrics = httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30, verify=NO_TLS).text
        server = find_running(data_dir)
        assert server is not None
        tables = list(everywhere(server.url("postgres", DATABASE)))
        logs = {path: path.read_text(errors="replace") for path in log_files(data_dir)}
        clinic.http.close()

    assert {one.verified for one in receiver.requests} == {True}
    assert "afterglow_request_seconds" in metrics
    assert any("request.answered" in text for text in logs.values())
    assert any("database system is ready" in text for text in logs.values())
    assert {"care.check_ins", "care.patients", "front_desk.clinics"} <= {table for table, _ in tables}
    for secret in (*forms(CANARY), *forms(PHONE)):
        assert secret not in metrics
        assert [str(path) for path, text in logs.items() if secret in text] == []
        assert [one.type for one in receiver.requests if secret.encode() in one.raw] == []
        # Whom a mail is for stands in its head, and nothing else does.
        assert [one.to for one in mail.letters if secret in one.body + str(one.message["subject"])] == []
        assert {table for table, row in tables if secret in row} == set()


def log_files(data_dir: Path) -> list[Path]:
    """Everything written as text: the processes' own log, PostgreSQL's."""
    assert wait_until(lambda: any(data_dir.rglob("*.log")), 5)
    return [*data_dir.parent.glob("*.log"), *data_dir.rglob("*.log")]
