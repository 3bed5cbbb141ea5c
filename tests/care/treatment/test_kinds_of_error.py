"""For each kind of error that people make: once corrected, the record is as if it had never been made."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers

from tests.care.test_merging import as_it_is
from tests.care.treatment.test_corrections import FIRST, LAST, WHY, amend, give, listed, on, state
from tests.journeys.test_receivers_keep_up import Copy
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.service import NOW, Service


def rightly_entered(clinic: ClinicClient) -> str:
    """A patient after induction, well until four days ago, with a booster and a form since."""
    made = treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)
    give(clinic, made, BOOSTER)
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=6)).isoformat(), "total": RIGHT_TOTAL}
    assert on(clinic, made, "assessments", form).status_code == 201
    return made


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return rightly_entered(one_clinic)


RIGHT_TOTAL = 4
BOOSTER = NOW - timedelta(days=9)
Wrong = Callable[[ClinicClient, str, random.Random], Callable[[], httpx2.Response]]


def last_of_induction(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    """Or what it was amended to, by a day."""
    given = [one for one in listed(clinic, patient) if one["phase"] == "induction"]
    return min(given, key=lambda one: abs(datetime.fromisoformat(one["given_at"]) - LAST))


def version_of(clinic: ClinicClient, patient: str, path: str) -> int:
    """Another error of the same infusion may have been corrected meanwhile."""
    return next(int(one["version"]) for one in listed(clinic, patient) if path.endswith(one["id"]))


def wrong_phase(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    made = give(clinic, patient, NOW - timedelta(hours=chance.randint(30, 200)), "induction")
    return lambda: on(clinic, patient, f"infusions/{made}/void", WHY)


def booster_as_induction(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    del chance  # there is one way to do this
    return amended_booster(clinic, patient, {"phase": "induction"}, {"phase": "booster"})


def booster_a_day_off(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    moved = BOOSTER + timedelta(days=chance.choice([-1, 1]), seconds=chance.randint(10, 20))
    wrong = {"given_at": moved.isoformat()}
    return amended_booster(clinic, patient, wrong, {"given_at": BOOSTER.isoformat()})


def amended_booster(
    clinic: ClinicClient, patient: str, wrong: dict[str, Any], right: dict[str, Any]
) -> Callable[[], httpx2.Response]:
    booster = min(
        listed(clinic, patient), key=lambda one: abs(datetime.fromisoformat(one["given_at"]) - BOOSTER)
    )
    path = f"infusions/{booster['id']}"
    reply = amend(clinic, patient, path, booster["version"], **wrong, **CONFIRMED)
    assert reply.status_code == 200, reply.text
    return lambda: amend(clinic, patient, path, version_of(clinic, patient, path), **right, **CONFIRMED)


def wrong_total_of_the_form(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    form = next(one for one in listed(clinic, patient, "assessments") if one["total"] == RIGHT_TOTAL)
    path = f"assessments/{form['id']}"
    reply = amend(clinic, patient, path, form["version"], total=chance.randint(18, 24))
    assert reply.status_code == 200, reply.text
    return lambda: amend(clinic, patient, path, reply.json()["version"], total=form["total"], **CONFIRMED)


def wrong_day(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    last = last_of_induction(clinic, patient)
    path, right = f"infusions/{last['id']}", last["given_at"]
    moved = (LAST + timedelta(days=1, seconds=chance.randint(1, 9))).isoformat()
    reply = amend(clinic, patient, path, last["version"], given_at=moved, **CONFIRMED)
    assert reply.status_code == 200, reply.text
    return lambda: amend(
        clinic, patient, path, version_of(clinic, patient, path), given_at=right, **CONFIRMED
    )


def wrong_year(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    made = give(clinic, patient, NOW - timedelta(days=365 + chance.randint(1, 9)), "induction")
    return lambda: on(clinic, patient, f"infusions/{made}/void", WHY)


def before_the_course(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    made = give(clinic, patient, FIRST - timedelta(days=chance.randint(2, 9)), "induction")
    return lambda: on(clinic, patient, f"infusions/{made}/void", WHY)


def entered_twice(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    made = give(clinic, patient, LAST + timedelta(minutes=chance.randint(1, 600)), "induction")
    return lambda: on(clinic, patient, f"infusions/{made}/void", WHY)


def wrong_patient(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    made = give(clinic, patient, NOW - timedelta(minutes=chance.randint(1, 1400)))
    return lambda: on(clinic, patient, f"infusions/{made}/void", WHY)


def wrong_dose(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    given = last_of_induction(clinic, patient)
    path, version, dose = f"infusions/{given['id']}", given["version"], chance.choice([0.05, 3.0, 5.0])
    assert amend(clinic, patient, path, version, dose_mg_per_kg=dose, **CONFIRMED).status_code == 200
    return lambda: amend(
        clinic, patient, path, version_of(clinic, patient, path), dose_mg_per_kg=None, **CONFIRMED
    )


def wrong_total(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    form = {
        "scale": "madrs",
        "taken_at": (NOW - timedelta(minutes=chance.randint(1, 4000))).isoformat(),
        "total": 42,
    }
    made = on(clinic, patient, "assessments", form).json()["id"]
    return lambda: on(clinic, patient, f"assessments/{made}/void", WHY)


def wrong_course(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    course = listed(clinic, patient, "courses")[0]
    path, right, version = f"courses/{course['id']}", course["started_on"], course["version"]
    moved = (FIRST + timedelta(days=chance.randint(3, 7))).date().isoformat()
    wrong = amend(clinic, patient, path, version, started_on=moved, **CONFIRMED)
    assert wrong.status_code == 200, wrong.text
    return lambda: amend(clinic, patient, path, wrong.json()["version"], started_on=right, **CONFIRMED)


def wrong_merge(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    """Someone else, with infusions, a loss, a form and a circumstance, taken for the same person."""
    other = treated(
        clinic,
        # At no moment that another error's correction needs back.
        NOW - timedelta(seconds=37),
        days_since=chance.randint(20, 40),
        level=lambda day: (9, 9, 9) if day < 12 else (2, 2, 2),
        until=chance.randint(14, 18),
    )
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=1)).isoformat(), "total": 20}
    assert on(clinic, other, "assessments", form).status_code == 201
    into = {"into": patient, "reason": "Registered twice"}
    reply = on(clinic, other, "merge", into)
    assert reply.status_code == 200, reply.text
    return lambda: on(clinic, other, "unmerge", WHY)


def another_course(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    course = {
        "protocol": "standard",
        "planned_infusions": chance.randint(1, 8),
        "started_on": NOW.date().isoformat(),
    }
    made = on(clinic, patient, "courses", course).json()["id"]
    return lambda: on(clinic, patient, f"courses/{made}/void", WHY)


def wrong_report(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    (kept,) = clinic.import_days(
        patient, NOW - timedelta(days=2, minutes=chance.randint(1, 300)), [(0, 0, 0)]
    )
    return lambda: on(clinic, patient, f"check-ins/{kept['id']}/void", WHY)


def wrong_answers(clinic: ClinicClient, patient: str, chance: random.Random) -> Callable[[], httpx2.Response]:
    """An imported report whose answers, and day, were read from the wrong row."""
    reports = [
        (datetime.fromisoformat(one["recorded_at"]), one) for one in listed(clinic, patient, "check-ins")
    ]
    # One that belongs to the patient: no other error brought it here, and takes it away again.
    own = [one for one in reports if one[0] < NOW - timedelta(days=4) and one[0].second == NOW.second]
    at, right = chance.choice(own)
    moved = at - timedelta(days=chance.choice([0, 1, 40]))
    swapped = {"mood": 1, "energy": None, "sleep_hours": 4.5, "recorded_at": moved.isoformat()}
    path = f"check-ins/{right['id']}"
    reply = amend(clinic, patient, path, right["version"], **swapped, **CONFIRMED)
    assert reply.status_code == 200, reply.text
    back = {name: right[name] for name in swapped}
    path, version = f"check-ins/{reply.json()['id']}", reply.json()["version"]
    return lambda: amend(clinic, patient, path, version, **back, **CONFIRMED)


def wrong_reference(
    clinic: ClinicClient, patient: str, chance: random.Random
) -> Callable[[], httpx2.Response]:
    days = [(LAST + timedelta(days=day)).date().isoformat() for day in (8, chance.randint(14, 18))]
    chosen = {"from": days[0], "to": days[1], "reason": "Stable"}
    reply = clinic.http.put(f"/v1/patients/{patient}/reference", json=chosen)
    assert reply.status_code == 200, reply.text
    made = listed(clinic, patient, "references")[0]["id"]
    return lambda: on(clinic, patient, f"references/{made}/void", WHY)


ERRORS: list[Wrong] = [
    wrong_phase, wrong_day, wrong_year, before_the_course, entered_twice, wrong_patient, wrong_dose, wrong_total,
    wrong_course, wrong_merge, another_course, wrong_report, wrong_answers, wrong_reference, booster_as_induction,
    booster_a_day_off, wrong_total_of_the_form,
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_after_a_correction_all_is_as_if_the_error_had_never_been_and_the_stream_says_so(
    one_clinic: ClinicClient, patient: str, error: Wrong
) -> None:
    before, receiver = state(one_clinic, patient), Copy(one_clinic.http)
    receiver.begin()
    correct = error(one_clinic, patient, random.Random(7))  # noqa: S311 - at which times
    believed = one_clinic.evaluation(patient)["level"]
    cursor = one_clinic.http.get("/v1/snapshot").json()["cursor"]
    reply = correct()
    assert reply.status_code == 200, reply.text
    assert state(one_clinic, patient) == before
    said = one_clinic.http.get("/v1/events", params={"after": cursor}).json()["items"]
    corrected = {one["data"]["patient_id"] for one in said if one["type"] == "record.corrected"}
    assert believed == before["evaluation"]["level"] or patient in corrected
    assert receiver.believes_wrongly() == {}


# Each kind of error that people make; those that move the same fact are together in no record.
TOGETHER: list[Wrong] = [
    wrong_patient, wrong_phase, wrong_day, wrong_year, wrong_dose, entered_twice, wrong_total, wrong_course,
    wrong_merge, wrong_report, wrong_answers, booster_a_day_off, wrong_total_of_the_form,
]  # fmt: skip


@settings(
    max_examples=settings().max_examples * 6 // 25,
    # Each example has a new patient in the same clinic.
    suppress_health_check=[*HealthCheck],
)
@given(seed=integers(0, 1_000_000))
def test_errors_corrected_in_any_order_leave_the_record_true(
    service: Service, one_clinic: ClinicClient, seed: int
) -> None:
    assert service.clock.now() == NOW
    patient, chance = rightly_entered(one_clinic), random.Random(seed)  # noqa: S311 - errors, times, order
    before, receiver = as_it_is(one_clinic, patient), Copy(one_clinic.http)
    receiver.begin()
    corrections = [error(one_clinic, patient, chance) for error in chance.sample(TOGETHER, 5)]
    chance.shuffle(corrections)
    for correct in corrections:
        reply = correct()
        assert reply.status_code == 200, reply.text
    assert as_it_is(one_clinic, patient) == before
    assert receiver.believes_wrongly() == {}
