"""Corrections, withdrawals, and the sync that sends both."""

import json
from datetime import timedelta, timezone
from itertools import permutations
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.support.people import ClinicClient, PatientClient, as_of_now
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


def fresh(clinic: ClinicClient, service: Service) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def sync(
    phone: PatientClient, cursor: str | None = None, limit: int = 200
) -> tuple[list[dict[str, Any]], str]:
    params = {"limit": str(limit)} | ({"after": cursor} if cursor else {})
    page = phone.http.get("/v1/check-ins", params=params).json()
    return page["items"], page["cursor"]


def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, check_in_id = fresh(one_clinic, service), str(new_id())
    first = phone.check_in(NOW, (5, 5, 5), check_in_id=check_in_id)

    earlier = (NOW - timedelta(seconds=1)).isoformat()
    for other in ({"mood": 6}, {"note": "x"}, {"sleep_hours": 7}, {"recorded_at": earlier}):
        reply = phone.check_in(NOW, (5, 5, 5), check_in_id=check_in_id, **other)
        assert_problem(reply, 409, pointer="#/id", code="check-in-conflict")

    assert phone.check_in(NOW, (5, 5, 5), check_in_id=check_in_id).json() == first.json()
    assert [one["mood"] for one in sync(phone)[0]] == [5]


def test_saying_the_same_in_other_words_is_the_same(one_clinic: ClinicClient, service: Service) -> None:
    phone, check_in_id = fresh(one_clinic, service), str(new_id())
    assert phone.check_in(NOW, (5, 5, 5), check_in_id=check_in_id).status_code == 201

    spelled_out = {"note": None, "asks_about_booster": False, "input_mode": "radio", "supersedes": None}
    by_another_offset = {"recorded_at": NOW.astimezone(timezone(timedelta(hours=1))).isoformat()}
    for words in (spelled_out, by_another_offset, {"note": ""}, {"recorded_at": f"{NOW:%FT%T}Z"}):
        again = phone.check_in(NOW, (5, 5, 5), check_in_id=check_in_id, **words)
        assert again.status_code == 200, again.text


