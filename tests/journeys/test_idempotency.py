"""The same report however often, and many reports at once: each is kept once, and none is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg

from app.foundation.ids import new_id
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, item
from tests.support.service import NOW, Service


def rows_of(shared_database: DatabaseUrls, patient_id: str) -> list[tuple[int, str]]:
    with psycopg.connect(shared_database.superuser_url) as connection:
        found = connection.execute(
            "SELECT sync_sequence, id::text FROM care.check_ins WHERE patient_id = %s ORDER BY 1",
            [patient_id],
        )
        return [(row[0], row[1]) for row in found]


def test_twelve_times_the_same_at_once_is_one(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    check_in_id = str(new_id())

    with ThreadPoolExecutor(12) as threads:
        replies = list(
            threads.map(
                lambda _: phone.check_in(NOW, check_in_id=check_in_id, self_harm_thoughts=True), range(12)
            )
        )

    assert sorted(reply.status_code for reply in replies) == [200] * 11 + [201]
    assert all(reply.json()["crisis_help"] for reply in replies)
    assert rows_of(shared_database, phone.patient_id) == [(1, check_in_id)]
    assert len(clinic.http.get("/v1/safety-events").json()["items"]) == 1
    with psycopg.connect(shared_database.superuser_url) as connection:
        recorded = connection.execute(
            "SELECT type FROM care.notifications WHERE patient_id = %s ORDER BY type", [phone.patient_id]
        )
        assert recorded.fetchall() == [("patient.registered",), ("safety.reported",)]


def test_twelve_at_once_of_one_patient_are_all_kept(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    ids = [str(new_id()) for _ in range(12)]

    def send(number: int) -> int:
        at = NOW - timedelta(hours=11 * number)
        return phone.check_in(at, (number % 11, 5, 5), check_in_id=ids[number]).status_code

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(send, range(12)))

    assert statuses == [201] * 12
    kept = rows_of(shared_database, phone.patient_id)
    assert {check_in_id for _, check_in_id in kept} == set(ids)
    assert [sequence for sequence, _ in kept] == list(range(1, 13))


def test_batches_singles_and_withdrawals_at_once_lose_nothing(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    items = [item(NOW - timedelta(hours=5 * number), (number % 11, 5, 5)) for number in range(80)]
    first = items[:20]
    phone.http.post("/v1/check-ins/batch", json={"items": first})

    def work(number: int) -> list[int]:
        if number < 20:
            return [phone.http.delete(f"/v1/check-ins/{first[number]['id']}").status_code]
        if number < 40:
            one = items[number]
            body = {name: value for name, value in one.items() if name != "id"}
            return [phone.http.put(f"/v1/check-ins/{one['id']}", json=body).status_code]
        reply = phone.http.post("/v1/check-ins/batch", json={"items": items[number : number + 10]})
        return [result["status"] for result in reply.json()["results"]]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(work, [*range(40), *range(40, 80, 10), *range(40, 80, 10)]))

    assert {status for answer in answers[:20] for status in answer} == {204}
    assert {status for answer in answers[20:40] for status in answer} == {201}
    assert sum(answer.count(201) for answer in answers[40:]) == 40
    kept = rows_of(shared_database, phone.patient_id)
    assert {check_in_id for _, check_in_id in kept} == {one["id"] for one in items}
    assert len({sequence for sequence, _ in kept}) == 80
