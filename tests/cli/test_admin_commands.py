"""The operator's commands about clinics, keys, staff, patients and jobs: as JSON, and each on the audit log."""

import json
from typing import Any

import pytest

from tests.cli.command_line import afterglow, new_clinic, open_folder

pytestmark = pytest.mark.processes


def test_an_operator_manages_a_clinic_without_the_pages() -> None:
    with open_folder() as folder:
        data_dir = str(folder / "data")
        clinic = new_clinic(folder / "data")["clinic_id"]

        def run(*words: str) -> dict[str, Any]:
            done = afterglow(*words, "--json", "--data-dir", data_dir)
            assert done.returncode == 0, done.stdout + done.stderr
            return dict(json.loads(done.stdout))

        def refused(*words: str) -> str:
            done = afterglow(*words, "--data-dir", data_dir)
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
        invited = afterglow(
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
        assert "no job" in refused("jobs", "retry", "7")
        assert "No clinic here" in refused("patient", "find", clinic)
        assert "no clinic with this id" in refused("clinic", "show", "--clinic", made["id"])

        status = run("keys", "status")
        assert [one["state"] for one in status["keys"]] == ["active"]
        assert afterglow("keys", "rotate", "--data-dir", data_dir).returncode == 0
        assert [one["state"] for one in run("keys", "status")["keys"]] == ["old", "active"]
        assert "Still sealing" in refused("keys", "retire")
        assert afterglow("keys", "reseal", "--data-dir", data_dir).returncode == 0
        assert afterglow("keys", "retire", "--data-dir", data_dir).returncode == 0
        (only,) = run("keys", "status")["keys"]
        assert only["state"] == "active"
        assert run("staff", "list", "--clinic", clinic)["staff"][0]["email"] == email

        assert run("clinic", "close", "--clinic", clinic)["state"] == "closed"
        assert run("clinic", "list")["clinics"][0]["state"] == "closed"
        export = folder / "log.jsonl"
        assert (
            afterglow(
                "audit", "export", "--clinic", clinic, "--output", str(export), "--data-dir", data_dir
            ).returncode
            == 0
        )
        actions = {
            json.loads(line).get("event", {}).get("action") for line in export.read_text().splitlines()
        }
        assert {"clinic.changed", "api_key.made", "api_key.revoked", "staff.enabled", "staff.read"} <= actions
        assert {"clinic.read", "clinic.closed", "encryption.resealed"} <= actions
