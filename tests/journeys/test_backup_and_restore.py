"""From a backup and the key everything comes back: answers, signals, and what was still to be delivered."""

import shutil
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from app.cli.runtime import KEY_FILE
from tests.support.people import NO_TLS, ClinicClient, treated
from tests.support.problems import without
from tests.support.processes import environment_for, run_command, running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Receiver

pytestmark = pytest.mark.processes


def test_all_comes_back_from_a_backup_and_what_was_pending_is_delivered(receiver: Receiver) -> None:
    receiver.answer = lambda _sent: 503
    now = datetime.now(UTC)
    with temporary_data_dir() as data_dir:
        archive = data_dir.parent / "everything.backup"
        with running_dev(data_dir, "serve", AFTERGLOW_RETRY_SPEEDUP="20") as dev:
            clinic = dev.clinic()
            endpoint = clinic.add_endpoint(receiver.url)
            receiver.secret = endpoint["secret"]
            low_at_last = treated(
                clinic, now, days_since=24, level=lambda day: (8, 8, 8) if day < 15 else (3, 3, 3)
            )
            phone = clinic.enrol(low_at_last, dev.url)
            said = phone.check_in(
                now - timedelta(minutes=5), (3, 3, 3), note="words", self_harm_thoughts=True
            )
            assert said.status_code == 201
            phone.http.close()
            evaluation, signals = clinic.evaluation(low_at_last), clinic.signals()
            events = clinic.http.get("/v1/safety-events").json()["items"]
            assert wait_until(lambda: len(receiver.requests) > 0, 20)
            dev.command("backup", "--to", str(archive))
            clinic.http.close()
        assert receiver.accepted() == []
        key = (data_dir / KEY_FILE).read_bytes()
        shutil.rmtree(data_dir)
        data_dir.mkdir()
        (data_dir / KEY_FILE).write_bytes(key)
        (data_dir / KEY_FILE).chmod(0o600)
        receiver.answer = lambda _sent: 204

        run_command("restore", "--from", str(archive), environment=environment_for(data_dir))

        with (
            running_dev(data_dir, "serve", AFTERGLOW_RETRY_SPEEDUP="20") as dev,
            httpx2.Client(
                base_url=dev.url, headers={"authorization": f"Bearer {clinic.key}"}, timeout=30, verify=NO_TLS
            ) as http,
        ):
            again = ClinicClient(http, clinic.clinic_id, clinic.key)
            assert without(again.evaluation(low_at_last), "as_of") == without(evaluation, "as_of")
            assert again.signals() == signals
            assert len(signals) == 1
            kept = again.http.get("/v1/safety-events").json()["items"]
            assert [one["id"] for one in kept] == [one["id"] for one in events]
            (raised,) = receiver.wait_for("signal.raised", within=90)
            (safety,) = receiver.wait_for("safety.reported", within=90)
            assert raised.event["data"]["signal_id"] == signals[0]["id"]
            assert safety.event["data"]["safety_event_id"] == events[0]["id"]
            assert raised.verified
            assert safety.verified
            assert safety.at < raised.at
            phone = again.enrol(low_at_last, dev.url)
            assert "words" in [
                one["note"] for one in phone.http.get("/v1/check-ins?limit=200").json()["items"]
            ]
            phone.http.close()


def test_a_backup_is_not_restored_over_what_is_there() -> None:
    with temporary_data_dir() as data_dir, running_dev(data_dir, "serve --no-worker") as dev:
        archive = data_dir.parent / "everything.backup"
        dev.command("backup", "--to", str(archive))
        refused = ""
        try:
            dev.command("restore", "--from", str(archive))
        except AssertionError as error:
            refused = str(error)

        assert "empty database" in refused
        assert dev.is_ready()
