"""The stream of events: all that webhooks push and more, in one order that never changes behind a reader."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app.context import Work
from app.notifications.stream.queries import keep_stream
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import patient_states
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, NO_TLS, ClinicClient, clinic_client, treated
from tests.support.problems import CANARY, assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


def pulled(
    http: httpx2.Client, after: str | None = None, *, limit: int = 1000
) -> tuple[list[dict[str, Any]], str]:
    """Read to the end of the stream; gives the events and the cursor."""
    events: list[dict[str, Any]] = []
    while True:
        params = {"limit": limit} | ({"after": after} if after else {})
        reply = http.get("/v1/events", params=params)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        events, after = [*events, *page["items"]], page["cursor"]
        if len(page["items"]) < limit:
            return events, page["cursor"]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [one["type"] for one in events]


def fading(clinic: ClinicClient) -> str:
    return treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))


def test_the_stream_has_what_was_pushed_and_what_only_systems_need(
    clinic: ClinicClient, receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    fading(clinic)

    (pushed,) = receiver.wait_for("signal.raised")
    events, _ = pulled(clinic.http)

    (raised,) = [one for one in events if one["type"] == "signal.raised"]
    assert (raised["id"], raised["data"]) == (pushed.webhook_id, pushed.event["data"])
    assert datetime.fromisoformat(raised["timestamp"]) == datetime.fromisoformat(pushed.event["timestamp"])
    assert set(types(events)) >= {
        "patient.registered", "infusion.recorded", "reference.established", "level.changed", "signal.raised",
    }  # fmt: skip
    assert {one.type for one in receiver.accepted()} <= {
        "signal.raised", "induction.review_due", "reference.not_established",
    }  # fmt: skip
    sequences = [one["data"]["sequence"] for one in events]
    assert sequences == sorted(sequences)


def test_a_page_ends_where_the_next_begins_and_the_end_is_said(clinic: ClinicClient) -> None:
    fading(clinic)
    everything, cursor = pulled(clinic.http)

    by_two, same = pulled(clinic.http, limit=2)

    assert by_two == everything
    assert same == cursor
    assert pulled(clinic.http, cursor) == ([], cursor)
    clinic.patient()
    (new,), _ = pulled(clinic.http, cursor)
    assert new["type"] == "patient.registered"


def test_of_two_overlapping_transactions_the_one_that_commits_last_comes_last(
    service: Service, clinic: ClinicClient
) -> None:
    first, second = clinic.patient(), clinic.patient()
    _, before = pulled(clinic.http)
    read: list[tuple[list[dict[str, Any]], str]] = []

    async def overlap() -> None:
        clinic_id = UUID(clinic.clinic_id)
        async with service.context.work(clinic_id) as begun_first:
            await _announce(begun_first, first)
            async with service.context.work(clinic_id) as begun_second:
                await _announce(begun_second, second)
            read.append(await asyncio.to_thread(pulled, clinic.http, before))
        read.append(await asyncio.to_thread(pulled, clinic.http, read[0][1]))

    service.run(overlap())

    (early, _), (late, _) = read
    assert [one["data"]["patient_id"] for one in early] == [second]
    assert [one["data"]["patient_id"] for one in late] == [first]
    both, _ = pulled(clinic.http, before)
    assert [one["data"]["patient_id"] for one in both] == [second, first]


async def _announce(work: Work, patient_id: str) -> None:
    await patient_states.lock(work, UUID(patient_id))
    about = About.patient(UUID(patient_id), public_url=work.public_url, mode="test")
    await notify_of_patient(work, EventType.CHECK_INS_RESUMED, about, now=work.now)


def test_whoever_reads_while_much_happens_reads_each_event_once(clinic: ClinicClient) -> None:
    def register(_number: int) -> str:
        return clinic.patient()

    def follow(_number: int) -> list[str]:
        seen: list[str] = []
        cursor = None
        while len(seen) < 40:
            events, cursor = pulled(clinic.http, cursor, limit=3)
            seen += [one["id"] for one in events]
        return seen

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(follow, number) for number in range(3)]
        list(threads.map(register, range(40)))
        read = [one.result(timeout=60) for one in readers]

    everything = [one["id"] for one in pulled(clinic.http)[0]]
    assert len(set(everything)) == 40
    assert read == [everything] * 3


def test_one_patients_events_stand_in_the_patients_order_whatever_the_clock_said(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    for minutes in (50, 10, 30):
        service.clock.move_to(NOW + timedelta(minutes=minutes))
        given = {"given_at": (NOW - timedelta(hours=minutes)).isoformat(), "phase": "induction"}
        reply = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)
        assert reply.status_code == 201, reply.text

    events, _ = pulled(clinic.http)
    mine = [one["data"]["sequence"] for one in events if one["data"].get("patient_id") == patient]
    assert mine == list(range(1, len(mine) + 1))


def test_a_cursor_older_than_90_days_says_to_start_again(service: Service, clinic: ClinicClient) -> None:
    clinic.patient()
    _, old = pulled(clinic.http)
    clinic.patient()
    pulled(clinic.http)
    service.clock.move_to(NOW + timedelta(days=91))
    clinic.patient()

    service.run(_keep(service, clinic))

    assert_problem(clinic.http.get("/v1/events", params={"after": old}), 410, code="start-again")
    kept, cursor = pulled(clinic.http)
    assert types(kept) == ["patient.registered"]
    assert pulled(clinic.http, cursor) == ([], cursor)


async def _keep(service: Service, clinic: ClinicClient) -> None:
    async with service.context.work(UUID(clinic.clinic_id)) as work:
        await keep_stream(work)


@pytest.mark.parametrize(
    "wrong", ["x", "%00", "YWJj", "YWJjLjEyMzQ1Njc4OTAxMjM0NTY3ODkw", "YWJjLi0x", "a" * 201]
)
def test_what_is_no_cursor_is_refused_by_name(clinic: ClinicClient, wrong: str) -> None:
    assert clinic.http.get("/v1/events", params={"after": wrong}).status_code == 422
    assert clinic.http.get("/v1/snapshot", params={"after": wrong}).status_code == 422


def test_a_cursor_of_another_database_or_from_ahead_says_to_start_again(clinic: ClinicClient) -> None:
    clinic.patient()
    _, cursor = pulled(clinic.http)
    epoch, _, _number = base64.urlsafe_b64decode(cursor + "==").decode().partition(".")
    for text in (f"{epoch}.99", "00000000.1"):
        other = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        assert_problem(clinic.http.get("/v1/events", params={"after": other}), 410, code="start-again")


def test_one_clinic_reads_nothing_of_another(service: Service, clinic: ClinicClient) -> None:
    other = clinic_client(service)
    clinic.patient()

    assert pulled(other.http)[0] == []
    assert other.http.get("/v1/snapshot").json()["items"] == []


def test_the_stream_and_the_snapshot_ask_for_their_own_scope(service: Service, clinic: ClinicClient) -> None:
    key = clinic.http.post("/v1/api-keys", json={"name": "bi", "scopes": ["patients", "webhooks"]}).json()
    reading = clinic.http.post("/v1/api-keys", json={"name": "ehr", "scopes": ["events:read"]}).json()
    with httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS) as http:
        for path in ("/v1/events", "/v1/snapshot"):
            refused = http.get(path, headers={"authorization": f"Bearer {key['secret']}"})
            assert_problem(refused, 403, code="scope-missing")
            given = http.get(path, headers={"authorization": f"Bearer {reading['secret']}"})
            assert given.status_code == 200


def test_an_erased_patient_leaves_a_tombstone_and_nothing_else(clinic: ClinicClient) -> None:
    patient = clinic.patient()
    _, cursor = pulled(clinic.http)
    asked = clinic.http.post(f"/v1/patients/{patient}/erasure-requests").json()
    done = clinic.http.post(f"/v1/erasure-requests/{asked['id']}/approve", headers={"if-match": '"1"'})
    assert done.status_code == 200

    events, _ = pulled(clinic.http, cursor)

    assert types(events) == ["patient.erased"]
    assert events[0]["data"] == {"patient_id": patient, "mode": "test"}
    assert types(pulled(clinic.http)[0]) == ["patient.erased"]
    assert clinic.http.get("/v1/snapshot").json()["items"] == []


def test_the_snapshot_is_read_page_by_page_with_one_cursor_and_is_audited(
    clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    patients = [clinic.patient(CANARY if number == 0 else None) for number in range(5)]
    pulled(clinic.http)

    pages, path = [], "/v1/snapshot?limit=2"
    while path:
        reply = clinic.http.get(path)
        pages.append(reply.json())
        assert CANARY not in reply.text
        path = reply.links["next"]["url"] if "next" in reply.links else ""
        clinic.patient()  # what comes meanwhile is in the stream

    listed = [one["id"] for page in pages for one in page["items"]]
    assert listed[:5] == patients
    assert len({page["cursor"] for page in pages}) == 1
    after, _ = pulled(clinic.http, pages[0]["cursor"])
    assert types(after) == ["patient.registered"] * len(pages)
    assert pages[0]["items"][0] == {
        "id": patients[0],
        "mode": "test",
        "level": "no_reference",
        "reference_established": False,
        "consent": "not_asked",
        "archived": None,
        "merged_into": None,
        "review_due": False,
        "overdue": False,
        "signals": [],
        "safety_events": [],
        "findings": [],
    }
    read = ask(
        shared_database.superuser_url,
        "SELECT count(*) AS times FROM care.audit_events WHERE clinic_id = %(clinic)s AND action = 'snapshot.read'",
        clinic=clinic.clinic_id,
    )
    assert read == [{"times": len(pages)}]
