"""What nobody acknowledges in time is notified again: once, on time, on any day, and not when someone did."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.care.alerts.escalation import escalate_safety, escalate_signal
from tests.support.clinics import change_clinic
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def quiet_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service in which nobody looks at the clock but the test."""
    with running_service(own_database.application_url, work=False) as running:
        yield running


@pytest.fixture
def quiet(quiet_service: Service) -> Service:
    quiet_service.clock.move_to(NOW)
    return quiet_service


@pytest.fixture
def clinic(quiet: Service) -> Iterator[ClinicClient]:
    client = clinic_client(quiet)
    yield client
    client.close()


def reported(service: Service, clinic: ClinicClient) -> dict[str, Any]:
    """An urgent safety event."""
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(service.clock.now(), self_harm_thoughts=True).status_code == 201
    return dict(clinic.http.get("/v1/safety-events").json()["items"][-1])


def item_nine(clinic: ClinicClient, answer: int) -> dict[str, Any]:
    """A safety event from a form that staff entered."""
    form = {"scale": "phq-9", "taken_at": NOW.isoformat(), "items": [0] * 8 + [answer]}
    reply = clinic.http.post(f"/v1/patients/{clinic.patient()}/assessments", json=form)
    assert reply.status_code == 201, reply.text
    return event(clinic, reply.json()["safety_event_id"])


def raised(clinic: ClinicClient) -> dict[str, Any]:
    """A signal."""
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (4, 4, 4))
    (signal,) = clinic.signals(patient)
    return signal


def event(clinic: ClinicClient, event_id: str) -> dict[str, Any]:
    return dict(clinic.http.get(f"/v1/safety-events/{event_id}").json())


def signal(clinic: ClinicClient, signal_id: str) -> dict[str, Any]:
    return dict(clinic.http.get(f"/v1/signals/{signal_id}").json())


def sweep_at(service: Service, clinic: ClinicClient, since: timedelta) -> dict[str, int]:
    """Look at the clock so long after the beginning; gives how many notices of each escalation there are."""
    service.clock.move_to(NOW + since)
    service.sweep()
    endpoint = clinic.http.get("/v1/webhook-endpoints").json()["items"][0]["id"]
    sent = clinic.http.get(f"/v1/webhook-endpoints/{endpoint}/deliveries?limit=200").json()["items"]
    types = [one["type"] for one in sent]
    return {
        name: types.count(name) for name in ("safety.unacknowledged", "signal.escalated") if name in types
    }


def written(since: timedelta) -> str:
    return (NOW + since).isoformat().replace("+00:00", "Z")


@pytest.fixture(autouse=True)
def endpoint(clinic: ClinicClient, receiver: Receiver) -> dict[str, Any]:
    return clinic.add_endpoint(receiver.url)


def test_an_urgent_event_is_escalated_after_thirty_minutes_and_its_time_is_kept(
    quiet: Service, clinic: ClinicClient
) -> None:
    made = reported(quiet, clinic)
    assert (made["escalate_at"], made["escalated_at"]) == (written(30 * MINUTE), None)

    assert sweep_at(quiet, clinic, 29 * MINUTE) == {}
    assert sweep_at(quiet, clinic, 30 * MINUTE) == {"safety.unacknowledged": 1}

    after = event(clinic, made["id"])
    assert (after["escalated_at"], after["escalations"]) == (written(30 * MINUTE), 1)
    assert (after["state"], after["escalate_at"]) == ("open", written(60 * MINUTE))
    assert clinic.http.get("/v1/clinic").json()["attention"] == ["safety_unacknowledged"]


