"""After a restore a phone that knows more than the server is answered so, syncs again, and nothing stays lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx2
import psycopg
import pytest

from app.foundation.ids import new_id
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import NO_TLS, PatientClient, clinic_client, entry
from tests.support.problems import assert_problem
from tests.support.service import NOW, running_service


@contextmanager
def copied(cluster: Cluster, own_database: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """The database as it is now, under another name: what a restore of a backup gives."""
    with cluster.database(migrated=False) as copy:
        names = [
            psycopg.conninfo.conninfo_to_dict(one.superuser_url)["dbname"] for one in (copy, own_database)
        ]
        with psycopg.connect(cluster.address.url(), autocommit=True) as server:
            server.execute(f"DROP DATABASE {names[0]}")
            server.execute(f"CREATE DATABASE {names[0]} TEMPLATE {names[1]}")
        yield copy


def sync(phone: httpx2.Client, cursor: str | None = None) -> httpx2.Response:
    return phone.get("/v1/check-ins", params={"after": cursor} if cursor else {})


def test_a_phone_that_is_ahead_of_a_restored_server_starts_anew_and_sends_again(
    cluster: Cluster, own_database: DatabaseUrls
) -> None:
    sent = {str(new_id()): entry(NOW - timedelta(hours=hours), (5, 5, 5)) for hours in (9, 6, 3)}
    first, second, third = sent
    with running_service(own_database.application_url, work=False) as service:
        clinic = clinic_client(service)
        phone = clinic.enrol(clinic.patient(), service.url)
        phone.http.put(f"/v1/check-ins/{first}", json=sent[first])
        clinic.close()
    with copied(cluster, own_database) as backup:
        with (
            running_service(own_database.application_url, work=False) as service,
            calling(phone, service.url) as http,
        ):
            for later in (second, third):
                assert http.put(f"/v1/check-ins/{later}", json=sent[later]).status_code == 201
            cursor = sync(http).json()["cursor"]

        with (
            running_service(backup.application_url, work=False) as service,
            calling(phone, service.url) as http,
        ):
            # Since then it has taken as many others: the number alone would show nothing.
            for minutes in range(5):
                http.put(f"/v1/check-ins/{new_id()}", json=entry(NOW - timedelta(minutes=minutes), (6, 6, 6)))

            assert_problem(sync(http, cursor), 410, pointer="query/after", code="sync-starts-again")

            again = sync(http).json()
            missing = set(sent) - {one["id"] for one in again["items"]}
            assert missing == {second, third}
            for one in missing:
                assert http.put(f"/v1/check-ins/{one}", json=sent[one]).status_code == 201
            after = sync(http, again["cursor"]).json()
            assert {one["id"] for one in after["items"]} == missing


@contextmanager
def calling(phone: PatientClient, url: str) -> Iterator[httpx2.Client]:
    """The same phone, now at another server."""
    headers = {"authorization": f"Bearer {phone.access_token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=30, verify=NO_TLS) as http:
        yield http


@pytest.mark.parametrize("ahead", [1, 1000])
def test_a_cursor_from_ahead_of_the_counter_starts_anew(own_database: DatabaseUrls, ahead: int) -> None:
    """A snapshot of the disk that was put back looks like the same database."""
    with running_service(own_database.application_url, work=False) as service:
        clinic = clinic_client(service)
        phone = clinic.enrol(clinic.patient(), service.url)
        phone.check_in(NOW)
        cursor = sync(phone.http).json()["cursor"]
        with psycopg.connect(own_database.superuser_url) as connection:
            connection.execute(
                "UPDATE care.patient_states SET sync_sequence = sync_sequence - %s WHERE patient_id = %s",
                [ahead, phone.patient_id],
            )
        assert_problem(sync(phone.http, cursor), 410, code="sync-starts-again")
        clinic.close()
