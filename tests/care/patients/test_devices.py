"""A patient's devices: listed by the patient and the clinic, ended by either, with all of their tokens."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from app.care.patients import devices, magic_links
from app.foundation.tokens import TokenNotValidError
from tests.support.people import ClinicClient, PatientClient, clinic_client
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service


@pytest.fixture
def phone(one_clinic: ClinicClient, service: Service) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)


def browser(clinic: ClinicClient, service: Service, patient_id: str) -> str:
    """Sign a browser in; gives its cookie."""
    url = clinic.http.post(f"/v1/patients/{patient_id}/sign-in-links").json()["url"]
    token = url.rpartition("/")[2]
    return service.run(magic_links.spend(service.context, token, browser_name="Firefox")).token


def test_the_patient_sees_phones_and_browsers_and_which_one_asks(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    browser(one_clinic, service, phone.patient_id)

    listed = phone.http.get("/v1/me/devices").json()["items"]

    assert [(one["kind"], one["name"], one["this_one"]) for one in listed] == [
        ("phone", "phone", True),
        ("browser", "Firefox", False),
    ]
    assert {datetime.fromisoformat(one["enrolled_at"]) for one in listed} == {NOW}


def test_the_clinic_sees_the_same_devices(one_clinic: ClinicClient, phone: PatientClient) -> None:
    own = phone.http.get("/v1/me/devices").json()["items"]
    (seen,) = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/devices").json()["items"]
    assert seen == own[0] | {"this_one": False}


def test_last_use_is_when_a_device_last_got_a_token(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    cookie = browser(one_clinic, service, phone.patient_id)
    service.clock.move_to(NOW + timedelta(days=3))
    phone.http.post("/v1/tokens/refresh", json={"refresh_token": phone.refresh_token})
    service.clock.move_to(NOW + timedelta(days=5))
    service.run(devices.caller_of(service.context, cookie))

    listed = one_clinic.http.get(f"/v1/patients/{phone.patient_id}/devices").json()["items"]

    assert {one["kind"]: datetime.fromisoformat(one["last_used_at"]) - NOW for one in listed} == {
        "phone": timedelta(days=3),
        "browser": timedelta(days=5),
    }


def test_a_device_that_the_patient_ends_is_out_at_once_and_the_others_stay(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    lost = one_clinic.enrol(phone.patient_id, service.url)
    (its_id,) = (one["id"] for one in lost.http.get("/v1/me/devices").json()["items"] if one["this_one"])

    assert phone.http.delete(f"/v1/me/devices/{its_id}").status_code == 204

    assert_problem(lost.check_in(NOW), 401, code="token-not-valid")
    assert_problem(lost.http.post("/v1/tokens/refresh", json={"refresh_token": lost.refresh_token}), 401)
    assert phone.check_in(NOW).status_code == 201
    assert len(phone.http.get("/v1/me/devices").json()["items"]) == 1
    assert phone.http.delete(f"/v1/me/devices/{its_id}").status_code == 204, "a second time changes nothing"


def test_the_clinic_ends_a_lost_browser(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    cookie = browser(one_clinic, service, phone.patient_id)
    path = f"/v1/patients/{phone.patient_id}/devices"
    (its_id,) = (one["id"] for one in one_clinic.http.get(path).json()["items"] if one["kind"] == "browser")

    assert one_clinic.http.delete(f"{path}/{its_id}").status_code == 204

    with pytest.raises(TokenNotValidError):
        service.run(devices.caller_of(service.context, cookie))


def test_nobody_ends_or_sees_anothers_device(
    one_clinic: ClinicClient, phone: PatientClient, service: Service
) -> None:
    (own,) = phone.http.get("/v1/me/devices").json()["items"]
    neighbour = one_clinic.enrol(one_clinic.patient(), service.url)
    other_clinic = clinic_client(service)

    assert_problem(neighbour.http.delete(f"/v1/me/devices/{own['id']}"), 404)
    assert_problem(one_clinic.http.delete(f"/v1/patients/{neighbour.patient_id}/devices/{own['id']}"), 404)
    assert_problem(other_clinic.http.delete(f"/v1/patients/{phone.patient_id}/devices/{own['id']}"), 404)
    assert_problem(other_clinic.http.get(f"/v1/patients/{phone.patient_id}/devices"), 404)
    assert_problem(phone.http.delete(f"/v1/me/devices/{uuid4()}"), 404)
    assert phone.check_in(NOW).status_code == 201
    other_clinic.close()