def test_an_answer_that_is_not_urgent_may_wait_four_hours_and_the_highest_half_an_hour(
    quiet: Service, clinic: ClinicClient
) -> None:
    lowest, highest = item_nine(clinic, 1), item_nine(clinic, 3)

    assert (lowest["urgent"], lowest["escalate_at"]) == (False, written(4 * HOUR))
    assert (highest["urgent"], highest["escalate_at"]) == (True, written(30 * MINUTE))
    assert (lowest["shown_at"], highest["shown_at"]) == (None, None), (
        "staff entered it: nobody was shown help"
    )
    assert sweep_at(quiet, clinic, 239 * MINUTE) == {"safety.unacknowledged": 1}
    assert sweep_at(quiet, clinic, 4 * HOUR) == {"safety.unacknowledged": 2}


def test_a_clinics_own_limits_hold_for_what_is_reported_from_then_on(
    quiet: Service, clinic: ClinicClient
) -> None:
    before = reported(quiet, clinic)
    change_clinic(clinic, limits={"urgent_safety_minutes": 5, "signal_hours": 8})
    after, waiting = reported(quiet, clinic), raised(clinic)

    assert before["escalate_at"] == written(30 * MINUTE)
    assert after["escalate_at"] == written(5 * MINUTE)
    assert waiting["escalate_at"] == written(8 * HOUR)


@pytest.mark.parametrize("answer", ["acknowledge", "close"])
def test_what_someone_took_up_is_not_escalated(quiet: Service, clinic: ClinicClient, answer: str) -> None:
    made, waiting = reported(quiet, clinic), raised(clinic)
    closing = {"outcome": "contact_made"} if answer == "close" else None
    disposition = {"disposition": "watchful_waiting"} if answer == "close" else None
    clinic.http.post(f"/v1/safety-events/{made['id']}/{answer}", json=closing)
    clinic.http.post(f"/v1/signals/{waiting['id']}/{answer}", json=disposition)

    assert sweep_at(quiet, clinic, 10 * 24 * HOUR) == {}
    assert event(clinic, made["id"])["escalate_at"] is None
    assert signal(clinic, waiting["id"])["escalate_at"] is None


def test_an_event_is_notified_of_once_and_escalated_until_someone_answers(
    quiet: Service, clinic: ClinicClient
) -> None:
    left, taken_up = reported(quiet, clinic), reported(quiet, clinic)
    for half_hours in range(1, 12):
        counts = sweep_at(quiet, clinic, 30 * half_hours * MINUTE)
        assert counts == {"safety.unacknowledged": 2}
        assert event(clinic, left["id"])["escalations"] == min(half_hours, 6)
        if half_hours == 2:
            clinic.http.post(f"/v1/safety-events/{taken_up['id']}/acknowledge")

    after = event(clinic, left["id"])
    # From the seventh on every four hours.
    assert (after["escalated_at"], after["escalate_at"]) == (written(30 * MINUTE), written(7 * HOUR))
    sweep_at(quiet, clinic, 7 * HOUR)
    assert event(clinic, left["id"])["escalations"] == 7
    assert event(clinic, taken_up["id"])["escalations"] == 2
    assert clinic.http.get("/v1/clinic").json()["attention"] == ["safety_unacknowledged"]
    clinic.http.post(f"/v1/safety-events/{left['id']}/acknowledge")
    assert clinic.http.get("/v1/clinic").json()["attention"] == []


def test_a_signal_is_escalated_once_after_a_day(quiet: Service, clinic: ClinicClient) -> None:
    made = raised(clinic)

    assert sweep_at(quiet, clinic, 24 * HOUR - MINUTE) == {}
    assert sweep_at(quiet, clinic, 24 * HOUR) == {"signal.escalated": 1}
    assert sweep_at(quiet, clinic, 9 * 24 * HOUR) == {"signal.escalated": 1}

    after = signal(clinic, made["id"])
    assert (after["state"], after["escalate_at"]) == ("open", None)
    assert after["escalated_at"] == written(24 * HOUR)


