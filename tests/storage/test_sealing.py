"""The sealed audit log on PostgreSQL itself: what is sealed when, and what a superuser's hand leaves to be found."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Insert, insert

from app.access.audit.faults import FaultKind
from app.access.audit.seals import Head, Verified, seal_clinic, sealed_events, verify
from app.foundation.audit import OPERATOR, AuditEvent
from app.foundation.ids import new_id
from app.storage.engine.audit import StoredEvent, audit_values
from tests.storage.catalogue import ask, execute
from tests.support.clinics import seal_audit_log
from tests.support.databases import DatabaseUrls
from tests.support.service import NOW, Service, running_service

TABLES = {"event": "care.audit_events", "seal": "care.audit_seals"}


@pytest.fixture(scope="module")
def quiet_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service without a worker: the test seals."""
    with running_service(own_database.application_url, work=False) as running:
        yield running


@pytest.fixture
def clinic_id(quiet_service: Service) -> UUID:
    return quiet_service.new_clinic().clinic_id


def happen(service: Service, clinic_id: UUID, times: int = 1) -> None:
    async def write() -> None:
        async with service.context.work(clinic_id, actor=OPERATOR) as work:
            for _ in range(times):
                work.audit("test.happened", "test", new_id())

    service.run(write())


def seal(service: Service, clinic_id: UUID, *, whole: bool = False) -> int:
    return seal_audit_log(service, clinic_id, whole=whole)


def verified(service: Service, clinic_id: UUID, kept: Head | None = None) -> Verified:
    context = service.context
    return service.run(verify(context.database, context.vault, clinic_id, kept=kept))


def sealed(service: Service, clinic_id: UUID, times: int = 8) -> list[UUID]:
    """Let things happen and seal them together; gives the events in their sealed order."""
    happen(service, clinic_id, times)
    seal(service, clinic_id)
    return events_of(service, clinic_id)


def sealed_apart(service: Service, clinic_id: UUID, times: int = 8) -> list[UUID]:
    """Let things happen and seal each by itself; gives the events in their sealed order."""
    for _ in range(times):
        happen(service, clinic_id)
        seal(service, clinic_id)
    return events_of(service, clinic_id)


def events_of(service: Service, clinic_id: UUID) -> list[UUID]:
    async def read() -> list[UUID]:
        found = sealed_events(service.context.database, clinic_id)
        return [event_id async for _, event_id, _, _ in found]

    return service.run(read())


def faults(service: Service, clinic_id: UUID, kept: Head | None = None) -> list[tuple[str, int, int]]:
    found = verified(service, clinic_id, kept).faults
    return [(one.kind.value, one.sequence, one.to_sequence) for one in found]


def test_everything_that_happened_is_sealed_once_and_the_audit_log_is_intact(
    quiet_service: Service, clinic_id: UUID
) -> None:
    happen(quiet_service, clinic_id, 5)
    before = verified(quiet_service, clinic_id)
    assert (before.sealed, before.head, before.faults) == (0, None, [])
    assert before.unsealed >= 5
    assert seal(quiet_service, clinic_id) == before.unsealed
    assert seal(quiet_service, clinic_id) == 0
    after = verified(quiet_service, clinic_id)
    assert (after.sealed, after.unsealed, after.faults) == (before.unsealed, 0, [])
    assert after.head is not None
    assert after.head.sequence == after.sealed


