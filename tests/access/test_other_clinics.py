"""What belongs to another clinic is answered exactly as what does not exist, at every operation there is.

The walk is made from the OpenAPI document: a new operation takes part in it, or says here what is missing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from app.foundation.ids import new_id
from tests.support.databases import DatabaseUrls
from tests.support.lively import A_NIGHT, LivelyClinic, lively_clinic
from tests.support.people import entry, item
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service
from tests.support.the_api import document

# Not walked, each with its reason.
ELSEWHERE = {
    ("GET", "/v1/questionnaires/{key}"): "holds nobody's data",
    (
        "POST",
        "/v1/unsubscribe/{token}",
    ): "the signed token of a mail is whom it is about; see the reminders' tests",
    (
        "POST",
        "/v1/text-messages/{clinic_id}",
    ): "the gateway's signature is asked for, whichever clinic it names; see the tests of texts",
    (
        "POST",
        "/v1/patients/{patient_id}/transfers/{transfer_id}/confirm",
    ): "only the receipt of that very transfer is right; see test_transfer.py",
    ("PUT", "/v1/assessments/{assessment_id}"): "the phone chooses the id; see test_questionnaires.py",
}
# Walked last: nothing about an endpoint is found once it is removed, and nothing is changed of who is archived.
LAST = {
    ("DELETE", "/v1/webhook-endpoints/{endpoint_id}"),
    ("DELETE", "/v1/notice-channels/{channel_id}"),
    ("POST", "/v1/patients/{patient_id}/archive"),
    # After it nobody is transferred.
    ("POST", "/v1/patients/{patient_id}/consent/withdraw"),
    ("POST", "/v1/patients/{patient_id}/merge"),
    ("POST", "/v1/patients/{patient_id}/unarchive"),
    ("POST", "/v1/patients/{patient_id}/unmerge"),
}
# In order, so that a phone's copy of a check-in's id (PUT) comes after the id is asked for (DELETE).
IN_PATH = sorted(
    (
        (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if "{" in path and (method.upper(), path) not in ELSEWHERE
    ),
    key=lambda operation: (operation in LAST, operation),
)
SCHEMES = {
    (method.upper(), path): next(iter(operation["security"][0]))
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if operation.get("security")
}
# Bodies that are right, so that it is the id that decides; the same for both ids, but for the id in braces.
SHARED_ITEM = item(NOW - timedelta(days=2), (5, 5, 5))
REASON = {"reason": "a reason"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/v1/patients/{patient_id}"): {"locale": "es"},
    ("POST", "/v1/patients/{patient_id}/courses"): {"protocol": "standard", "started_on": "2026-11-01"},
    ("POST", "/v1/patients/{patient_id}/infusions"): {
        "given_at": "2026-11-01T10:00:00Z",
        "phase": "induction",
    },
    ("POST", "/v1/patients/{patient_id}/archive"): {"reason": "care_ended"},
    ("POST", "/v1/patients/{patient_id}/unarchive"): {},
    ("PUT", "/v1/patients/{patient_id}/contact"): {"preferred_way": "telephone"},
    ("POST", "/v1/patients/{patient_id}/merge"): REASON | {"into": "{into_id}"},
    ("POST", "/v1/patients/{patient_id}/unmerge"): REASON,
    ("POST", "/v1/patients/{patient_id}/reference/accept"): REASON,
    ("PATCH", "/v1/patients/{patient_id}/infusions/{infusion_id}"): REASON | {"dose_mg_per_kg": 0.6},
    ("PATCH", "/v1/patients/{patient_id}/courses/{course_id}"): REASON | {"planned_infusions": 7},
    ("PATCH", "/v1/patients/{patient_id}/assessments/{assessment_id}"): REASON | {"total": 6},
    ("PATCH", "/v1/patients/{patient_id}/check-ins/{check_in_id}"): REASON | {"mood": 4},
    ("POST", "/v1/patients/{patient_id}/transfers"): {
        "to": "Riverside",
        "consent": {"given_on": NOW.date().isoformat(), "how": "in_writing"},
    },
    ("PUT", "/v1/patients/{patient_id}/care-team"): {"members": []},
    ("POST", "/v1/patients/{patient_id}/appointments"): {"kind": "visit", "on": NOW.date().isoformat()},
    ("PATCH", "/v1/patients/{patient_id}/appointments/{appointment_id}"): {"at": "09:30"},
    ("POST", "/v1/patients/{patient_id}/appointments/{appointment_id}/give"): {
        "given_at": "2026-11-01T10:00:00Z",
    },
    ("POST", "/v1/patients/{patient_id}/circumstances"): {
        "kind": "weight",
        "since": "2026-11-01",
        "weight_kg": 80,
    },
    ("PATCH", "/v1/patients/{patient_id}/circumstances/{circumstance_id}"): REASON | {"weight_kg": 80},
    ("PATCH", "/v1/patients/{patient_id}/courses/current"): {"planned_infusions": 6},
    ("PUT", "/v1/patients/{patient_id}/factors"): {"cautions": ["mania"]},
    ("PUT", "/v1/patients/{patient_id}/booked-booster"): {"on": NOW.date().isoformat()},
    ("PUT", "/v1/patients/{patient_id}/reference"): {
        "from": (NOW - timedelta(days=22)).date().isoformat(),
        "to": (NOW - timedelta(days=14)).date().isoformat(),
        "reason": "a reason",
    },
    ("PUT", "/v1/patients/{patient_id}/taper-plan"): {
        "steps": [{"interval_days": 14, "count": 2}],
        "interval_days": 14,
    },
    ("POST", "/v1/patients/{patient_id}/assessments"): {
        "scale": "phq-9",
        "taken_at": "2026-11-01T10:00:00Z",
        "items": [0, 0, 0, 0, 0, 0, 0, 0, 1],
    },
    ("POST", "/v1/patients/{patient_id}/check-ins/batch"): {"items": [SHARED_ITEM]},
    ("POST", "/v1/patients/{patient_id}/consent/withdraw"): {},
    ("POST", "/v1/signals/{signal_id}/snooze"): {"until": (NOW + timedelta(days=1)).isoformat()},
    ("POST", "/v1/signals/{signal_id}/close"): {"disposition": "data_problem"},
    ("POST", "/v1/signals/{signal_id}/reopen"): {"reason": "a reason"},
    ("POST", "/v1/findings/{finding_id}/close"): {"outcome": "contacted"},
    ("POST", "/v1/worklist/{item_id}/assign"): {"member": None},
    ("POST", "/v1/worklist/{item_id}/outreach"): {"channel": "phone", "outcome": "left_message"},
    ("POST", "/v1/worklist/{item_id}/answer"): {"text": "will_call"},
    ("POST", "/v1/safety-events/{event_id}/close"): {"outcome": "contact_made"},
    ("POST", "/v1/erasure-requests/{request_id}/decline"): {"reason": "a reason"},
    ("PATCH", "/v1/webhook-endpoints/{endpoint_id}"): {"events": None},
    ("POST", "/v1/webhook-endpoints/{endpoint_id}/recover"): {"since": (NOW - timedelta(days=1)).isoformat()},
    ("POST", "/v1/patients/{patient_id}/emergency-access"): {"reason": "Nobody who may was there."},
    ("PATCH", "/v1/staff/{staff_id}"): {"role": "coordinator"},
    ("PATCH", "/v1/protocol-templates/{template_id}"): {"infusions": 6},
    ("PUT", "/v1/staff/{staff_id}/away"): {"from": NOW.date().isoformat()},
    ("PATCH", "/v1/patients/{patient_id}/references/{choice_id}"): REASON
    | {"to": (NOW - timedelta(days=15)).date().isoformat()},
    ("PUT", "/v1/check-ins/{check_in_id}"): entry(NOW, (5, 5, 5)),
    ("PUT", "/v1/me/sleep-nights/{sleep_night_id}"): A_NIGHT | {"confirm": ["overlapping_night"]},
    **{operation: REASON for operation in IN_PATH if operation[1].endswith(("/void", "/restore"))},
}


# A phone chooses the ids of what it sends; nobody else's matters to it.
CHOSEN_BY_THE_PHONE = frozenset(
    {("PUT", "/v1/check-ins/{check_in_id}"), ("PUT", "/v1/me/sleep-nights/{sleep_night_id}")}
)


@dataclass
class Neighbours:
    ours: LivelyClinic
    theirs: LivelyClinic


@pytest.fixture(scope="module")
def neighbours(shared_database: DatabaseUrls, shared_service: Service) -> Iterator[Neighbours]:
    shared_service.clock.move_to(NOW)
    with running_receiver() as receiver:
        both = Neighbours(
            lively_clinic(shared_service, receiver, "Ours"), lively_clinic(shared_service, receiver, "Theirs")
        )
        let_the_worker_look(shared_database, shared_service, both)
        yield both
    both.ours.client.close()
    both.theirs.client.close()


def let_the_worker_look(shared_database: DatabaseUrls, service: Service, both: Neighbours) -> None:
    """Have the worker do now what it does by itself, or it would look as if a request had changed something.

    The one that runs may be at a patient just then, whom this one passes by: so until nobody waits.
    """
    deadline = time.monotonic() + 30
    service.sweep()
    while still_to_look_at(shared_database, both):
        assert time.monotonic() < deadline, "the worker does not come by"
        time.sleep(0.1)
        service.sweep()


def still_to_look_at(shared_database: DatabaseUrls, both: Neighbours) -> int:
    """How many patients of the two clinics the sweep is about to look at."""
    clinics = [both.ours.client.clinic_id, both.theirs.client.clinic_id]
    with psycopg.connect(shared_database.superuser_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM care.reminder_plans WHERE clinic_id = ANY(%s::uuid[]) AND next_look_at <= %s",
            [clinics, NOW],
        ).fetchone()
    assert row is not None
    return int(row[0])


def ask(who: LivelyClinic, operation: tuple[str, str], ids: dict[str, str]) -> tuple[int, str]:
    """Ask; gives the status and the answer with the ids and the request's own id left out."""
    method, path = operation
    people = {"ClinicKey": who.client.http, "DeviceToken": who.phone.http, "StaffSession": who.nurse}
    http = people[SCHEMES[operation]]
    body = BODIES.get(operation)
    if body is not None and "into" in body:
        body = body | {"into": body["into"].format(**ids)}
    reply: httpx2.Response = http.request(method, path.format(**ids), json=body, headers={"if-match": '"1"'})
    text = reply.text.replace(reply.headers["x-request-id"], "REQUEST")
    for one in ids.values():
        text = text.replace(one, "ID")
    return reply.status_code, text


