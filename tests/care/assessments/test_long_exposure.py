"""The monthly form about long exposure: asked where a clinic switched it on, kept as a report, for review."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.clinical.long_exposure import STANDS_OUT_FROM, items_that_stand_out, long_exposure_due_on
from app.foundation.ids import new_id
from tests.support.people import ZONE, ClinicClient, PatientClient
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

NOTHING = [1, 0, 1, 0, 1]
"""Now and then, as for everybody."""
PAIN = [1, 1, 0, 0, 0]
OUTSIDE_AND_MEMORY = [0, 0, 0, 3, 2]


@pytest.fixture
def phone(one_clinic: ClinicClient, service: Service) -> PatientClient:
    patient = one_clinic.patient()
    began = NOW - timedelta(days=60)
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": began.date().isoformat()}
    assert one_clinic.http.post(f"/v1/patients/{patient}/courses", json=course).status_code == 201
    for days, phase in ((60, "induction"), (58, "induction"), (20, "booster")):
        given = {"given_at": (NOW - timedelta(days=days)).isoformat(), "phase": phase}
        # The series was shorter than planned, and the booster is entered late: both are asked about.
        given["confirm"] = ["late_booster", "old_booster", "booster_long_ago"]  # type: ignore[assignment]  # a list
        reply = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
        if reply.status_code == 409:
            given["confirm"] = [one["code"] for one in reply.json()["errors"]]  # type: ignore[assignment]  # a list
            reply = one_clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
        assert reply.status_code == 201, reply.text
    return one_clinic.enrol(patient, service.url)


def switch(clinic: ClinicClient, *, on: bool) -> None:
    etag = clinic.http.get("/v1/clinic").headers["etag"]
    reply = clinic.http.patch("/v1/clinic", json={"asks_long_exposure": on}, headers={"if-match": etag})
    assert reply.json()["asks_long_exposure"] is on


def send(
    phone: PatientClient, items: list[int], form_id: str | None = None, days_ago: int = 0
) -> httpx2.Response:
    body = {
        "scale": "long-exposure",
        "taken_at": (NOW - timedelta(days=days_ago)).isoformat(),
        "time_zone": ZONE,
        "items": items,
    }
    return phone.http.put(f"/v1/assessments/{form_id or new_id()}", json=body)


def findings(clinic: ClinicClient, phone: PatientClient, state: str = "open") -> list[dict[str, Any]]:
    listed = clinic.http.get(
        "/v1/findings", params={"patient_id": str(phone.patient_id), "state": state}
    ).json()["items"]
    return [one for one in listed if one["code"] == "long_exposure"]


def test_it_is_asked_only_where_the_clinic_switched_it_on(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    def offered() -> list[str]:
        return [one["key"] for one in phone.http.get("/v1/questionnaires").json()["items"]]

    def due() -> list[str]:
        return [one["scale"] for one in phone.http.get("/v1/me/schedule").json()["questionnaires"]]

    assert one_clinic.http.get("/v1/clinic").json()["asks_long_exposure"] is False
    assert offered() == ["phq-9", "gad-7"]
    assert "long-exposure" not in due()
    assert_problem(send(phone, NOTHING), 422, pointer="#/scale", code="questionnaire-not-offered")

    switch(one_clinic, on=True)
    assert offered() == ["phq-9", "gad-7", "long-exposure"]
    assert "long-exposure" in due()
    assert send(phone, NOTHING).status_code == 201
    switch(one_clinic, on=False)
    assert offered() == ["phq-9", "gad-7"]
    assert_problem(send(phone, NOTHING), 422, pointer="#/scale", code="questionnaire-not-offered")


def test_it_comes_in_our_words_and_says_that_it_is_no_diagnosis(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    switch(one_clinic, on=True)
    for locale, said in (("en-US", "not a diagnosis"), ("es-US", "ni un diagnóstico")):
        asked = phone.http.get("/v1/questionnaires/long-exposure", params={"locale": locale}).json()
        assert len(asked["items"]) == 5
        assert len(asked["answers"]) == 4
        assert said in asked["copyright"]
        assert {one["loinc"] for one in asked["items"]} == {None}


@pytest.mark.parametrize(
    ("items", "topics"),
    [(PAIN, ["bladder"]), (OUTSIDE_AND_MEMORY, ["use_outside", "memory"]), ([2, 0, 2, 0, 0], ["bladder", "craving"])],
)  # fmt: skip
def test_an_answer_that_stands_out_is_one_finding_with_the_exposure_beside_it(
    one_clinic: ClinicClient, phone: PatientClient, items: list[int], topics: list[str]
) -> None:
    switch(one_clinic, on=True)
    form_id = str(new_id())
    assert [send(phone, items, form_id).status_code for _ in range(2)] == [201, 200]

    (found,) = findings(one_clinic, phone)
    assert found["source_id"] == form_id
    assert found["facts"]["topics"] == topics
    assert (found["facts"]["infusions"], found["facts"]["in_90_days"], found["facts"]["in_30_days"]) == (
        3,
        3,
        1,
    )
    assert "items" not in found["facts"]
    listed = one_clinic.http.get("/v1/worklist", params={"kind": "long_exposure"}).json()["items"]
    assert [one["id"] for one in listed if one["patient"]["id"] == str(phone.patient_id)] == [found["id"]]


def test_what_everybody_knows_now_and_then_is_kept_and_raises_nothing(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    switch(one_clinic, on=True)
    assert send(phone, NOTHING).status_code == 201
    assert findings(one_clinic, phone) == []
    (kept,) = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/assessments").json()["items"]
    assert (kept["scale"], kept["entered_by"], kept["band"]) == ("long-exposure", "patient", None)
    # It decides nothing: an evaluation knows no total of it.
    evaluation = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/evaluation").json()
    assert "long-exposure" not in str(evaluation)


def test_it_is_due_again_four_weeks_after_it_was_answered(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    switch(one_clinic, on=True)

    def due_on() -> str:
        listed = phone.http.get("/v1/me/schedule").json()["questionnaires"]
        return next(str(one["due_on"]) for one in listed if one["scale"] == "long-exposure")

    assert due_on() < NOW.date().isoformat()
    send(phone, NOTHING, days_ago=3)
    assert due_on() == (NOW - timedelta(days=3) + timedelta(days=28)).date().isoformat()


def test_the_answer_of_a_form_that_the_clinic_took_back_is_no_finding_any_more(
    one_clinic: ClinicClient, phone: PatientClient
) -> None:
    body = {"scale": "long-exposure", "taken_at": NOW.isoformat(), "items": PAIN}
    path = f"/v1/patients/{phone.patient_id}/assessments"
    form_id = one_clinic.http.post(path, json=body).json()["id"]
    assert len(findings(one_clinic, phone)) == 1
    voided = one_clinic.http.post(f"{path}/{form_id}/void", json={"reason": "another patient's"})
    assert voided.status_code == 200, voided.text
    assert findings(one_clinic, phone) == []
    assert [one["outcome"] for one in findings(one_clinic, phone, "closed")] == ["ended"]


@pytest.mark.parametrize("items", [[0, 0, 0, 0], [0, 0, 0, 0, 4], [0, 0, 0, 0, 0, 0]])
def test_an_incomplete_or_impossible_form_is_refused(
    one_clinic: ClinicClient, phone: PatientClient, items: list[int]
) -> None:
    switch(one_clinic, on=True)
    assert send(phone, items).status_code == 422


def test_each_answer_is_judged_by_its_own_item() -> None:
    assert set(STANDS_OUT_FROM) == {1, 2, 3, 4, 5}
    for item, least in STANDS_OUT_FROM.items():
        assert items_that_stand_out({item: least}) == (item,)
        assert items_that_stand_out({item: least - 1}) == ()
    assert items_that_stand_out({1: None, 2: 0}) == ()
    assert long_exposure_due_on(first_infusion_on=None, last_answered_on=NOW.date()) is None