def test_a_check_in_that_is_sent_again_in_another_month_is_still_one_report(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, check_in_id = fresh(one_clinic, service), str(new_id())
    first = phone.check_in(NOW, check_in_id=check_in_id)
    for days in (29, 58):
        service.clock.move_to(NOW + timedelta(days=days))
        renewed = phone.http.post("/v1/tokens/refresh", json={"refresh_token": phone.refresh_token}).json()
        phone.refresh_token = renewed["refresh_token"]
        phone.http.headers["authorization"] = f"Bearer {renewed['access_token']}"
        again = phone.check_in(NOW, check_in_id=check_in_id)
        assert (again.status_code, again.json()) == (200, first.json())
    assert [one["id"] for one in sync(phone)[0]] == [check_in_id]


def test_one_id_may_be_used_by_two_patients(one_clinic: ClinicClient, service: Service) -> None:
    check_in_id = str(new_id())
    for mood in (3, 4):
        phone = fresh(one_clinic, service)
        assert phone.check_in(NOW, (mood, 5, 5), check_in_id=check_in_id).status_code == 201
        assert [one["mood"] for one in sync(phone)[0]] == [mood]


def test_a_correction_counts_instead_and_both_stay_on_the_record(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone = fresh(one_clinic, service)
    wrong = phone.check_in(NOW, (1, 5, 5)).json()["id"]
    _, cursor = sync(phone)

    right = phone.check_in(NOW, (9, 5, 5), supersedes=wrong)
    assert right.status_code == 201, right.text

    changed, after = sync(phone, cursor)
    assert {one["id"] for one in changed} == {wrong, right.json()["id"]}
    shown = {one["id"]: one for one in changed}
    assert shown[wrong]["superseded_by"] == right.json()["id"]
    assert shown[right.json()["id"]]["supersedes"] == wrong
    assert sync(phone, after) == ([], after)
    assert phone.check_in(NOW, (9, 5, 5), check_in_id=right.json()["id"], supersedes=wrong).status_code == 200


def test_what_was_corrected_or_withdrawn_cannot_be_corrected_again(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone = fresh(one_clinic, service)
    wrong, gone = (phone.check_in(NOW, (mood, 5, 5)).json()["id"] for mood in (1, 2))
    assert phone.check_in(NOW, (9, 5, 5), supersedes=wrong).status_code == 201
    assert phone.http.delete(f"/v1/check-ins/{gone}").status_code == 204
    itself = str(new_id())

    for target, check_in_id in ((wrong, None), (gone, None), (str(new_id()), None), (itself, itself)):
        reply = phone.check_in(NOW, (8, 5, 5), check_in_id=check_in_id, supersedes=target)
        assert_problem(reply, 422, pointer="#/supersedes", code="superseded-not-found")


def test_a_copy_in_the_same_batch_does_not_make_a_corrected_one_correctable_again(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, wrong = fresh(one_clinic, service), str(new_id())
    phone.check_in(NOW, (1, 5, 5), check_in_id=wrong)
    assert phone.check_in(NOW, (9, 5, 5), supersedes=wrong).status_code == 201
    base = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin", "energy": 5, "sleep_quality": 5}
    items = [
        base | {"id": wrong, "mood": 1},
        base | {"id": str(new_id()), "mood": 7, "supersedes": wrong},
    ]

    sent = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]

    assert [one["status"] for one in sent] == [200, 422]


def test_a_chain_of_corrections_in_one_batch_leaves_the_last(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone, ids = fresh(one_clinic, service), [str(new_id()) for _ in range(3)]
    base = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin"}
    items = [
        base | {"id": one, "mood": at} | ({"supersedes": ids[at - 1]} if at else {})
        for at, one in enumerate(ids)
    ]

    sent = phone.http.post("/v1/check-ins/batch", json={"items": items}).json()["results"]

    assert [one["status"] for one in sent] == [201, 201, 201]
    current = [one["id"] for one in sync(phone)[0] if not one["superseded_by"]]
    assert current == [ids[2]]
    assert phone.check_in(NOW).status_code == 201


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_chain_in_any_order_and_any_pieces_ends_as_in_the_right_one(
    one_clinic: ClinicClient, service: Service, order: tuple[int, ...], first: int
) -> None:
    phone, ids = fresh(one_clinic, service), [str(new_id()) for _ in range(3)]
    base = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin"}
    chain = [
        base | {"id": one, "mood": at} | ({"supersedes": ids[at - 1]} if at else {})
        for at, one in enumerate(ids)
    ]
    items = [chain[at] for at in order]

    # What came too early is refused, and kept when it is sent again.
    for _ in range(3):
        for piece in filter(None, (items[:first], items[first:])):
            phone.http.post("/v1/check-ins/batch", json={"items": piece})

    kept = {one["id"]: one["superseded_by"] for one in sync(phone)[0]}
    assert kept == {ids[0]: ids[1], ids[1]: ids[2], ids[2]: None}


def test_corrections_of_each_other_are_refused(one_clinic: ClinicClient, service: Service) -> None:
    phone, ids = fresh(one_clinic, service), [str(new_id()) for _ in range(3)]
    base = {"recorded_at": NOW.isoformat(), "time_zone": "Europe/Berlin", "mood": 5}
    circle = [base | {"id": one, "supersedes": ids[at - 1]} for at, one in enumerate(ids)]

    sent = phone.http.post("/v1/check-ins/batch", json={"items": circle}).json()["results"]

    assert [one["status"] for one in sent] == [422] * 3
    assert sync(phone)[0] == []


def test_a_withdrawn_check_in_is_sent_by_the_sync_and_gone_only_once(
    one_clinic: ClinicClient, service: Service
) -> None:
    phone = fresh(one_clinic, service)
    kept, gone = (phone.check_in(NOW, (mood, 5, 5)).json()["id"] for mood in (5, 6))
    _, cursor = sync(phone)

    assert phone.http.delete(f"/v1/check-ins/{gone}").status_code == 204
    assert_problem(phone.http.delete(f"/v1/check-ins/{gone}"), 404)
    assert_problem(phone.http.delete(f"/v1/check-ins/{new_id()}"), 404)

    (shown,), _ = sync(phone, cursor)
    assert shown["id"] == gone
    assert shown["withdrawn_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert {one["id"] for one in sync(phone)[0]} == {kept, gone}
    other = fresh(one_clinic, service)
    assert_problem(other.http.delete(f"/v1/check-ins/{kept}"), 404)


def test_the_sync_gives_every_change_in_small_pages(one_clinic: ClinicClient, service: Service) -> None:
    phone = fresh(one_clinic, service)
    ids = [phone.check_in(NOW - timedelta(days=day), (day, 5, 5)).json()["id"] for day in range(7)]
    phone.http.delete(f"/v1/check-ins/{ids[0]}")
    phone.check_in(NOW, (9, 5, 5), supersedes=ids[1])

    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page, cursor = sync(phone, cursor, limit=2)
        if not page:
            break
        seen += page

    assert len(seen) == 8
    assert {one["id"] for one in seen} >= set(ids)
    again: httpx2.Response = phone.http.get("/v1/check-ins", params={"after": cursor})
    assert again.json() == {"items": [], "cursor": cursor}


def test_corrections_change_the_evaluation_as_if_nothing_else_had_been_said(
    one_clinic: ClinicClient, service: Service
) -> None:
    """Corrected and withdrawn answers are no part of baseline, reference or loss."""
    plain, corrected = one_clinic.patient(), one_clinic.patient()
    last = NOW - timedelta(days=20)
    for patient in (plain, corrected):
        one_clinic.treat(patient, last_infusion=last)
        one_clinic.import_days(patient, last - timedelta(days=20), [(3, 3, 3)] * 9)
        one_clinic.import_days(patient, last + timedelta(days=1), [(8, 8, 8)] * 12)
    tidy, messy = (one_clinic.enrol(patient, service.url) for patient in (plain, corrected))
    for day in range(13, 21):
        at = last + timedelta(days=day)
        tidy.check_in(at, (5, 5, 5))
        wrong = messy.check_in(at, (0, 10, 1)).json()["id"]
        messy.http.delete(f"/v1/check-ins/{messy.check_in(at, (0, 0, 0)).json()['id']}")
        assert messy.check_in(at, (5, 5, 5), supersedes=wrong).status_code == 201

    # A wrong answer stood long enough for a signal, which stays and whose number stays said.
    answer = one_clinic.evaluation(corrected)
    assert json.dumps(answer).count(" (52% when raised Nov 3)") == 2
    assert one_clinic.evaluation(plain) == as_of_now(answer)


def amend(clinic: ClinicClient, patient: str, check_in: dict[str, Any], **changes: object) -> httpx2.Response:
    body = {"reason": "Columns swapped"} | changes
    path = f"/v1/patients/{patient}/check-ins/{check_in['id']}"
    return clinic.http.patch(path, json=body, headers={"if-match": check_in["etag"]})


def reports(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    return list(clinic.http.get(f"/v1/patients/{patient}/check-ins").json()["items"])


def test_an_imported_check_in_is_amended_with_a_reason_and_both_stay_on_the_record(
    one_clinic: ClinicClient, service: Service
) -> None:
    patient = one_clinic.patient()
    phone = one_clinic.enrol(patient, service.url)
    one_clinic.import_days(patient, NOW - timedelta(days=2), [(2, 5, 5), (4, 4, 4)])
    _, first = reports(one_clinic, patient)
    _, cursor = sync(phone)

    changes = {"mood": 7.456, "energy": None, "sleep_hours": 7.3, "note": "Away"}
    reply = amend(one_clinic, patient, first, **changes)

    assert (reply.status_code, reply.headers["etag"]) == (200, '"2"'), reply.text
    now = reply.json()
    assert [now[name] for name in ("mood", "energy", "sleep_hours", "note")] == [7.46, None, 7.25, "Away"]
    assert (now["recorded_at"], now["sleep_quality"], now["supersedes"]) == (
        first["recorded_at"],
        5,
        first["id"],
    )
    assert [one["id"] for one in reports(one_clinic, patient)][1] == now["id"]
    changed = {one["id"]: one for one in sync(phone, cursor)[0]}
    assert changed[first["id"]]["superseded_by"] == now["id"]
    (said,) = one_clinic.http.get(f"/v1/patients/{patient}/corrections").json()["items"]
    assert (said["kind"], said["correction"], said["reason"]) == ("check_in", "amended", "Columns swapped")

    # The old id leads to what stands in its place; nothing is amended, voided or restored twice.
    assert_problem(amend(one_clinic, patient, first, mood=8), 412, code="changed-meanwhile")
    path = f"/v1/patients/{patient}/check-ins/{first['id']}"
    assert_problem(one_clinic.http.patch(path, json={"reason": "x", "mood": 8}), 428)
    voided = one_clinic.http.post(f"{path}/void", json={"reason": "Another patient's"})
    assert (voided.json()["id"], voided.json()["version"]) == (now["id"], 3), voided.text
    assert_problem(amend(one_clinic, patient, voided.json(), mood=8), 409, code="entered-in-error")
    assert one_clinic.http.post(f"{path}/restore").json()["version"] == 4
    again = amend(one_clinic, patient, first | {"etag": '"4"'}, mood=9)
    assert (again.status_code, again.json()["version"]) == (200, 5), again.text


def test_an_amended_check_in_that_cannot_be_is_refused_by_name_and_nothing_is_half_done(
    one_clinic: ClinicClient, service: Service
) -> None:
    patient = one_clinic.patient()
    own = one_clinic.enrol(patient, service.url).check_in(NOW, (5, 5, 5)).json()
    one_clinic.import_days(patient, NOW - timedelta(days=3), [(2, 5, 5), (4, 4, 4)])
    before = reports(one_clinic, patient)
    _, second, first = before

    refusals: list[tuple[dict[str, object], int, str, str | None]] = [
        ({"mood": 11}, 422, "invalid-request", "#/mood"),
        ({"mood": "4"}, 422, "invalid-request", "#/mood"),
        ({"recorded_at": None}, 422, "invalid-request", None),
        ({"time_zone": "Factory"}, 422, "invalid-request", "#/time_zone"),
        ({"mood": None, "energy": None, "sleep_quality": None}, 422, "invalid-request", None),
        ({"recorded_at": (NOW + timedelta(days=1)).isoformat()}, 422, "check-in-in-future", "#/recorded_at"),
        ({"unknown": 1}, 422, "invalid-request", "#/unknown"),
        ({"reason": " "}, 422, "invalid-request", "#/reason"),
    ]
    for changes, status, code, pointer in refusals:
        assert_problem(amend(one_clinic, patient, first, **changes), status, code=code, pointer=pointer)
    near = {"recorded_at": second["recorded_at"], "mood": 4, "energy": 4, "sleep_quality": 4}
    asked = amend(one_clinic, patient, first, **near)
    assert_problem(asked, 409, code="needs-confirmation")
    assert asked.json()["confirm"] == ["same_check_in"]
    owns = amend(one_clinic, patient, {"id": own["id"], "etag": '"1"'}, mood=1)
    assert_problem(owns, 409, code="patients-own-report")
    assert_problem(amend(one_clinic, patient, {"id": str(new_id()), "etag": '"1"'}, mood=1), 404)
    assert reports(one_clinic, patient) == before
    assert amend(one_clinic, patient, first, **near, confirm=["same_check_in"]).status_code == 200


def test_a_statement_that_an_amendment_adds_is_heard_and_one_that_was_there_is_not_heard_again(
    one_clinic: ClinicClient,
) -> None:
    patient = one_clinic.patient()
    one_clinic.import_days(patient, NOW - timedelta(days=1), [(2, 5, 5)])
    (kept,) = reports(one_clinic, patient)

    def events() -> int:
        params = {"patient_id": patient, "state": "all"}
        return len(one_clinic.http.get("/v1/safety-events", params=params).json()["items"])

    said = amend(one_clinic, patient, kept, self_harm_thoughts=True)
    assert (said.status_code, events()) == (200, 1), said.text
    assert (amend(one_clinic, patient, said.json(), mood=3).status_code, events()) == (200, 1)