@pytest.fixture(scope="module")
def everything_of_theirs(
    shared_database: DatabaseUrls, neighbours: Neighbours
) -> Iterator[Callable[[], list[tuple[str, str]]]]:
    """Gives all rows of the other clinic, as the superuser sees them: in one statement that is planned once."""
    whose = {"clinic": UUID(neighbours.theirs.client.clinic_id)}
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'care'").fetchall()
        each = (
            f"SELECT '{name}', to_jsonb(t)::text FROM care.{name} t WHERE clinic_id = %(clinic)s"  # noqa: S608 - the catalogue's own names
            for (name,) in tables
            # The worker seals when it comes by.
            if name != "audit_seals"
        )
        everything = f"{' UNION ALL '.join(each)} ORDER BY 1, 2"
        found = connection.execute(everything, whose).fetchall()
        assert {"patients", "check_ins", "audit_events"} <= {table for table, _ in found}
        yield lambda: connection.execute(everything, whose, prepare=True).fetchall()


def test_their_ids_in_bodies_and_queries_are_ids_that_nobody_has(neighbours: Neighbours) -> None:
    ours, theirs = neighbours.ours, neighbours.theirs
    for kind in ("signals", "safety-events"):
        listed = ours.client.http.get(f"/v1/{kind}", params={"patient_id": theirs.ids["patient_id"]})
        assert (listed.status_code, listed.json()) == (200, {"items": []})
    answers = [
        ours.phone.check_in(NOW, (5, 5, 5), supersedes=target)
        for target in (theirs.ids["check_in_id"], str(new_id()))
    ]
    assert {reply.status_code for reply in answers} == {422}
    assert answers[0].json()["errors"] == answers[1].json()["errors"]


