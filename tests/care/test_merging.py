"""A duplicate is merged into the right patient, and that is taken back exactly."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.access.clinics.permissions import StaffRole
from app.care.monitoring.commands import evaluate_by_time
from app.care.monitoring.corrections import evaluate_again
from app.care.monitoring.decision_replay import replay
from app.clinical.protocol import STANDARD
from app.studies.stored_patients import patients_in
from tests.care.treatment.test_corrections import state
from tests.support.people import CONFIRMED, ClinicClient, as_of_now, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import joined

WHY = "Registered twice"


@pytest.fixture
def right(service: Service, one_clinic: ClinicClient) -> str:  # noqa: ARG001 - sets the clock
    """The patient who stays: treated, well until ten days ago, nothing since."""
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=10)


@pytest.fixture
def double(service: Service, one_clinic: ClinicClient, right: str) -> str:  # noqa: ARG001 - in this order
    """The same person registered again: a booster, ten bad days, a form, and a phone."""
    made = one_clinic.patient()
    one_clinic.import_days(made, NOW - timedelta(days=13), [(3, 3, 3)] * 13)
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=2)).isoformat(), "total": 15}
    assert one_clinic.http.post(f"/v1/patients/{made}/assessments", json=form).status_code == 201
    return made


def merge(clinic: ClinicClient, patient: str, into: str) -> Any:  # noqa: ANN401 - a reply
    return clinic.http.post(f"/v1/patients/{patient}/merge", json={"into": into, "reason": WHY})


def unmerge(clinic: ClinicClient, patient: str) -> Any:  # noqa: ANN401 - a reply
    return clinic.http.post(f"/v1/patients/{patient}/unmerge", json={"reason": "Two people after all"})


def counts(clinic: ClinicClient, patient: str) -> dict[str, int]:
    return {
        what: len(clinic.http.get(f"/v1/patients/{patient}/{what}", params={"limit": 200}).json()["items"])
        for what in ("infusions", "check-ins", "courses", "assessments")
    }


def test_a_duplicates_reports_and_forms_count_for_the_patient_and_the_old_id_is_gone(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    before, added = counts(one_clinic, right), counts(one_clinic, double)
    assert one_clinic.evaluation(right)["level"] != "consider_booster"
    reply = merge(one_clinic, double, right)
    assert reply.status_code == 200, reply.text
    assert (reply.json()["merged_into"], reply.json()["status"]) == (right, "merged")
    assert counts(one_clinic, right) == {name: before[name] + added[name] for name in before}
    assert one_clinic.evaluation(right)["level"] == "consider_booster"
    for path in ("", "/evaluation", "/infusions", "/check-ins", "/courses/current"):
        gone = one_clinic.http.get(f"/v1/patients/{double}{path}")
        assert_problem(gone, 410, code="patient-merged")
        assert gone.json()["merged_into"] == right


def as_it_is(clinic: ClinicClient, patient: str) -> dict[str, Any]:
    """The patient's state without what is of a signal: one that the merge raised stays until someone closes it."""
    found = state(clinic, patient)
    return found | {"evaluation": as_of_now(found["evaluation"])}


