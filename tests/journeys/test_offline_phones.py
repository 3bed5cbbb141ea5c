"""Phones with bad networks end where as many with good ones end: same reports, same answers.

AFTERGLOW_TEST_SEED repeats a run, AFTERGLOW_TEST_PHONES sets how many phones there are (200 in `make test-long`).
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import count
from typing import Any

import httpx2

from app.foundation.ids import new_id
from tests.support.budget import budget
from tests.support.offline_phone import BAD, PEACE, OfflinePhone
from tests.support.offline_weeks import (
    DAYS,
    LAST_INFUSION,
    ZONES,
    evening_of,
    has_network,
    live_a_day,
    skew_of,
)
from tests.support.people import NO_TLS, ClinicClient, as_of_now, clinic_client, item
from tests.support.service import Service

SEED = int(os.environ.get("AFTERGLOW_TEST_SEED", "20261104"))
PHONES = int(os.environ.get("AFTERGLOW_TEST_PHONES", budget(24, long=200)))
AT_ONCE = 24
ADDRESSES = count(1)


def test_they_converge_to_a_clean_run_of_the_same_reports(service: Service) -> None:
    service.clock.move_to(LAST_INFUSION + timedelta(hours=1))
    wild, clean = clinic_client(service, "Wild"), clinic_client(service, "Clean")
    try:
        mishaps = asyncio.run(converge(service, wild, clean))
    except BaseException as error:
        error.add_note(f"AFTERGLOW_TEST_SEED={SEED} AFTERGLOW_TEST_PHONES={PHONES} repeats this run")
        raise
    finally:
        wild.close()
        clean.close()
    assert all(mishaps[one] > 0 for one in EXPECTED_MISHAPS), mishaps


EXPECTED_MISHAPS = (
    "shuffled",
    "lost request",
    "lost reply",
    "twice at once",
    "expired",
    "refresh race",
    "lost refresh",
    "wrong time",
    "correction came first",
    "enrolled again",
)


async def converge(service: Service, wild: ClinicClient, clean: ClinicClient) -> Counter[str]:
    """Live through the weeks, then report the same in order, and compare; gives the mishaps that happened."""
    # Given up well before the server closes them after 5 seconds: none is closed under a request.
    limits = httpx2.Limits(max_connections=AT_ONCE, keepalive_expiry=1)
    async with httpx2.AsyncClient(base_url=service.url, timeout=60, limits=limits, verify=NO_TLS) as http:
        phones = await all_of([new_phone(http, wild, number) for number in range(PHONES)])
        for day in range(1, DAYS + 1):
            await one_day(service, phones, evening_of(day))
        for _ in range(4):
            waiting = [phone for phone in phones if phone.queue or phone.withdrawing]
            await all_of([phone.live(service.clock.now(), PEACE) for phone in waiting])
        assert [phone.patient_id for phone in phones if phone.queue or phone.withdrawing] == []
        await all_of([phone.sync_to_the_end() for phone in phones])
        tidy = await all_of(
            [report_in_order(http, clean, number, phone) for number, phone in enumerate(phones)]
        )
        levels = await all_of(
            [compare(http, (wild, phone), (clean, one)) for phone, one in zip(phones, tidy, strict=True)]
        )
    assert {"steady", "consider_booster"} <= set(levels)
    assert signals_of(wild, phones) == signals_of(clean, tidy)
    assert sum(signals_of(wild, phones)) >= levels.count("consider_booster") > 0
    return sum((Counter(phone.mishaps) for phone in phones), Counter())


async def all_of(calls: list[Any]) -> list[Any]:
    """Wait for all, so many at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever it gives
        async with turn:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))


async def one_day(service: Service, phones: list[OfflinePhone], end: datetime) -> None:
    """People report through the day; then those who have a network are online, all at once."""
    service.clock.move_to(end)
    online = []
    for number, phone in enumerate(phones):
        live_a_day(phone, number, end)
        if has_network(phone, number, end):
            online.append(phone.live(end, BAD))
    await all_of(online)


