"""The course as staff see and change it, the taper plan, the factors, a booked booster."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

LAST = NOW - timedelta(days=20)
FIRST = LAST - timedelta(days=10)


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    made = one_clinic.patient()
    one_clinic.treat(made, last_infusion=LAST)
    return made


def course(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    reply = clinic.http.get(f"/v1/patients/{patient}/courses/current")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def change(
    clinic: ClinicClient, patient: str, path: str = "courses/current", **body: object
) -> httpx2.Response:
    where = f"/v1/patients/{patient}/{path}"
    method = "PATCH" if path.startswith("courses") else "PUT"
    etag = clinic.http.get(where).headers["etag"]
    return clinic.http.request(method, where, json=body, headers={"if-match": etag})


def score(clinic: ClinicClient, patient: str, scale: str, total: int, at: datetime) -> None:
    body = {"scale": scale, "taken_at": at.isoformat(), "total": total}
    assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=body).status_code == 201


@pytest.mark.parametrize(
    ("after", "category", "finding", "options"),
    [
        (10, "remission", "enough_response", 0),
        (15, "response", "enough_response", 0),
        (22, "partial", "not_enough_response", 3),
        (29, "none", "not_enough_response", 3),
        (31, "worse", "not_enough_response", 3),
    ],
)
def test_the_review_says_the_response_and_the_options_of_the_sources(
    one_clinic: ClinicClient, patient: str, after: int, category: str, finding: str, options: int
) -> None:
    score(one_clinic, patient, "madrs", 30, FIRST - timedelta(days=1))
    score(one_clinic, patient, "madrs", 14, FIRST + timedelta(hours=4))
    score(one_clinic, patient, "madrs", after, LAST + timedelta(days=2))

    said = course(one_clinic, patient)

    assert said["phase"] == "review"
    assert said["induction_over_because"] == "planned_count"
    assert (said["review"]["due"], said["review"]["due_since"]) == (True, LAST.date().isoformat())
    (response,) = said["review"]["responses"]
    assert (response["category"], response["baseline"]["total"]) == (category, 30)
    assert (said["review"]["finding"], len(said["review"]["options"])) == (finding, options)
    (early,) = said["early_response"]
    assert (early["responded"], early["hours_after"], early["source"][:13]) == (True, 4.0, "Murrough 2013")


def test_a_recorded_review_and_benefit_end_the_review(one_clinic: ClinicClient, patient: str) -> None:
    score(one_clinic, patient, "phq-9", 20, FIRST - timedelta(days=1))
    score(one_clinic, patient, "phq-9", 18, LAST + timedelta(days=2))
    today = NOW.date().isoformat()

    said = change(one_clinic, patient, reviewed_on=today, benefit_recorded_on=today).json()

    assert said["phase"] == "maintenance"
    assert (said["review"]["due"], said["review"]["finding"]) == (False, "benefit_recorded")
    taken_back = change(one_clinic, patient, benefit_recorded_on=None, reviewed_on=None).json()
    assert (taken_back["review"]["due"], taken_back["benefit_recorded_on"]) == (True, None)


def test_a_series_ends_when_staff_say_so_and_a_course_when_it_is_stopped(
    service: Service, one_clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    patient = one_clinic.patient()
    body = {"protocol": "standard", "started_on": (NOW - timedelta(days=5)).date().isoformat()}
    one_clinic.http.post(f"/v1/patients/{patient}/courses", json=body)
    for days_ago in (1, 5, 3):
        given = {"given_at": (NOW - timedelta(days=days_ago)).isoformat(), "phase": "induction"}
        assert (
            one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code
            == 201
        )
    before = course(one_clinic, patient)
    assert before["phase"] == "induction"
    assert [one["given_at"] for one in before["infusions"]] == sorted(
        one["given_at"] for one in before["infusions"]
    )

    ended = change(one_clinic, patient, induction_ended_on=NOW.date().isoformat()).json()
    stopped = change(one_clinic, patient, stopped_on=NOW.date().isoformat()).json()

    assert (ended["phase"], ended["induction_over_because"]) == ("review", "confirmed_by_staff")
    assert stopped["phase"] == "stopped"


@pytest.mark.parametrize(
    ("field", "days_ago", "code"),
    [
        ("reviewed_on", -1, "course-day-in-future"),
        ("benefit_recorded_on", 60, "course-day-before-start"),
        ("ended_on", 25, "course-ends-before-infusion"),
        ("stopped_on", 21, "course-ends-before-infusion"),
    ],
)
def test_an_impossible_course_is_refused_by_name(
    one_clinic: ClinicClient, patient: str, field: str, days_ago: int, code: str
) -> None:
    day = (NOW - timedelta(days=days_ago)).date().isoformat()
    before = course(one_clinic, patient)

    assert_problem(change(one_clinic, patient, **{field: day}), 422, code=code, pointer=f"#/{field}")

    assert course(one_clinic, patient) == before


def test_an_induction_cannot_end_before_it_began(service: Service, one_clinic: ClinicClient) -> None:
    service.clock.move_to(NOW)
    patient = one_clinic.patient()
    assert one_clinic.http.get(f"/v1/patients/{patient}/courses/current").status_code == 404
    body = {"protocol": "standard", "started_on": (NOW - timedelta(days=5)).date().isoformat()}
    one_clinic.http.post(f"/v1/patients/{patient}/courses", json=body)

    refused = change(one_clinic, patient, induction_ended_on=NOW.date().isoformat())

    assert_problem(refused, 422, code="induction-ends-before-infusion")


@pytest.mark.parametrize("path", ["courses/current", "factors", "taper-plan"])
def test_what_staff_edit_needs_the_version_that_they_saw(
    one_clinic: ClinicClient, patient: str, path: str
) -> None:
    where = f"/v1/patients/{patient}/{path}"
    method = "PATCH" if path.startswith("courses") else "PUT"
    bodies: dict[str, dict[str, Any]] = {
        "courses/current": {"planned_infusions": 6},
        "factors": {"profile": None, "cautions": []},
        "taper-plan": {"steps": [{"interval_days": 7, "count": None}], "interval_days": 7},
    }
    body = bodies[path]
    etag = one_clinic.http.get(where).headers["etag"]

    assert_problem(one_clinic.http.request(method, where, json=body), 428)
    first = one_clinic.http.request(method, where, json=body, headers={"if-match": etag})
    assert first.status_code == 200, first.text
    assert first.headers["etag"] != etag
    assert_problem(one_clinic.http.request(method, where, json=body, headers={"if-match": etag}), 412)


def test_factors_are_kept_and_shown_with_the_evaluation(one_clinic: ClinicClient, patient: str) -> None:
    written = change(
        one_clinic, patient, "factors", profile="severe or chronic", cautions=["mania", "mania", "pregnancy"]
    )

    assert written.json() == {"profile": "severe_or_chronic", "cautions": ["mania", "pregnancy"]}
    assert one_clinic.evaluation(patient)["cautions"] == ["mania", "pregnancy"]
    said = course(one_clinic, patient)
    assert (said["expected_sessions"]["fewest"], said["expected_sessions"]["most"]) == (6, 8)
    assert said["fits_profile"] is True


def test_a_booked_booster_holds_a_signal_back_until_two_days_after_it(
    one_clinic: ClinicClient, service: Service
) -> None:
    patient = treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=14)
    path = f"/v1/patients/{patient}/booked-booster"
    day = NOW.date()
    assert_problem(
        one_clinic.http.put(path, json={"on": (day - timedelta(days=1)).isoformat()}),
        422,
        code="booking-in-past",
    )
    assert one_clinic.http.put(path, json={"on": day.isoformat()}).json() == {"on": day.isoformat()}
    phone = one_clinic.enrol(patient, service.url)
    for days_ago in range(9, -1, -1):
        assert phone.check_in(NOW - timedelta(days=days_ago), (3, 3, 3)).status_code == 201

    assert one_clinic.evaluation(patient)["level"] == "consider_booster"
    assert one_clinic.signals(patient) == []
    assert one_clinic.http.get(path).json() == {"on": day.isoformat()}
    assert one_clinic.http.delete(path).status_code == 204
    assert one_clinic.http.get(path).json() == {"on": None}
    assert len(one_clinic.signals(patient)) == 1


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "no-steps"),
        ([(0, 1)], "interval-out-of-range"),
        ([(7, 0)], "count-not-positive"),
        ([(7, None), (14, 1)], "open-step-not-last"),
        ([(14, 1), (7, 1)], "intervals-shorten"),
    ],
)
def test_a_taper_plan_that_contradicts_itself_is_refused(
    one_clinic: ClinicClient, patient: str, steps: list[tuple[int, int | None]], code: str
) -> None:
    planned = [{"interval_days": days, "count": count} for days, count in steps]
    reply = change(one_clinic, patient, "taper-plan", steps=planned, interval_days=7)

    assert_problem(reply, 422, code=code, pointer="#/steps")


def test_lengthening_is_suggested_when_the_interval_held_and_shortening_when_it_was_lost_twice(
    service: Service, one_clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    patient = treated(one_clinic, NOW, days_since=70, level=lambda _day: (8, 8, 8))
    for days_ago in (40, 20):
        given = {"given_at": (NOW - timedelta(days=days_ago)).isoformat(), "phase": "booster"}
        assert (
            one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code
            == 201
        )

    view = change(
        one_clinic,
        patient,
        "taper-plan",
        steps=[{"interval_days": 20, "count": 2}, {"interval_days": 30}],
        interval_days=20,
    ).json()

    assert view["written"] is True
    # Seen to the last report before the next booster, which is that of the day before it.
    assert [(one["days"], one["lost"]) for one in view["at_interval"]] == [
        (29, False),
        (19, False),
        (20, False),
    ]
    assert (view["suggestion"]["move"], view["suggestion"]["interval_days"]) == ("lengthen", 30)
    assert view["suggestion"]["reasons"][0]["code"] == "step_held"
    interval = one_clinic.http.get(f"/v1/patients/{patient}/interval").json()
    assert interval["past"] == view["at_interval"]
    assert interval["shortest_days"] <= interval["typical_days"] <= interval["longest_days"]
    assert interval["population_only"] is False


def test_without_a_past_the_interval_is_the_populations(one_clinic: ClinicClient) -> None:
    interval = one_clinic.http.get(f"/v1/patients/{one_clinic.patient()}/interval").json()

    assert (interval["past"], interval["population_only"], interval["typical_days"]) == ([], True, 18)


def test_a_course_that_was_stopped_and_reviewed_does_not_ask_for_its_review_again(
    service: Service, one_clinic: ClinicClient
) -> None:
    patient, day = one_clinic.patient(), NOW - timedelta(days=2)
    started = {"protocol": "standard", "planned_infusions": 6, "started_on": day.date().isoformat()}
    assert one_clinic.http.post(f"/v1/patients/{patient}/courses", json=started).status_code == 201
    given = {"given_at": day.isoformat(), "phase": "induction"}
    assert one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).status_code == 201
    planned = course(one_clinic, patient)
    assert planned["phase"] == "induction", "one of six: it is over by silence only, in two weeks"
    today = NOW.date().isoformat()
    stopped = change(one_clinic, patient, stopped_on=today)
    assert stopped.json()["review"]["due"] is True
    assert change(one_clinic, patient, reviewed_on=today).json()["review"]["due"] is False
    service.clock.move_to(NOW + timedelta(days=20))
    assert course(one_clinic, patient)["review"]["due"] is False


def test_a_second_course_keeps_what_the_first_one_taught(
    service: Service,  # noqa: ARG001 - sets the clock
    one_clinic: ClinicClient,
) -> None:
    patient = treated(one_clinic, NOW, days_since=60, level=lambda day: (8, 8, 8) if day < 30 else (3, 3, 3))
    before = one_clinic.http.get(f"/v1/patients/{patient}/interval").json()
    assert [one["lost"] for one in before["past"]] == [True]
    second = {"protocol": "standard", "planned_infusions": 6, "started_on": NOW.date().isoformat()}
    assert one_clinic.http.post(f"/v1/patients/{patient}/courses", json=second).status_code == 201
    after = one_clinic.http.get(f"/v1/patients/{patient}/interval").json()
    assert [(one["lost"], one["days"]) for one in after["past"]] == [
        (one["lost"], one["days"]) for one in before["past"]
    ]
    assert after["typical_days"] == before["typical_days"]
    assert after["past"][0]["course_started_on"] != second["started_on"]
