"""Signing in: what is right opens, what is wrong is answered alike, and guesses are counted whoever judges them."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

import argon2
import httpx2
import psycopg
import pytest

from app.access.clinics.permissions import StaffRole
from app.access.staff import login_throttle, passwords
from app.access.staff.login_throttle import (
    MOST_ATTEMPTS_ANYWHERE,
    MOST_FROM_ONE_NETWORK,
    TooManySignInsError,
    wait_after,
)
from app.access.staff.second_factor import SetUpExpiredError, open_pending, seal_pending
from app.access.staff.signing_in import SignInRefusedError, prove
from app.foundation.audit import OPERATOR
from app.foundation.networks import network_of
from app.storage import staff_members
from tests.support.databases import DatabaseUrls
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.problems import assert_problem, without
from tests.support.service import NOW, Service, running_service
from tests.support.staff import PASSWORD, JoinedMember, joined

MINUTE = timedelta(minutes=1)
REFUSED = "sign-in-refused"


@pytest.fixture
def member(service: Service, clinic: ClinicClient) -> JoinedMember:
    """Someone who joined a quarter of an hour ago, before any guess was counted."""
    service.clock.move_to(next(QUARTERS))
    made = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(service.clock.now() + MINUTE)
    return made


# Each test has a separate quarter of an hour: guesses from one address are counted together.
QUARTERS = (NOW + timedelta(days=3 * number) for number in range(1, 1000))


def failed(shared_database: DatabaseUrls, member: JoinedMember) -> tuple[int, object]:
    with psycopg.connect(shared_database.superuser_url) as connection:
        row = connection.execute(
            "SELECT failed_tries, locked_until FROM care.staff_members WHERE id = %s", [member.id]
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_everything_right_gives_a_session_until_it_is_ended(service: Service, member: JoinedMember) -> None:
    reply = member.sign_in(service, email=f"  {member.email.upper()} ")

    assert reply.status_code == 201, reply.text
    said = reply.json()
    assert (said["role"], said["recovery_codes_left"]) == ("clinician", None)
    assert said["expires_at"] == (service.clock.now() + timedelta(hours=12)).isoformat().replace(
        "+00:00", "Z"
    )
    headers = {"authorization": f"Bearer {said['access_token']}"}
    with httpx2.Client(base_url=service.url, headers=headers, timeout=30, verify=NO_TLS) as http:
        assert http.get("/v1/clinic").status_code == 200
        assert http.delete("/v1/staff-sessions/current").status_code == 204
        assert_problem(http.get("/v1/clinic"), 401, code="token-not-valid")
        assert_problem(http.delete("/v1/staff-sessions/current"), 401, code="token-not-valid")


def test_a_key_is_no_session(clinic: ClinicClient) -> None:
    assert_problem(clinic.http.delete("/v1/staff-sessions/current"), 401, code="token-not-valid")


def test_a_code_opens_once_and_none_before_it_afterwards(service: Service, member: JoinedMember) -> None:
    now, before = member.code(service), member.code(service, steps=-1)

    assert member.sign_in(service, code=now).status_code == 201
    assert_problem(member.sign_in(service, code=now), 401, code=REFUSED)
    assert_problem(member.sign_in(service, code=before), 401, code=REFUSED)
    assert member.sign_in(service, code=member.code(service, steps=1)).status_code == 201


def test_the_code_of_the_joining_is_spent(service: Service, clinic: ClinicClient) -> None:
    service.clock.move_to(next(QUARTERS))
    member = joined(service, clinic, StaffRole.CLINICIAN)

    assert_problem(member.sign_in(service), 401, code=REFUSED)


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 201), (0, 201), (1, 201), (2, 401)])
def test_a_phones_clock_may_be_half_a_minute_off(
    service: Service, member: JoinedMember, steps: int, status: int
) -> None:
    assert member.sign_in(service, code=member.code(service, steps=steps)).status_code == status


def test_a_recovery_code_opens_once_however_it_is_typed_and_shows_how_many_are_left(
    service: Service, member: JoinedMember
) -> None:
    first, second, *_ = member.recovery_codes

    used = member.sign_in(service, code=first.lower().replace("-", " "))

    assert (used.status_code, used.json()["recovery_codes_left"]) == (201, 9)
    assert_problem(member.sign_in(service, code=first), 401, code=REFUSED)
    assert member.sign_in(service, code=second).json()["recovery_codes_left"] == 8


def test_nobody_elses_recovery_code_opens(
    service: Service, clinic: ClinicClient, member: JoinedMember
) -> None:
    other = joined(service, clinic, StaffRole.OWNER)

    assert_problem(member.sign_in(service, code=other.recovery_codes[0]), 401, code=REFUSED)


def test_whatever_is_wrong_is_answered_in_the_same_words(
    service: Service, clinic: ClinicClient, member: JoinedMember
) -> None:
    out = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(service.clock.now() + MINUTE)
    clinic.http.post(f"/v1/staff/{out.id}/disable")
    answers = [
        member.sign_in(service, email="nobody@clinic.example"),
        member.sign_in(service, email=""),
        member.sign_in(service, password="wrong wrong wrong"),  # noqa: S106 - a wrong one
        member.sign_in(service, code="000000"),
        member.sign_in(service, code=""),
        member.sign_in(service, code="AAAA-AAAA-AAAA-AAAA"),
        out.sign_in(service),
    ]
    assert {reply.status_code for reply in answers} == {401}
    assert len({str(without(reply.json(), "request_id")) for reply in answers}) == 1


@pytest.mark.measurement
def test_whatever_is_wrong_takes_about_as_long(service: Service, clinic: ClinicClient) -> None:
    """Medians of five each, on a busy machine: without its hash, one would take a tenth of another."""
    times: dict[str, list[float]] = {}
    for _ in range(5):
        service.clock.move_to(next(QUARTERS))
        member = joined(service, clinic, StaffRole.CLINICIAN)
        service.clock.move_to(service.clock.now() + MINUTE)
        for kind, other in {
            "address": {"email": "nobody@clinic.example"},
            "password": {"password": "wrong wrong wrong"},
            "code": {"code": "000000"},
        }.items():
            began = time.perf_counter()
            member.sign_in(service, **other)
            times.setdefault(kind, []).append(time.perf_counter() - began)
    medians = {kind: statistics.median(took) for kind, took in times.items()}
    assert max(medians.values()) < 3 * min(medians.values()), medians


@pytest.mark.parametrize(
    ("count", "minutes"),
    [
        (0, None),
        (4, None),
        (5, 15),
        (6, None),
        (10, 30),
        (15, 60),
        (30, 480),
        (35, 960),
        (40, 1440),
        (5000, 1440),
    ],
)
def test_the_wait_doubles_up_to_a_day(count: int, minutes: int | None) -> None:
    assert wait_after(count) == (None if minutes is None else timedelta(minutes=minutes))


def test_five_wrong_tries_lock_for_a_quarter_of_an_hour_then_for_half_an_hour(
    shared_database: DatabaseUrls, service: Service, member: JoinedMember
) -> None:
    began = service.clock.now()
    for _ in range(5):
        assert_problem(member.sign_in(service, code="000000"), 401, code=REFUSED)

    assert_problem(member.sign_in(service), 401, code=REFUSED)
    assert failed(shared_database, member)[0] == 5, "what is not judged is not counted either"
    service.clock.move_to(began + 15 * MINUTE - timedelta(seconds=1))
    assert_problem(member.sign_in(service), 401, code=REFUSED)
    service.clock.move_to(began + 15 * MINUTE)
    for _ in range(5):
        assert_problem(member.sign_in(service, code="000000"), 401, code=REFUSED)
    service.clock.move_to(began + 44 * MINUTE)
    assert_problem(member.sign_in(service), 401, code=REFUSED)
    service.clock.move_to(began + 46 * MINUTE)
    assert member.sign_in(service).status_code == 201
    assert failed(shared_database, member) == (0, None)


def test_an_owner_can_end_the_wait(service: Service, clinic: ClinicClient, member: JoinedMember) -> None:
    for _ in range(5):
        member.sign_in(service, code="000000")
    (listed,) = [one for one in clinic.http.get("/v1/staff").json()["items"] if one["locked_until"]]
    assert listed["id"] == member.id

    assert clinic.http.post(f"/v1/staff/{member.id}/enable").json()["locked_until"] is None

    assert member.sign_in(service).status_code == 201


@contextmanager
def second_process(shared_database: DatabaseUrls, service: Service) -> Iterator[Service]:
    """Another process on the same database: nothing is shared but what is stored."""
    with running_service(shared_database.application_url, work=False) as other:
        other.clock.move_to(service.clock.now())
        yield other


def test_wrong_tries_at_two_processes_are_counted_together_and_survive_a_restart(
    shared_database: DatabaseUrls, service: Service, member: JoinedMember
) -> None:
    with second_process(shared_database, service) as other:
        for each in (service, other, service, other, service):
            assert_problem(member.sign_in(each, code="000000"), 401, code=REFUSED)
        assert_problem(member.sign_in(other), 401, code=REFUSED)
    with second_process(shared_database, service) as restarted:
        assert_problem(member.sign_in(restarted), 401, code=REFUSED)
    assert failed(shared_database, member)[0] == 5


def test_of_twenty_guesses_at_once_five_are_judged(
    shared_database: DatabaseUrls, service: Service, member: JoinedMember
) -> None:
    with second_process(shared_database, service) as other, ThreadPoolExecutor(20) as pool:
        guesses = [
            pool.submit(member.sign_in, each, code=f"{number:06}")
            for number, each in enumerate((service, other) * 10)
        ]
        statuses = Counter(guess.result().status_code for guess in guesses)
    assert statuses == {401: 20}
    assert failed(shared_database, member)[0] == 5
    with psycopg.connect(shared_database.superuser_url) as connection:
        checked = connection.execute(
            "SELECT action, count(*) FROM care.audit_events WHERE subject_id = %s"
            " AND action LIKE 'staff.sign_in_tried%%' GROUP BY action ORDER BY 1",
            [member.id],
        ).fetchall()
    assert checked == [("staff.sign_in_tried", 4), ("staff.sign_in_tried_and_locked", 1)]


def test_the_same_right_code_sent_twice_at_once_lets_in_once(service: Service, member: JoinedMember) -> None:
    code = member.code(service)
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(member.sign_in, service, code=code) for _ in range(4)]
        statuses = sorted(one.result().status_code for one in sent)
    assert statuses == [201, 401, 401, 401]


def test_guesses_from_one_address_are_counted_whomever_they_are_about(
    service: Service, clinic: ClinicClient
) -> None:
    service.clock.move_to(next(QUARTERS))
    member = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(service.clock.now() + MINUTE)
    assert member.sign_in(service).status_code == 201, "what is right is not counted"

    async def fail_often() -> None:
        for _ in range(MOST_FROM_ONE_NETWORK):
            await login_throttle.count_from_network(service.context, "127.0.0.1")

    service.run(fail_often())
    refused = member.sign_in(service, code=member.code(service, steps=1))

    assert_problem(refused, 429, code="too-many-sign-ins")
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    service.clock.move_to(service.clock.now() + 15 * MINUTE)
    assert member.sign_in(service).status_code == 201


def test_an_ipv6_network_is_counted_as_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff:1:2:3") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("192.0.2.8") != network_of("192.0.2.7")


def test_guesses_from_another_network_lock_nobody_out_of_theirs(
    service: Service, member: JoinedMember
) -> None:
    for _ in range(8):
        service.run(prove_wrongly(service, member, "203.0.113.9"))

    assert member.sign_in(service).status_code == 201


async def prove_wrongly(service: Service, member: JoinedMember, address: str, device: str = "") -> None:
    with pytest.raises((SignInRefusedError, TooManySignInsError)):
        await prove(
            service.context,
            email=member.email,
            password="wrong wrong wrong",  # noqa: S106 - a wrong one
            code="000000",
            address=address,
            device_token=device,
        )


def test_a_device_used_before_is_not_locked_by_guesses_from_its_own_network(
    service: Service, member: JoinedMember
) -> None:
    device = member.sign_in(service).json()["device_token"]
    for _ in range(5):
        assert_problem(member.sign_in(service, code="000000"), 401, code=REFUSED)
    service.clock.move_to(service.clock.now() + MINUTE)
    assert_problem(member.sign_in(service), 401, code=REFUSED)

    reply = member.sign_in(service, device_token=device)

    assert (reply.status_code, reply.json()["device_token"]) == (201, device)


def test_a_device_used_before_signs_in_while_its_network_is_full_of_guesses(
    service: Service, member: JoinedMember
) -> None:
    device = member.sign_in(service).json()["device_token"]

    async def fill() -> None:
        for _ in range(MOST_FROM_ONE_NETWORK + 1):
            with suppress(TooManySignInsError):
                await login_throttle.count_from_network(service.context, "127.0.0.1")

    service.run(fill())
    service.clock.move_to(service.clock.now() + MINUTE)
    assert member.sign_in(service).status_code == 429
    assert member.sign_in(service, device_token=device).status_code == 201


def test_a_device_used_before_is_no_place_to_guess_without_end(
    service: Service, member: JoinedMember
) -> None:
    device = member.sign_in(service).json()["device_token"]
    service.clock.move_to(service.clock.now() + MINUTE)
    for _ in range(5):
        assert member.sign_in(service, code="000000", device_token=device).status_code == 401

    assert member.sign_in(service, device_token=device).status_code == 401
    assert member.sign_in(service).status_code == 201, "its wrong attempts lock that device alone"


def test_a_device_of_one_member_is_nothing_for_another(
    service: Service, clinic: ClinicClient, member: JoinedMember
) -> None:
    device = member.sign_in(service).json()["device_token"]
    other = joined(service, clinic, StaffRole.OWNER)
    service.clock.move_to(service.clock.now() + MINUTE)
    for _ in range(5):
        assert other.sign_in(service, code="000000").status_code == 401

    assert other.sign_in(service, device_token=device).status_code == 401


def test_guesses_from_many_networks_lock_the_account_except_for_devices_used_before(
    service: Service, clinic: ClinicClient, member: JoinedMember
) -> None:
    device = member.sign_in(service).json()["device_token"]

    async def guess() -> None:
        for number in range(MOST_ATTEMPTS_ANYWHERE):
            source = login_throttle.network_source(service.context, f"198.51.100.{number}")
            await login_throttle.count_attempt(
                service.context, UUID(clinic.clinic_id), UUID(member.id), source
            )

    service.run(guess())
    service.clock.move_to(service.clock.now() + MINUTE)
    assert_problem(member.sign_in(service), 401, code=REFUSED)
    assert member.sign_in(service, device_token=device).status_code == 201


def test_the_member_and_the_owners_are_notified_once_when_guesses_lock_an_account(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient, member: JoinedMember
) -> None:
    joined(service, clinic, StaffRole.OWNER)
    for _ in range(5):
        member.sign_in(service, code="000000")

    async def guess() -> None:
        for _ in range(6):
            await prove_wrongly(service, member, "203.0.113.10")

    service.run(guess())

    with psycopg.connect(shared_database.superuser_url) as connection:
        notices = connection.execute(
            "SELECT count(*) FROM care.outgoing_messages WHERE wording = 'sign_in_locked' AND subject_id = %s",
            [member.id],
        ).fetchone()
        owners = connection.execute(
            "SELECT count(*) FROM care.staff_members WHERE clinic_id = %s AND role = 'owner'"
            " AND state = 'active'",
            [clinic.clinic_id],
        ).fetchone()
    assert notices is not None
    assert owners is not None
    assert notices[0] == owners[0] + 1


def test_who_works_at_two_clinics_comes_in_where_the_code_belongs(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    service.clock.move_to(next(QUARTERS))
    elsewhere, email = clinic_client(service, "Elsewhere"), "both@clinic.example"
    here = joined(service, clinic, StaffRole.CLINICIAN, email=email)
    there = joined(service, elsewhere, StaffRole.READ_ONLY, email=email.upper())
    for _ in range(7):
        service.clock.move_to(service.clock.now() + MINUTE)
        assert there.sign_in(service).json()["clinic_id"] == elsewhere.clinic_id
    assert failed(shared_database, here) == (0, None), "the other account was not meant"
    service.clock.move_to(service.clock.now() + MINUTE)
    assert here.sign_in(service).json()["clinic_id"] == clinic.clinic_id
    named = {"clinic_id": elsewhere.clinic_id}
    service.clock.move_to(service.clock.now() + MINUTE)
    assert_problem(here.sign_in(service, **named), 401, code=REFUSED)
    assert there.sign_in(service, **named).status_code == 201


def test_where_all_is_right_at_two_clinics_one_is_to_be_named(service: Service, clinic: ClinicClient) -> None:
    here, there = at_two_clinics(service, clinic)

    asked = here.sign_in(service)

    assert_problem(asked, 409, code="clinic-to-choose")
    assert {one["detail"] for one in asked.json()["errors"]} == {clinic.clinic_id, there}
    assert here.sign_in(service, clinic_id=there).json()["clinic_id"] == there


def at_two_clinics(service: Service, clinic: ClinicClient) -> tuple[JoinedMember, str]:
    """Someone who has scanned the same picture at both; gives the other clinic's id."""
    service.clock.move_to(next(QUARTERS))
    elsewhere, email = clinic_client(service, "Elsewhere"), f"{next(QUARTERS):%Y%m%d}@clinic.example"
    here = joined(service, clinic, StaffRole.CLINICIAN, email=email)
    there = joined(service, elsewhere, StaffRole.CLINICIAN, email=email)
    vault, clinic_id, staff_id = service.context.vault, UUID(elsewhere.clinic_id), UUID(there.id)
    same = vault.seal(
        here.secret, table="staff_members", column="totp_secret", clinic_id=clinic_id, row_id=staff_id
    )

    async def share() -> None:
        async with service.context.work(clinic_id, actor=OPERATOR) as work:
            await staff_members.change(work, staff_id, totp_secret_sealed=same)
            work.audit("staff.changed", "staff", staff_id)

    service.run(share())
    service.clock.move_to(service.clock.now() + MINUTE)
    return here, elsewhere.clinic_id


@pytest.mark.usefixtures("costly_passwords")
def test_a_hash_with_other_costs_is_made_anew(
    shared_database: DatabaseUrls, service: Service, member: JoinedMember
) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute(
            "UPDATE care.staff_members SET password_hash = %s WHERE id = %s", [cheap, member.id]
        )

    assert member.sign_in(service).status_code == 201

    with psycopg.connect(shared_database.superuser_url) as connection:
        row = connection.execute(
            "SELECT password_hash FROM care.staff_members WHERE id = %s", [member.id]
        ).fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not passwords.is_outdated(row[0])


def test_a_pending_secret_opens_for_its_member_only(service: Service, member: JoinedMember) -> None:
    vault = service.context.vault
    ids = {"clinic_id": UUID(int=1), "staff_id": UUID(int=2)}
    sealed = seal_pending(vault, "SECRET", **ids)
    assert open_pending(vault, sealed, **ids) == "SECRET"
    for wrong in (sealed[:-8], "", "é", "x" * 9):
        with pytest.raises(SetUpExpiredError):
            open_pending(vault, wrong, **ids)
    with pytest.raises(SetUpExpiredError):
        open_pending(vault, sealed, **ids | {"staff_id": UUID(member.id)})
