"""A clinic's numbers: a story of a few patients in which every number can be worked out by hand.

All are registered on 24 September; it is recorded on 3 November. The period is the standard one, from 6 August
to 4 November. Induction ended on 24 September, but for E on 5 August; check-ins are one a day.

patient  check-ins          what happens                                             PHQ-9 before, after
A        25.9. - 18.10.     signal 18.10., seen after 2 h, other treatment           20, 4: remission
B        25.9. - 18.10.     signal 18.10., seen after 30 h, not a relapse            16, 8: response
C        25.9. - 14.10.     steady; booster 14.10.                                   10, 9: none
D                           no course; three safety events
E        25.9. and 26.9.    course ended on 4.10.
F        25.9. - 18.10.     signal 18.10., seen after 1 h, watchful waiting          -
G        25.9. - 18.10.     signal 18.10., not seen; booster after 10 h              20, -

watched      A, B, C, F, G 24.9. - 3.11.: 41 days each; E 24.9. - 3.10.: 10             215 days
seen in time A and F of A, B, F; G was over before its limit                            2 of 3
precision    A, G real; B false; F says neither                                         2 of 3
due          24.9. - 2.11.: A, B, F daily to day 15 (16), then 3 a week (11): 27 each;
             C to its booster on day 20 18, then daily to day 7 and 3 a week 13;
             G to its booster on day 25 20, then 11; E days 51, 53, 56, 58 since
             5.8., which are 25., 27., 30.9. and 2.10.                                  147
answered     A, B, F, G 19 each of their 24, C 18 of 20, E 1; the 26.9. was not asked
             of E                                                                       95
benefits     lost: A, F, G 24 days; not lost: C 20 and 20, B 40, G 15 from 19.10.       7
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support.clinics import gone_live
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, Values, clinic_client
from tests.support.problems import assert_problem
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service

BEGUN = NOW - timedelta(days=40)
FADED = BEGUN + timedelta(days=24)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FADING: list[Values] = [*[(8.0, 8.0, 8.0)] * 16, *[(4.0, 4.0, 4.0)] * 8]


@pytest.fixture(scope="module")
def story_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A service in which nothing happens by itself."""
    with running_service(own_database.application_url, now=BEGUN, work=False) as running:
        yield running


@pytest.fixture(scope="module")
def story_clinic(story_service: Service) -> Iterator[ClinicClient]:
    clinic, other = clinic_client(story_service), clinic_client(story_service, "Other")
    record_story(story_service, clinic)
    # What another clinic has at the same time is in no number of this one.
    story_service.clock.move_to(FADED)
    form(other, treated(other), FADED, items=[0] * 8 + [3])
    story_service.clock.move_to(NOW)
    yield clinic
    clinic.close()
    other.close()


def record_story(service: Service, clinic: ClinicClient) -> None:
    patients = {name: treated(clinic) for name in "ABCFG"}
    patients["D"] = clinic.patient()
    patients["E"] = treated(clinic, last=BEGUN - timedelta(days=50))
    for name, total in {"A": 20, "B": 16, "C": 10, "G": 20}.items():
        form(clinic, patients[name], BEGUN - timedelta(days=11), total=total)
    form(clinic, patients["A"], BEGUN - timedelta(days=11), scale="gad-7", total=10)
    change_course(clinic, patients["G"], benefit_recorded_on="2026-09-24")

    service.clock.move_to(BEGUN + timedelta(days=7))
    for name, total in {"A": 4, "B": 8, "C": 9}.items():
        form(clinic, patients[name], BEGUN + timedelta(days=7), total=total)
    form(clinic, patients["A"], BEGUN + timedelta(days=7), scale="gad-7", total=5)
    change_course(clinic, patients["B"], reviewed_on="2026-10-01")
    clinic.import_days(patients["E"], BEGUN + timedelta(days=1), [(6, 6, 6)] * 2)

    service.clock.move_to(FADED)
    change_course(clinic, patients["E"], ended_on="2026-10-04")
    booster(clinic, patients["C"], BEGUN + timedelta(days=20))
    clinic.import_days(patients["C"], BEGUN + timedelta(days=1), [(8, 8, 8)] * 20)
    for name in "ABFG":
        clinic.import_days(patients[name], BEGUN + timedelta(days=1), FADING)
    signals = {name: clinic.signals(patients[name])[0]["id"] for name in "ABFG"}
    acts: list[tuple[int, str, str, str | None]] = [
        (1, "F", "acknowledge", None),
        (2, "A", "acknowledge", None),
        (2, "A", "close", "other_treatment"),
        (10, "G", "booster", None),
        (24, "", "sweep", None),
        (30, "B", "acknowledge", None),
        (30, "B", "close", "not_a_relapse"),
        (30, "F", "close", "watchful_waiting"),
    ]
    for hours, name, act, disposition in acts:
        service.clock.move_to(FADED + hours * HOUR)
        if act == "sweep":
            service.sweep()
        elif act == "booster":
            booster(clinic, patients[name], service.clock.now())
        else:
            body = {"disposition": disposition} if disposition else None
            reply = clinic.http.post(f"/v1/signals/{signals[name]}/{act}", json=body)
            assert reply.status_code == 200, reply.text
    report_safety(service, clinic, patients["D"])


