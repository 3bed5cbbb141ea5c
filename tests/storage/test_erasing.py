"""Erasing, on PostgreSQL itself: every row about a patient goes, whatever table it is in, and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from app.storage.engine.rows import CARE
from app.storage.exports import LEFT_OUT, SECTIONS
from tests.storage.catalogue import ask, count_rows, execute, tables_in
from tests.support.databases import DatabaseUrls
from tests.support.lively import LivelyClinic, lively_clinic
from tests.support.receiver import running_receiver
from tests.support.service import Service

# What may still name an erased patient: ids and times.
STAYS = {"audit_events", "erasure_requests", "erasures"}
# Sealed with the vault's key: gone when the message is over, or with the device.
BY_THE_VAULT = {
    "outgoing_messages.address_sealed",
    "outgoing_messages.link_sealed",
    "push_subscriptions.address_sealed",
}
# Everything that hangs on a patient, by its own column or by the row it refers to.
HANGS_ON_A_PATIENT = """
    WITH RECURSIVE reached AS (
        SELECT c.oid FROM pg_class c
         WHERE c.relnamespace = 'care'::regnamespace AND c.relkind IN ('r', 'p')
           AND (c.relname = 'patients' OR EXISTS (
                SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'patient_id'))
        UNION
        SELECT k.conrelid FROM reached r JOIN pg_constraint k ON k.confrelid = r.oid AND k.contype = 'f'
    )
    SELECT c.relname AS name FROM reached r JOIN pg_class c ON c.oid = r.oid