def test_more_than_one_batch_is_sealed_in_one_chain_of_one_seal_each(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    happen(quiet_service, clinic_id, 2300)
    assert seal(quiet_service, clinic_id) >= 2300
    after = verified(quiet_service, clinic_id)
    assert after.sealed >= 2300
    assert (after.unsealed, after.faults) == (0, [])
    rows = "SELECT count(*) AS seals FROM care.audit_seals WHERE clinic_id = %(clinic)s"
    assert ask(own_database.superuser_url, rows, clinic=clinic_id) == [{"seals": 3}]


def test_what_commits_late_is_sealed_though_its_id_is_older(quiet_service: Service, clinic_id: UUID) -> None:
    """UUIDv7 order is not commit order: whoever sealed only after the last id would lose this one."""
    context = quiet_service.context
    database = context.database
    late_id, steps = new_id(), []

    async def overtaken() -> None:
        async with database.work(clinic_id) as slow:
            await slow.execute(inserting(late_id, clinic_id), unaudited="it is a line of the log")
            async with context.work(clinic_id, actor=OPERATOR) as quick:
                quick.audit("test.happened", "test", new_id())
            steps.append(await seal_clinic(database, context.vault, clinic_id, whole=False))
            await slow.commit()
        steps.append(await seal_clinic(database, context.vault, clinic_id, whole=False))

    quiet_service.run(overtaken())
    assert steps[1] == 1
    assert events_of(quiet_service, clinic_id)[-1] == late_id
    assert verified(quiet_service, clinic_id).faults == []


def test_what_is_older_than_a_sweep_looks_is_found_by_the_look_through_the_whole(
    quiet_service: Service, clinic_id: UUID
) -> None:
    sealed(quiet_service, clinic_id)
    two_hours = int(timedelta(hours=2) / timedelta(milliseconds=1))
    forgotten = UUID(int=new_id().int - (two_hours << 80))

    async def write() -> None:
        async with quiet_service.context.work(clinic_id) as work:
            await work.execute(inserting(forgotten, clinic_id), unaudited="it is a line of the log")
            await work.commit()

    quiet_service.run(write())
    assert seal(quiet_service, clinic_id) == 0
    assert verified(quiet_service, clinic_id).unsealed == 1
    assert seal(quiet_service, clinic_id, whole=True) == 1
    assert verified(quiet_service, clinic_id).unsealed == 0


def test_two_sealers_at_once_make_one_chain(quiet_service: Service, clinic_id: UUID) -> None:
    happen(quiet_service, clinic_id, 300)
    context = quiet_service.context
    database = context.database

    async def both() -> list[int]:
        return await asyncio.gather(
            *(seal_clinic(database, context.vault, clinic_id, whole=True) for _ in range(4))
        )

    counts = quiet_service.run(both())
    after = verified(quiet_service, clinic_id)
    assert sum(counts) == after.sealed
    assert (after.unsealed, after.faults) == (0, [])


def test_the_workers_sweep_seals_every_clinic(quiet_service: Service, clinic_id: UUID) -> None:
    happen(quiet_service, clinic_id, 3)
    other = quiet_service.new_clinic("Other").clinic_id
    quiet_service.sweep()
    for one in (clinic_id, other):
        assert verified(quiet_service, one).unsealed == 0
        assert verified(quiet_service, one).sealed > 0


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_kind = 'system'",
        "actor_id = gen_random_uuid()",
        "action = 'test.else'",
        "subject_kind = 'else'",
        "subject_id = gen_random_uuid()",
        "patient_id = gen_random_uuid()",
    ],
)
def test_a_changed_row_is_found_whatever_was_changed(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID, change: str
) -> None:
    third = sealed(quiet_service, clinic_id)[2]
    execute(own_database.superuser_url, f"UPDATE care.audit_events SET {change} WHERE id = '{third}'")  # noqa: S608 - the test's own
    assert faults(quiet_service, clinic_id) == [("changed", 3, 3)]
    assert verified(quiet_service, clinic_id).faults[0].event_id == third


def test_a_removed_row_is_found(quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID) -> None:
    third = sealed(quiet_service, clinic_id)[2]
    execute(own_database.superuser_url, f"DELETE FROM care.audit_events WHERE id = '{third}'")  # noqa: S608 - same
    assert faults(quiet_service, clinic_id) == [("event_removed", 3, 3)]


def test_removed_seals_are_found_with_and_without_their_events(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    ids = sealed_apart(quiet_service, clinic_id)
    both, gap = f"('{ids[-6]}', '{ids[-5]}')", ("seals_removed", len(ids) - 5, len(ids) - 4)
    execute(own_database.superuser_url, f"DELETE FROM care.audit_seals WHERE event_id IN {both}")  # noqa: S608 - same
    assert faults(quiet_service, clinic_id) == [gap]
    execute(own_database.superuser_url, f"DELETE FROM care.audit_events WHERE id IN {both}")  # noqa: S608 - same
    assert faults(quiet_service, clinic_id) == [gap]


def test_seals_that_are_moved_up_to_close_the_gap_are_found(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    ids = sealed_apart(quiet_service, clinic_id)
    execute(own_database.superuser_url, f"DELETE FROM care.audit_seals WHERE event_id = '{ids[-6]}'")  # noqa: S608 - same
    for sequence in range(len(ids) - 4, len(ids) + 1):
        execute(
            own_database.superuser_url,
            "UPDATE care.audit_seals SET sequence = sequence - 1 "  # noqa: S608 - same
            f"WHERE clinic_id = '{clinic_id}' AND sequence = {sequence}",
        )
    kinds = {kind for kind, _, _ in faults(quiet_service, clinic_id)}
    assert kinds == {FaultKind.CHANGED.value}


def test_another_order_is_found(quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID) -> None:
    one = len(sealed_apart(quiet_service, clinic_id)) - 5
    for old, new in ((one, 1000), (one + 1, one), (1000, one + 1)):
        execute(
            own_database.superuser_url,
            f"UPDATE care.audit_seals SET sequence = {new} WHERE clinic_id = '{clinic_id}' AND sequence = {old}",  # noqa: S608 - same
        )
    assert ("changed", one, one) in faults(quiet_service, clinic_id)
    assert ("changed", one + 1, one + 1) in faults(quiet_service, clinic_id)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        # Its third and fourth event change places, with their marks or without.
        ("event_ids = event_ids[:2] || event_ids[4] || event_ids[3] || event_ids[5:]", {(3, 3), (4, 4)}),
        (
            """event_ids = event_ids[:2] || event_ids[4] || event_ids[3] || event_ids[5:],
               marks = substr(marks, 1, 16) || substr(marks, 25, 8) || substr(marks, 17, 8) || substr(marks, 33)""",
            {(3, 3), (4, 4)},
        ),
        ("marks = set_byte(marks, 16, 255 - get_byte(marks, 16))", {(3, 3)}),
        ("mac = set_byte(mac, 0, 255 - get_byte(mac, 0))", {(1, 8)}),
        # The marks alone vouch for nothing: they are an aid.
        ("mac = sha256(mac), marks = marks", {(1, 8)}),
    ],
)
def test_what_is_changed_in_a_seal_of_several_is_found(
    quiet_service: Service,
    own_database: DatabaseUrls,
    clinic_id: UUID,
    change: str,
    found: set[tuple[int, int]],
) -> None:
    happen(quiet_service, clinic_id, 8 - verified(quiet_service, clinic_id).unsealed)
    seal(quiet_service, clinic_id)
    execute(
        own_database.superuser_url,
        f"UPDATE care.audit_seals SET {change} WHERE clinic_id = '{clinic_id}'",  # noqa: S608 - same
    )
    assert {("changed", *places) for places in found} == set(faults(quiet_service, clinic_id))


