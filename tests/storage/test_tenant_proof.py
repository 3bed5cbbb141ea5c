"""The application's own role cannot name a clinic that the service did not name on this very connection."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import tuple_row

from app.foundation.vault import Vault
from app.storage.engine.tenant_proof import UNSEEN, TenantProof
from app.storage.tenant_keys import install
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client
from tests.support.service import KEY, Service, running_service

TENANT_KEY = Vault(KEY).tenant_key


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls) -> Iterator[Service]:
    install(own_database.owner_url, TENANT_KEY)
    with running_service(own_database.application_url, tenant_key=TENANT_KEY) as running:
        yield running


@pytest.fixture
def clinic_id(service: Service) -> Iterator[str]:
    client = clinic_client(service)
    client.enrol(client.patient(), service.url)
    yield client.clinic_id
    client.close()


@pytest.fixture
def injected(own_database: DatabaseUrls) -> Iterator[psycopg.Connection]:
    """What SQL can do that someone put into a statement of ours."""
    with psycopg.connect(own_database.application_url, row_factory=tuple_row) as connection:
        yield connection
        connection.rollback()


def seen(connection: psycopg.Connection, said: str) -> int:
    connection.execute("SELECT set_config('app.clinic_id', %s, true)", [said])
    found = connection.execute("SELECT count(*) FROM care.patients").fetchone()
    assert found is not None
    return int(found[0])


def test_only_the_services_own_proof_opens_a_clinic(injected: psycopg.Connection, clinic_id: str) -> None:
    proof, here = TenantProof(TENANT_KEY), injected.info.backend_pid

    assert seen(injected, proof.said(UUID(clinic_id), here)) == 1
    assert seen(injected, clinic_id) == 0, "the id alone"
    assert seen(injected, TenantProof(bytes(32)).said(UUID(clinic_id), here)) == 0, "another key's proof"
    assert seen(injected, proof.said(UUID(clinic_id), here + 1)) == 0, "another connection's proof"
    assert seen(injected, proof.said(UUID(clinic_id), here)[:-1]) == 0
    assert seen(injected, f"{UUID(int=7)}{proof.said(UUID(clinic_id), here)[36:]}") == 0, "another clinic's"


def test_nothing_can_be_written_for_a_clinic_without_its_proof(
    injected: psycopg.Connection, clinic_id: str
) -> None:
    injected.execute("SELECT set_config('app.clinic_id', %s, true)", [clinic_id])
    changed = injected.execute("UPDATE care.patients SET locale = 'xx'")
    assert changed.rowcount == 0
    with pytest.raises(InsufficientPrivilege):
        injected.execute("SELECT care.erase_patient(%s)", [clinic_id])


def test_the_functions_of_the_check_in_path_answer_the_services_proof_only(
    injected: psycopg.Connection, clinic_id: str
) -> None:
    proof = TenantProof(TENANT_KEY).said(UUID(clinic_id), injected.info.backend_pid)
    assert seen(injected, proof) == 1
    asked = "SELECT patient_id, version, packed_state FROM care.patient_states"
    patient_id, version, packed_state = injected.execute(asked).fetchone() or ()
    named = injected.execute("SELECT proargnames FROM pg_proc WHERE proname = 'record_check_ins'").fetchone()
    given = {
        "of_clinic": clinic_id,
        "of_patient": patient_id,
        "of_version": version,
        "new_rows": "[]",
        "new_packed_state": packed_state,
    }
    snapshot = "SELECT count(*) FROM care.patient_snapshot(%s, %s, NULL, %s, NULL, now())"
    record = (
        f"SELECT care.record_check_ins({', '.join(f'{name} => %({name})s' for name in (named or ([],))[0])})"
    )
    for said, answer in ((clinic_id, 0), (proof, 1)):
        assert injected.execute(snapshot, [said, clinic_id, patient_id]).fetchone() == (answer,)
        values = dict.fromkeys((named or ([],))[0]) | given | {"tenant": said}
        assert injected.execute(record.encode(), values).fetchone() == (bool(answer),)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT key FROM front_desk.tenant_keys",
        "DELETE FROM front_desk.tenant_keys",
        "INSERT INTO front_desk.tenant_keys VALUES (true, '')",
        "CREATE OR REPLACE FUNCTION front_desk.tenant() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
        "ALTER POLICY tenant ON care.patients USING (true)",
        "SET ROLE afterglow_owner",
    ],
)
def test_the_role_reaches_neither_the_key_nor_what_asks_for_it(
    injected: psycopg.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.Error) as refused:
        injected.execute(statement.encode())
    assert refused.value.sqlstate == "42501", "insufficient privilege"


def test_another_sessions_proof_is_not_shown_by_the_server(
    service: Service, injected: psycopg.Connection, clinic_id: str
) -> None:
    """A running statement's text is shown to whoever has the same role."""
    shown: list[str] = []

    async def look_while_it_stands() -> None:
        async with service.context.work(UUID(clinic_id)) as work:
            await work.begin()
            found = injected.execute("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            shown.extend(str(row[0]) for row in found)

    service.run(look_while_it_stands())

    assert any(text.startswith("BEGIN;") for text in shown)
    assert [text for text in shown if clinic_id in text] == []
    assert len(UNSEEN) >= 1024
