"""Timeline benefits are read from beside the rule's state, and found again where an earlier release kept less."""

import zlib
from datetime import timedelta
from typing import Any

import psycopg

from app.storage.clinical_json import STATE_FORMAT, KeptState, pack_state, unpack_state
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.service import NOW, Service


def interval(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    reply = clinic.http.get(f"/v1/patients/{patient}/interval")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def kept(shared_database: DatabaseUrls, patient: str, written: bytes | None = None) -> KeptState | None:
    """The rule's state as it is in the database, where that may be written first."""
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        row = connection.execute(
            "UPDATE care.patient_states SET packed_state = coalesce(%s, packed_state)"
            " WHERE patient_id = %s RETURNING packed_state",
            [written, patient],
        ).fetchone()
    assert row is not None
    return unpack_state(row[0], rule=RULE)


RULE = "gain-lost 2.0"


def test_what_an_earlier_release_kept_is_made_whole_by_the_next_report(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = treated(
        clinic, NOW, days_since=80, level=lambda day: (8, 8, 8) if day % 40 < 30 else (3, 3, 3), until=79
    )
    given = {"given_at": (NOW - timedelta(days=40)).isoformat(), "phase": "booster"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
    shown = interval(clinic, patient)
    assert [one["lost"] for one in shown["past"]] == [True, True]
    state = kept(shared_database, patient)
    assert state is not None
    assert len(state.timeline.considered) == 2

    # Three values, the first of them the format.
    before, now = b"\x93%c" % (STATE_FORMAT - 1), b"\x93%c" % STATE_FORMAT
    earlier = zlib.compress(zlib.decompress(pack_state(state, rule=RULE)).replace(now, before, 1))
    assert kept(shared_database, patient, earlier) is None
    assert interval(clinic, patient) == shown

    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (3, 3, 3)).is_success
    again = kept(shared_database, patient)
    assert again is not None
    assert again.timeline.considered
    assert interval(clinic, patient) == shown
