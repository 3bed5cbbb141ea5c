"""A clinician takes other days as the reference: with a reason, on the audit log, and check-ins go on from it."""

from datetime import timedelta

import pytest

from tests.support.people import ClinicClient, treated
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service


def day(ago: int) -> str:
    return (NOW - timedelta(days=ago)).date().isoformat()


def lower_since(clinic: ClinicClient) -> str:
    return treated(clinic, NOW, days_since=40, level=lambda day: (8, 8, 8) if day < 12 else (5, 5, 5))


def test_reports_are_compared_with_the_chosen_days_from_then_on(
    clinic: ClinicClient, service: Service
) -> None:
    patient = lower_since(clinic)
    assert clinic.evaluation(patient)["level"] == "consider_booster"

    reply = clinic.http.put(
        f"/v1/patients/{patient}/reference", json={"from": day(15), "to": day(6), "reason": CANARY}
    )

    assert reply.status_code == 200, reply.text
    assert (reply.json()["kind"], reply.json()["n_days"]) == ("clinician_set", 10)
    assert CANARY not in reply.text
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (5, 5, 5)).status_code == 201
    evaluation = clinic.evaluation(patient)
    assert evaluation["level"] == "steady"
    assert evaluation["reference"]["kind"] == "clinician_set"
    late = phone.check_in(NOW - timedelta(days=8), (5, 5, 5))
    assert late.status_code == 201
    assert clinic.evaluation(patient)["reference"] == evaluation["reference"]


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (5, 6, "reference-window"),
        (5, 0, "reference-window"),
        (7, 6, "reference-not-made"),
        (60, 50, "reference-not-made"),
    ],
)
def test_days_that_make_no_reference_are_refused_and_nothing_is_changed(
    clinic: ClinicClient, first: int, last: int, code: str
) -> None:
    patient = lower_since(clinic)
    before = clinic.evaluation(patient)

    reply = clinic.http.put(
        f"/v1/patients/{patient}/reference", json={"from": day(first), "to": day(last), "reason": "why"}
    )

    assert_problem(reply, 422 if code == "reference-window" else 409, code=code)
    assert clinic.evaluation(patient) == before
