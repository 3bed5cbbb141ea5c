"""The operator's commands about clinics, keys, staff, patients and jobs: as JSON, and each on the audit log."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.access.resealing import RESEAL
from app.cli.runtime import in_clinic
from app.context import Work
from app.notifications.webhooks.endpoints import seal_url
from app.storage import endpoints, patients
from app.storage.endpoints import Endpoint
from tests.cli.command_line import afterglow_here, new_clinic, server_of
from tests.support.databases import in_memory, open_folder

pytestmark = pytest.mark.processes


def test_an_operator_holds_deliveries_and_releases_them() -> None:
    with open_folder(in_memory()) as folder, ExitStack() as running:
        data_dir = folder / "data"
        clinic = new_clinic(data_dir)["clinic_id"]
        running.enter_context(server_of(data_dir))
        endpoint = "01900000-0000-7000-8000-000000000001"

        async def added(work: Work) -> None:
            await endpoints.add(
                work,
                Endpoint(
                    id=UUID(endpoint),
                    url_sealed=seal_url(work, UUID(endpoint), "https://a.example/in"),
                    secret_sealed=b"",
                    events=None,
                    state="enabled",
                    disabled_because=None,
                    failing_since=None,
                    created_at=work.now,
                ),
            )
            work.audit("endpoint.added", "endpoint", UUID(endpoint))

        in_clinic(data_dir, UUID(clinic), added)
        for command, state in (("hold", "disabled"), ("release", "enabled")):
            words = ("deliveries", command, "--clinic", clinic, "--endpoint", endpoint)
            done = afterglow_here(*words, "--json", "--data-dir", str(data_dir))
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == {"endpoint_id": endpoint, "state": state}
            listed = afterglow_here(
                "deliveries", "list", "--clinic", clinic, "--json", "--data-dir", str(data_dir)
            )
            (one,) = json.loads(listed.stdout)["endpoints"]
            assert (one["endpoint_id"], one["state"], one["held"]) == (endpoint, state, 0)
            assert "a.example" not in listed.stdout
        words = ("deliveries", "hold", "--clinic", clinic, "--endpoint", clinic)
        unknown = afterglow_here(*words, "--data-dir", str(data_dir))
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert "has no endpoint with this id" in unknown.stderr


def test_synthetic_patients_are_registered_once_a_day_and_in_test_mode_only() -> None:
    with open_folder(in_memory()) as folder, ExitStack() as running:
        data_dir = folder / "data"
        clinic = new_clinic(data_dir)["clinic_id"]
        running.enter_context(server_of(data_dir))

        def seed() -> tuple[int, str, str]:
            done = afterglow_here("seed", "--clinic", clinic, "--patients", "8", "--data-dir", str(data_dir))
            return done.returncode, done.stdout, done.stderr

        code, said, trouble = seed()
        assert (code, trouble) == (0, "")
        assert said.startswith("8 synthetic patients with ")
        assert seed() == (0, said, ""), "it changes nothing"

        async def registered(work: Work) -> list[UUID]:
            return [one.id for one in await patients.page(work, after=None, limit=100)]

        first, *others = in_clinic(data_dir, UUID(clinic), registered)
        assert len(others) == 7
        found = afterglow_here("patient", "find", str(first), "--json", "--data-dir", str(data_dir))
        assert json.loads(found.stdout) == {"patient_id": str(first), "clinic_id": clinic}

        async def looks(work: Work) -> int:
            asked = "SELECT FROM care.audit_events WHERE action = 'patient.read' AND patient_id = :id"
            return len((await work.execute(text(asked), {"id": first})).all())

        assert in_clinic(data_dir, UUID(clinic), looks) == 1

        async def live(work: Work) -> None:
            await work.execute(text("UPDATE care.clinic_profiles SET mode = 'live'"))

        in_clinic(data_dir, UUID(clinic), live)
        code, _, trouble = seed()
        assert code == 1
        assert "The clinic is live" in trouble


def job_that_waits_is_retried(run: Callable[..., dict[str, Any]], data_dir: Path, clinic: UUID) -> None:
    async def waits(work: Work) -> None:
        work.queue(RESEAL, clinic_id=work.clinic_id)

    in_clinic(data_dir, clinic, waits)
    (job,) = run("jobs", "list", "--status", "todo")["jobs"]
    assert run("jobs", "retry", str(job["id"])) == {"id": job["id"], "status": "todo"}


def old_key_stays_while_it_seals(data_dir: Path, key: str, refused: Callable[..., str]) -> None:
    """Cells that it sealed keep a key from being retired, and then a disclosure that still waits."""
    assert "Still sealing" in refused("keys", "retire")
    assert afterglow_here("keys", "reseal", "--data-dir", str(data_dir)).returncode == 0
    put_by = data_dir / "spool" / "one.disclosure"
    put_by.parent.mkdir(exist_ok=True)
    put_by.write_bytes(b"\x01" + bytes.fromhex(key) + bytes(40))
    assert "what waits in the spool" in refused("keys", "retire")
    put_by.unlink()


def test_an_operator_manages_a_clinic_without_the_pages() -> None:
    with open_folder(in_memory()) as folder, ExitStack() as running:
        data_dir = str(folder / "data")
        clinic = new_clinic(folder / "data")["clinic_id"]
        running.enter_context(server_of(folder / "data"))

        def run(*words: str) -> dict[str, Any]:
            done = afterglow_here(*words, "--json", "--data-dir", data_dir)
            assert done.returncode == 0, done.stdout + done.stderr
            return dict(json.loads(done.stdout))

        def refused(*words: str) -> str:
            done = afterglow_here(*words, "--data-dir", data_dir)
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            return done.stderr

        (listed,) = run("clinic", "list")["clinics"]
        assert (listed["id"], listed["mode"], listed["state"]) == (clinic, "test", "open")
        assert run("clinic", "rename", "--clinic", clinic, "--name", "Riverbend")["name"] == "Riverbend"
        assert run("clinic", "show", "--clinic", clinic)["name"] == "Riverbend"

        made = run("key", "make", "--clinic", clinic, "--name", "EHR", "--scope", "signals")
        assert made["secret"].startswith("agk_")
        run("key", "revoke", "--clinic", clinic, "--key", made["id"])
        keys = run("key", "list", "--clinic", clinic)["keys"]
        assert [(one["name"], one["revoked_at"] is None) for one in keys] == [
            ("first key", True),
            ("EHR", False),
        ]
        assert "secret" not in keys[0]

        email = "ortega@clinic.example"
        invited = afterglow_here(
            "staff",
            "invite",
            "--clinic",
            clinic,
            "--name",
            "R. Ortega",
            "--email",
            email,
            "--data-dir",
            data_dir,
        )
        assert invited.returncode == 0
        (member,) = run("staff", "list", "--clinic", clinic)["staff"]
        assert (member["email"], member["state"]) == (email, "invited")
        assert run("staff", "unlock", "--clinic", clinic, "--email", email.upper())["id"] == member["id"]
        assert "Nobody on this clinic" in refused(
            "staff", "unlock", "--clinic", clinic, "--email", "a@b.example"
        )

        assert run("jobs", "list") == {"jobs": []}
        job_that_waits_is_retried(run, folder / "data", UUID(clinic))
        assert "no job" in refused("jobs", "retry", "7777")
        assert "No clinic here" in refused("patient", "find", clinic)
        assert "no clinic with this id" in refused("clinic", "show", "--clinic", made["id"])

        # Its data stays when it is closed, and so does what opens it.
        assert run("clinic", "close", "--clinic", clinic)["state"] == "closed"
        assert run("clinic", "list")["clinics"][0]["state"] == "closed"
        status = run("keys", "status")
        assert [one["state"] for one in status["keys"]] == ["active"]
        assert afterglow_here("keys", "rotate", "--data-dir", data_dir).returncode == 0
        assert [one["state"] for one in run("keys", "status")["keys"]] == ["old", "active"]
        old_key_stays_while_it_seals(folder / "data", status["keys"][0]["key"], refused)
        assert afterglow_here("keys", "retire", "--data-dir", data_dir).returncode == 0
        (only,) = run("keys", "status")["keys"]
        assert only["state"] == "active"
        assert run("staff", "list", "--clinic", clinic)["staff"][0]["email"] == email

        export = folder / "log.jsonl"
        assert (
            afterglow_here(
                "audit", "export", "--clinic", clinic, "--output", str(export), "--data-dir", data_dir
            ).returncode
            == 0
        )
        actions = {
            json.loads(line).get("event", {}).get("action") for line in export.read_text().splitlines()
        }
        assert {"clinic.changed", "api_key.made", "api_key.revoked", "staff.enabled", "staff.read"} <= actions
        assert {"clinic.read", "clinic.closed", "encryption.resealed", "job.retried"} <= actions
