"""Enrolment: one code, one use, fifteen minutes, and no way to guess it, in sequence or in parallel."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import httpx2
import pytest

from tests.support.people import NO_TLS, ClinicClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

# The service trusts a proxy on its own machine to say where a caller is; so each test has its own addresses.
ADDRESSES = count(1)


def address() -> str:
    number = next(ADDRESSES)
    return f"198.51.{number // 250}.{number % 250 + 1}"


@pytest.fixture(scope="module")
def http(shared_service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=shared_service.url, timeout=30, verify=NO_TLS) as client:
        yield client


def issue(clinic: ClinicClient, patient_id: str) -> str:
    return str(clinic.http.post(f"/v1/patients/{patient_id}/enrolment-codes").json()["code"])


def enrol(http: httpx2.Client, code: str, *, at: str, name: str = "phone") -> httpx2.Response:
    body = {"code": code, "device_name": name}
    return http.post("/v1/enrolments", json=body, headers={"x-forwarded-for": at})


def another(code: str) -> str:
    """The same selector with another secret."""
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def test_a_code_is_read_as_people_type_it(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    here = address()
    for typed in (str.lower, lambda code: code.replace("-", ""), lambda code: f" {code.replace('-', ' ')} "):
        code = issue(one_clinic, one_clinic.patient())
        assert enrol(http, typed(code), at=here).status_code == 201


def test_a_code_works_once(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    code, here = issue(one_clinic, one_clinic.patient()), address()

    first = enrol(http, code, at=here)

    assert first.status_code == 201
    assert first.json()["expires_in"] == 900
    assert first.json()["patient"]["mode"] == "test"
    assert_problem(enrol(http, code, at=here), 401, code="enrolment-code-not-valid")


def test_one_of_twenty_who_use_a_code_at_once_gets_in(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    code = issue(one_clinic, one_clinic.patient())

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda at: enrol(http, code, at=at), [address() for _ in range(20)]))

    assert sorted(reply.status_code for reply in replies)[:1] == [201]
    assert [reply.status_code for reply in replies].count(201) == 1


def test_a_code_lasts_fifteen_minutes(
    one_clinic: ClinicClient, http: httpx2.Client, service: Service
) -> None:
    early, late = issue(one_clinic, one_clinic.patient()), issue(one_clinic, one_clinic.patient())

    service.clock.move_to(NOW + timedelta(minutes=14, seconds=59))
    assert enrol(http, early, at=address()).status_code == 201
    service.clock.move_to(NOW + timedelta(minutes=15))
    assert_problem(enrol(http, late, at=address()), 401, code="enrolment-code-not-valid")


@pytest.mark.parametrize(
    "code",
    ["7K2M", "7K2M-9QF4", "7K2M-9QF4-XB3", "7K2M-9QF4-XB3TT", "UUUU-UUUU-UUUU", "🫠" * 12, "\x00" * 12],
)
def test_what_cannot_be_a_code_is_said_so_and_counts_as_no_try(
    one_clinic: ClinicClient, http: httpx2.Client, code: str
) -> None:
    here = address()
    for _ in range(8):
        assert_problem(enrol(http, code, at=here), 422, pointer="#/code", code="enrolment-code-malformed")
    assert enrol(http, issue(one_clinic, one_clinic.patient()), at=here).status_code == 201


def test_wrong_used_and_expired_codes_are_refused_alike(
    one_clinic: ClinicClient, http: httpx2.Client, service: Service
) -> None:
    expired, used = issue(one_clinic, one_clinic.patient()), issue(one_clinic, one_clinic.patient())
    service.clock.move_to(NOW + timedelta(minutes=10))
    wrong = another(issue(one_clinic, one_clinic.patient()))
    assert enrol(http, used, at=address()).status_code == 201
    service.clock.move_to(NOW + timedelta(minutes=16))

    answers = [enrol(http, code, at=address()).json() for code in (wrong, used, expired, "0000-0000-0000")]

    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_five_wrong_guesses_end_a_code_wherever_they_come_from(
    one_clinic: ClinicClient, http: httpx2.Client
) -> None:
    code = issue(one_clinic, one_clinic.patient())
    for _ in range(5):
        assert enrol(http, another(code), at=address()).status_code == 401

    assert_problem(enrol(http, code, at=address()), 401, code="enrolment-code-not-valid")


def test_five_wrong_guesses_end_an_address_for_the_window(
    one_clinic: ClinicClient, http: httpx2.Client, service: Service
) -> None:
    here = address()
    for _ in range(5):
        assert enrol(http, "0000-0000-0000", at=here).status_code == 401
    good = issue(one_clinic, one_clinic.patient())

    reply = enrol(http, good, at=here)
    assert_problem(reply, 429, code="too-many-tries")
    assert 1 <= int(reply.headers["retry-after"]) <= 900
    service.clock.move_to(NOW + timedelta(seconds=int(reply.headers["retry-after"]) + 1))
    good = issue(one_clinic, one_clinic.patient())
    assert enrol(http, good, at=here).status_code == 201


def test_thirty_guesses_at_once_are_five_tries(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    code, here = issue(one_clinic, one_clinic.patient()), address()

    with ThreadPoolExecutor(30) as threads:
        from_here = list(threads.map(lambda _: enrol(http, "0000-0000-0001", at=here).status_code, range(30)))
        at_code = list(
            threads.map(lambda at: enrol(http, another(code), at=at), [address() for _ in range(30)])
        )

    assert (from_here.count(401), from_here.count(429)) == (5, 25)
    assert {reply.status_code for reply in at_code} == {401}
    assert enrol(http, code, at=address()).status_code == 401, "thirty tries at one code have ended it"


def test_a_right_code_is_no_failed_try(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    here = address()
    for _ in range(8):
        assert enrol(http, issue(one_clinic, one_clinic.patient()), at=here).status_code == 201


def test_a_waiting_room_behind_one_address_enrols_at_the_same_moment(
    one_clinic: ClinicClient, http: httpx2.Client
) -> None:
    here, codes = address(), [issue(one_clinic, one_clinic.patient()) for _ in range(12)]

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda code: enrol(http, code, at=here).status_code, codes))

    assert statuses == [201] * 12


def test_wrong_device_names_are_refused(one_clinic: ClinicClient, http: httpx2.Client) -> None:
    code, here = issue(one_clinic, one_clinic.patient()), address()
    for name in ("", "x" * 101):
        assert_problem(enrol(http, code, at=here, name=name), 422, pointer="#/device_name")
    reply = http.post("/v1/enrolments", json={"code": code, "device_name": "p", CANARY[:6]: CANARY})
    assert_problem(reply, 422, pointer=f"#/{CANARY[:6]}")
    assert enrol(http, code, at=here, name="Mamá's ☎️ \u202e\x00").status_code == 201


def test_the_link_carries_the_code_where_servers_do_not_see_it(one_clinic: ClinicClient) -> None:
    issued = one_clinic.http.post(f"/v1/patients/{one_clinic.patient()}/enrolment-codes").json()

    before, _, fragment = issued["url"].partition("#")
    assert fragment == issued["code"]
    assert before == "https://afterglow.test/p/enrol"


@pytest.mark.parametrize("dash", ["\u2013", "\u00a0", "\u2011", "\uff0d", "\u2212 "])
def test_a_code_is_read_as_it_was_pasted(one_clinic: ClinicClient, http: httpx2.Client, dash: str) -> None:
    code = issue(one_clinic, one_clinic.patient())
    wide = "".join(chr(ord(one) + 0xFEE0) for one in code.replace("-", ""))
    here = address()
    for _ in range(7):
        # What cannot be a code counts as no try.
        assert_problem(enrol(http, "7K2M\u2013", at=here), 422, code="enrolment-code-malformed")
    assert enrol(http, dash.join([wide[:4], wide[4:8], wide[8:]]), at=here).status_code == 201