def test_an_event_that_is_taken_out_of_a_seal_of_several_is_found(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    ids = sealed(quiet_service, clinic_id)
    third, superuser = ids[2], own_database.superuser_url
    execute(
        superuser,
        f"UPDATE care.audit_seals SET event_ids = array_remove(event_ids, '{third}'), marks = substr(marks, 1, 16)"  # noqa: S608 - same
        f" || substr(marks, 25) WHERE clinic_id = '{clinic_id}'",
    )
    execute(superuser, f"DELETE FROM care.audit_events WHERE id = '{third}'")  # noqa: S608 - same
    kinds = {kind for kind, _, _ in faults(quiet_service, clinic_id)}
    assert kinds == {FaultKind.SEALS_REMOVED.value, FaultKind.CHANGED.value}


def test_a_cut_tail_is_found_against_a_head_that_was_kept(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    ids = sealed_apart(quiet_service, clinic_id)
    kept = verified(quiet_service, clinic_id).head
    assert kept is not None
    assert faults(quiet_service, clinic_id, kept) == []
    tail = f"('{ids[-1]}', '{ids[-2]}')"
    execute(own_database.superuser_url, f"DELETE FROM care.audit_seals WHERE event_id IN {tail}")  # noqa: S608 - same
    execute(own_database.superuser_url, f"DELETE FROM care.audit_events WHERE id IN {tail}")  # noqa: S608 - same
    # By itself a shorter chain is whole: that is what the head is kept for.
    assert faults(quiet_service, clinic_id) == []
    assert faults(quiet_service, clinic_id, kept) == [("head_cut", len(ids) - 1, len(ids))]
    sealed(quiet_service, clinic_id)
    assert faults(quiet_service, clinic_id, kept) == [("head_differs", len(ids), len(ids))]


def test_an_audit_log_that_goes_on_still_proves_an_earlier_head(
    quiet_service: Service, clinic_id: UUID
) -> None:
    sealed(quiet_service, clinic_id)
    kept = verified(quiet_service, clinic_id).head
    sealed(quiet_service, clinic_id)
    assert faults(quiet_service, clinic_id, kept) == []


def test_the_same_events_of_another_clinic_do_not_fit(
    quiet_service: Service, own_database: DatabaseUrls, clinic_id: UUID
) -> None:
    """The clinic is part of what is sealed: a whole chain cannot be put in the place of another."""
    sealed(quiet_service, clinic_id)
    other = quiet_service.new_clinic("Other").clinic_id
    for table in TABLES.values():
        execute(own_database.superuser_url, f"DELETE FROM {table} WHERE clinic_id = '{other}'")  # noqa: S608 - same
        execute(
            own_database.superuser_url,
            f"UPDATE {table} SET clinic_id = '{other}' WHERE clinic_id = '{clinic_id}'",  # noqa: S608 - same
        )
    assert {kind for kind, _, _ in faults(quiet_service, other)} == {"changed"}


def inserting(id: UUID, clinic_id: UUID) -> Insert:  # noqa: A002 - the column's name
    happened = AuditEvent(
        at=NOW, actor=OPERATOR, action="test.happened", subject_kind="test", subject_id=new_id()
    )
    return insert(StoredEvent).values(audit_values(happened, clinic_id=clinic_id, id=id))