def test_a_snoozed_signal_is_escalated_only_after_it_has_returned(
    quiet: Service, clinic: ClinicClient
) -> None:
    made = raised(clinic)
    until = (NOW + 72 * HOUR).isoformat()
    assert clinic.http.post(f"/v1/signals/{made['id']}/snooze", json={"until": until}).status_code == 200

    assert sweep_at(quiet, clinic, 71 * HOUR) == {}
    assert sweep_at(quiet, clinic, 95 * HOUR) == {}
    assert signal(clinic, made["id"])["state"] == "open"
    assert sweep_at(quiet, clinic, 96 * HOUR) == {"signal.escalated": 1}


def test_a_snoozed_signal_keeps_no_safety_event_from_being_escalated(
    quiet: Service, clinic: ClinicClient
) -> None:
    made = raised(clinic)
    until = (NOW + 240 * HOUR).isoformat()
    clinic.http.post(f"/v1/signals/{made['id']}/snooze", json={"until": until})
    clinic.enrol(made["patient_id"], quiet.url).check_in(NOW, self_harm_thoughts=True)

    assert sweep_at(quiet, clinic, HOUR) == {"safety.unacknowledged": 1}


def test_workers_that_look_at_once_escalate_once(quiet: Service, clinic: ClinicClient) -> None:
    made, waiting = reported(quiet, clinic), raised(clinic)
    quiet.clock.move_to(NOW + 25 * HOUR)
    clinic_id, event_id, signal_id = (UUID(one) for one in (clinic.clinic_id, made["id"], waiting["id"]))

    async def at_once() -> list[bool]:
        steps = [
            *(escalate_safety(quiet.context, clinic_id, event_id) for _ in range(5)),
            *(escalate_signal(quiet.context, clinic_id, signal_id) for _ in range(5)),
        ]
        return await asyncio.gather(*steps)

    assert sorted(quiet.run(at_once())) == [False] * 8 + [True] * 2
    assert event(clinic, made["id"])["escalations"] == 1
    assert sweep_at(quiet, clinic, 25 * HOUR) == {"safety.unacknowledged": 1, "signal.escalated": 1}


def test_many_who_acknowledge_while_it_is_escalated_are_one_and_nothing_follows(
    own_database: DatabaseUrls, quiet: Service, clinic: ClinicClient
) -> None:
    made = reported(quiet, clinic)
    quiet.clock.move_to(NOW + 30 * MINUTE)
    clinic_id, event_id = UUID(clinic.clinic_id), UUID(made["id"])

    def act(number: int) -> int:
        if number % 4 == 0:
            return int(quiet.run(escalate_safety(quiet.context, clinic_id, event_id)))
        return clinic.http.post(f"/v1/safety-events/{event_id}/acknowledge").status_code

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(act, range(12)))

    assert [answer for number, answer in enumerate(answers) if number % 4] == [200] * 9
    assert event(clinic, made["id"])["state"] == "acknowledged"
    with psycopg.connect(own_database.superuser_url) as connection:
        steps = connection.execute(
            "SELECT action FROM care.alert_steps WHERE alert_id = %s ORDER BY action", [event_id]
        ).fetchall()
    once = ["safety.acknowledged", *["safety.escalated"] * max(answers[::4]), "safety.reported"]
    assert [action for (action,) in steps] == once
    assert sweep_at(quiet, clinic, 5 * HOUR).get("safety.unacknowledged", 0) == max(answers[::4])


def test_a_job_wakes_a_worker_at_the_very_time_and_goes_before_all_others(
    own_database: DatabaseUrls, quiet: Service, clinic: ClinicClient
) -> None:
    made, waiting = reported(quiet, clinic), raised(clinic)

    with psycopg.connect(own_database.superuser_url) as connection:
        jobs = connection.execute(
            "SELECT task_name, scheduled_at, priority FROM jobs.procrastinate_jobs"
            " WHERE args->>'event_id' = %s OR args->>'signal_id' = %s ORDER BY task_name",
            [made["id"], waiting["id"]],
        ).fetchall()

    assert jobs == [
        ("escalate_safety", NOW + 30 * MINUTE, 100),
        ("escalate_signal", NOW + 24 * HOUR, 0),
    ]