def report_safety(service: Service, clinic: ClinicClient, patient: str) -> None:
    """Urgent, seen after 20 minutes; not urgent, seen after 2 hours; not urgent, never seen."""
    nearly = datetime(2026, 10, 19, 23, 59, 59, tzinfo=UTC)
    for at, answer, seen_after in [
        (nearly, 2, 2 * HOUR),
        (datetime(2026, 10, 20, tzinfo=UTC), 3, 20 * MINUTE),
        (datetime(2026, 10, 21, tzinfo=UTC), 1, None),
    ]:
        service.clock.move_to(at)
        event = form(clinic, patient, at, items=[0] * 8 + [answer])["safety_event_id"]
        if seen_after is not None:
            service.clock.move_to(at + seen_after)
            clinic.http.post(f"/v1/safety-events/{event}/acknowledge")
    service.clock.move_to(datetime(2026, 10, 21, 5, tzinfo=UTC))
    service.sweep()


def treated(clinic: ClinicClient, *, last: datetime = BEGUN) -> str:
    """Induction that ended then, with nine days of 3 before it."""
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=last)
    clinic.import_days(patient, last - timedelta(days=20), [(3, 3, 3)] * 9)
    return patient


def form(
    clinic: ClinicClient, patient: str, at: datetime, *, scale: str = "phq-9", **more: object
) -> dict[str, Any]:
    body: dict[str, object] = {"scale": scale, "taken_at": at.isoformat()} | more
    reply = clinic.http.post(f"/v1/patients/{patient}/assessments", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def booster(clinic: ClinicClient, patient: str, at: datetime) -> None:
    given = {"given_at": at.isoformat(), "phase": "booster"}
    reply = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)
    assert reply.status_code == 201, reply.text


def change_course(clinic: ClinicClient, patient: str, **change: str) -> None:
    path = f"/v1/patients/{patient}/courses/current"
    version = clinic.http.get(path).headers["etag"]
    reply = clinic.http.patch(path, json=change, headers={"if-match": version})
    assert reply.status_code == 200, reply.text


def numbers(clinic: ClinicClient, **period: str) -> dict[str, Any]:
    reply = clinic.http.get("/v1/insights", params=period)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def share(count: int, of: int, value: float | None) -> dict[str, Any]:
    return {"count": count, "of": of, "share": value}


NO_TIMES = {"count": 0, "median": None, "ninetieth_percentile": None}
NO_DISPOSITIONS = dict.fromkeys(
    [
        "booster_given",
        "booster_booked",
        "watchful_waiting",
        "other_treatment",
        "not_a_relapse",
        "data_problem",
        "consent_withdrawn",
    ],
    0,
)
NO_CRITERIA = dict.fromkeys(["gain_lost", "scale_relapse", "one_domain", "patient_asks"], 0)
NO_CATEGORIES = dict.fromkeys(["remission", "response", "partial", "none", "worse"], 0)


