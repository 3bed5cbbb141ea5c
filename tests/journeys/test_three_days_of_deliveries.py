"""Hundreds of events to receivers that fail in every way, while two workers are killed: each arrives once, on time.

Service and workers are processes with one clock, which the test moves: three days pass, and all of the schedule
with them. The clock goes from one due moment to a little after the next (``GRACE``), when all that is due has been
tried. What counts is what the receiver wrote down; the log of attempts is held against it.
"""

import asyncio
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from app.foundation.ids import new_id
from app.notifications.webhooks.delivering import CLAIM_LASTS
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.notifications.webhooks.retry_schedule import ORDINARY_WAITS
from tests.support.budget import budget
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.receiver import Received, Receiver, Said
from tests.support.service import NOW, Service, running_service
from tests.support.shared_clock import SharedClock
from tests.support.worker_process import running_worker

pytestmark = pytest.mark.processes

DAY: Final = timedelta(days=1)
# The clock overshoots a due moment by this share of the time that passed since the beginning.
GRACE: Final = 0.03
# How many events of which kind, each to a separate endpoint that wants nothing else.
EVENTS: Final = {
    "/flaky": (EventType.SIGNAL_RAISED, budget(200, long=650)),
    "/slow": (EventType.SIGNAL_CLOSED, budget(50, long=150)),
    "/gone": (EventType.SIGNAL_ESCALATED, budget(50, long=150)),
    "/down": (EventType.INDUCTION_REVIEW_DUE, 30),
    "/away": (EventType.REFERENCE_NOT_ESTABLISHED, 20),
}
# A worker is killed as it sends, after so many further requests each time.
KILLS: Final = budget(3, long=5)
BETWEEN_KILLS: Final = (50, budget(100, long=250))
# Whoever holds a delivery and has not moved for so long was killed.
DEAD_AFTER_SECONDS: Final = 2.0
# What one worker does at once, and so the most that a kill can tear.
AT_ONCE: Final = 20


@dataclass
class World:
    """The service, two workers, and what becomes of them."""

    own_database: DatabaseUrls
    service: Service
    clock: SharedClock
    clinic: ClinicClient
    receiver: Receiver
    log: Path
    chance: random.Random
    database: psycopg.Connection[dict[str, Any]]
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    workers: list[tuple[ExitStack, BaseProcess]] = field(default_factory=list)
    # When each was killed, by the shared clock.
    kills: list[datetime] = field(default_factory=list)

    def start_worker(self) -> None:
        stack = ExitStack()
        process = stack.enter_context(
            running_worker(self.own_database.application_url, now=self.clock, log=self.log)
        )
        self.workers.append((stack, process))

    def kill_one(self) -> None:
        """Kill a worker in the middle of whatever it does, and start another."""
        stack, process = self.workers.pop(self.chance.randrange(len(self.workers)))
        process.kill()
        stack.close()
        self.kills.append(self.clock.now())
        self.start_worker()

    def kill_as_they_send(self) -> None:
        """Kill workers, in a separate thread, each while the receiver has just got something."""
        chance, at = random.Random(self.chance.random()), 0  # noqa: S311 - repeatable
        for _ in range(KILLS):
            at += chance.randint(*BETWEEN_KILLS)
            with self.receiver.changed:
                self.receiver.changed.wait_for(partial(self._have_come, at), 300)
            self.kill_one()

    def _have_come(self, count: int) -> bool:
        return len(self.receiver.requests) >= count

    def stop_workers(self) -> None:
        for stack, _ in self.workers:
            stack.close()

    def ask(self, statement: str, **values: object) -> dict[str, Any]:
        row = self.database.execute(statement.encode(), values).fetchone()
        assert row is not None
        return row


@pytest.fixture
def world(cluster: Cluster, receiver: Receiver, tmp_path: Path) -> Iterator[World]:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    clock = SharedClock(tmp_path / "clock", NOW)
    with (
        cluster.database() as own_database,
        running_service(own_database.application_url, clock=clock, work=False, speedup=1) as service,
        psycopg.connect(own_database.superuser_url, row_factory=dict_row, autocommit=True) as database,
        ExitStack() as workers,
    ):
        made = World(
            own_database,
            service,
            clock,
            clinic_client(service),
            receiver,
            tmp_path / "workers.log",
            random.Random(seed),  # noqa: S311 - repeatable
            database,
        )
        workers.callback(made.stop_workers)
        for path, (event, _) in EVENTS.items():
            endpoint = made.clinic.add_endpoint(receiver.url + path, [event.value])
            made.endpoints[path] = endpoint
            receiver.secrets["/hook" + path] = endpoint["secret"]
        for _ in range(2):
            made.start_worker()
        yield made