def test_both_are_exactly_as_they_were_once_it_is_taken_back(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    was = as_it_is(one_clinic, right), as_it_is(one_clinic, double)
    for _ in range(2):
        assert merge(one_clinic, double, right).status_code == 200
        assert unmerge(one_clinic, double).status_code == 200
        assert (as_it_is(one_clinic, right), as_it_is(one_clinic, double)) == was


def test_both_are_as_they_were_also_when_what_was_copied_was_corrected_in_between(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    """An amended copy that let the course begin earlier and kept a booking, voided ones, an amended reference."""
    booked = {"on": f"{NOW + timedelta(days=4):%F}"}
    assert one_clinic.http.put(f"/v1/patients/{right}/booked-booster", json=booked).status_code == 200
    course = {"protocol": "standard", "taken_on": {"on": f"{NOW - timedelta(days=20):%F}"}}
    assert one_clinic.http.post(f"/v1/patients/{double}/courses", json=course).status_code == 201
    for days in (6, 9, 12):
        given = {"given_at": (NOW - timedelta(days=days)).isoformat(), "phase": "booster"} | CONFIRMED
        assert one_clinic.http.post(f"/v1/patients/{double}/infusions", json=given).status_code == 201
    one_clinic.import_days(double, NOW - timedelta(days=60), [(8, 8, 8)] * 14)
    period = {
        "from": f"{NOW - timedelta(days=60):%F}",
        "to": f"{NOW - timedelta(days=47):%F}",
        "reason": "Well",
    }
    assert one_clinic.http.put(f"/v1/patients/{double}/reference", json=period).status_code == 200
    was = as_it_is(one_clinic, right), as_it_is(one_clinic, double)

    for _ in range(2):
        assert merge(one_clinic, double, right).status_code == 200
        copies = one_clinic.http.get(f"/v1/patients/{right}/infusions").json()["items"][:3]
        assert [one["phase"] for one in copies] == ["booster"] * 3
        path, when = f"/v1/patients/{right}/infusions", NOW - timedelta(days=45)
        for one, changes in (
            (copies[0], {"given_at": when.isoformat(), "phase": "induction"}),
            (copies[1], {"given_at": NOW.isoformat()}),
        ):
            reply = one_clinic.http.patch(
                f"{path}/{one['id']}",
                json=changes | {"reason": WHY} | CONFIRMED,
                headers={"if-match": one["etag"]},
            )
            assert reply.status_code == 200, reply.text
        voided = one_clinic.http.post(f"{path}/{copies[2]['id']}/void", json={"reason": WHY})
        assert voided.status_code == 200, voided.text
        (chosen,) = one_clinic.http.get(f"/v1/patients/{right}/references").json()["items"]
        reply = one_clinic.http.patch(
            f"/v1/patients/{right}/references/{chosen['id']}",
            json={"to": f"{NOW - timedelta(days=48):%F}", "reason": WHY},
            headers={"if-match": chosen["etag"]},
        )
        assert reply.status_code in {200, 409}, reply.text
        path = f"/v1/patients/{right}/check-ins"
        report = next(
            one
            for one in one_clinic.http.get(path, params={"limit": 200}).json()["items"]
            if one["recorded_at"].startswith(f"{NOW - timedelta(days=60):%F}")
        )
        reply = one_clinic.http.patch(
            f"{path}/{report['id']}",
            json={"mood": 1, "reason": WHY},
            headers={"if-match": report["etag"]},
        )
        assert reply.status_code == 200, reply.text
        assert one_clinic.http.get(f"/v1/patients/{right}/booked-booster").json()["on"] is None
        back = unmerge(one_clinic, double)
        assert back.status_code == 200, back.text
        assert (as_it_is(one_clinic, right), as_it_is(one_clinic, double)) == was


def test_two_requests_that_merge_or_unmerge_at_once_do_it_once(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    third = one_clinic.patient()

    def race(*calls: Any) -> list[int]:  # noqa: ANN401 - what to send
        with ThreadPoolExecutor(len(calls)) as pool:
            sent = [pool.submit(call) for call in calls]
        return sorted(one.result().status_code for one in sent)

    for _ in range(3):
        assert race(*[lambda into=into: merge(one_clinic, double, into) for into in (right, third) * 2]) == [
            200, 410, 410, 410,
        ]  # fmt: skip
        assert race(*[lambda: unmerge(one_clinic, double)] * 3) == [200, 409, 409]


def kept(clinic: ClinicClient, patient: str) -> dict[str, list[Any]]:
    """What is kept beside what decides: circumstances, what is planned, and who is assigned; without ids."""
    path = f"/v1/patients/{patient}"
    listed = clinic.http.get(f"{path}/circumstances").json()["items"]
    planned = clinic.http.get(f"{path}/appointments", params={"past": True}).json()["items"]
    return {
        "circumstances": [(one["kind"], one["since"], one["detail"]) for one in listed],
        "appointments": [(one["kind"], one["on"], one["state"]) for one in planned],
        "care_team": [
            (one["member_id"], one["duty"]) for one in clinic.http.get(f"{path}/care-team").json()["members"]
        ],
        "booked": clinic.http.get(f"{path}/booked-booster").json()["on"],
    }


def test_circumstances_appointments_and_care_team_come_along_and_go_back(
    service: Service, clinic: ClinicClient
) -> None:
    service.clock.move_to(NOW)
    kim, lee, ann = (joined(service, clinic, StaffRole.CLINICIAN).id for _ in range(3))
    right, double = (treated(clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8)) for _ in range(2))
    since = (NOW - timedelta(days=9)).date().isoformat()
    days = [(NOW + timedelta(days=ahead)).date().isoformat() for ahead in (5, 9, 20)]
    for patient, kind, detail in (
        (right, "condition", "Asthma"),
        (double, "condition", "Asthma"),
        (double, "other_medication", "Lithium 600 mg"),
    ):
        body = {"kind": kind, "since": since, "detail": detail}
        assert clinic.http.post(f"/v1/patients/{patient}/circumstances", json=body).status_code == 201
    for patient, kind, on in (
        (right, "booster", days[1]),
        (double, "booster", days[1]),
        (double, "booster", days[0]),
        (double, "visit", days[2]),
    ):
        body = {"kind": kind, "on": on}
        assert clinic.http.post(f"/v1/patients/{patient}/appointments", json=body).status_code == 201
    for patient, team in (
        (right, [(kim, "first")]),
        (double, [(lee, "first"), (kim, "on_call"), (ann, "member")]),
    ):
        members = [{"member_id": member, "duty": duty} for member, duty in team]
        path = f"/v1/patients/{patient}/care-team"
        written = clinic.http.put(path, json={"members": members}, headers={"if-match": '"0"'})
        assert written.status_code == 200, written.text
    was = kept(clinic, right), kept(clinic, double)

    for _ in range(2):
        assert merge(clinic, double, right).status_code == 200
        assert kept(clinic, right) == {
            "circumstances": [("other_medication", since, "Lithium 600 mg"), ("condition", since, "Asthma")],
            "appointments": [
                ("booster", days[0], "planned"), ("booster", days[1], "planned"), ("visit", days[2], "planned"),
            ],
            "care_team": [(kim, "first"), (lee, "member"), (ann, "member")],
            "booked": days[0],
        }  # fmt: skip
        coming = clinic.http.get("/v1/appointments").json()["items"]
        assert {one["patient_id"] for one in coming} == {right}
        assert unmerge(clinic, double).status_code == 200
        assert (kept(clinic, right), kept(clinic, double)) == was


def test_a_device_speaks_for_the_patient_it_was_moved_to_and_goes_back_with_what_it_sent(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    phone = one_clinic.enrol(double, service.url)
    assert phone.check_in(NOW - timedelta(hours=3), (4, 4, 4), note="A note").status_code == 201
    was, sent = counts(one_clinic, right), counts(one_clinic, double)
    assert merge(one_clinic, double, right).status_code == 200
    assert phone.check_in(NOW - timedelta(hours=1), (5, 5, 5)).status_code == 201
    assert counts(one_clinic, right)["check-ins"] == was["check-ins"] + sent["check-ins"] + 1
    notes = [one["note"] for one in one_clinic.http.get(f"/v1/patients/{right}/check-ins").json()["items"]]
    assert "A note" in notes, "sealed again with the other patient's key"
    assert unmerge(one_clinic, double).status_code == 200
    assert counts(one_clinic, right) == was
    assert counts(one_clinic, double)["check-ins"] == sent["check-ins"] + 1
    assert phone.check_in(NOW, (5, 5, 5)).status_code == 201
    assert counts(one_clinic, double)["check-ins"] == sent["check-ins"] + 2


def test_what_the_patient_corrects_or_takes_back_while_merged_stays_so_when_that_is_undone(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    phone, was = one_clinic.enrol(double, service.url), counts(one_clinic, right)
    wrong, gone = (phone.check_in(NOW - timedelta(hours=ago), (ago, 4, 4)).json()["id"] for ago in (3, 2))
    sent = counts(one_clinic, double)["check-ins"]
    assert merge(one_clinic, double, right).status_code == 200
    assert phone.check_in(NOW - timedelta(hours=3), (9, 4, 4), supersedes=wrong).status_code == 201
    assert phone.http.delete(f"/v1/check-ins/{gone}").status_code == 204

    assert unmerge(one_clinic, double).status_code == 200
    assert (counts(one_clinic, right), counts(one_clinic, double)["check-ins"]) == (was, sent - 1)
    current = one_clinic.http.get(f"/v1/patients/{double}/check-ins").json()["items"]
    assert current[0]["mood"] == 9
    assert not {wrong, gone} & {one["id"] for one in current}


def test_decisions_from_before_during_and_after_a_merge_replay_the_same(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    assert merge(one_clinic, double, right).status_code == 200
    assert one_clinic.enrol(right, service.url).check_in(NOW, (3, 3, 3)).status_code == 201
    raised = [UUID(one["id"]) for one in one_clinic.signals(right)]
    assert raised, "the duplicate's reports show a loss"
    assert unmerge(one_clinic, double).status_code == 200
    for one in raised:
        again = service.run(replay(service.context.database, one, clinic_id=UUID(one_clinic.clinic_id)))
        assert again.same, again.differences


def test_whoever_looks_at_all_patients_passes_a_duplicate_by(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    assert merge(one_clinic, double, right).status_code == 200
    context, clinic_id = service.context, UUID(one_clinic.clinic_id)
    judged = evaluate_by_time(context, clinic_id, UUID(double), kept_level="steady")
    assert service.run(judged) is False
    service.run(evaluate_again(context, clinic_id, UUID(double)))
    found = service.run(patients_in(context.database, clinic_id, base=STANDARD, now=service.clock.now()))
    names = {one.name for one in found.patients(0, found.size)}
    assert right in names
    assert double not in names


def test_an_infusion_that_both_have_is_not_doubled_and_its_external_id_is_known(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    course = {"protocol": "standard", "taken_on": {"on": (NOW - timedelta(days=20)).date().isoformat()}}
    assert one_clinic.http.post(f"/v1/patients/{double}/courses", json=course).status_code == 201
    at = (NOW - timedelta(days=6)).isoformat()
    booster = {"given_at": at, "phase": "booster", "external_id": "E-1", "source": "ehr"} | CONFIRMED
    assert one_clinic.http.post(f"/v1/patients/{double}/infusions", json=booster).status_code == 201
    before = counts(one_clinic, right)["infusions"]
    assert merge(one_clinic, double, right).status_code == 200
    assert counts(one_clinic, right)["infusions"] == before + 1
    again = one_clinic.http.post(f"/v1/patients/{right}/infusions", json=booster)
    assert again.status_code == 200, again.text
    assert counts(one_clinic, right)["infusions"] == before + 1


def test_what_cannot_be_merged_is_refused_by_name(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    other = clinic_client(service, "Another clinic")
    elsewhere = other.patient()
    assert_problem(merge(one_clinic, double, double), 422, code="merge-into-itself")
    for nobody in (elsewhere, str(uuid4())):
        assert_problem(
            merge(one_clinic, double, nobody), 422, code="merge-target-not-found", pointer="#/into"
        )
        assert_problem(merge(one_clinic, nobody, right), 404)
    assert_problem(unmerge(one_clinic, double), 409, code="not-merged")
    archived = one_clinic.patient()
    path = f"/v1/patients/{archived}/archive"
    assert one_clinic.http.post(path, json={"reason": "care_ended"}).status_code == 200
    assert_problem(merge(one_clinic, archived, right), 409, code="archived")
    assert_problem(merge(one_clinic, double, archived), 409, code="archived")
    assert merge(one_clinic, double, right).status_code == 200
    assert_problem(merge(one_clinic, double, right), 410, code="patient-merged")
    third = one_clinic.patient()
    assert_problem(merge(one_clinic, third, double), 410, code="patient-merged")


def test_duplicates_are_erased_with_the_patient_they_are_merged_into(
    one_clinic: ClinicClient, right: str, double: str
) -> None:
    again = one_clinic.patient()
    assert merge(one_clinic, again, double).status_code == 200
    assert merge(one_clinic, double, right).status_code == 200
    asked = one_clinic.http.post(f"/v1/patients/{right}/erasure-requests").json()
    approval = f"/v1/erasure-requests/{asked['id']}/approve"
    reply = one_clinic.http.post(approval, headers={"if-match": '"1"'})
    assert (reply.status_code, reply.json()["patient_id"]) == (200, right), reply.text
    for one in (right, double, again):
        assert_problem(one_clinic.http.get(f"/v1/patients/{one}"), 410, code="patient-erased")
    assert not {right, double, again} & {
        one["id"] for one in one_clinic.http.get("/v1/patients", params={"limit": 200}).json()["items"]
    }


def test_nobody_with_an_open_safety_event_is_merged(
    service: Service, one_clinic: ClinicClient, right: str, double: str
) -> None:
    phone = one_clinic.enrol(double, service.url)
    assert phone.check_in(NOW, (2, 2, 2), self_harm_thoughts=True).status_code == 201
    assert_problem(merge(one_clinic, double, right), 409, code="safety-event-open")
    assert_problem(merge(one_clinic, right, double), 409, code="safety-event-open")
    assert one_clinic.http.get(f"/v1/patients/{double}").status_code == 200