def test_lists_hold_only_ones_own(neighbours: Neighbours) -> None:
    ours, theirs = neighbours.ours, neighbours.theirs
    for path in (
        "/v1/patients",
        "/v1/signals?state=all",
        "/v1/safety-events?state=all",
        "/v1/webhook-endpoints",
        "/v1/notice-channels",
        "/v1/undelivered",
    ):
        text = ours.client.http.get(path).text
        assert not [one for one in (*theirs.ids.values(), theirs.client.clinic_id) if one in text], path
    (own,) = [
        one for one in ours.phone.http.get("/v1/check-ins").json()["items"] if one["self_harm_thoughts"]
    ]
    assert own["id"] == ours.ids["check_in_id"]


def test_a_reference_may_be_used_by_two_clinics(
    shared_database: DatabaseUrls, shared_service: Service, neighbours: Neighbours
) -> None:
    body = {"external_ref": "P-same", "time_zone": "Europe/Berlin"}

    for clinic in (neighbours.ours, neighbours.theirs):
        assert clinic.client.http.post("/v1/patients", json=body).status_code == 201
        assert clinic.client.http.post("/v1/patients", json=body).status_code == 409
    let_the_worker_look(shared_database, shared_service, neighbours)


@pytest.mark.parametrize("operation", IN_PATH, ids=lambda one: f"{one[0]} {one[1]}")
def test_their_ids_are_answered_as_ids_that_nobody_has(
    neighbours: Neighbours,
    everything_of_theirs: Callable[[], list[tuple[str, str]]],
    operation: tuple[str, str],
) -> None:
    theirs_before = everything_of_theirs()
    nobody = {name: str(new_id()) for name in neighbours.theirs.ids}

    theirs = ask(neighbours.ours, operation, neighbours.theirs.ids)
    unknown = ask(neighbours.ours, operation, nobody)

    assert theirs == unknown
    assert theirs[0] == (201 if operation in CHOSEN_BY_THE_PHONE else 404), theirs
    assert everything_of_theirs() == theirs_before


@pytest.mark.parametrize("operation", IN_PATH, ids=lambda one: f"{one[0]} {one[1]}")
def test_the_walk_would_notice(neighbours: Neighbours, operation: tuple[str, str]) -> None:
    """The same request with one's own ids is not answered with 404: it does reach what it asks for."""
    status, text = ask(neighbours.theirs, operation, neighbours.theirs.ids)

    assert status in {200, 201, 202, 204, 409, 412}, text
