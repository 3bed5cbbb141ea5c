"""A record that can be made true: after a correction everything is as if the error had never been entered."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest

from app.care.monitoring.decision_replay import replay
from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

LAST = NOW - timedelta(days=24)
FIRST = LAST - timedelta(days=10)
WHY = {"reason": "Entered by mistake"}


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


@pytest.fixture
def lost(service: Service, one_clinic: ClinicClient) -> str:
    """A patient whose benefit was lost, with an open signal."""
    made = treated(one_clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 16 else (3, 3, 3))
    assert one_clinic.enrol(made, service.url).check_in(NOW, (3, 3, 3)).status_code == 201
    assert [one["state"] for one in one_clinic.signals(made)] == ["open"]
    return made


def give(clinic: ClinicClient, patient: str, at: datetime, phase: str = "booster", **more: object) -> str:
    given = {"given_at": at.isoformat(), "phase": phase} | CONFIRMED | more
    reply = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def on(clinic: ClinicClient, patient: str, path: str, body: object = None) -> httpx2.Response:
    return clinic.http.post(f"/v1/patients/{patient}/{path}", json=body)


def amend(
    clinic: ClinicClient, patient: str, path: str, version: int = 1, **changes: object
) -> httpx2.Response:
    body, headers = WHY | changes, {"if-match": f'"{version}"'}
    return clinic.http.patch(f"/v1/patients/{patient}/{path}", json=body, headers=headers)


def listed(clinic: ClinicClient, patient: str, what: str = "infusions", *, all_: bool = False) -> list[Any]:
    params = {"include": "entered_in_error"} if all_ else {}
    reply = clinic.http.get(f"/v1/patients/{patient}/{what}", params=params)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def state(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    """Everything that is worked out from the record; without ids, which name other rows in another patient."""
    read = {
        path: clinic.http.get(f"/v1/patients/{patient}/{path}").json()
        for path in ("evaluation", "courses/current", "interval", "taper-plan", "booked-booster", "trend")
    }
    return {path: _without_ids(value) for path, value in read.items()}


def _without_ids(value: object) -> object:
    if isinstance(value, dict):
        skipped = ("id", "patient_id", "as_of", "request_id", "version", "etag")
        return {key: _without_ids(one) for key, one in value.items() if key not in skipped}
    return [_without_ids(one) for one in value] if isinstance(value, list) else value


def test_an_infusion_is_amended_voided_and_restored_with_each_version_kept(
    one_clinic: ClinicClient, patient: str
) -> None:
    infusion = give(one_clinic, patient, NOW - timedelta(days=2), dose_mg=40)
    (latest, *_) = listed(one_clinic, patient)
    assert (latest["id"], latest["etag"], latest["status"], latest["dose_mg"]) == (
        infusion,
        '"1"',
        "active",
        40,
    )
    amended = amend(one_clinic, patient, f"infusions/{infusion}", dose_mg=45, route="im")
    assert (amended.status_code, amended.headers["etag"]) == (200, '"2"'), amended.text
    assert (amended.json()["dose_mg"], amended.json()["route"], amended.json()["version"]) == (45, "im", 2)

    voided = on(one_clinic, patient, f"infusions/{infusion}/void", WHY)
    assert (voided.status_code, voided.json()["status"], voided.json()["version"]) == (
        200,
        "entered_in_error",
        3,
    )
    assert infusion not in [one["id"] for one in listed(one_clinic, patient)]
    (shown, *_) = listed(one_clinic, patient, all_=True)
    assert (shown["id"], shown["status"], shown["etag"]) == (infusion, "entered_in_error", '"3"')

    restored = on(one_clinic, patient, f"infusions/{infusion}/restore")
    assert (restored.status_code, restored.json()["status"], restored.json()["version"]) == (200, "active", 4)
    assert (restored.json()["dose_mg"], restored.json()["route"]) == (45, "im")
    kept = one_clinic.http.get(f"/v1/patients/{patient}/corrections").json()["items"]
    said = [(one["correction"], one["version"], one["reason"]) for one in kept]
    assert said == [("restored", 3, None), ("voided", 2, WHY["reason"]), ("amended", 1, WHY["reason"])]
    assert {one["record_id"] for one in kept} == {infusion}


def test_what_cannot_be_corrected_is_refused_by_name_and_nothing_is_half_done(
    one_clinic: ClinicClient, patient: str
) -> None:
    infusion = give(one_clinic, patient, NOW - timedelta(days=2))
    before = state(one_clinic, patient)
    path = f"infusions/{infusion}"
    url = f"/v1/patients/{patient}/{path}"
    assert_problem(one_clinic.http.patch(url, json=WHY), 428, code="if-match-missing")
    assert_problem(amend(one_clinic, patient, path, version=7), 412, code="changed-meanwhile")
    assert_problem(on(one_clinic, patient, f"{path}/restore"), 409, code="not-entered-in-error")
    stale = one_clinic.http.post(f"{url}/void", json=WHY, headers={"if-match": '"9"'})
    assert_problem(stale, 412, code="changed-meanwhile")
    assert_problem(on(one_clinic, patient, f"{path}/void", {"reason": " "}), 422, code="invalid-request")
    later = (NOW + timedelta(days=2)).isoformat()
    assert_problem(amend(one_clinic, patient, path, given_at=later), 422, code="infusion-in-future")
    assert_problem(amend(one_clinic, patient, path, given_at=None), 422, code="invalid-request")
    other = LAST.isoformat()
    assert_problem(amend(one_clinic, patient, path, given_at=other), 409, code="infusion-exists")
    long_ago = (FIRST - timedelta(days=50)).isoformat()
    refused = amend(one_clinic, patient, path, 1, given_at=long_ago, **CONFIRMED)
    assert_problem(refused, 409, code="booster-before-induction")
    assert_problem(on(one_clinic, patient, f"infusions/{uuid4()}/void", WHY), 404, code="not-found")
    assert state(one_clinic, patient) == before

    assert on(one_clinic, patient, f"{path}/void", WHY).status_code == 200
    assert_problem(on(one_clinic, patient, f"{path}/void", WHY), 409, code="entered-in-error")
    assert_problem(amend(one_clinic, patient, path, dose_mg=40), 409, code="entered-in-error")


def test_induction_cannot_be_voided_from_under_its_boosters(one_clinic: ClinicClient, patient: str) -> None:
    booster = give(one_clinic, patient, NOW - timedelta(days=2))
    induction = [one["id"] for one in listed(one_clinic, patient) if one["phase"] == "induction"]
    for infusion in induction[:-1]:
        assert on(one_clinic, patient, f"infusions/{infusion}/void", WHY).status_code == 200
    last = on(one_clinic, patient, f"infusions/{induction[-1]}/void", WHY)
    assert_problem(last, 409, code="boosters-without-induction")
    assert on(one_clinic, patient, f"infusions/{booster}/void", WHY).status_code == 200
    gone = on(one_clinic, patient, f"infusions/{induction[-1]}/void", WHY)
    assert (gone.status_code, gone.json()["changed"]["reference"]) == (200, True)
    assert one_clinic.evaluation(patient)["level"] == "no_reference"


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"given_at": NOW - timedelta(days=15)}, {"booster_long_ago"}),
        ({"given_at": LAST + timedelta(seconds=30)}, {"possible_duplicate", "booster_long_ago"}),
        ({"given_at": FIRST - timedelta(days=3), "phase": "induction"}, {"outside_course"}),
        (
            {"given_at": NOW - timedelta(days=400), "phase": "induction"},
            {"outside_course", "induction_long_ago"},
        ),
        ({"dose_mg_per_kg": 1.6, "route": "iv"}, {"high_dose"}),
        ({"dose_mg_per_kg": 2.1, "route": "subcutaneous"}, {"high_dose"}),
        ({"dose_mg_per_kg": 5.0}, {"high_dose", "dose_unit"}),
        ({"dose_mg": 0.5}, {"dose_unit"}),
        ({"dose_mg": 35, "dose_mg_per_kg": 14.0, "route": "oral"}, {"dose_unit"}),
        ({"dose_mg": 70, "route": "intranasal"}, {"esketamine_dose"}),
    ],
)
def test_what_is_possible_but_unlikely_is_asked_about_and_kept_when_confirmed(
    shared_database: DatabaseUrls,
    one_clinic: ClinicClient,
    patient: str,
    given: dict[str, Any],
    codes: set[str],
) -> None:
    sent: dict[str, Any] = {"given_at": NOW - timedelta(hours=1), "phase": "booster"} | given
    sent["given_at"] = sent["given_at"].isoformat()
    asked = on(one_clinic, patient, "infusions", sent)
    assert_problem(asked, 409, code="needs-confirmation")
    assert set(asked.json()["confirm"]) == codes
    partly = on(one_clinic, patient, "infusions", sent | {"confirm": ["something_else"]})
    assert_problem(partly, 409, code="needs-confirmation")
    kept = on(one_clinic, patient, "infusions", sent | {"confirm": asked.json()["confirm"]})
    assert kept.status_code == 201, kept.text
    logged = ask(
        shared_database.owner_url,
        "SELECT action FROM care.audit_events WHERE subject_id = %(id)s",
        id=kept.json()["id"],
    )
    assert {f"infusion.confirmed_{code}" for code in codes} <= {line["action"] for line in logged}


@pytest.mark.parametrize(("days", "asked"), [(0, set()), (-1, {"outside_course"})])
def test_what_is_given_after_midnight_is_in_the_course_that_begins_that_day(
    service: Service, one_clinic: ClinicClient, days: int, asked: set[str]
) -> None:
    at_one = datetime(2026, 11, 30, 1, 11, tzinfo=ZoneInfo("Europe/Berlin"))
    service.clock.move_to(at_one + timedelta(hours=1))
    patient = one_clinic.patient(time_zone="Europe/Berlin")
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": "2026-11-30"}
    assert on(one_clinic, patient, "courses", course).status_code == 201
    given = (at_one + timedelta(days=days)).isoformat()
    reply = on(one_clinic, patient, "infusions", {"given_at": given, "phase": "induction"})
    assert set(reply.json().get("confirm", ())) == asked, reply.text


@pytest.mark.parametrize(
    "given",
    [
        {"dose_mg": 56, "route": "intranasal"},
        {"dose_mg": 84, "route": "intranasal"},
        {"dose_mg_per_kg": 1.5, "route": "iv"},
        {"dose_mg_per_kg": 2.0, "route": "im"},
        {"dose_mg": 40, "dose_mg_per_kg": 0.5, "route": "iv"},
        {"dose_mg_per_kg": 4.0, "route": "oral"},
    ],
)
def test_what_is_usual_is_not_asked_about(
    one_clinic: ClinicClient, patient: str, given: dict[str, Any]
) -> None:
    sent = {"given_at": (NOW - timedelta(hours=1)).isoformat(), "phase": "booster"} | given
    assert on(one_clinic, patient, "infusions", sent).status_code == 201


@pytest.mark.parametrize(
    "given",
    [
        {"given_at": "1926-11-03T08:15:00+01:00"},
        {"given_at": "1999-12-31T12:00:00Z"},
        {"dose_mg_per_kg": 15.1},
        {"dose_mg_per_kg": 35.0},
        {"dose_mg_per_kg": 0},
        {"dose_mg": -1},
        {"route": "by air"},
    ],
)
def test_what_is_impossible_is_refused_also_when_confirmed(
    one_clinic: ClinicClient, unchanged: str, given: dict[str, Any]
) -> None:
    sent = {"given_at": (NOW - timedelta(hours=1)).isoformat(), "phase": "booster"} | CONFIRMED | given
    assert_problem(on(one_clinic, unchanged, "infusions", sent), 422, code="invalid-request")


@pytest.mark.parametrize("what", ["infusions", "assessments", "courses"])
def test_an_external_id_is_one_record(one_clinic: ClinicClient, patient: str, what: str) -> None:
    at, key = (NOW - timedelta(hours=3)).isoformat(), str(uuid4())
    sents: dict[str, dict[str, Any]] = {
        "infusions": {"given_at": at, "phase": "booster", "dose_mg": 40.0},
        "assessments": {"scale": "phq-9", "taken_at": at, "total": 12},
        "courses": {"protocol": "standard", "planned_infusions": 6, "started_on": "2026-11-01"},
    }
    sent = sents[what] | {"external_id": key, "source": "ehr"}
    others: dict[str, dict[str, Any]] = {
        "infusions": {"dose_mg": 45.0},
        "assessments": {"total": 13},
        "courses": {"started_on": "2026-11-02"},
    }
    other = others[what]
    first = on(one_clinic, patient, what, sent)
    again = on(one_clinic, patient, what, sent)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert first.json()["id"] == again.json()["id"]
    conflict = on(one_clinic, patient, what, sent | other)
    assert_problem(conflict, 409, code="external-id-taken")
    assert (conflict.json()["kept_id"], conflict.json()["kept_version"]) == (first.json()["id"], "1")
    elsewhere = treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=10)
    assert_problem(on(one_clinic, elsewhere, what, sent), 409, code="external-id-taken")
    another_source = sent | {"source": "lab"} | CONFIRMED
    when = {"infusions": "given_at", "assessments": "taken_at", "courses": "started_on"}[what]
    another_source[when] = "2026-11-02" if what == "courses" else (NOW - timedelta(hours=2)).isoformat()
    assert on(one_clinic, patient, what, another_source).status_code == 201
    kept = [one["external_id"] for one in listed(one_clinic, patient, what)]
    assert kept.count(key) == 2, "one of each source"
    assert on(one_clinic, patient, f"{what}/{first.json()['id']}/void", WHY).status_code == 200
    voided = on(one_clinic, patient, what, sent)
    assert (voided.status_code, voided.json()["id"]) == (200, first.json()["id"]), voided.text


@pytest.mark.parametrize("what", ["infusions", "assessments", "courses"])
def test_an_external_id_that_comes_for_two_patients_at_once_is_kept_for_one_and_named_to_the_other(
    one_clinic: ClinicClient, what: str
) -> None:
    at, patients = (NOW - timedelta(hours=3)).isoformat(), [one_clinic.patient() for _ in range(4)]
    bodies: dict[str, dict[str, Any]] = {
        "infusions": {"given_at": at, "phase": "induction"},
        "assessments": {"scale": "phq-9", "taken_at": at, "total": 12},
        "courses": {"protocol": "standard", "started_on": "2026-11-01"},
    }
    sent = bodies[what] | {"external_id": str(uuid4())}
    with ThreadPoolExecutor(len(patients)) as pool:
        replies = list(pool.map(lambda one: on(one_clinic, one, what, sent), patients))
    assert sorted(one.status_code for one in replies) == [201, 409, 409, 409]
    for refused in (one for one in replies if one.status_code == 409):
        assert_problem(refused, 409, code="external-id-taken", pointer="#/external_id")


def test_corrections_that_race_are_done_once_and_the_others_are_refused_by_name(
    one_clinic: ClinicClient, patient: str
) -> None:
    (latest, *_) = listed(one_clinic, patient)
    path = f"infusions/{latest['id']}"

    def race(*calls: Callable[[], httpx2.Response]) -> list[tuple[int, str]]:
        with ThreadPoolExecutor(len(calls)) as pool:
            replies = [one.result() for one in [pool.submit(call) for call in calls]]
        return sorted((one.status_code, one.json().get("type", "").rpartition("/")[2]) for one in replies)

    amending = [partial(amend, one_clinic, patient, path, 1, dose_mg=dose) for dose in (40, 41, 42)]
    assert race(*amending) == [(200, ""), *[(412, "changed-meanwhile")] * 2]
    voiding = [partial(on, one_clinic, patient, f"{path}/void", WHY)] * 3
    assert race(*voiding) == [(200, ""), *[(409, "entered-in-error")] * 2]
    restoring = [partial(on, one_clinic, patient, f"{path}/restore")] * 3
    assert race(*restoring) == [(200, ""), *[(409, "not-entered-in-error")] * 2]
    said = [one["correction"] for one in listed(one_clinic, patient, "corrections")]
    assert said == ["restored", "voided", "amended"]


@pytest.mark.parametrize("stale", ['"7"', "*", 'W/"7"', "7", "none of these", ""])
def test_a_version_that_is_not_the_present_one_is_refused_however_it_is_written(
    one_clinic: ClinicClient, patient: str, stale: str
) -> None:
    (latest, *_) = listed(one_clinic, patient)
    url = f"/v1/patients/{patient}/infusions/{latest['id']}"
    reply = one_clinic.http.patch(url, json=WHY | {"dose_mg": 40}, headers={"if-match": stale})
    assert_problem(reply, 412, code="changed-meanwhile")
    reply = one_clinic.http.post(f"{url}/void", json=WHY, headers={"if-match": stale})
    assert_problem(reply, 412, code="changed-meanwhile")
    assert listed(one_clinic, patient)[0] == latest


def choose(clinic: ClinicClient, patient: str, first: int, last: int) -> dict[str, Any]:
    days = {"from": f"{NOW - timedelta(days=first):%F}", "to": f"{NOW - timedelta(days=last):%F}"}
    reply = clinic.http.put(f"/v1/patients/{patient}/reference", json=days | WHY)
    assert reply.status_code == 200, reply.text
    return dict(listed(clinic, patient, "references")[0])


def test_a_chosen_reference_is_amended_as_if_the_right_days_had_been_chosen_at_once(
    service: Service, one_clinic: ClinicClient
) -> None:
    """Amended, voided and restored with each version; decisions made before replay as they were."""
    patients = [
        treated(one_clinic, NOW, days_since=40, level=lambda day: (8, 8, 8) if day < 12 else (5, 5, 5))
        for _ in range(2)
    ]
    mistaken, right = patients
    chosen = choose(one_clinic, mistaken, 36, 29)
    choose(one_clinic, right, 15, 6)
    for one in patients:
        assert one_clinic.enrol(one, service.url).check_in(NOW, (5, 5, 5)).status_code == 201
    path = f"references/{chosen['id']}"
    url = f"/v1/patients/{mistaken}/{path}"
    assert_problem(one_clinic.http.patch(url, json=WHY), 428, code="if-match-missing")
    assert_problem(amend(one_clinic, mistaken, path, version=3), 412, code="changed-meanwhile")
    ahead = {"to": f"{NOW:%F}"}
    assert_problem(
        amend(one_clinic, mistaken, path, 1, **ahead), 422, code="reference-window", pointer="#/to"
    )
    far = {"from": f"{NOW - timedelta(days=90):%F}", "to": f"{NOW - timedelta(days=80):%F}"}
    assert_problem(amend(one_clinic, mistaken, path, 1, **far), 409, code="reference-not-made")
    assert listed(one_clinic, mistaken, "references") == [chosen]

    days = {"from": f"{NOW - timedelta(days=15):%F}", "to": f"{NOW - timedelta(days=6):%F}"}
    amended = amend(one_clinic, mistaken, path, 1, **days)
    assert (amended.status_code, amended.headers["etag"]) == (200, '"2"'), amended.text
    assert (amended.json()["from_day"], amended.json()["changed"]["reference"]) == (days["from"], True)
    evaluations = [one_clinic.evaluation(one) for one in patients]
    assert evaluations[0]["level"] == evaluations[1]["level"] == "steady"
    assert evaluations[0]["reference"] == evaluations[1]["reference"]

    assert on(one_clinic, mistaken, f"{path}/void", WHY).status_code == 200
    assert_problem(amend(one_clinic, mistaken, path, 2, **days), 409, code="entered-in-error")
    assert_problem(on(one_clinic, mistaken, f"{path}/void", WHY), 409, code="entered-in-error")
    assert on(one_clinic, mistaken, f"{path}/restore", WHY).status_code == 200
    (kept,) = listed(one_clinic, mistaken, "references")
    assert (kept["from_day"], kept["version"], kept["etag"]) == (days["from"], 4, '"4"')
    said = [(one["correction"], one["version"]) for one in listed(one_clinic, mistaken, "corrections")]
    assert said == [("restored", 3), ("voided", 2), ("amended", 1)]
    (signal, *_) = one_clinic.signals(mistaken)
    made = replay(service.context.database, UUID(signal["id"]), clinic_id=UUID(one_clinic.clinic_id))
    assert service.run(made).same


def test_a_reference_that_an_earlier_release_voided_twice_is_restored_in_its_next_version(
    shared_database: DatabaseUrls, one_clinic: ClinicClient
) -> None:
    patient = treated(one_clinic, NOW, days_since=40, level=lambda _day: (8, 8, 8))
    chosen = choose(one_clinic, patient, 15, 6)
    path = f"references/{chosen['id']}"
    for step in ("void", "restore", "void"):
        assert on(one_clinic, patient, f"{path}/{step}", WHY).status_code == 200
    # What it kept of a choice named no version.
    kept = ask(
        shared_database.owner_url,
        "UPDATE care.record_versions SET content = content - 'version' WHERE record_id = %(id)s RETURNING version",
        id=chosen["id"],
    )
    assert len(kept) == 3
    restored = on(one_clinic, patient, f"{path}/restore", WHY)
    assert restored.status_code == 200, restored.text
    assert listed(one_clinic, patient, "references") == [chosen | {"version": 5, "etag": '"5"'}]
    said = [(one["correction"], one["version"]) for one in listed(one_clinic, patient, "corrections")]
    assert said == [("restored", 4), ("voided", 3), ("restored", 2), ("voided", 1)]


def test_without_what_it_rests_on_the_reference_is_another_and_without_induction_there_is_none(
    one_clinic: ClinicClient, patient: str
) -> None:
    before = state(one_clinic, patient)
    given = [one["id"] for one in listed(one_clinic, patient)]
    without_last = on(one_clinic, patient, f"infusions/{given[0]}/void", WHY)
    assert (without_last.status_code, without_last.json()["changed"]["reference"]) == (200, True)
    assert one_clinic.evaluation(patient)["reference"] != before["evaluation"]["reference"]
    for one in given[1:]:
        assert on(one_clinic, patient, f"infusions/{one}/void", WHY).status_code == 200
    assert one_clinic.evaluation(patient)["level"] == "no_reference"
    assert listed(one_clinic, patient) == []
    for one in reversed(given):
        assert on(one_clinic, patient, f"infusions/{one}/restore", WHY).status_code == 200
    assert state(one_clinic, patient) == before


def test_a_booster_entered_in_error_leaves_nothing_and_its_signal_is_open_again(
    service: Service, shared_database: DatabaseUrls, one_clinic: ClinicClient, lost: str
) -> None:
    before, (signal,) = state(one_clinic, lost), one_clinic.signals(lost)
    on_day = (NOW + timedelta(days=4)).date().isoformat()
    one_clinic.http.put(f"/v1/patients/{lost}/booked-booster", json={"on": on_day})
    booked = state(one_clinic, lost)
    service.clock.move_to(NOW + timedelta(minutes=1))
    wrong = give(one_clinic, lost, NOW + timedelta(minutes=1))
    (closed,) = one_clinic.signals(lost)
    assert (closed["state"], closed["disposition"]) == ("closed", "booster_given")
    assert one_clinic.http.get(f"/v1/patients/{lost}/booked-booster").json()["on"] is None

    voided = on(one_clinic, lost, f"infusions/{wrong}/void", WHY)
    assert voided.json()["changed"]["signal_ids"] == [signal["id"]], voided.text
    (again,) = one_clinic.signals(lost)
    assert (again["id"], again["state"], again["disposition"]) == (signal["id"], "open", None)
    after = state(one_clinic, lost)
    assert after == booked
    assert {**after, "booked-booster": None} == {**before, "booked-booster": None}
    said = ask(
        shared_database.owner_url,
        "SELECT id, type, body FROM care.notifications WHERE patient_id = %(id)s ORDER BY occurred_at, id",
        id=lost,
    )
    assert [one["type"] for one in said][-2:] == ["signal.reopened", "record.corrected"]
    assert '"cause":"correction"' in said[-2]["body"]
    kinds = {str(one["id"]): one["type"] for one in said}
    superseded = json.loads(said[-1]["body"])["data"]["superseded_event_ids"].split()
    assert [kinds[one] for one in superseded] == ["infusion.recorded", "signal.closed"]
    service.clock.move_to(NOW)


def test_a_signal_that_a_person_closed_stays_as_it_was_closed(one_clinic: ClinicClient, lost: str) -> None:
    (signal,) = one_clinic.signals(lost)
    closing = {"disposition": "booster_given"}
    assert one_clinic.http.post(f"/v1/signals/{signal['id']}/close", json=closing).status_code == 200
    wrong = give(one_clinic, lost, NOW)
    assert on(one_clinic, lost, f"infusions/{wrong}/void", WHY).status_code == 200
    assert [one["state"] for one in one_clinic.signals(lost)] == ["closed"]


def test_decisions_made_before_and_after_a_correction_replay_the_same(
    service: Service, one_clinic: ClinicClient, lost: str
) -> None:
    (signal,) = one_clinic.signals(lost)
    first = listed(one_clinic, lost)[-1]["id"]
    last = listed(one_clinic, lost)[0]["id"]
    reported = listed(one_clinic, lost, "check-ins")[2]["id"]

    def same() -> bool:
        made = replay(service.context.database, UUID(signal["id"]), clinic_id=UUID(one_clinic.clinic_id))
        return bool(service.run(made).same)

    assert same()
    moved = (LAST - timedelta(days=1)).isoformat()
    assert amend(one_clinic, lost, f"infusions/{last}", given_at=moved, dose_mg=40).status_code == 200
    assert same()
    for path in (f"infusions/{first}", f"check-ins/{reported}"):
        assert on(one_clinic, lost, f"{path}/void", WHY).status_code == 200
        assert same()
        assert on(one_clinic, lost, f"{path}/restore").status_code == 200
        assert same()
    kept = listed(one_clinic, lost, "check-ins")[2]
    amended = amend(one_clinic, lost, f"check-ins/{kept['id']}", kept["version"], mood=9, **CONFIRMED)
    assert (amended.status_code, same()) == (200, True), amended.text
