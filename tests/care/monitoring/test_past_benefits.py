"""Timeline benefits are read from beside the rule's memory, and found again where an earlier release kept less."""

from datetime import timedelta
from typing import Any

import psycopg

from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.service import NOW, Service


def interval(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    reply = clinic.http.get(f"/v1/patients/{patient}/interval")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def kept(shared_database: DatabaseUrls, patient: str, change: str = "memory") -> dict[str, Any]:
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            f"UPDATE care.patient_states SET memory = {change} WHERE patient_id = %s",  # noqa: S608 - our own text
            [patient],
        )
        row = connection.execute(
            "SELECT memory FROM care.patient_states WHERE patient_id = %s", [patient]
        ).fetchone()
    assert row is not None
    return dict(row[0])


def test_what_an_earlier_release_kept_is_made_whole_by_the_next_report(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = treated(
        clinic, NOW, days_since=80, level=lambda day: (8, 8, 8) if day % 40 < 30 else (3, 3, 3), until=79
    )
    given = {"given_at": (NOW - timedelta(days=40)).isoformat(), "phase": "booster"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
    told = interval(clinic, patient)
    assert [one["lost"] for one in told["past"]] == [True, True]
    assert len(kept(shared_database, patient)["considered"]) == 2

    assert "considered" not in kept(shared_database, patient, "memory - 'considered'")
    assert interval(clinic, patient) == told

    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (3, 3, 3)).is_success
    assert kept(shared_database, patient)["considered"]
    assert interval(clinic, patient) == told
