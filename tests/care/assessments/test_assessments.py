"""Completed forms: scored by the server, refused with what its author must look at, and never silent on safety."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import ClinicClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

HL7 = [0, 0, 0, 1, 2, 1, 3, 2, 1]
"""The answers of a public PHQ-9 example that states a total of 13; they add up to 10."""
QIDS = [1, 0, 0, 0, 1, 1, None, 0, None, 1, 1, 0, 1, 1, 1, 0]
MADRS = [1] * 10
BDI = {
    "name": "Beck Depression Inventory",
    "minimum": 0,
    "maximum": 63,
    "higher_is_better": False,
    "remission": 9,
    "relapse": 20,
}
WELL = BDI | {"name": "WHO-5", "maximum": 100, "higher_is_better": True, "remission": 52, "relapse": 28}


def form(items: object, *, scale: str = "phq-9", days_ago: float = 0, **more: object) -> dict[str, Any]:
    taken_at = (NOW - timedelta(days=days_ago)).isoformat()
    return {"scale": scale, "taken_at": taken_at, "items": items} | more


def events(clinic: ClinicClient, patient: str) -> list[dict[str, Any]]:
    found = clinic.http.get("/v1/safety-events", params={"state": "all", "patient_id": patient})
    return list(found.json()["items"])


@pytest.fixture
def path(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return f"/v1/patients/{one_clinic.patient()}/assessments"


def patient_of(path: str) -> str:
    return path.split("/")[3]


@pytest.mark.parametrize(
    ("scale", "items", "total", "band", "remission"),
    [
        ("phq-9", [1, 1, 1, 1, 0, 0, 0, 0, 0], 4, "minimal", True),
        ("phq-9", [3] * 8 + [0], 24, "severe", False),
        ("qids-sr16", QIDS, 8, "mild", False),
        ("madrs", MADRS, 10, "mild", True),
        ("gad-7", [1] * 7, 7, "mild", None),
        ("PHQ_9", {str(number): 1 for number in range(1, 9)} | {"9": 0}, 8, "mild", False),
    ],
)
def test_a_form_is_scored_by_the_server(
    one_clinic: ClinicClient, path: str, scale: str, items: object, total: int, band: str, remission: bool
) -> None:
    reply = one_clinic.http.post(path, json=form(items, scale=scale))

    assert reply.status_code == 201, reply.text
    body = reply.json()
    assert (body["total"], body["band"], body["remission"]) == (total, band, remission)
    assert body["safety_event_id"] is None
    assert events(one_clinic, patient_of(path)) == []


def test_a_stated_total_that_differs_is_refused_with_both_numbers_and_its_safety_answer_acts(
    one_clinic: ClinicClient, path: str
) -> None:
    for _ in range(2):
        reply = one_clinic.http.post(path, json=form(HL7, total=13))

        problem = assert_problem(reply, 422, code="total-differs", pointer="#/total")
        (error,) = problem["errors"]
        assert (error["stated_total"], error["computed_total"]) == (13, 10)
        assert "13" in error["detail"]
        assert "10" in error["detail"]
        (event,) = events(one_clinic, patient_of(path))
        assert (event["source"], event["urgent"], event["state"]) == ("refused_assessment", False, "open")
        assert problem["safety_event_id"] == event["id"]
    assert one_clinic.http.get(path).json()["items"] == []


def test_the_missing_items_are_named_and_no_answer_is(one_clinic: ClinicClient, path: str) -> None:
    reply = one_clinic.http.post(path, json=form([3, None, 3, 3, 3, None, 3, 3, 0]))
    (error,) = assert_problem(reply, 422, code="missing-items")["errors"]
    assert error["items"] == [2, 6]
    assert "2, 6" in error["detail"]

    either_or = [*QIDS[:5], None, None, *QIDS[7:]]
    reply = one_clinic.http.post(path, json=form(either_or, scale="qids-sr16"))
    problem = assert_problem(reply, 422, code="missing-one-of")
    assert [error["items"] for error in problem["errors"]] == [[6, 7]]


def answered(count: int, number: int, answer: object) -> list[object]:
    return [answer if item == number else 0 for item in range(1, count + 1)]


@pytest.mark.parametrize(
    ("scale", "count", "number", "answer", "urgent"),
    [
        ("phq-9", 9, 9, 1, False),
        ("phq-9", 9, 9, 3, True),
        ("qids-sr16", 16, 12, 1, False),
        ("qids-sr16", 16, 12, 3, True),
        ("madrs", 10, 10, 1, None),
        ("madrs", 10, 10, 2, False),
        ("madrs", 10, 10, 4, True),
    ],
)
def test_the_suicide_item_of_a_kept_form_acts_once(
    one_clinic: ClinicClient, path: str, scale: str, count: int, number: int, answer: int, urgent: bool | None
) -> None:
    body = form(answered(count, number, answer), scale=scale)
    first, again = (one_clinic.http.post(path, json=body) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    found = events(one_clinic, patient_of(path))
    assert [event["urgent"] for event in found] == ([] if urgent is None else [urgent])
    if found:
        assert (found[0]["source"], found[0]["source_id"]) == ("assessment", first.json()["id"])
        assert first.json()["safety_event_id"] == found[0]["id"]


ONLY_NINE = answered(9, 9, 2)
REFUSED: list[tuple[str, object]] = [
    ("incomplete", form([None] * 8 + [1])),
    ("another item out of range", form([7, *ONLY_NINE[1:]])),
    ("itself out of range", form(answered(9, 9, 7))),
    ("in the future", form(ONLY_NINE, days_ago=-1)),
    ("a time without an offset", form(ONLY_NINE) | {"taken_at": "2026-11-03T10:00:00"}),
    ("no time at all", {"scale": "phq-9", "items": ONLY_NINE}),
    ("an unknown field", form(ONLY_NINE, feeling=CANARY)),
    ("an unknown scale with as many items", form(ONLY_NINE, scale=CANARY)),
    ("a scale spelt in another way", form(ONLY_NINE, scale="PHQ9")),
    ("answers as texts", form([str(one) for one in ONLY_NINE])),
    ("an answer as a word", form(answered(9, 9, "often"))),
    ("by number, and one alone", form({"9": 1})),
    ("too many items", form([*ONLY_NINE, 0, 0])),
    ("wrapped in something", {"assessment": form(ONLY_NINE)}),
    ("wrapped in a list", [form(ONLY_NINE)]),
    ("JSON cut after the items", json.dumps(form(ONLY_NINE))[:-1].encode()),
    ("JSON cut within the items", b'{"scale": "phq-9", "items": [0,0,0,0,0,0,0,0,2'),
    ("JSON with a trailing comma", b'{"scale": "phq-9", "items": {"9": 2, "1": 0},}'),
    ("bytes that are no UTF-8", b'{"note": "\xff", "scale": "phq-9", "items": [0,0,0,0,0,0,0,0,2]}'),
    ("nesting that no parser takes", b'{"scale":"phq-9","items":[0,0,0,0,0,0,0,0,1],"x":' + b"[" * 50_000),
]


@pytest.mark.parametrize("body", [one[1] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_the_suicide_item_acts_however_the_form_is_refused(
    one_clinic: ClinicClient, path: str, body: object
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    for _ in range(2):
        reply = one_clinic.http.post(path, content=content, headers={"content-type": "application/json"})

        assert reply.status_code in {400, 422}, reply.text
        (event,) = events(one_clinic, patient_of(path))
        assert event["source"] == "refused_assessment"
        assert reply.json()["safety_event_id"] == event["id"]
        assert CANARY not in reply.text


@pytest.mark.parametrize("items", [[0] * 8, [None] * 9, answered(9, 9, 0)[:8], {"8": 3}, "none", None])
def test_a_form_without_the_item_is_refused_without_an_event(
    one_clinic: ClinicClient, path: str, items: object
) -> None:
    reply = one_clinic.http.post(path, json=form(items))

    assert reply.status_code == 422
    assert "safety_event_id" not in reply.json()
    assert events(one_clinic, patient_of(path)) == []


def test_another_form_at_the_very_same_time_is_a_conflict_whose_answer_acts(
    one_clinic: ClinicClient, path: str
) -> None:
    assert one_clinic.http.post(path, json=form([0] * 9)).status_code == 201

    assert_problem(one_clinic.http.post(path, json=form(ONLY_NINE)), 409, code="assessment-exists")

    assert [event["source"] for event in events(one_clinic, patient_of(path))] == ["refused_assessment"]


def test_a_total_alone_is_enough_and_must_be_one_of_the_scale(one_clinic: ClinicClient, path: str) -> None:
    def put_total(total: object, scale: str = "phq-9") -> httpx2.Response:
        return one_clinic.http.post(path, json=form(None, scale=scale, total=total))

    assert put_total(14).json()["band"] == "moderate"
    assert_problem(put_total(28), 422, code="total-out-of-range")
    assert_problem(put_total(3.5), 422, code="total-not-whole")
    assert_problem(put_total(None), 422, code="nothing-given")
    assert_problem(put_total(3, CANARY), 422, code="scale-not-known")


def test_forms_that_come_late_are_kept_and_listed_by_the_patients_clock(
    one_clinic: ClinicClient, path: str
) -> None:
    for days_ago in (400, 3, 30):
        assert one_clinic.http.post(path, json=form([1] * 8 + [0], days_ago=days_ago)).status_code == 201

    first = one_clinic.http.get(path, params={"limit": 2})
    rest = one_clinic.http.get(first.links["next"]["url"])
    listed = [*first.json()["items"], *rest.json()["items"]]

    assert [one["taken_at"] for one in listed] == [
        "2026-10-31T19:00:00+01:00",
        "2026-10-04T20:00:00+02:00",
        "2025-09-29T20:00:00+02:00",
    ]


def test_a_clinic_describes_its_own_scales_in_either_direction(one_clinic: ClinicClient, path: str) -> None:
    for _ in range(2):
        added = one_clinic.http.post("/v1/scales", json={"scales": {"bdi": BDI, "who-5": WELL}})
        assert added.status_code == 201, added.text
    keys = [scale["key"] for scale in one_clinic.http.get("/v1/scales").json()["items"]]
    assert keys == ["madrs", "qids-sr16", "phq-9", "gad-7", "bdi", "who-5"]
    changed = {"scales": {"bdi": BDI | {"relapse": 30}}}
    assert_problem(one_clinic.http.post("/v1/scales", json=changed), 409, code="scale-exists")

    def entered(scale: str, total: float) -> dict[str, Any]:
        reply = one_clinic.http.post(path, json=form(None, scale=scale, total=total, days_ago=total / 100))
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    assert (entered("bdi", 8)["remission"], entered("bdi", 21)["relapse_level"]) == (True, True)
    assert (entered("who-5", 60.5)["remission"], entered("who-5", 20)["relapse_level"]) == (True, True)
    items = one_clinic.http.post(path, json=form([1], scale="bdi"))
    assert_problem(items, 422, code="items-not-scored")


@pytest.mark.parametrize(
    ("key", "change", "pointer"),
    [
        ("phq-9", {}, "#/scales/phq-9"),
        ("Bad Key", {}, "#/scales/Bad Key"),
        ("x", {"name": None}, "#/scales/x/name"),
        ("x", {"name": "a\u0000b"}, "#/scales/x/name"),
        ("x", {"maximum": 0}, "#/scales/x/maximum"),
        ("x", {"maximum": 10**400}, "#/scales/x/maximum"),
        ("x", {"remission": 20}, "#/scales/x/remission"),
        ("x", {"relapse": 64}, "#/scales/x/relapse"),
        ("x", {"days_apart": 0}, "#/scales/x/days_apart"),
        ("x", {"items": 21}, "#/scales/x/items"),
    ],
)
def test_a_scale_that_is_none_is_refused_by_its_place(
    one_clinic: ClinicClient, key: str, change: dict[str, Any], pointer: str
) -> None:
    reply = one_clinic.http.post("/v1/scales", json={"scales": {key: BDI | change}})

    assert_problem(reply, 422, pointer=pointer)