async def post(http: httpx2.AsyncClient, clinic: ClinicClient, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    """Ask as the clinic; again if the service was too busy."""
    headers = {"authorization": f"Bearer {clinic.key}"}
    reply = await http.post(path, json=body, headers=headers)
    tries = 1
    while reply.status_code == 503 and tries < 3:
        reply = await http.post(path, json=body, headers=headers)
        tries += 1
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()


async def treated_patient(http: httpx2.AsyncClient, clinic: ClinicClient, zone: str) -> str:
    """A patient whose induction has just ended, with a baseline of 3."""
    who = {"external_ref": f"P-{new_id()}", "time_zone": zone, "locale": "en-US"}
    patient = str((await post(http, clinic, "/v1/patients", who))["id"])
    course = {"protocol": "standard", "planned_infusions": 1, "started_on": LAST_INFUSION.date().isoformat()}
    await post(http, clinic, f"/v1/patients/{patient}/courses", course)
    given = {"given_at": LAST_INFUSION.isoformat(), "phase": "induction"}
    await post(http, clinic, f"/v1/patients/{patient}/infusions", given)
    before = [item(LAST_INFUSION - timedelta(days=day), (3, 3, 3)) for day in range(1, 11)]
    await post(http, clinic, f"/v1/patients/{patient}/check-ins/batch", {"items": before})
    return patient


def enrolling(
    http: httpx2.AsyncClient, clinic: ClinicClient, patient: str
) -> Callable[[], Awaitable[tuple[str, str]]]:
    """How a phone of this patient's is enrolled, with a new code each time."""

    async def enrol() -> tuple[str, str]:
        code = (await post(http, clinic, f"/v1/patients/{patient}/enrolment-codes"))["code"]
        # Each at its own address: many tries at once from one are taken for guessing.
        at = {"x-forwarded-for": str(ip_address(0x0A000000 + next(ADDRESSES)))}
        reply = await http.post("/v1/enrolments", json={"code": code, "device_name": "phone"}, headers=at)
        assert reply.status_code == 201, reply.text
        return reply.json()["access_token"], reply.json()["refresh_token"]

    return enrol


async def new_phone(http: httpx2.AsyncClient, clinic: ClinicClient, number: int) -> OfflinePhone:
    """A treated patient with a phone; its luck is its own."""
    chance = random.Random(SEED * 1000 + number)  # noqa: S311 - a repeatable fate
    patient = await treated_patient(http, clinic, ZONES[number % len(ZONES)])
    enrol = enrolling(http, clinic, patient)
    access, refresh = await enrol()
    return OfflinePhone(http, chance, patient, skew_of(chance), enrol, access, refresh)


async def report_in_order(
    http: httpx2.AsyncClient, clinic: ClinicClient, number: int, phone: OfflinePhone
) -> OfflinePhone:
    """Another patient who reports the same as this phone, in order and once each."""
    patient = await treated_patient(http, clinic, ZONES[number % len(ZONES)])
    enrol = enrolling(http, clinic, patient)
    tidy = OfflinePhone(http, random.Random(0), patient, timedelta(0), enrol, *await enrol())  # noqa: S311 - no luck
    tidy.made, tidy.queue, tidy.withdrawing = phone.made, list(phone.made), list(phone.withdrawn)
    await tidy.live(evening_of(DAYS), PEACE)
    assert (tidy.queue, tidy.withdrawing, tidy.mishaps.get("wrong time", 0)) == ([], [], 0)
    await tidy.sync_to_the_end()
    return tidy


def as_reported(phone: OfflinePhone) -> dict[str, dict[str, Any]]:
    """The check-ins of a phone's sync, without when they came; withdrawn or not, but not when."""
    came = ("received_at", "late", "clock_skew_seconds")
    return {
        one["id"]: {name: value for name, value in one.items() if name not in came}
        | {"withdrawn_at": one["withdrawn_at"] is not None}
        for one in phone.known.values()
        if one["input_mode"] != "import"
    }


async def evaluation(http: httpx2.AsyncClient, clinic: ClinicClient, phone: OfflinePhone) -> dict[str, Any]:
    """What the care team is notified of about this patient."""
    headers = {"authorization": f"Bearer {clinic.key}"}
    reply = await http.get(f"/v1/patients/{phone.patient_id}/evaluation", headers=headers)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def signals_of(clinic: ClinicClient, phones: list[OfflinePhone]) -> list[int]:
    """How many signals each phone's patient has."""
    found: Counter[str] = Counter()
    page: str | None = "/v1/signals?state=all&limit=200"
    while page:
        reply = clinic.http.get(page)
        found.update(one["patient_id"] for one in reply.json()["items"])
        page = reply.links.get("next", {}).get("url")
    return [found[phone.patient_id] for phone in phones]


async def compare(
    http: httpx2.AsyncClient,
    wild: tuple[ClinicClient, OfflinePhone],
    clean: tuple[ClinicClient, OfflinePhone],
) -> str:
    """The same check-ins on the same days, the same evaluation, nothing lost or doubled; gives the level."""
    (one, other) = (as_reported(phone) for _, phone in (wild, clean))
    unlike = {key: (one[key], other[key]) for key in one.keys() & other.keys() if one[key] != other[key]}
    assert unlike == {}, (wild[1].patient_id, clean[1].patient_id)
    assert one.keys() == other.keys() == wild[1].made.keys()
    answers = [as_of_now(await evaluation(http, *each)) for each in (wild, clean)]
    assert answers[0] == answers[1], wild[1].patient_id
    return str(answers[0]["level"])
