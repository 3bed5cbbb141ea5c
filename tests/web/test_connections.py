"""A connection costs no more than its requests: heads come in time, and nobody waits behind those of others."""

import asyncio
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.foundation.ids import new_id
from app.storage.engine import connection_budget
from app.storage.engine.connection_budget import OF_A_PATIENT, SPENDER, ConnectionBudget, Spender, Ticket
from app.web import connections
from tests.support.people import ClinicClient
from tests.support.service import Service

A, B = new_id(), new_id()


def connected(service: Service) -> socket.socket:
    where = urlsplit(service.url)
    return socket.create_connection((where.hostname or "", where.port or 80), timeout=20)


def answer(connection: socket.socket) -> bytes:
    with connection:
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("begun", [b"", b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: "])
def test_a_head_that_does_not_come_ends_its_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    connection = connected(service)
    connection.sendall(begun)
    started = time.monotonic()

    assert answer(connection) == b""
    assert 0.3 < time.monotonic() - started < 10


def test_a_second_head_on_a_kept_connection_has_its_own_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    connection = connected(service)
    whole = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    for _ in range(2):
        connection.sendall(whole)
        answered = b""
        while b"alive" not in answered:
            answered += connection.recv(4096)
        assert answered.startswith(b"HTTP/1.1 200")
    connection.sendall(whole[:-2])
    started = time.monotonic()

    assert answer(connection) == b""
    assert time.monotonic() - started < 4, "sooner than an idle connection ends"


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"a" * 40_000 + b"\r\n",
        b"x-long: " + b"a" * 40_000,
        b"".join(b"x-%d: a\r\n" % number for number in range(200)),
    ],
    ids=["one-long-header", "one-that-never-ends", "many-headers"],
)
def test_a_head_that_is_too_large_is_refused(service: Service, head: bytes) -> None:
    connection = connected(service)
    connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n")

    assert answer(connection).startswith(b"HTTP/1.1 400")


def test_a_long_body_that_comes_in_one_piece_is_no_head(service: Service) -> None:
    connection = connected(service)
    body = b"[" + b" " * 100_000 + b"]"
    head = b"POST /v1/enrolments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    connection.sendall(head % len(body) + body)

    assert answer(connection).startswith(b"HTTP/1.1 422")
    whole = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    connection = connected(service)
    connection.sendall(head % len(body) + body + whole)
    answered = b""
    while b"alive" not in answered:
        answered += connection.recv(65_536)
    connection.close()


def of_request(patient: bytes | None = None) -> None:
    SPENDER.set(Spender(patient=patient))


async def taken_by(
    budget: ConnectionBudget, clinic: UUID, patient: bytes | None, *, safety: bool = False
) -> Ticket:
    """Take a connection in a separate request."""

    async def take() -> Ticket:
        of_request(patient)
        return await budget.take(clinic, safety=safety)

    return await asyncio.create_task(take())


def in_a_loop(story: Callable[[], object]) -> None:
    asyncio.run(story())  # type: ignore[arg-type] # every story here is a coroutine function


def test_one_patient_holds_two_connections_and_one_clinic_six_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_budget, "_WAIT_SECONDS", 0.05)

    async def story() -> None:
        budget = ConnectionBudget(10)
        for _ in range(OF_A_PATIENT):
            await taken_by(budget, A, b"one")
        with pytest.raises(PoolTimeoutError):
            await taken_by(budget, A, b"one")
        for _ in range(budget.of_a_clinic - OF_A_PATIENT):
            await taken_by(budget, A, None)
        with pytest.raises(PoolTimeoutError):
            await taken_by(budget, A, b"another")
        for number in range(10 - budget.of_a_clinic):
            await taken_by(budget, B, b"%d" % number)
        with pytest.raises(PoolTimeoutError):
            await taken_by(budget, B, b"last")

    in_a_loop(story)


