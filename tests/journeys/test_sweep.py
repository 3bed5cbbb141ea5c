"""The sweep of a worker: what is broken in one clinic keeps no other clinic waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from app.access.audit.seals import Verified, verify
from app.care.alerts import escalation
from app.storage import due_work
from tests.storage.catalogue import execute
from tests.support.clinics import name_contacts
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service, running_service


@pytest.fixture
def quiet_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service without a worker: the test sweeps."""
    with running_service(own_database.application_url, work=False) as running:
        yield running


@pytest.fixture
def broken(quiet_service: Service) -> ClinicClient:
    return clinic_client(quiet_service, "Broken")


@pytest.fixture
def next_one(quiet_service: Service, broken: ClinicClient) -> ClinicClient:
    made = clinic_client(quiet_service, "Next")
    assert broken.clinic_id < made.clinic_id, "the broken one comes first"
    return made


@contextmanager
def only_this_clinic_may_not(own_database: DatabaseUrls, action: str, clinic: ClinicClient) -> Iterator[None]:
    """Let the database refuse this action to one clinic, as long as the block lasts."""
    execute(
        own_database.superuser_url,
        f"""
        CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('app.clinic_id') = '{clinic.clinic_id}' THEN
                RAISE EXCEPTION 'broken';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER refuse_one BEFORE {action} FOR EACH STATEMENT EXECUTE FUNCTION refuse_one()
        """,
    )
    try:
        yield
    finally:
        execute(own_database.superuser_url, "DROP FUNCTION refuse_one CASCADE")


def check_in_with_a_statement(service: Service, clinic: ClinicClient) -> None:
    name_contacts(clinic)
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201


def escalations(clinic: ClinicClient) -> int:
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    return int(event["escalations"])


def audit_log_of(service: Service, clinic: ClinicClient) -> Verified:
    context = service.context
    return service.run(verify(context.database, context.vault, UUID(str(clinic.clinic_id)), kept=None))


def test_an_escalation_that_fails_keeps_no_other_clinics_event_waiting(
    quiet_service: Service, own_database: DatabaseUrls, broken: ClinicClient, next_one: ClinicClient
) -> None:
    for clinic in (broken, next_one):
        check_in_with_a_statement(quiet_service, clinic)
    with psycopg.connect(own_database.superuser_url) as connection:
        connection.execute(
            "UPDATE care.clinic_profiles SET second_contact_sealed = 'x' WHERE clinic_id = %s",
            [broken.clinic_id],
        )

    quiet_service.clock.move_to(NOW + timedelta(hours=30))
    quiet_service.sweep()

    assert (escalations(broken), escalations(next_one)) == (0, 1)


def test_the_clinic_with_a_safety_event_that_is_due_comes_first(
    quiet_service: Service, broken: ClinicClient, next_one: ClinicClient
) -> None:
    check_in_with_a_statement(quiet_service, next_one)
    quiet_service.clock.move_to(NOW + timedelta(hours=30))
    due = quiet_service.run(escalation.list_due(quiet_service.context))
    # Clinics of other tests may be due as well.
    ours = [one for one in due if str(one.clinic_id) in {broken.clinic_id, next_one.clinic_id}]
    assert [(str(one.clinic_id), one.safety) for one in ours] == [
        (next_one.clinic_id, True),
        (broken.clinic_id, False),
    ]
    assert [one.safety for one in due] == sorted((one.safety for one in due), reverse=True)


def test_a_clinic_whose_deliveries_cannot_be_looked_at_keeps_no_other_clinic_waiting(
    quiet_service: Service, own_database: DatabaseUrls, broken: ClinicClient, next_one: ClinicClient
) -> None:
    for clinic in (broken, next_one):
        check_in_with_a_statement(quiet_service, clinic)

    quiet_service.clock.move_to(NOW + timedelta(hours=30))
    with only_this_clinic_may_not(own_database, "UPDATE ON care.deliveries", broken):
        quiet_service.sweep()

    assert (escalations(broken), escalations(next_one)) == (1, 1), "what is safety's goes first"


def test_an_audit_log_that_cannot_be_sealed_keeps_no_other_clinics_open_and_is_sealed_later(
    quiet_service: Service, own_database: DatabaseUrls, broken: ClinicClient, next_one: ClinicClient
) -> None:
    with only_this_clinic_may_not(own_database, "INSERT ON care.audit_seals", broken):
        quiet_service.sweep()

    assert audit_log_of(quiet_service, broken).sealed == 0
    assert audit_log_of(quiet_service, next_one).unsealed == 0
    assert audit_log_of(quiet_service, next_one).sealed > 0

    quiet_service.sweep()
    assert audit_log_of(quiet_service, broken).unsealed == 0


def test_of_two_sweepers_one_sweeps_and_the_other_follows_when_it_is_gone_or_dead(
    quiet_service: Service, own_database: DatabaseUrls
) -> None:
    service = quiet_service

    async def in_turn() -> list[bool]:
        swept = []
        async with service.context.database.work(None) as first:
            assert await due_work.elect(first)
            swept.append(await service.worker.sweep())
        swept.append(await service.worker.sweep())
        async with service.context.database.work(None) as killed:
            assert await due_work.elect(killed)
            swept.append(await service.worker.sweep())
            pid = (await killed.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            with psycopg.connect(own_database.superuser_url) as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            swept.append(await service.worker.sweep())
        return swept

    assert service.run(in_turn()) == [False, True, False, True]