def test_it_is_the_period_that_was_asked_for_or_the_last_90_days(story_clinic: ClinicClient) -> None:
    found = numbers(story_clinic)
    assert (found["from"], found["to"], found["mode"]) == ("2026-08-06", "2026-11-04", "test")
    assert found["computed_at"] == "2026-11-03T18:00:00Z"
    asked = numbers(story_clinic, **{"from": "2026-08-06", "to": "2026-11-04"})
    assert asked == found


def test_signals_over_the_patient_years_watched(story_clinic: ClinicClient) -> None:
    found = numbers(story_clinic)
    assert found["watched"] == {
        "patients": 6,
        "patient_days": 215,
        "patient_years": 0.5886,
        "reporting": 6,
    }
    assert found["signals"] == {
        "raised": 4,
        "per_patient_year": 6.7953,
        "by_criterion": NO_CRITERIA | {"gain_lost": 4},
        "by_level": {"consider_booster": 4},
        "waiting": 0,
        "acknowledged_in_time": share(2, 3, 0.6667),
        "hours_to_acknowledge": {"count": 3, "median": 2.0, "ninetieth_percentile": 30.0},
        "escalated": 1,
        "not_closed": 0,
        "dispositions": NO_DISPOSITIONS
        | {"other_treatment": 1, "not_a_relapse": 1, "watchful_waiting": 1, "booster_given": 1},
        "precision": share(2, 3, 0.6667),
    }


def test_safety_events_and_how_long_they_waited(story_clinic: ClinicClient) -> None:
    assert numbers(story_clinic)["safety"] == {
        "reported": 3,
        "urgent": 1,
        "waiting": 1,
        "acknowledged_in_time": share(2, 3, 0.6667),
        "minutes_to_acknowledge": {"count": 2, "median": 70.0, "ninetieth_percentile": 120.0},
        "escalated": 1,
    }


def test_check_ins_answered_of_those_due(story_clinic: ClinicClient) -> None:
    assert numbers(story_clinic)["check_ins"] == {
        "patients": 6,
        "days_answered": share(95, 147, 0.6463),
        "days_beside": 4 * 5 + 2 + 1,
    }


def test_what_inductions_achieved(story_clinic: ClinicClient) -> None:
    assert numbers(story_clinic)["inductions"] == {
        "ended": 5,
        "reviewed": 1,
        "benefit_recorded": 1,
        "not_measured": 2,
        "scales": [
            {
                "scale": "gad-7",
                "categories": NO_CATEGORIES | {"response": 1},
                "not_known": 0,
                "responded": share(1, 1, 1.0),
                "remitted": None,
            },
            {
                "scale": "phq-9",
                "categories": NO_CATEGORIES | {"remission": 1, "response": 1, "none": 1},
                "not_known": 1,
                "responded": share(2, 3, 0.6667),
                "remitted": share(1, 3, 0.3333),
            },
        ],
    }


def test_how_long_benefits_lasted_with_those_that_still_go_on(story_clinic: ClinicClient) -> None:
    lost, censored = {4: 3}, {3: 3, 6: 1}
    assert numbers(story_clinic)["benefits"] == {
        "begun": 7,
        "lost": 3,
        "censored": 4,
        "median_days": 24,
        "weeks": [
            {"week": week, "lost": lost.get(week, 0), "censored": censored.get(week, 0)}
            for week in range(1, 7)
        ],
        "groups": [
            group("phase", "booster", lost=0, censored=2, median=None),
            group("phase", "induction", lost=3, censored=2, median=24),
            group("route", "not_recorded", lost=3, censored=4, median=24),
            group("protocol", "standard", lost=3, censored=4, median=24),
        ],
    }


def group(by: str, which: str, *, lost: int, censored: int, median: int | None) -> dict[str, Any]:
    counts = {"begun": lost + censored, "lost": lost, "censored": censored, "median_days": median}
    return {"by": by, "group": which} | counts


