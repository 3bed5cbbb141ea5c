"""Rotating the encryption key: everything sealed moves to the new key while the service runs, and stays readable."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from app.access import resealing
from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import read_clinic
from app.access.resealing import reseal_clinic, sealed_by
from app.access.staff.queries import list_members
from app.context import AppContext
from app.foundation.keyset import Keyset, key_id
from app.foundation.vault import Vault
from app.storage.engine.database import Database
from app.storage.engine.rows import CARE
from app.storage.sealed_cells import sealed_columns
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient
from tests.support.service import KEY, NOW, Service
from tests.support.staff import joined


def filled(service: Service, clinic: ClinicClient) -> None:
    """Fill a clinic with what is sealed: contacts, staff, a patient with a note, an endpoint."""
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    contact = {"name": "R. Ortega", "email": "ortega@clinic.example"}
    body = {"safety_contact": contact, "crisis_phone": "+1 555 0100"}
    assert clinic.http.patch("/v1/clinic", json=body, headers={"if-match": etag}).status_code == 200
    joined(service, clinic, StaffRole.OWNER, email="owner@clinic.example")
    patient = clinic.patient("MRN-7")
    clinic.enrol(patient, service.url).check_in(NOW, note="I slept badly")


@pytest.fixture
def owners(shared_database: DatabaseUrls, service: Service) -> Iterator[Database]:
    """The database as its owner: who may change what the application may only add."""
    made = Database(shared_database.owner_url)
    yield made
    service.run(made.close())


def with_keys(context: AppContext, keyset: Keyset, *, database: Database | None = None) -> AppContext:
    return replace(context, vault=Vault(keyset), database=database or context.database)


@pytest.mark.slow
def test_everything_sealed_moves_to_the_new_key_and_reads_as_before(
    owners: Database, service: Service, clinic: ClinicClient
) -> None:
    filled(service, clinic)
    rotated, clinic_id = Keyset.of_one(KEY).rotated(), UUID(clinic.clinic_id)
    before = with_keys(service.context, rotated, database=owners)
    assert service.run(sealed_by(before))[key_id(KEY)] > 5

    moved = service.run(reseal_clinic(before, clinic_id))

    assert moved > 5
    assert service.run(reseal_clinic(before, clinic_id)) == 0, "nothing is left to do"
    after = with_keys(service.context, rotated.without(key_id(KEY)))

    async def read() -> tuple[str, str, list[str]]:
        async with after.work(clinic_id) as work:
            found = await read_clinic(work)
            assert found.safety_contact is not None
            members = [one.email for one in await list_members(work)]
        return found.crisis_phone or "", found.safety_contact.email, members

    phone, email, members = service.run(read())
    assert (phone, email) == ("+1 555 0100", "ortega@clinic.example")
    assert "owner@clinic.example" in members


def test_the_application_seals_again_what_it_may_change_and_takes_no_patients_key_away(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    filled(service, clinic)
    rotated, clinic_id = Keyset.of_one(KEY).rotated(), UUID(clinic.clinic_id)
    (key_before,) = ask(
        shared_database.superuser_url,
        "SELECT wrapped_key FROM care.patient_keys WHERE clinic_id = %(id)s",
        id=clinic_id,
    )

    assert service.run(reseal_clinic(with_keys(service.context, rotated), clinic_id)) > 0

    (key_after,) = ask(
        shared_database.superuser_url,
        "SELECT wrapped_key FROM care.patient_keys WHERE clinic_id = %(id)s",
        id=clinic_id,
    )
    assert key_after == key_before


def test_every_sealed_column_of_the_database_is_among_those_sealed_again(
    shared_database: DatabaseUrls,
) -> None:
    found = ask(
        shared_database.superuser_url,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %(care)s"
        " AND data_type = 'bytea' AND (column_name LIKE '%%sealed' OR column_name = 'wrapped_key')",
        care=CARE,
    )
    known = {(one.table.name, one.column.name) for one in sealed_columns()}
    assert {(row["table_name"], row["column_name"]) for row in found} == known


def test_a_job_that_was_stopped_goes_on_where_it_was(service: Service, clinic: ClinicClient) -> None:
    filled(service, clinic)
    rotated, clinic_id = Keyset.of_one(KEY).rotated(), UUID(clinic.clinic_id)
    context = with_keys(service.context, rotated)

    async def one_batch() -> int:
        async with context.work(clinic_id) as work:
            done = await resealing._reseal_some(work)
            work.audit("encryption.resealed", "clinic", clinic_id)
        return done

    first = service.run(one_batch())
    assert first > 0
    assert service.run(reseal_clinic(context, clinic_id)) > 0
    assert service.run(reseal_clinic(context, clinic_id)) == 0