class Moods:
    """How each of the five receivers is, by its path and the time that the request says it is."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.gone = self.away = True

    def __call__(self, path: str, sent_at: int) -> Said:
        since = datetime.fromtimestamp(sent_at, UTC) - NOW
        match path.rpartition("/")[2]:
            case "flaky":
                return self._flaky(sent_at) if self._chance.random() < 0.2 else Said()
            case "slow":
                return Said(after_seconds=self._chance.uniform(0.05, 0.4))
            case "gone" if self.gone:
                return Said(status=410)
            case "down" if since < 2.9 * DAY:
                return Said(status=self._chance.choice([503, None]))
            case "away" if self.away:
                return Said(status=500)
        return Said(status=202)

    def _flaky(self, sent_at: int) -> Said:
        in_an_hour = format_datetime(datetime.fromtimestamp(sent_at + 3600, UTC), usegmt=True)
        return self._chance.choice(
            [
                Said(status=500),
                Said(status=None),
                Said(status=307, headers={"location": "http://10.0.0.1/hook/elsewhere"}),
                Said(status=429, headers={"retry-after": "900"}),
                Said(status=503, headers={"retry-after": in_an_hour}),
            ]
        )


async def write_events(
    service: Service, clinic_id: UUID, patients: list[UUID], chance: random.Random
) -> list[UUID]:
    """Write all events, each in a separate transaction, as the rooms above do; gives their ids."""
    wanted = [event for event, count in EVENTS.values() for _ in range(count)]
    chance.shuffle(wanted)
    room = asyncio.Semaphore(6)

    async def write(number: int, event: EventType) -> UUID:
        about = About(
            patient_id=patients[number % len(patients)],
            mode="test",
            subject="signal",
            subject_id=new_id(),
            url="https://afterglow.test/v1/signals",
        )
        async with room, service.context.work(clinic_id) as work:
            return await notify_of_patient(work, event, about, now=service.clock.now())

    return list(await asyncio.gather(*(write(number, event) for number, event in enumerate(wanted))))


def state_of(world: World) -> tuple[int, int]:
    """How many are due and in nobody's hands, and how many someone has."""
    row = world.ask(
        "SELECT count(*) FILTER (WHERE NOT held AND next_attempt_at <= %(now)s) AS due,"
        " count(*) FILTER (WHERE held) AS held FROM (SELECT next_attempt_at,"
        " coalesce(claimed_until > %(now)s, false) AS held FROM care.deliveries WHERE state = 'pending') AS d",
        now=world.clock.now(),
    )
    return row["due"], row["held"]


def settle(world: World) -> None:
    """Wait until all that is due was tried; what a dead worker has is left until its claim is over."""
    last = state_of(world)
    changed = time.monotonic()
    while last != (0, 0):
        time.sleep(0.03)
        now = state_of(world)
        if now != last:
            changed, last = time.monotonic(), now
        still = time.monotonic() - changed
        killed = bool(world.kills) and world.kills[-1] + CLAIM_LASTS >= world.clock.now()
        if last[0] == 0 and killed and still > DEAD_AFTER_SECONDS:
            return
        assert still < 120, last


def live(world: World, until: datetime | None) -> None:
    """Go from one due moment to the next, until then or until nothing is due any more."""
    while True:
        settle(world)
        row = world.ask(
            "SELECT min(greatest(next_attempt_at, claimed_until)) AS next FROM care.deliveries"
            " WHERE state = 'pending'"
        )
        following = row["next"]
        if following is None or (until is not None and following > until):
            break
        world.clock.move_to(following + (following - NOW) * GRACE)
    if until is not None:
        world.clock.move_to(max(until, world.clock.now()))