def test_days_with_half_of_the_gain_lost_last_until_the_next_infusion_or_until_it_was_over(
    story_clinic: ClinicClient,
) -> None:
    # F until it was closed on the 19th, G until the booster of the 19th; A's was closed on its day, B's was none.
    assert numbers(story_clinic)["days_below_half"] == share(2, 215, 0.0093)


def test_the_steps_add_up_to_the_period(story_clinic: ClinicClient) -> None:
    found = numbers(story_clinic)
    steps = found["over_time"]
    assert [one["begins"] for one in (steps[0], steps[-1])] == ["2026-08-06", "2026-10-28"]
    assert len(steps) == 13
    assert sum(one["raised"] for one in steps) == found["signals"]["raised"]
    for name, whole in (
        ("acknowledged_in_time", found["signals"]["acknowledged_in_time"]),
        ("precision", found["signals"]["precision"]),
        ("safety_in_time", found["safety"]["acknowledged_in_time"]),
        ("days_answered", found["check_ins"]["days_answered"]),
        ("days_below_half", found["days_below_half"]),
    ):
        for part in ("count", "of"):
            assert sum(one[name][part] for one in steps) == whole[part], name
    of_a_year = numbers(story_clinic, **{"from": "2025-11-04", "to": "2026-11-04"})["over_time"]
    assert len(of_a_year) == 14, "four weeks each"


def test_days_of_a_week_are_those_of_the_patients(story_clinic: ClinicClient) -> None:
    # 1 to 7 October: A, B, C, F, G seven days each; E the 1st to the 3rd, and asked on the 2nd.
    found = numbers(story_clinic, **{"from": "2026-10-01", "to": "2026-10-08"})
    assert found["watched"]["patient_days"] == 5 * 7 + 3
    assert found["check_ins"]["days_answered"] == share(35, 36, 0.9722)
    assert (found["inductions"]["ended"], found["benefits"]["begun"], found["signals"]["raised"]) == (0, 0, 0)
    assert found["signals"]["per_patient_year"] == 0.0
    # C's booster of the 14th; seen going on until the 20th.
    around = numbers(story_clinic, **{"from": "2026-10-14", "to": "2026-10-21"})["benefits"]
    assert (around["begun"], around["lost"], around["censored"]) == (2, 0, 2)


# from          to            safety events: the last second of the 19th, the first of the 20th and of the 21st
EDGES = [
    ("2026-10-19", "2026-10-20", 1, 0),
    ("2026-10-20", "2026-10-21", 1, 1),
    ("2026-10-21", "2026-10-22", 1, 0),
    ("2026-10-19", "2026-10-22", 3, 1),
    ("2026-10-22", "2026-10-23", 0, 0),
]


@pytest.mark.parametrize(("first", "end", "reported", "urgent"), EDGES)
def test_the_first_moment_is_in_a_period_and_the_end_is_not(
    story_clinic: ClinicClient, first: str, end: str, reported: int, urgent: int
) -> None:
    found = numbers(story_clinic, **{"from": first, "to": end})["safety"]
    assert (found["reported"], found["urgent"]) == (reported, urgent)


@pytest.mark.parametrize(
    ("period", "pointer"),
    [
        ({"from": "2026-10-20", "to": "2026-10-20"}, "query/from"),
        ({"from": "2026-10-21", "to": "2026-10-20"}, "query/from"),
        ({"from": "2025-10-01", "to": "2026-11-01"}, "query/from"),
        ({"to": "2026-11-05"}, "query/to"),
        ({"from": "2026-11-04"}, "query/from"),
    ],
)
def test_a_period_that_cannot_be_is_refused(
    story_clinic: ClinicClient, period: dict[str, str], pointer: str
) -> None:
    for path in ("/v1/insights", "/v1/insights.csv"):
        reply = story_clinic.http.get(path, params=period)
        assert_problem(reply, 422, code="period-refused")
        assert pointer in reply.text


