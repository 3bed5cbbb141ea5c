"""Consent as the phone and the clinic see it: asked, given, asked again, taken back."""

from datetime import timedelta

import pytest

from app.care.patients.consent_status import ConsentStatus, consent_status_from
from app.foundation.translations import LANGUAGES
from app.notifications.messages import consent_text as wording
from app.notifications.messages.consent_text import CONSENT_TEXTS, CURRENT_VERSION, consent_text
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

AGREED = {"version": CURRENT_VERSION, "accepted": True}


@pytest.fixture
def phone(service: Service, clinic: ClinicClient) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def status(phone: PatientClient) -> str:
    return str(phone.http.get("/v1/me").json()["consent"])


def test_a_new_patient_was_not_asked_and_may_check_in_all_the_same(phone: PatientClient) -> None:
    assert status(phone) == "not_asked"
    assert phone.check_in(NOW).status_code == 201


def test_the_text_says_who_sees_what_how_often_and_that_it_is_no_emergency_service(
    phone: PatientClient,
) -> None:
    shown = phone.http.get("/v1/me/consent").json()

    text = " ".join(shown["text"]["paragraphs"])
    for word in (
        "care team sees",
        "working days",
        "not an emergency service",
        "stop at any time",
        "copy",
        "erased",
    ):
        assert word in text
    assert (shown["text"]["version"], shown["status"], shown["history"]) == (CURRENT_VERSION, "not_asked", [])


def test_the_text_comes_in_the_patients_language(phone: PatientClient) -> None:
    assert phone.http.patch("/v1/me", json={"locale": "es-MX"}).json()["consent"] == "not_asked"
    text = phone.http.get("/v1/me/consent").json()["text"]

    assert (text["locale"], text["accept"]) == ("es", "Acepto")


@pytest.mark.parametrize("version", CONSENT_TEXTS)
def test_every_version_says_the_same_number_of_things_in_every_language(version: str) -> None:
    texts = CONSENT_TEXTS[version]
    assert set(texts) == ({"en", "es"} if version < CURRENT_VERSION else set(LANGUAGES))
    assert len({len(text.paragraphs) for text in texts.values()}) == 1
    for language, text in texts.items():
        assert (text.version, text.locale) == (version, language)
        assert all(paragraph.endswith(".") and "  " not in paragraph for paragraph in text.paragraphs)
    assert consent_text("pt", version=version).locale == wording.DEFAULT_LANGUAGE


def test_what_is_given_stays_on_record_with_version_time_and_device(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    given = phone.http.post("/v1/me/consent", json=AGREED).json()

    assert given["status"] == status(phone) == "given"
    (answer,) = given["history"]
    assert (answer["kind"], answer["version"], answer["locale"]) == ("given", CURRENT_VERSION, "en")
    assert answer["actor_kind"] == "device"
    assert answer["at"].startswith("2026-11-03T18:00:00")
    assert clinic.http.get(f"/v1/patients/{phone.patient_id}/consent").json() == given


def test_giving_it_twice_is_one_answer(phone: PatientClient) -> None:
    first = phone.http.post("/v1/me/consent", json=AGREED).json()
    assert phone.http.post("/v1/me/consent", json=AGREED).json() == first


def test_who_agreed_to_an_earlier_text_is_asked_again() -> None:
    assert consent_status_from(version="2025-01", withdrawn_at=None) is ConsentStatus.OUTDATED
    assert consent_status_from(version="2025-01", withdrawn_at=NOW) is ConsentStatus.WITHDRAWN


@pytest.mark.parametrize("version", ["2025-01", CANARY])
def test_an_old_or_unknown_text_cannot_be_agreed_to(phone: PatientClient, version: str) -> None:
    reply = phone.http.post("/v1/me/consent", json=AGREED | {"version": version})

    assert_problem(reply, 409, pointer="#/version", code="consent-text-changed")
    assert status(phone) == "not_asked"


@pytest.mark.parametrize(
    "body", [{"version": CURRENT_VERSION}, AGREED | {"accepted": False}, AGREED | {"x": 1}]
)
def test_only_a_plain_yes_is_consent(phone: PatientClient, body: dict[str, object]) -> None:
    assert_problem(phone.http.post("/v1/me/consent", json=body), 422)
    assert status(phone) == "not_asked"


def test_who_was_never_asked_can_say_no(phone: PatientClient) -> None:
    shown = phone.http.post("/v1/me/consent/withdraw", json={}).json()

    assert (shown["status"], [one["kind"] for one in shown["history"]]) == ("withdrawn", ["withdrawn"])
    assert shown["history"][0]["version"] is None


def test_a_withdrawal_keeps_its_reason_sealed_and_shows_it_to_the_clinic(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    phone.http.post("/v1/me/consent", json=AGREED)
    phone.http.post("/v1/me/consent/withdraw", json={"reason": "It is too much."})

    shown = clinic.http.get(f"/v1/patients/{phone.patient_id}/consent").json()
    assert [(one["kind"], one["reason"]) for one in shown["history"]] == [
        ("given", None),
        ("withdrawn", "It is too much."),
    ]


def test_withdrawing_twice_is_refused_by_name_and_stays_one_answer(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    phone.http.post("/v1/me/consent/withdraw", json={})

    assert_problem(
        phone.http.post("/v1/me/consent/withdraw", json={"reason": CANARY}),
        409,
        code="consent-already-withdrawn",
    )
    path = f"/v1/patients/{phone.patient_id}/consent/withdraw"
    assert_problem(clinic.http.post(path, json={}), 409, code="consent-already-withdrawn")
    assert len(phone.http.get("/v1/me/consent").json()["history"]) == 1


def test_staff_record_a_withdrawal_that_was_said_to_them(clinic: ClinicClient, phone: PatientClient) -> None:
    path = f"/v1/patients/{phone.patient_id}/consent/withdraw"
    shown = clinic.http.post(path, json={"reason": "said on the telephone"}).json()

    assert shown["history"][-1]["actor_kind"] == "api_key"
    assert status(phone) == "withdrawn"


def test_after_a_withdrawal_nothing_new_is_taken_and_what_was_kept_is_still_confirmed(
    clinic: ClinicClient, phone: PatientClient
) -> None:
    kept = phone.check_in(NOW, (5, 5, 5))
    phone.http.post("/v1/me/consent/withdraw", json={})

    assert_problem(phone.check_in(NOW), 409, code="consent-withdrawn")
    again = phone.check_in(NOW, (5, 5, 5), check_in_id=kept.json()["id"])
    assert again.status_code == 200
    earlier = NOW - timedelta(days=3)
    imported = clinic.import_days(phone.patient_id, earlier, [(5, 5, 5)])
    assert imported[0]["problem"]["type"].endswith("consent-withdrawn")


def test_the_patient_still_reads_and_takes_back_what_they_said(phone: PatientClient) -> None:
    kept = phone.check_in(NOW, (5, 5, 5)).json()
    phone.http.post("/v1/me/consent/withdraw", json={})

    assert phone.http.delete(f"/v1/check-ins/{kept['id']}").status_code == 204
    (own,) = phone.http.get("/v1/check-ins").json()["items"]
    assert own["withdrawn_at"]


def test_a_patient_who_withdrew_is_not_evaluated(clinic: ClinicClient, phone: PatientClient) -> None:
    phone.http.post("/v1/me/consent/withdraw", json={})

    reply = clinic.http.get(f"/v1/patients/{phone.patient_id}/evaluation")
    assert_problem(reply, 409, code="consent-withdrawn")
