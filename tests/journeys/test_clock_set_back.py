"""A clock that was ahead and is set back: nothing that it wrote waits until it gets there again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from app.access.clinics.permissions import StaffRole
from app.clinical.waiting import LATER_ESCALATIONS_APART, LIMIT_NOTES
from app.notifications.webhooks.retry_schedule import (
    LONGEST_PROBE_AFTER,
    ORDINARY_JITTER,
    ORDINARY_WAITS,
    SAFETY_SLOW_WAIT,
)
from app.storage import due_work, heartbeats
from app.storage.heartbeats import Duty
from tests.support.clinics import name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.dispatch import deliver_all, due_lanes
from tests.support.people import ClinicClient, clinic_client
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import NOW, Service, running_service
from tests.support.staff import joined


@pytest.fixture(scope="module")
def quiet_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service without a worker: the test sweeps."""
    with running_service(own_database.application_url, work=False) as running:
        yield running


def clinic_with_receiver(service: Service, receiver: Receiver) -> ClinicClient:
    clinic = clinic_client(service)
    name_contacts(clinic)
    receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
    return clinic


def sweep_and_send(service: Service, clinic: ClinicClient) -> None:
    service.sweep()
    service.run(deliver_all(service.context, UUID(clinic.clinic_id)))


def execute(place: DatabaseUrls, statement: LiteralString, *values: object) -> int:
    with psycopg.connect(place.superuser_url) as database:
        return database.execute(statement, values).rowcount


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=365)])
def test_what_a_clock_that_was_ahead_wrote_is_sent_and_escalated_once_it_is_set_back(
    quiet_service: Service, ahead: timedelta
) -> None:
    service = quiet_service
    with running_receiver() as receiver:
        service.clock.move_to(NOW + ahead)
        clinic = clinic_with_receiver(service, receiver)
        phone = clinic.enrol(clinic.patient(), service.url)
        reply = phone.check_in(NOW + ahead, self_harm_thoughts=True, asks_about_booster=True)
        assert reply.status_code == 201

        service.clock.move_to(NOW)
        sweep_and_send(service, clinic)
        assert len(receiver.accepted("safety.reported")) == 1
        assert len(receiver.accepted("patient.asked_about_booster")) == 1

        service.clock.move_to(NOW + timedelta(minutes=31))
        sweep_and_send(service, clinic)
        assert len(receiver.accepted("safety.unacknowledged")) == 1
        (event,) = clinic.http.get("/v1/safety-events").json()["items"]
        assert event["escalations"] >= 1
        lanes = service.run(due_lanes(service.context, UUID(clinic.clinic_id)))
        assert ("email", True) in {(one.channel, one.urgent) for one in lanes}
        clinic.close()


def test_what_waits_as_long_as_it_may_is_left_alone(
    quiet_service: Service, own_database: DatabaseUrls
) -> None:
    service = quiet_service
    service.clock.move_to(NOW)
    with running_receiver() as receiver:
        receiver.answer = lambda _count: 500
        clinic = clinic_with_receiver(service, receiver)
        phone = clinic.enrol(clinic.patient(), service.url)
        phone.check_in(NOW, self_harm_thoughts=True, asks_about_booster=True)
        sweep_and_send(service, clinic)
        longest = {
            "UPDATE care.deliveries SET attempts_made = 9, next_attempt_at = %s"
            " WHERE clinic_id = %s AND urgency = 'ordinary'": ORDINARY_WAITS[-1] * (1 + ORDINARY_JITTER),
            "UPDATE care.deliveries SET attempts_made = 9, next_attempt_at = %s"
            " WHERE clinic_id = %s AND urgency = 'safety'": SAFETY_SLOW_WAIT,
            "UPDATE care.webhook_endpoints SET probe_at = %s WHERE clinic_id = %s": LONGEST_PROBE_AFTER,
            "UPDATE care.outgoing_messages SET next_attempt_at = %s"
            " WHERE clinic_id = %s AND NOT urgent": timedelta(hours=24),
            "UPDATE care.safety_events SET escalations = 6, escalate_at = %s WHERE clinic_id = %s": max(
                LATER_ESCALATIONS_APART, timedelta(minutes=LIMIT_NOTES["safety_minutes"].highest or 0)
            ),
            "UPDATE care.reminder_plans SET next_look_at = %s WHERE clinic_id = %s": timedelta(days=2),
        }
        for statement, wait in longest.items():
            execute(own_database, statement, NOW + wait, clinic.clinic_id)
        found = service.run(_due(service, UUID(clinic.clinic_id)))
        assert found is None or not found.ahead
        clinic.close()


async def _due(service: Service, clinic_id: UUID) -> due_work.DueClinic | None:
    async with service.context.work(None) as work:
        due = await due_work.list_due(work, now=NOW)
    return next((one for one in due if one.clinic_id == clinic_id), None)


def test_a_claim_by_a_clock_that_was_ahead_holds_nothing(
    quiet_service: Service, own_database: DatabaseUrls
) -> None:
    service = quiet_service
    service.clock.move_to(NOW)
    with running_receiver() as receiver:
        clinic = clinic_with_receiver(service, receiver)
        clinic.enrol(clinic.patient(), service.url).check_in(NOW, self_harm_thoughts=True)
        claimed = "UPDATE care.deliveries SET claimed_until = %s WHERE clinic_id = %s"
        assert execute(own_database, claimed, NOW + timedelta(seconds=25), clinic.clinic_id)
        sweep_and_send(service, clinic)
        assert receiver.accepted() == []
        execute(own_database, claimed, NOW + timedelta(days=365), clinic.clinic_id)
        sweep_and_send(service, clinic)
        assert len(receiver.accepted("safety.reported")) == 1
        clinic.close()


def test_a_worker_that_was_last_heard_of_in_the_future_is_dead(
    quiet_service: Service, own_database: DatabaseUrls
) -> None:
    async def lives(*, ahead: timedelta) -> bool:
        async with quiet_service.context.work(None) as work:
            await heartbeats.beat(work, UUID(int=7), does=[Duty.DELIVERIES])
        execute(own_database, "UPDATE front_desk.process_heartbeats SET looked_at = looked_at + %s", ahead)
        async with quiet_service.context.work(None) as work:
            return await heartbeats.a_worker_lives(work)

    assert quiet_service.run(lives(ahead=timedelta(0)))
    assert not quiet_service.run(lives(ahead=timedelta(days=365)))


def test_a_lock_that_a_clock_set_which_was_ahead_locks_nobody_out_for_a_year(quiet_service: Service) -> None:
    service = quiet_service
    service.clock.move_to(NOW)
    clinic = clinic_client(service)
    member = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(NOW + timedelta(days=365))
    for _ in range(5):
        assert member.sign_in(service, code="000000").status_code == 401

    service.clock.move_to(NOW + timedelta(minutes=1))
    assert member.sign_in(service).status_code == 201
    clinic.close()
