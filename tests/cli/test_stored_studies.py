"""`afterglow what-if` and `afterglow replay` over what a service has stored."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from app.foundation.zones import zone_edition
from tests.cli.command_line import afterglow_here
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import KEY, NOW, Service

pytestmark = pytest.mark.processes

WELL, THREE_FIFTHS, ALL = (8, 8, 8), (5, 5, 5), (3, 3, 3)


@pytest.fixture(scope="module")
def treated_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """Three patients: one lost everything, one three fifths, one nothing."""
    shared_service.clock.move_to(NOW)
    client = clinic_client(shared_service)
    last = NOW - timedelta(days=40)
    for low in (ALL, THREE_FIFTHS, WELL):
        patient = client.patient()
        client.treat(patient, last_infusion=last)
        client.import_days(patient, last - timedelta(days=20), [(3, 3, 3)] * 9)
        for day in range(1, 41):
            shared_service.clock.move_to(shared_service.clock.now() + timedelta(seconds=1))
            client.import_days(patient, last + timedelta(days=day), [WELL if day < 20 else low])
    yield client
    client.close()


def run(shared_database: DatabaseUrls, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = {
        "DATABASE_URL": shared_database.application_url,
        "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
    }
    return afterglow_here(*arguments, more=where)


def test_what_if_compares_counts_over_the_stored_history(
    treated_clinic: ClinicClient, shared_database: DatabaseUrls, tmp_path: Path
) -> None:
    (tmp_path / "protocol.json").write_text('{"consider_at": 0.65}')
    given = ("what-if", "--clinic", treated_clinic.clinic_id, "--protocol", str(tmp_path / "protocol.json"))
    ended = run(shared_database, *given)
    assert (ended.returncode, ended.stderr) == (0, "")
    said = "With gain-lost 2.0, consider_at=0.65 there would have been 1 signal instead of 2."
    assert ended.stdout.startswith(f"{said}\n")
    report = json.loads(run(shared_database, *given, "--json").stdout)
    assert (report["says"], report["patients"]) == (said, 3)
    assert (report["no_longer_raised"], report["newly_raised"]) == (1, 0)
    earlier = (NOW - timedelta(days=30)).date().isoformat()
    assert "0 signals instead of 0" in run(shared_database, *given, "--to", earlier).stdout
    assert "1 signal instead of 2" in run(shared_database, *given, "--from", earlier).stdout


def test_what_if_compares_with_the_clinics_own_active_numbers(
    treated_clinic: ClinicClient, shared_database: DatabaseUrls, tmp_path: Path
) -> None:
    policy = {"numbers": {"consider_at": 0.65, "consider_at_assumed": 0.7, "steady_days": 3}}
    written = treated_clinic.http.put("/v1/clinic/policy", json=policy, headers={"if-match": '"0"'})
    assert written.status_code == 200
    (tmp_path / "protocol.json").write_text('{"consider_at": 0.5}')
    given = ("what-if", "--clinic", treated_clinic.clinic_id, "--protocol", str(tmp_path / "protocol.json"))
    report = json.loads(run(shared_database, *given, "--json").stdout)
    own = "gain-lost 2.0, consider_at=0.65, consider_at_assumed=0.7, steady_days=3"
    assert (report["now"]["rule"], report["now"]["signals"]) == (own, 1)
    # 0.5 is what the rule itself says.
    asked = "gain-lost 2.0, consider_at_assumed=0.7, steady_days=3"
    assert (report["instead"]["rule"], report["instead"]["signals"]) == (asked, 2)
    assert report["says"] == f"With {asked} there would have been 2 signals instead of 1."
    assert f"  active numbers            {own}\n" in run(shared_database, *given).stdout
    back = treated_clinic.http.put("/v1/clinic/policy", json={"numbers": {}}, headers={"if-match": '"1"'})
    assert back.status_code == 200


def test_what_if_for_a_clinic_that_is_not_there(shared_database: DatabaseUrls, tmp_path: Path) -> None:
    (tmp_path / "protocol.json").write_text("{}")
    ended = run(
        shared_database, "what-if", "--clinic", str(uuid4()), "--protocol", str(tmp_path / "protocol.json")
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "afterglow: There is no clinic with this id.\n"


def test_replay_says_same_and_shows_what_was_tampered_with(
    treated_clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    for signal in treated_clinic.signals():
        ended = run(shared_database, "replay", signal["id"])
        assert ended.stdout.startswith(f"same: signal {signal['id']}, raised "), ended.stdout
        assert (ended.returncode, ended.stderr) == (0, "")
    with psycopg.connect(
        shared_database.superuser_url.replace("postgresql+psycopg", "postgresql")
    ) as connection:
        connection.execute(
            "UPDATE care.check_ins SET energy = 10 WHERE patient_id = %s AND energy = 8",
            (signal["patient_id"],),
        )
    ended = run(shared_database, "replay", signal["id"], "--clinic", treated_clinic.clinic_id)
    assert ended.returncode == 1
    assert "  reference.values.energy: 8.0, now 10.0\n" in ended.stdout
    report = json.loads(run(shared_database, "replay", signal["id"], "--json").stdout)
    assert report["same"] is False
    assert "reference.values.energy" in {one["path"] for one in report["differences"]}


def test_replay_names_the_zone_rules_where_they_are_not_those_of_the_decision(
    treated_clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    signal = treated_clinic.signals()[0]
    assert signal["decision"]["zone_rules"] == zone_edition()
    superuser = shared_database.superuser_url.replace("postgresql+psycopg", "postgresql")

    def replayed_with(decision: dict[str, object]) -> str:
        with psycopg.connect(superuser) as connection:
            connection.execute(
                "UPDATE care.signals SET decision = %s WHERE id = %s", (json.dumps(decision), signal["id"])
            )
        ended = run(shared_database, "replay", signal["id"])
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    assert "time zone rules" not in run(shared_database, "replay", signal["id"]).stdout
    named = f"; by the time zone rules of 2025b, now {zone_edition()}\n"
    assert replayed_with(signal["decision"] | {"zone_rules": "2025b"}).endswith(named)
    # As an earlier release stored it.
    assert "time zone rules" not in replayed_with(
        {name: value for name, value in signal["decision"].items() if name != "zone_rules"} | {"format": 3}
    )
    answers = (
        "SELECT DISTINCT zone_rules FROM care.check_ins WHERE patient_id = %s AND evaluated_at IS NOT NULL"
    )
    with psycopg.connect(superuser) as connection:
        assert connection.execute(answers, (signal["patient_id"],)).fetchall() == [(zone_edition(),)]


def test_replay_of_what_is_not_there(shared_database: DatabaseUrls) -> None:
    ended = run(shared_database, "replay", str(uuid4()))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "afterglow: There is nothing here under this id, or it is not yours to see.\n"
