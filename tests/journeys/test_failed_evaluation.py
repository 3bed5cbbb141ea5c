"""When our own evaluation fails, what the patient told is kept, reported, and evaluated later."""

import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta

import psycopg
import pytest

from app.clinical.protocol import STANDARD, Protocol
from tests.support.ground import Place
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service, running_service


class BreakableProtocol(Protocol):
    """The standard rule; while ``broken``, every number that it asks for fails."""

    broken = False

    def __getattribute__(self, name: str) -> object:
        if BreakableProtocol.broken and not name.startswith("__"):
            raise ZeroDivisionError
        return super().__getattribute__(name)


@pytest.fixture
def breakable(place: Place) -> Iterator[Service]:
    rule = BreakableProtocol(**{field.name: getattr(STANDARD, field.name) for field in fields(STANDARD)})
    with running_service(place.application_url, protocol=rule) as running:
        yield running
    BreakableProtocol.broken = False


def eventually(true: Callable[[], bool], within: float = 60) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def fading(clinic: ClinicClient) -> str:
    """A patient whose next low report raises a signal."""
    return treated(
        clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 21 else (3, 3, 3), until=22
    )


def test_a_rule_that_fails_costs_no_check_in_and_no_statement(breakable: Service) -> None:
    clinic = clinic_client(breakable)
    patient = fading(clinic)
    phone = clinic.enrol(patient, breakable.url)
    assert clinic.signals(patient) == []

    BreakableProtocol.broken = True
    sent = [
        phone.check_in(NOW - timedelta(days=days), (3, 3, 3), self_harm_thoughts=days == 0) for days in (1, 0)
    ]
    batch = phone.http.post("/v1/check-ins/batch", json={"items": [{"id": "x"}]})

    assert [reply.status_code for reply in (*sent, batch)] == [201, 201, 200]
    assert sent[1].json()["crisis_help"]
    assert len(clinic.http.get("/v1/safety-events").json()["items"]) == 1
    assert {reply.json()["id"] for reply in sent} <= {
        one["id"] for one in phone.http.get("/v1/check-ins?limit=200").json()["items"]
    }
    assert clinic.signals(patient) == []

    BreakableProtocol.broken = False
    eventually(lambda: len(clinic.signals(patient)) == 1)
    assert clinic.evaluation(patient)["level"] == "consider_booster"
    clinic.close()


@pytest.mark.parametrize("damage", ['{"format": 1}', "{}", '{"format": 99}', "[]", "null", '"text"'])
def test_a_damaged_memory_mends_itself(
    place: Place, service: Service, clinic: ClinicClient, damage: str
) -> None:
    patient = fading(clinic)
    phone = clinic.enrol(patient, service.url)
    with psycopg.connect(place.superuser_url) as connection:
        changed = connection.execute(
            "UPDATE care.patient_states SET memory = jsonb_set(memory, '{memory}', %s) WHERE patient_id = %s",
            [damage, patient],
        )
        assert changed.rowcount == 1

    sent = [phone.check_in(NOW - timedelta(days=days), (3, 3, 3)) for days in (1, 0)]

    assert [reply.status_code for reply in sent] == [201, 201]
    eventually(lambda: len(clinic.signals(patient)) == 1)
    assert clinic.evaluation(patient)["level"] == "consider_booster"
