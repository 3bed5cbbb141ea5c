"""A clinic's own numbers decide for its own patients, from a time on, and every decision names them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from app.care.monitoring.decision_replay import replay
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

PATH = "/v1/clinic/policy"


def put(clinic: ClinicClient, numbers: dict[str, Any], **more: object) -> httpx2.Response:
    etag = clinic.http.get(PATH).headers["etag"]
    return clinic.http.put(PATH, json={"numbers": numbers, **more}, headers={"if-match": etag})


def half_gone(day: int) -> tuple[float, float, float]:
    """60 % of a gain of five points is lost from day 12 on."""
    return (8, 8, 8) if day < 12 else (5, 5, 5)


def test_the_same_reports_are_judged_by_each_clinics_own_numbers(
    clinic: ClinicClient, service: Service
) -> None:
    strict = clinic_client(service)
    assert put(strict, {"consider_at": 0.9, "consider_at_assumed": 0.9}).status_code == 200
    for one, levels in ((clinic, "consider_booster"), (strict, "watch")):
        patient = treated(one, NOW, days_since=24, level=half_gone)
        evaluation = one.evaluation(patient)
        assert evaluation["level"] == levels
        assert len(one.signals(patient)) == (levels == "consider_booster")
        assert ("consider_at=0.9" in evaluation["version"]) == (one is strict)
    strict.close()


def test_numbers_wait_for_their_time_and_then_decide_with_the_next_report(
    clinic: ClinicClient, service: Service
) -> None:
    written = put(
        clinic, {"consider_at": 0.9, "consider_at_assumed": 0.9}, effective_from=NOW.isoformat()
    ).json()
    assert (written["version"], written["rule"]) == (
        1,
        "gain-lost 2.0, consider_at=0.9, consider_at_assumed=0.9",
    )
    later = NOW + timedelta(days=2)
    waiting = put(clinic, {}, effective_from=later.isoformat()).json()
    assert (waiting["version"], [one["version"] for one in waiting["versions"]]) == (1, [2, 1])
    patient = treated(clinic, NOW, days_since=24, level=half_gone)
    assert clinic.signals(patient) == []

    service.clock.move_to(later)
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(later, (5, 5, 5)).status_code == 201

    (signal,) = clinic.signals(patient)
    assert signal["decision"]["version"] == "2.0"
    now = clinic.http.get(PATH).json()
    assert (now["version"], now["rule"]) == (2, "gain-lost 2.0")
    assert {one["rule"] for one in now["versions"]} == {written["rule"], "gain-lost 2.0"}


def test_numbers_that_a_later_release_would_refuse_go_on_deciding(
    clinic: ClinicClient, service: Service, shared_database: DatabaseUrls
) -> None:
    """An earlier release had wider bounds: what it stored holds, and only new numbers are refused."""
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute(
            "INSERT INTO care.clinic_policies (clinic_id, version, numbers, rule, effective_from, created_at)"
            " VALUES (%s, 1, %s, %s, %s, %s)",
            (
                clinic.clinic_id,
                '{"consider_at": 0.97, "consider_at_assumed": 0.98, "a_number_that_went": 3}',
                "gain-lost 2.0, consider_at=0.97, consider_at_assumed=0.98",
                NOW - timedelta(days=9),
                NOW - timedelta(days=9),
            ),
        )
    held = clinic.http.get(PATH).json()
    (number,) = [one for one in held["numbers"] if one["name"] == "consider_at"]
    assert (number["value"], number["highest"]) == (0.97, 0.9)

    quiet = treated(clinic, NOW, days_since=24, level=half_gone)
    assert (clinic.evaluation(quiet)["level"], clinic.signals(quiet)) == ("watch", [])
    lost = treated(clinic, NOW, days_since=40, level=lambda day: (8, 8, 8) if day < 12 else (2, 2, 2))
    (signal,) = clinic.signals(lost)
    assert signal["decision"]["version"] == "2.0, consider_at=0.97, consider_at_assumed=0.98"
    assert service.run(replay(service.context.database, UUID(signal["id"]))).same

    assert_problem(put(clinic, {"consider_at": 0.97}), 422, pointer="#/numbers/consider_at")
    assert put(clinic, {"consider_at": 0.9, "consider_at_assumed": 0.9}).json()["version"] == 2


def test_a_clinic_judges_madrs_remission_by_its_own_level_from_the_time_it_says(
    clinic: ClinicClient, service: Service
) -> None:
    patient = treated(clinic, NOW, days_since=5, level=half_gone)
    assessments = f"/v1/patients/{patient}/assessments"
    for days_ago, total, said in ((20, 30, (False, None)), (2, 11, (False, "response"))):
        taken_at = (NOW - timedelta(days=days_ago)).isoformat()
        form = {"scale": "madrs", "taken_at": taken_at, "total": total}
        entered = clinic.http.post(assessments, json=form).json()
        assert (entered["remission"], entered["response"]) == said

    later = NOW + timedelta(days=1)
    assert put(clinic, {"madrs_remission": 12}, effective_from=later.isoformat()).status_code == 200
    assert put_level(clinic, 11)["choices"] == [9, 10, 12]
    for now, remission, response in ((NOW, False, "response"), (later, True, "remission")):
        service.clock.move_to(now)
        last = clinic.http.get(assessments).json()["items"][0]
        assert (last["remission"], last["response"]) == (remission, response)
        review = clinic.http.get(f"/v1/patients/{patient}/courses/current").json()["review"]
        assert [one["category"] for one in review["responses"]] == [response]
        scales = {one["key"]: one["remission"] for one in clinic.http.get("/v1/scales").json()["items"]}
        assert (scales["madrs"], scales["qids-sr16"]) == (12 if remission else 10, 5)


def put_level(clinic: ClinicClient, level: int) -> dict[str, Any]:
    """Ask for a remission level that nobody uses; gives what is said of it."""
    problem = assert_problem(
        put(clinic, {"madrs_remission": level}), 422, pointer="#/numbers/madrs_remission"
    )
    return dict(problem["errors"][0])


@pytest.mark.parametrize(
    ("numbers", "pointer"),
    [
        ({"consider_at": 0.95}, "#/numbers/consider_at"),
        ({"consider_at": "0.6"}, "#/numbers/consider_at"),
        ({"consider_at": True}, "#/numbers/consider_at"),
        ({"window_least_days": 4.5}, "#/numbers/window_least_days"),
        ({"window_least_days": 10**400}, "#/numbers/window_least_days"),
        ({"made_up": 1}, "#/numbers/made_up"),
        ({"day_starts_at_hour": 5}, "#/numbers/day_starts_at_hour"),
        ({"watch_at": 0.6, "consider_at": 0.5}, "#/numbers"),
    ],
)
def test_numbers_outside_their_safe_bounds_are_refused_by_name(
    clinic: ClinicClient, numbers: dict[str, Any], pointer: str
) -> None:
    assert_problem(put(clinic, numbers), 422, pointer=pointer)
    assert clinic.http.get(PATH).json()["versions"] == []


def test_of_two_who_change_at_once_one_is_refused_and_the_past_stays_decided(clinic: ClinicClient) -> None:
    assert_problem(clinic.http.put(PATH, json={"numbers": {}}), 428)
    past = (NOW - timedelta(days=1)).isoformat()
    assert_problem(put(clinic, {}, effective_from=past), 422, code="policy-in-past")
    first, second = (
        clinic.http.put(PATH, json={"numbers": {"consider_at": at}}, headers={"if-match": '"0"'})
        for at in (0.6, 0.5)
    )
    assert first.status_code == 200
    assert_problem(second, 412)
    (number,) = [one for one in first.json()["numbers"] if one["name"] == "consider_at"]
    assert (number["value"], number["lowest"], number["highest"]) == (0.6, 0.4, 0.9)


def test_a_usual_gain_of_the_clinics_own_needs_thirty_past_inductions(clinic: ClinicClient) -> None:
    refused = put(clinic, {"usual_gain": 3.0})
    assert_problem(refused, 422, pointer="#/numbers/usual_gain", code="policy-refused")
    assert "at least 30 are needed" in refused.text
    for _ in range(30):
        patient = clinic.patient()
        course = {"protocol": "standard", "planned_infusions": 1, "started_on": "2026-09-01"}
        given = {"given_at": "2026-09-01T15:00:00Z", "phase": "induction"} | CONFIRMED
        assert clinic.http.post(f"/v1/patients/{patient}/courses", json=course).status_code == 201
        assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).status_code == 201
    assert put(clinic, {"usual_gain": 3.0, "usual_gain_sd": 1.2}).status_code == 200


def test_a_number_of_rule_1_is_refused_by_its_name(clinic: ClinicClient) -> None:
    refused = put(clinic, {"daily_after_infusion_days": 30})
    assert_problem(refused, 422, pointer="#/numbers/daily_after_infusion_days", code="policy-refused")
