"""What is due when: for one patient over HTTP, and for a whole clinic at once."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.care.monitoring.schedule import DAYS_AHEAD, Schedule, schedules_of
from tests.support.people import CONFIRMED, ClinicClient, PatientClient, clinic_client, treated
from tests.support.service import NOW, Service

TODAY = NOW.date()


def due(phone: PatientClient) -> dict[str, Any]:
    reply = phone.http.get("/v1/me/schedule")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def in_days(*days: int) -> list[str]:
    return [(TODAY + timedelta(days=one)).isoformat() for one in days]


def read_at_once(service: Service, clinic: ClinicClient, *patients: str) -> list[Schedule]:
    async def read() -> list[Schedule]:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            ids = [UUID(one) for one in patients]
            found = await schedules_of(work, service.context, ids, now=service.clock.now())
        return [found[one] for one in ids if one in found]

    return service.run(read())


def test_nothing_is_due_before_anything_was_planned(service: Service, clinic: ClinicClient) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    assert due(phone) == {
        "cadence": None,
        "next_due_on": None,
        "due_days": [],
        "last_check_in_on": None,
        "questionnaires": [],
    }


def test_after_induction_a_check_in_is_due_every_day_until_it_is_made(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=1))
    phone = clinic.enrol(patient, service.url)

    assert due(phone)["cadence"] == "daily"
    assert due(phone)["due_days"] == in_days(*range(DAYS_AHEAD))

    check_in = phone.check_in(NOW - timedelta(hours=1)).json()
    said = due(phone)
    assert (said["last_check_in_on"], said["next_due_on"]) == (TODAY.isoformat(), in_days(1)[0])
    assert said["due_days"] == in_days(*range(1, DAYS_AHEAD + 1))

    phone.http.delete(f"/v1/check-ins/{check_in['id']}")
    assert due(phone)["next_due_on"] == TODAY.isoformat(), "one that was taken back is not made"


def test_it_thins_out_and_an_infusion_starts_it_again(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=60))
    phone = clinic.enrol(patient, service.url)
    assert due(phone)["cadence"] == "three_a_week"
    assert due(phone)["due_days"][:4] == in_days(0, 3, 5, 7), "days 60, 63, 65 and 67 of the plan"

    booster = {"given_at": (NOW - timedelta(days=1)).isoformat(), "phase": "booster"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=booster | CONFIRMED).status_code == 201
    assert due(phone)["cadence"] == "daily"


def test_an_ended_course_asks_for_nothing(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=60))
    version = clinic.http.get(f"/v1/patients/{patient}/courses/current").headers["etag"]
    ended = clinic.http.patch(
        f"/v1/patients/{patient}/courses/current",
        json={"ended_on": TODAY.isoformat()},
        headers={"if-match": version},
    )
    assert ended.status_code == 200, ended.text
    said = due(clinic.enrol(patient, service.url))
    assert (said["cadence"], said["due_days"], said["questionnaires"]) == (None, [], [])


def test_on_watch_it_is_daily_again(service: Service, clinic: ClinicClient) -> None:
    patient = treated(
        clinic, NOW, days_since=60, level=lambda day: (8, 8, 8) if day < 56 else (4.5, 4.5, 4.5), until=59
    )
    assert clinic.evaluation(patient)["level"] in {"watch", "consider_booster"}
    assert due(clinic.enrol(patient, service.url))["cadence"] == "daily"


# where                  what the clock says there          the day that is due
ZONES = [
    ("Pacific/Kiritimati", "08:00 tomorrow", 1),
    ("Europe/Berlin", "19:00", 0),
    ("Asia/Kolkata", "23:30", 0),
    ("Asia/Tokyo", "03:00 tomorrow, still today's", 0),
    ("Pacific/Auckland", "07:00 tomorrow", 1),
]


@pytest.mark.parametrize(("zone", "clock", "day"), ZONES)
def test_the_day_is_the_patients_own(
    service: Service, clinic: ClinicClient, zone: str, clock: str, day: int
) -> None:
    patient = clinic.patient(time_zone=zone)
    clinic.treat(patient, last_infusion=NOW - timedelta(days=4))
    assert due(clinic.enrol(patient, service.url))["next_due_on"] == in_days(day)[0], clock


def test_a_questionnaire_is_due_two_weeks_after_the_last(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=20))
    phone = clinic.enrol(patient, service.url)
    started = in_days(-30)[0]
    assert due(phone)["questionnaires"] == [{"scale": "phq-9", "due_on": started}]

    taken = (NOW - timedelta(days=3)).isoformat()
    form = {"scale": "phq-9", "taken_at": taken, "total": 4}
    assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    assert due(phone)["questionnaires"] == [{"scale": "phq-9", "due_on": in_days(11)[0]}]


def test_a_clinics_patients_are_read_at_once_and_say_the_same(service: Service, clinic: ClinicClient) -> None:
    phones = []
    for number in range(4):
        patient = clinic.patient(time_zone=ZONES[number][0])
        if number:
            clinic.treat(patient, last_infusion=NOW - timedelta(days=20 * number), count=3)
        for ago in range(15 * (number % 2), 0, -5):
            booster = {"given_at": (NOW - timedelta(days=ago)).isoformat(), "phase": "booster"}
            clinic.http.post(f"/v1/patients/{patient}/infusions", json=booster | CONFIRMED)
        phones.append(clinic.enrol(patient, service.url))
        if number % 3 == 0:
            phones[-1].check_in(NOW - timedelta(days=number, hours=1))

    at_once = read_at_once(service, clinic, *(phone.patient_id for phone in phones))

    assert [str(one.patient_id) for one in at_once] == [phone.patient_id for phone in phones]
    for one, phone in zip(at_once, phones, strict=True):
        said = due(phone)
        assert said["cadence"] == (one.plan.cadence if one.plan else None)
        assert said["next_due_on"] == _text(one.next_due_on)
        assert said["last_check_in_on"] == _text(one.last_check_in_on)
        assert [form["due_on"] for form in said["questionnaires"]] == [
            form.due_on.isoformat() for form in one.questionnaires
        ]
        assert one.due_today == (said["next_due_on"] == one.today.isoformat())


def test_silence_is_overdue_and_its_end_ends_it(service: Service, clinic: ClinicClient) -> None:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=NOW - timedelta(days=9))
    phone = clinic.enrol(patient, service.url)
    assert [one.overdue for one in read_at_once(service, clinic, patient)] == [True]
    phone.check_in(NOW - timedelta(days=3))
    assert [one.overdue for one in read_at_once(service, clinic, patient)] == [False]


def test_other_clinics_patients_are_not_among_them(service: Service, clinic: ClinicClient) -> None:
    theirs = clinic_client(service, "Theirs")
    assert read_at_once(service, clinic, theirs.patient()) == []
    theirs.close()


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
