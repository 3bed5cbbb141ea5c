"""Whatever else is wrong: one safety event, notified once, escalated once, on time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.clinical.protocol import STANDARD
from tests.journeys.test_failed_evaluation import BreakableProtocol
from tests.support.clinics import name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, PatientClient, Values, clinic_client, treated
from tests.support.service import NOW, Service, running_service

NOWHERE = "http://127.0.0.1:9/hook"


@pytest.fixture(scope="module")
def unsteady(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service whose rule can be broken, without a worker, and whose receiver is not there."""
    rule = BreakableProtocol(**{field.name: getattr(STANDARD, field.name) for field in fields(STANDARD)})
    with running_service(own_database.application_url, protocol=rule, work=False) as running:
        yield running


@pytest.fixture
def clinic(unsteady: Service) -> Iterator[ClinicClient]:
    unsteady.clock.move_to(NOW)
    client = clinic_client(unsteady)
    client.add_endpoint(NOWHERE)
    name_contacts(client)
    yield client
    BreakableProtocol.broken = False
    client.close()


def snoozed(clinic: ClinicClient) -> str:
    """A patient whose signal is out of sight for a week."""
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (4, 4, 4))
    (signal,) = clinic.signals(patient)
    until = {"until": (NOW + timedelta(days=7)).isoformat()}
    assert clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json=until).status_code == 200
    return patient


def form(clinic: ClinicClient, patient: str, items: Sequence[int | None]) -> httpx2.Response:
    """Staff enter a PHQ-9."""
    body = {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": items}
    return clinic.http.post(f"/v1/patients/{patient}/assessments", json=body)


def say(phone: PatientClient, values: Values = (5, 5, 5)) -> httpx2.Response:
    """The patient says it, under the same id each time."""
    same = "01928374-5566-7788-99aa-bbccddeeff00"
    reply = phone.check_in(NOW, values, check_in_id=same, self_harm_thoughts=True)
    assert reply.json()["crisis_help"]["lines"]
    return reply


def broken_rule(clinic: ClinicClient, unsteady: Service) -> list[int]:
    phone = clinic.enrol(clinic.patient(), unsteady.url)
    BreakableProtocol.broken = True
    return [say(phone).status_code]


def broken_rule_and_a_form(clinic: ClinicClient, _unsteady: Service) -> list[int]:
    patient = clinic.patient()
    BreakableProtocol.broken = True
    return [form(clinic, patient, [0] * 8 + [3]).status_code]


def incomplete_form(clinic: ClinicClient, _unsteady: Service) -> list[int]:
    return [form(clinic, clinic.patient(), [None, 1, None, 0, 0, 0, 0, 0, 3]).status_code]


def snoozed_signal(clinic: ClinicClient, unsteady: Service) -> list[int]:
    return [say(clinic.enrol(snoozed(clinic), unsteady.url)).status_code]


def the_same_report_again(clinic: ClinicClient, unsteady: Service) -> list[int]:
    phone = clinic.enrol(clinic.patient(), unsteady.url)
    return [say(phone).status_code for _ in range(3)]


def the_same_refused_report_again(clinic: ClinicClient, unsteady: Service) -> list[int]:
    phone = clinic.enrol(clinic.patient(), unsteady.url)
    return [say(phone, (11, 5, 5)).status_code for _ in range(3)]


def everything_at_once(clinic: ClinicClient, unsteady: Service) -> list[int]:
    phone = clinic.enrol(snoozed(clinic), unsteady.url)
    BreakableProtocol.broken = True
    return [say(phone, (None, None, None)).status_code for _ in range(3)]


@pytest.mark.parametrize(
    ("happens", "statuses", "source"),
    [
        (broken_rule, [201], "check_in"),
        (broken_rule_and_a_form, [201], "assessment"),
        (incomplete_form, [422], "refused_assessment"),
        (snoozed_signal, [201], "check_in"),
        (the_same_report_again, [201, 200, 200], "check_in"),
        (the_same_refused_report_again, [422] * 3, "refused_check_in"),
        (everything_at_once, [201, 200, 200], "check_in"),
    ],
)
def test_it_is_notified_once_and_escalated_on_time_whatever_else_is_wrong(
    clinic: ClinicClient,
    unsteady: Service,
    happens: Callable[[ClinicClient, Service], list[int]],
    statuses: list[int],
    source: str,
) -> None:
    assert happens(clinic, unsteady) == statuses

    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert (event["source"], event["urgent"], event["state"]) == (source, True, "open")
    assert event_counts(clinic) == {"safety.reported": 1}
    for minutes, escalated in ((29, 0), (30, 1), (31, 1)):
        unsteady.clock.move_to(NOW + timedelta(minutes=minutes))
        unsteady.sweep()
        assert event_counts(clinic).get("safety.unacknowledged", 0) == escalated


def event_counts(clinic: ClinicClient) -> dict[str, int]:
    """How many safety notices there are of each type, delivered or not."""
    (endpoint,) = clinic.http.get("/v1/webhook-endpoints").json()["items"]
    sent: list[dict[str, Any]] = clinic.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()[
        "items"
    ]
    types = [one["type"] for one in sent if one["urgency"] == "safety"]
    return {name: types.count(name) for name in types}
