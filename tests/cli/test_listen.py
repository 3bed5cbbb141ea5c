"""`afterglow listen`: a program on a laptop gets the events as webhooks, verified, though nothing can reach it."""

import pytest
from typer.testing import CliRunner

from app.cli.commands import app
from app.notifications.transport import signing
from tests.support.people import ClinicClient
from tests.support.receiver import Receiver
from tests.support.service import Service


def test_every_event_reaches_the_program_once_in_order_and_signed(
    service: Service, clinic: ClinicClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.secret = signing.new_secret()
    monkeypatch.setenv("AFTERGLOW_API_KEY", clinic.key)
    monkeypatch.setenv("AFTERGLOW_WEBHOOK_SECRET", receiver.secret)
    patients = [clinic.patient() for _ in range(3)]

    command = ["listen", "--url", service.url, "--forward-to", receiver.url, "--past", "--once"]
    shown = CliRunner().invoke(app, command)

    assert shown.exit_code == 0, shown.output
    came = receiver.accepted()
    assert [one.event["data"]["patient_id"] for one in came] == patients, shown.output
    assert [one.type for one in came] == ["patient.registered"] * 3
    assert all(one.verified for one in came)
    assert [one.webhook_id for one in came] == [
        one["id"] for one in clinic.http.get("/v1/events").json()["items"]
    ]
    assert shown.output.count("204") == 3


def test_what_happened_before_is_left_out_unless_asked_for(
    service: Service, clinic: ClinicClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERGLOW_API_KEY", clinic.key)
    clinic.patient()
    shown = CliRunner().invoke(app, ["listen", "--url", service.url, "--forward-to", receiver.url, "--once"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("Verify signatures with: whsec_")
    assert receiver.accepted() == []


@pytest.mark.parametrize(("key", "said"), [("", "AFTERGLOW_API_KEY"), ("agk_wrong", "events:read")])
def test_a_key_that_does_not_work_is_said_in_one_sentence(
    service: Service, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("AFTERGLOW_API_KEY", key)
    shown = CliRunner().invoke(app, ["listen", "--url", service.url, "--forward-to", "http://127.0.0.1:9"])
    assert shown.exit_code == 1
    assert said in shown.output
    assert "Traceback" not in shown.output
