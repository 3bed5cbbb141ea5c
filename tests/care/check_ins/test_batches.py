"""Batches: one result an item, in order; a bad one never fails the rest."""

from datetime import timedelta
from typing import Any

from app.foundation.ids import new_id
from tests.support.people import ZONE, ClinicClient, PatientClient, item
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service


def hundred() -> list[dict[str, Any]]:
    return [item(NOW - timedelta(hours=7 * number), (5, number % 11, 5)) for number in range(100)]


def fresh(clinic: ClinicClient, service: Service) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def current(phone: PatientClient) -> set[str]:
    kept: set[str] = set()
    cursor = None
    while True:
        params: dict[str, str] = {"limit": "200"} | ({"after": cursor} if cursor else {})
        page = phone.http.get("/v1/check-ins", params=params).json()
        if not page["items"]:
            return kept
        cursor = page["cursor"]
        kept |= {one["id"] for one in page["items"]}


def test_three_bad_of_a_hundred_are_named_and_the_others_kept(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, items = fresh(one_clinic, service), hundred()
    items[3] |= {"mood": 11, "note": CANARY}
    items[50] = {"id": items[50]["id"], CANARY[:6]: CANARY}
    items[99] |= {"recorded_at": (NOW + timedelta(days=1)).isoformat(), "note": CANARY}

    reply = phone.http.post("/v1/check-ins/batch", json={"items": items})

    assert reply.status_code == 200
    assert CANARY not in reply.text
    results = reply.json()["results"]
    assert [result["id"] for result in results] == [one["id"] for one in items]
    assert {at for at, one in enumerate(results) if one["status"] != 201} == {3, 50, 99}
    for at, pointer in ((3, "#/mood"), (50, "#/recorded_at"), (99, "#/recorded_at")):
        problem = results[at]["problem"]
        assert problem["status"] == results[at]["status"] == 422
        assert pointer in [error["pointer"] for error in problem["errors"]]
    assert current(phone) == {one["id"] for at, one in enumerate(items) if at not in {3, 50, 99}}


def test_a_batch_sent_again_changes_nothing(one_clinic: ClinicClient, service: Service) -> None:
    phone, items = fresh(one_clinic, service), hundred()
    first = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]
    again = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]

    assert {result["status"] for result in first} == {201}
    assert {result["status"] for result in again} == {200}
    assert [one["check_in"] for one in again] == [one["check_in"] for one in first]


def test_singles_and_batches_know_each_other(one_clinic: ClinicClient, service: Service) -> None:
    phone, (one, other) = fresh(one_clinic, service), hundred()[:2]

    def put(sent: dict[str, Any]) -> int:
        body = {name: value for name, value in sent.items() if name != "id"}
        return phone.http.put(f"/v1/check-ins/{sent['id']}", json=body).status_code

    assert put(one) == 201
    sent = phone.http.post("/v1/check-ins/batch", json={"items": [one, other]}).json()["results"]
    assert [result["status"] for result in sent] == [200, 201]
    assert put(other) == 200


def test_the_same_item_twice_in_one_batch_is_one_check_in(one_clinic: ClinicClient, service: Service) -> None:
    phone, one = fresh(one_clinic, service), hundred()[0]

    sent = phone.http.post("/v1/check-ins/batch", json={"items": [one, one, one | {"mood": 1}]}).json()

    assert [result["status"] for result in sent["results"]] == [201, 200, 409]
    assert current(phone) == {one["id"]}


def test_too_many_too_few_and_no_list_are_refused(phone: PatientClient) -> None:
    one = item(NOW, (5, 5, 5))
    bodies: tuple[dict[str, object], ...] = (
        {"items": []},
        {"items": [one] * 101},
        {"items": one},
        {"items": None},
        {},
        {"items": CANARY},
    )
    for body in bodies:
        assert_problem(phone.http.post("/v1/check-ins/batch", json=body), 422, pointer="#/items")
    more = {"items": [one], "device": CANARY}
    assert_problem(phone.http.post("/v1/check-ins/batch", json=more), 422, pointer="#/device")


def test_items_of_any_shape_are_refused_one_by_one(one_clinic: ClinicClient, service: Service) -> None:
    phone = fresh(one_clinic, service)
    odd: list[object] = [None, 5, "x", [], {}, [[]], True, {"id": None}, {"id": CANARY}, {"id": {"a": 1}}]
    odd += [{"id": str(new_id()), "time_zone": ZONE, "mood": "\x00"}, {"id": str(new_id()), "\x00": 1}]

    reply = phone.http.post("/v1/check-ins/batch", json={"items": [*odd, item(NOW, (5, 5, 5))]})

    assert reply.status_code == 200, reply.text
    assert [result["status"] for result in reply.json()["results"]] == [422] * len(odd) + [201]
    assert CANARY not in reply.text


def test_a_refused_correction_leaves_no_gap_that_stops_the_next_check_ins(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, items = fresh(one_clinic, service), hundred()[:3]
    items[1]["supersedes"] = str(new_id())

    sent = phone.http.post("/v1/check-ins/batch", json={"items": [*items, items[1]]}).json()["results"]
    after = phone.check_in(NOW)

    assert [result["status"] for result in sent] == [201, 422, 201, 422]
    assert after.status_code == 201, after.text
    assert len(current(phone)) == 3


def test_imported_sleep_hours_are_kept_to_the_quarter_and_the_reply_says_so(one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    path = f"/v1/patients/{patient}/check-ins/batch"
    slept = {7.3: 7.25, 7.4: 7.5, 7.25: 7.25, 8: 8.0, 23.99: 24.0}
    items = [
        item(NOW - timedelta(days=day), (day, 5, 5)) | {"sleep_hours": hours}
        for day, hours in enumerate(slept, start=1)
    ]
    for status in (201, 200):
        results = one_clinic.http.post(path, json={"items": items}).json()["results"]
        assert [one["status"] for one in results] == [status] * len(items)
        assert [one["check_in"]["sleep_hours"] for one in results] == list(slept.values())
        rounded = ["sleep_hours"]
        assert [one["rounded"] for one in results] == [rounded, rounded, [], [], rounded]
    for wrong in (24.1, -0.1, "7.3"):
        (refused,) = one_clinic.http.post(
            path, json={"items": [items[0] | {"id": items[1]["id"], "sleep_hours": wrong}]}
        ).json()["results"]
        assert refused["status"] == 422


def test_a_clinic_may_bring_along_fractions_and_the_distant_past(one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    path = f"/v1/patients/{patient}/check-ins/batch"
    old = item(NOW - timedelta(days=3650), (7.25, 3.5, None))

    (result,) = one_clinic.http.post(path, json={"items": [old]}).json()["results"]

    assert result["status"] == 201
    assert result["check_in"]["mood"] == 7.25
    assert result["check_in"]["input_mode"] == "import"
    assert result["check_in"]["late"] is True
    (again,) = one_clinic.http.post(path, json={"items": [old]}).json()["results"]
    assert again["status"] == 200
    wrong = [
        item(NOW + timedelta(minutes=11), (5, 5, 5)),
        item(NOW, (10.01, 5, 5)),
        item(NOW, (5, 5, 5)) | {"input_mode": "radio"},
        item(NOW, (5, 5, 5)) | {"recorded_at": "0001-01-01T00:00:00+14:00"},
    ]
    refused = one_clinic.http.post(path, json={"items": wrong}).json()["results"]
    assert {one["status"] for one in refused} == {422}