def test_the_table_says_the_same_number_by_number(story_clinic: ClinicClient) -> None:
    reply = story_clinic.http.get("/v1/insights.csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == (
        'attachment; filename="insights-2026-08-06-2026-11-04.csv"'
    )
    rows = dict(csv.reader(io.StringIO(reply.text, newline="")))
    expected = {
        "figure": "value",
        "from": "2026-08-06",
        "computed_at": "2026-11-03T18:00:00Z",
        "signals.raised": "4",
        "signals.by_criterion.gain_lost": "4",
        "signals.precision.count": "2",
        "signals.precision.of": "3",
        "signals.precision.share": "0.6667",
        "inductions.scales.gad-7.remitted": "",
        "inductions.scales.phq-9.remitted.of": "3",
        "benefits.weeks.4.lost": "3",
    }
    assert {name: rows[name] for name in expected} == expected


@pytest.mark.usefixtures("story_clinic")
def test_a_clinic_without_patients_has_counts_of_nothing_and_no_rates(story_service: Service) -> None:
    empty = clinic_client(story_service, "Empty")
    found = numbers(empty)
    empty.close()
    nothing = share(0, 0, None)
    named = {"from", "to", "computed_at", "mode", "over_time"}
    assert {name: found[name] for name in found if name not in named} == {
        "watched": {"patients": 0, "patient_days": 0, "patient_years": 0.0, "reporting": 0},
        "signals": {
            "raised": 0,
            "per_patient_year": None,
            "by_criterion": NO_CRITERIA,
            "by_level": {},
            "waiting": 0,
            "acknowledged_in_time": nothing,
            "hours_to_acknowledge": NO_TIMES,
            "escalated": 0,
            "not_closed": 0,
            "dispositions": NO_DISPOSITIONS,
            "precision": nothing,
        },
        "safety": {
            "reported": 0,
            "urgent": 0,
            "waiting": 0,
            "acknowledged_in_time": nothing,
            "minutes_to_acknowledge": NO_TIMES,
            "escalated": 0,
        },
        "check_ins": {"patients": 0, "days_answered": nothing, "days_beside": 0},
        "inductions": {
            "ended": 0,
            "reviewed": 0,
            "benefit_recorded": 0,
            "not_measured": 0,
            "scales": [],
        },
        "benefits": {"begun": 0, "lost": 0, "censored": 0, "median_days": None, "weeks": [], "groups": []},
        "days_below_half": nothing,
        "undelivered": {"held": 0, "exhausted": 0, "safety": 0},
    }


def test_a_live_clinics_numbers_leave_its_test_patients_out(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    tried = clinic.patient()
    form(clinic, tried, NOW, items=[0] * 8 + [3])
    before = numbers(clinic)
    gone_live(service, clinic, receiver)
    form(clinic, clinic.patient(), NOW, items=[0] * 8 + [1])
    after = numbers(clinic)

    assert (before["mode"], before["safety"]["reported"], before["safety"]["urgent"]) == ("test", 1, 1)
    assert (after["mode"], after["safety"]["reported"], after["safety"]["urgent"]) == ("live", 1, 0)


def test_what_did_not_get_out_is_counted(
    clinic: ClinicClient, receiver: Receiver, shared_database: DatabaseUrls
) -> None:
    receiver.answer = lambda _count: 410
    endpoint = clinic.add_endpoint(receiver.url)
    form(clinic, clinic.patient(), NOW, items=[0] * 8 + [3])
    path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
    assert wait_until(lambda: {one["state"] for one in clinic.http.get(path).json()["items"]} == {"held"}, 20)
    assert numbers(clinic)["undelivered"] == {"held": 1, "exhausted": 0, "safety": 1}

    # As it is stored when its last attempt has failed, three days later.
    with psycopg.connect(shared_database.owner_url.replace("postgresql+psycopg", "postgresql")) as owner:
        owner.execute(
            "UPDATE care.deliveries SET state = 'exhausted' WHERE clinic_id = %s", [clinic.clinic_id]
        )
    assert numbers(clinic)["undelivered"] == {"held": 0, "exhausted": 1, "safety": 1}
    yesterday = numbers(clinic, to="2026-11-03")
    assert yesterday["undelivered"] == {"held": 0, "exhausted": 0, "safety": 0}