def log_of(world: World, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = f"/v1/webhook-endpoints/{world.endpoints[path]['id']}/deliveries?limit=200"
    while page:
        reply = world.clinic.http.get(page)
        found += reply.json()["items"]
        page = reply.links.get("next", {}).get("url", "")
    return found


def states(world: World, path: str) -> Counter[str]:
    return Counter(one["state"] for one in log_of(world, path))


def test_each_of_hundreds_of_events_arrives_once_and_every_wait_is_kept(world: World) -> None:
    moods = Moods(world.chance)
    world.receiver.script = moods
    patients = [UUID(world.clinic.patient()) for _ in range(20)]
    writing: Future[list[UUID]] = asyncio.run_coroutine_threadsafe(
        write_events(world.service, UUID(world.clinic.clinic_id), patients, world.chance), world.service.loop
    )
    killing = threading.Thread(target=world.kill_as_they_send)
    killing.start()
    written = {str(one) for one in writing.result(120)}
    assert len(written) == sum(count for _, count in EVENTS.values()) >= 350

    live(world, NOW + DAY)
    gone = world.clinic.http.get(f"/v1/webhook-endpoints/{world.endpoints['/gone']['id']}").json()
    assert (gone["state"], gone["disabled_because"]) == ("disabled", "gone")
    assert states(world, "/gone") == {"held": EVENTS["/gone"][1]}
    moods.gone = False
    enabled_at = world.clock.now()
    enabled = world.clinic.http.post(f"/v1/webhook-endpoints/{gone['id']}/enable").json()
    assert enabled["state"] == "enabled"
    live(world, None)
    assert world.clock.now() - NOW > 3 * DAY
    assert states(world, "/away") == {"exhausted": 20}
    moods.away = False
    recovered_at = world.clock.now()
    away = f"/v1/webhook-endpoints/{world.endpoints['/away']['id']}"
    recovered = world.clinic.http.post(away + "/recover", json={"since": NOW.isoformat()})
    assert recovered.json() == {"deliveries": 20}
    live(world, None)
    killing.join()

    logs = {path: log_of(world, path) for path in EVENTS}
    assert {path: len(log) for path, log in logs.items()} == {
        path: count for path, (_, count) in EVENTS.items()
    }
    assert {one["state"] for log in logs.values() for one in log} == {"delivered"}
    assert {one["webhook_id"] for log in logs.values() for one in log} == written
    torn = check_log_against_receiver(world, [one for log in logs.values() for one in log])
    checked = check_waits(world, logs, {"/gone": enabled_at, "/away": recovered_at}, torn)
    print(  # noqa: T201 - same
        len(world.kills), "killed,", len(torn), "torn, waits kept by number:", dict(sorted(checked.items()))
    )
    assert len(world.kills) == KILLS
    assert set(checked) == set(range(1, len(ORDINARY_WAITS))), "each wait of the schedule was seen"


def check_log_against_receiver(world: World, log: list[dict[str, Any]]) -> set[str]:
    """Hold the log against what arrived; gives the ids of which an attempt was torn by a kill, and so not logged."""
    asked: dict[str, list[Received]] = defaultdict(list)
    for request in world.receiver.requests:
        asked[request.webhook_id].append(request)
    assert {one.path for one in world.receiver.requests} == {"/hook" + path for path in EVENTS}, (
        "nowhere else"
    )
    assert {one.verified for one in world.receiver.requests} == {True}
    torn: set[str] = set()
    unlogged = 0
    for one in log:
        came = asked[one["webhook_id"]]
        assert len({request.raw for request in came}) == 1, "the same bytes at every attempt"
        logged = Counter(
            (int(moment(attempt).timestamp()), attempt["http_status"] or 0) for attempt in one["attempts"]
        )
        arrived = Counter((request.sent_at, request.status) for request in came)
        # A worker that is killed before it has sent leaves a claim, and nothing else.
        assert not logged - arrived, (logged, arrived)
        taken = [attempt for attempt in one["attempts"] if attempt["error"] is None]
        assert len(taken) == 1, "taken once, as far as we know"
        extra = sum((arrived - logged).values())
        unlogged += extra
        if extra or len(one["attempts"]) != attempts_ever(world, one):
            torn.add(one["webhook_id"])
    assert unlogged <= len(world.kills) * AT_ONCE
    assert len(torn) <= len(world.kills) * AT_ONCE
    return torn


def attempts_ever(world: World, delivery: dict[str, Any]) -> int:
    """How many were begun: where it began again, those before too."""
    before = {world.endpoints["/gone"]["id"]: 1, world.endpoints["/away"]["id"]: len(ORDINARY_WAITS)}
    ends_of_run = before.get(delivery["endpoint_id"], 0)
    # Of those that were held before their first attempt, none was made.
    tried_while_gone = ends_of_run if len(delivery["attempts"]) > 1 else 0
    return int(delivery["attempts_made"]) + tried_while_gone


def moment(attempt: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(attempt["started_at"])


def check_waits(
    world: World, logs: dict[str, list[dict[str, Any]]], again: dict[str, datetime], torn: set[str]
) -> Counter[int]:
    """Hold every wait against the schedule and ``Retry-After``; gives how often each wait was seen."""
    asked_to_wait = {
        (one.webhook_id, one.sent_at): one.said.headers.get("retry-after") for one in world.receiver.requests
    }
    seen: Counter[int] = Counter()
    for path, log in logs.items():
        for one in log:
            if one["webhook_id"] in torn:
                continue
            run = [
                attempt for attempt in one["attempts"] if path not in again or moment(attempt) < again[path]
            ]
            for number, (first, second) in enumerate(pairwise(run), 1):
                waited = moment(second) - moment(first)
                wait = ORDINARY_WAITS[number]
                header = asked_to_wait[one["webhook_id"], int(moment(first).timestamp())]
                asked = timedelta(seconds={None: 0, "900": 900}.get(header, 3600))
                grace = (moment(second) - NOW) * GRACE + timedelta(seconds=1)
                # The date in a Retry-After has whole seconds.
                least = max(wait * 0.9, asked - timedelta(seconds=1))
                assert least <= waited <= max(wait * 1.1, asked) + grace, (path, number, waited, asked)
                seen[number] += 1
    return seen