"""


@pytest.fixture(scope="module")
def neighbours(own_service: Service) -> Iterator[tuple[LivelyClinic, LivelyClinic]]:
    with running_receiver() as receiver:
        both = tuple(lively_clinic(own_service, receiver, name) for name in ("Ours", "Theirs"))
        yield both[0], both[1]
    for one in both:
        one.client.close()


def rows_naming(own_database: DatabaseUrls, clinic_id: str, patient_id: str) -> dict[str, int]:
    """Count the rows of each table that hold this id anywhere, or hang on a row that does."""
    counts = count_rows(
        own_database.superuser_url,
        tables_in(own_database.superuser_url, CARE),
        "t.clinic_id = %(clinic_id)s AND t::text LIKE '%%' || %(patient_id)s || '%%'",
        clinic_id=clinic_id,
        patient_id=patient_id,
    )
    return {table: count for table, count in counts.items() if count}


def rows_of(own_database: DatabaseUrls, clinic_id: str) -> dict[str, int]:
    tables = [row["name"] for row in ask(own_database.superuser_url, HANGS_ON_A_PATIENT)]
    return count_rows(own_database.superuser_url, tables, "t.clinic_id = %(clinic_id)s", clinic_id=clinic_id)


@contextmanager
def as_application(own_database: DatabaseUrls, clinic_id: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(own_database.application_url) as connection:
        connection.execute("SELECT set_config('app.clinic_id', %s, true)", [clinic_id])
        yield connection
        connection.rollback()


def approved(connection: psycopg.Connection[Any], clinic_id: str, patient_id: str) -> UUID:
    request_id = uuid4()
    connection.execute(
        "INSERT INTO care.erasure_requests (clinic_id, id, patient_id, state, requested_at, actor_kind, version)"
        " VALUES (%s, %s, %s, 'approved', now(), 'api_key', 1)",
        [clinic_id, request_id, patient_id],
    )
    return request_id


def erase(connection: psycopg.Connection[Any], patient_id: str) -> None:
    connection.execute("SELECT care.erase_patient(%s)", [patient_id])


def close_events(own_database: DatabaseUrls) -> None:
    execute(own_database.superuser_url, "UPDATE care.safety_events SET state = 'closed'")


def test_without_an_approved_request_nobody_is_erased(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    ours = neighbours[0]
    for patient_id in (ours.ids["patient_id"], str(uuid4())):
        with (
            as_application(own_database, ours.client.clinic_id) as connection,
            pytest.raises(InsufficientPrivilege, match="no approved request"),
        ):
            erase(connection, patient_id)


def test_a_request_of_another_clinic_erases_nobody(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    ours, theirs = neighbours
    with as_application(own_database, ours.client.clinic_id) as connection:
        approved(connection, ours.client.clinic_id, theirs.ids["patient_id"])
        erase(connection, theirs.ids["patient_id"])
        connection.execute("SELECT set_config('app.clinic_id', %s, true)", [theirs.client.clinic_id])
        kept = connection.execute(
            "SELECT count(*) FROM care.check_ins WHERE patient_id = %s", [theirs.ids["patient_id"]]
        ).fetchone()
        assert kept is not None
        assert kept[0] > 20
        with pytest.raises(InsufficientPrivilege, match="no approved request"):
            erase(connection, theirs.ids["patient_id"])


def test_without_a_clinic_nobody_is_erased(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    with (
        psycopg.connect(own_database.application_url) as connection,
        pytest.raises(InsufficientPrivilege, match="no approved request"),
    ):
        erase(connection, neighbours[0].ids["patient_id"])


def test_an_open_safety_event_stops_the_database_itself(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    ours = neighbours[0]
    with as_application(own_database, ours.client.clinic_id) as connection:
        approved(connection, ours.client.clinic_id, ours.ids["patient_id"])
        with pytest.raises(InsufficientPrivilege, match="safety event"):
            erase(connection, ours.ids["patient_id"])


def test_a_callers_search_path_changes_nothing(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    ours = neighbours[0]
    with as_application(own_database, ours.client.clinic_id) as connection:
        connection.execute("SET LOCAL search_path TO pg_temp, public")
        with pytest.raises(InsufficientPrivilege, match="no approved request"):
            erase(connection, ours.ids["patient_id"])


def test_every_row_about_the_patient_goes_from_every_table_there_is_and_no_other_row(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    """A table of a later version takes part by itself; if it could not be emptied, this fails."""
    ours, theirs = neighbours
    clinic_id, patient_id = ours.client.clinic_id, ours.ids["patient_id"]
    listed = ours.client.http.get("/v1/patients").json()["items"]
    others = [one["id"] for one in listed if one["id"] != patient_id]
    others_before = {one: rows_naming(own_database, clinic_id, one) for one in others}
    assert others
    before, theirs_before = (
        rows_naming(own_database, clinic_id, patient_id),
        rows_of(own_database, theirs.client.clinic_id),
    )
    hanging = {row["name"] for row in ask(own_database.superuser_url, HANGS_ON_A_PATIENT)}
    empty = {table for table, count in rows_of(own_database, clinic_id).items() if not count}
    assert empty == set(), "else this would say nothing of them: let the lively clinic make rows there"
    close_events(own_database)

    asked = ours.client.http.post(f"/v1/patients/{patient_id}/erasure-requests").json()
    reply = ours.client.http.post(f"/v1/erasure-requests/{asked['id']}/approve", headers={"if-match": '"1"'})

    assert reply.status_code == 200, reply.text
    assert set(before) - STAYS >= {"patients", "check_ins", "signals", "notifications", "devices"}
    left = rows_naming(own_database, clinic_id, patient_id)
    # The tombstone in the stream of events, which says nothing else.
    assert left.pop("notifications") == 1
    assert set(left) == STAYS
    assert {one: rows_naming(own_database, clinic_id, one) for one in others} == others_before
    assert hanging >= STAYS
    assert rows_of(own_database, theirs.client.clinic_id) == theirs_before


def test_every_sealed_cell_about_a_patient_is_sealed_with_the_patients_own_key(
    own_database: DatabaseUrls, neighbours: tuple[LivelyClinic, LivelyClinic]
) -> None:
    """Theirs: ours may have been erased by now."""
    clinic_id = neighbours[1].client.clinic_id
    columns = ask(
        own_database.superuser_url,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'care' AND column_name LIKE '%%\\_sealed' AND table_name = ANY(%(tables)s)",
        tables=[row["name"] for row in ask(own_database.superuser_url, HANGS_ON_A_PATIENT)],
    )
    sealed_with = {
        f"{one['table_name']}.{one['column_name']}": {
            row["format"]
            for row in ask(
                own_database.superuser_url,
                f"SELECT DISTINCT get_byte({one['column_name']}, 0) AS format FROM care.{one['table_name']}"  # noqa: S608 - same
                f" WHERE clinic_id = %(clinic_id)s AND {one['column_name']} IS NOT NULL",
                clinic_id=clinic_id,
            )
        }
        for one in columns
    }
    assert {name for name, formats in sealed_with.items() if 1 in formats} == BY_THE_VAULT
    assert {name for name, formats in sealed_with.items() if formats == {2}} >= {
        "patients.external_ref_sealed",
        "check_ins.note_sealed",
        "devices.name_sealed",
        "chosen_references.reason_sealed",
        "circumstances.detail_sealed",
    }


def test_every_table_about_patients_is_in_the_copy_or_left_out_with_a_reason(
    own_database: DatabaseUrls,
) -> None:
    tables = {row["name"] for row in ask(own_database.superuser_url, HANGS_ON_A_PATIENT)}
    copied = {section.table for section in SECTIONS.values()}
    assert tables == copied | set(LEFT_OUT)
    assert copied & set(LEFT_OUT) == set()
