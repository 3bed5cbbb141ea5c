"""Reports arrive late, twice, in pieces, from several threads: the answer is the one they give in order."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.support.people import ClinicClient, PatientClient, Values, as_of_now, item
from tests.support.service import NOW, Service

# Induction ended so many days ago; a phone's memory reaches 30 days back, the rest is the clinic's.
SINCE = 45
LAST = NOW - timedelta(days=SINCE)


def course(random_source: random.Random, level: Callable[[int], float]) -> list[dict[str, Any]]:
    """Sixty-odd days: before treatment at 3, after it at ``level``, with gaps, pairs and skipped answers."""
    items = []
    for day in range(-25, SINCE + 1):
        for hour in random_source.choice([(0,), (0,), (0,), (-7, 2), ()]):
            base = 3 if day <= -10 else level(day)
            answers: list[float | None] = [
                None
                if random_source.random() < 0.1
                else round(min(10, max(0, base + random_source.gauss(0, 1))))
                for _ in range(3)
            ]
            mood, energy, sleep = answers
            at = LAST + timedelta(days=day, hours=hour, minutes=random_source.randrange(60))
            if at <= NOW and (mood, energy, sleep) != (None, None, None):
                values: Values = (mood, energy, sleep)
                items.append(item(at, values))
    return items


def kept(phone: PatientClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while page := phone.http.get("/v1/check-ins", params={"limit": "200", **cursor}).json()["items"]:
        items += page
        cursor = {
            "after": phone.http.get("/v1/check-ins", params={"limit": "200", **cursor}).json()["cursor"]
        }
    for one in items:
        one.pop("received_at")
    return sorted(items, key=lambda one: str(one["id"]))


def is_recent(one: dict[str, Any]) -> bool:
    return str(one["recorded_at"]) > (NOW - timedelta(days=30)).isoformat()


@pytest.mark.parametrize(
    ("seed", "level"),
    [
        (1, lambda _day: 8),
        (2, lambda day: 8 if day < 30 else 3),
        (3, lambda day: 8 - 6 * max(0, day - 10) / 35),
    ],
)
def test_any_order_gives_the_answer_of_the_right_order(
    service: Service, clinic: ClinicClient, seed: int, level: Callable[[int], float]
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable shuffle
    items = course(chance, level)
    past, recent = [one for one in items if not is_recent(one)], [one for one in items if is_recent(one)]
    phones = []
    for _ in range(2):
        patient = clinic.patient()
        clinic.treat(patient, last_infusion=LAST)
        phones.append(clinic.enrol(patient, service.url))
    tidy, wild = phones

    clinic.http.post(f"/v1/patients/{tidy.patient_id}/check-ins/batch", json={"items": past})
    for one in recent:
        body = {name: value for name, value in one.items() if name != "id"}
        assert tidy.http.put(f"/v1/check-ins/{one['id']}", json=body).status_code == 201

    pieces: list[tuple[str, list[dict[str, Any]]]] = []
    for kind, source in (("import", past), ("phone", recent)):
        doubled = source + chance.sample(source, len(source) // 3)
        chance.shuffle(doubled)
        while doubled:
            size = chance.choice([1, 1, 2, 5, 12])
            pieces.append((kind, doubled[:size]))
            doubled = doubled[size:]
    chance.shuffle(pieces)

    def send(piece: tuple[str, list[dict[str, Any]]]) -> set[int]:
        kind, some = piece
        if kind == "import":
            path, http = f"/v1/patients/{wild.patient_id}/check-ins/batch", clinic.http
        elif len(some) == 1:
            body = {name: value for name, value in some[0].items() if name != "id"}
            return {wild.http.put(f"/v1/check-ins/{some[0]['id']}", json=body).status_code}
        else:
            path, http = "/v1/check-ins/batch", wild.http
        return {result["status"] for result in http.post(path, json={"items": some}).json()["results"]}

    with ThreadPoolExecutor(4) as threads:
        statuses = set().union(*threads.map(send, pieces))

    assert statuses <= {200, 201}
    assert kept(wild) == kept(tidy)
    assert as_of_now(clinic.evaluation(wild.patient_id)) == as_of_now(clinic.evaluation(tidy.patient_id))


def test_fractions_brought_along_in_pieces_are_what_they_are_in_one(clinic: ClinicClient) -> None:
    values: list[Values] = [(7 + 1 / 3, 8.123456789, 7.005), (6.666666, 7.77777, 8.888)] * 10
    patients = []
    for piece in (1, 20):
        patient = clinic.patient()
        clinic.treat(patient, last_infusion=NOW - timedelta(days=21))
        for start in range(0, 20, piece):
            begin = NOW - timedelta(days=20 - start)
            clinic.import_days(patient, begin, values[start : start + piece])
        patients.append(patient)
    # Looking at the whole history again must not find other numbers than were remembered.
    third = clinic.patient()
    clinic.import_days(third, NOW - timedelta(days=20), values)
    clinic.treat(third, last_infusion=NOW - timedelta(days=21))

    one, two, three = (clinic.evaluation(patient) for patient in (*patients, third))

    assert one == two == three


def test_past_crossings_brought_along_raise_nothing(clinic: ClinicClient) -> None:
    patient = clinic.patient()
    last = NOW - timedelta(days=60)
    clinic.treat(patient, last_infusion=last)
    clinic.import_days(patient, last - timedelta(days=25), [(3, 3, 3)] * 12)
    clinic.import_days(
        patient, last + timedelta(days=1), [(8, 8, 8)] * 15 + [(3, 3, 3)] * 10 + [(8, 8, 8)] * 34
    )

    assert clinic.evaluation(patient)["level"] == "steady"
    assert clinic.signals(patient) == []


def test_what_holds_now_is_raised_from_what_was_brought_along(clinic: ClinicClient) -> None:
    patient = clinic.patient()
    last = NOW - timedelta(days=60)
    clinic.treat(patient, last_infusion=last)
    clinic.import_days(patient, last - timedelta(days=25), [(3, 3, 3)] * 12)
    clinic.import_days(patient, last + timedelta(days=1), [(8, 8, 8)] * 50 + [(3, 3, 3)] * 10)

    (signal,) = clinic.signals(patient)
    assert signal["raised_at"] == NOW.isoformat().replace("+00:00", "Z")


def test_a_late_report_from_the_reference_window_makes_a_new_reference(
    service: Service, clinic: ClinicClient
) -> None:
    last = NOW - timedelta(days=20)
    patients = [clinic.patient(), clinic.patient()]
    for patient in patients:
        clinic.treat(patient, last_infusion=last)
        clinic.import_days(patient, last - timedelta(days=25), [(3, 3, 3)] * 9)
        clinic.import_days(patient, last + timedelta(days=9), [(7, 7, 7)] * 11)
    early, late = patients
    for day in (1, 2, 3, 4, 5):
        clinic.import_days(early, last + timedelta(days=day), [(8, 8, 8) if day < 5 else (4, 4, 4)])
        if day < 5:
            clinic.import_days(late, last + timedelta(days=day), [(8, 8, 8)])
    before = clinic.evaluation(late)["reference"]

    reply = clinic.enrol(late, service.url).check_in(last + timedelta(days=5), (4, 4, 4))

    assert reply.json()["late"] is True
    after = clinic.evaluation(late)["reference"]
    assert (before["values"]["mood"], after["values"]["mood"]) == (8, 7.2)
    assert clinic.evaluation(late) == clinic.evaluation(early)