def test_safety_has_connections_that_nothing_else_and_no_other_clinic_fills(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_budget, "_WAIT_SECONDS", 0.05)

    async def story() -> None:
        budget = ConnectionBudget(10)
        for number in range(10):
            await taken_by(budget, A if number < budget.of_a_clinic else B, None)
        await taken_by(budget, A, b"one", safety=True)
        with pytest.raises(PoolTimeoutError):
            await taken_by(budget, A, b"two", safety=True)
        await taken_by(budget, B, b"three", safety=True)

    in_a_loop(story)


def test_a_request_that_holds_a_connection_never_waits_for_its_second() -> None:
    async def story() -> None:
        budget = ConnectionBudget(1)
        of_request(b"one")
        first = await budget.take(A, safety=False)
        second = await budget.take(A, safety=False)
        for ticket in (second, first):
            budget.give_back(ticket)
        assert (await taken_by(budget, B, None)).counted

    in_a_loop(story)


def test_what_comes_free_goes_by_turns_and_not_to_whoever_waits_in_the_greatest_number() -> None:
    async def story() -> None:
        budget = ConnectionBudget(2)
        served: list[str] = []
        held = [await taken_by(budget, A, b"a"), await taken_by(budget, B, b"b")]

        async def one(clinic: UUID, name: str) -> None:
            of_request(name.encode())
            ticket = await budget.take(clinic, safety=False)
            served.append(name)
            await asyncio.sleep(0)
            budget.give_back(ticket)

        waiting = [asyncio.create_task(one(A, "a")) for _ in range(50)]
        waiting.append(asyncio.create_task(one(B, "b")))
        await asyncio.sleep(0)
        for ticket in held:
            budget.give_back(ticket)
        await asyncio.gather(*waiting)
        assert served.index("b") <= 2
        assert len(served) == 51

    in_a_loop(story)


def test_who_gives_up_at_the_moment_when_a_connection_comes_free_keeps_nobody_else_waiting() -> None:
    async def story() -> None:
        budget = ConnectionBudget(1)
        held = await taken_by(budget, A, None)
        first = asyncio.create_task(taken_by(budget, B, b"first"))
        others = [asyncio.create_task(taken_by(budget, B, name)) for name in (b"first", b"second")]
        await asyncio.sleep(0.01)
        first.cancel()
        # Its task has not come round to it yet.
        budget.give_back(held)
        for one in others:
            budget.give_back(await asyncio.wait_for(one, 1))
        await asyncio.gather(first, return_exceptions=True)
        assert (await taken_by(budget, A, None)).counted

    in_a_loop(story)


def test_who_gives_up_waiting_leaves_nothing_taken() -> None:
    async def story() -> None:
        budget = ConnectionBudget(1)
        held = await taken_by(budget, A, None)
        waiting = asyncio.create_task(taken_by(budget, B, None))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        budget.give_back(held)
        assert (await taken_by(budget, B, None)).counted

    in_a_loop(story)


def test_while_every_connection_is_held_others_are_asked_to_come_again_and_a_disclosure_is_kept(
    service: Service, clinic: ClinicClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_budget, "_WAIT_SECONDS", 0.3)
    phone, budget = clinic.enrol(clinic.patient(), service.url), service.context.database.budget

    async def fill() -> list[Ticket]:
        return [await budget.take(None, safety=False) for _ in range(budget.size)]

    async def empty() -> None:
        for one in held:
            budget.give_back(one)

    held = service.run(fill())
    try:
        refused = clinic.http.get("/v1/patients")
        said = phone.check_in(service.clock.now(), (1, 1, 1), self_harm_thoughts=True)
        ready = clinic.http.get("/health/ready")
    finally:
        service.run(empty())
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-away")
    assert (said.status_code, bool(said.json()["crisis_help"])) == (503, True)
    assert ready.status_code == 200
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert event["patient_id"] == phone.patient_id
    # Nothing stays held: the phone sends the same again.
    assert phone.check_in(service.clock.now(), (1, 1, 1)).status_code == 201
