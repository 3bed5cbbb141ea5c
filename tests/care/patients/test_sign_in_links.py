"""Sign-in by link: single use, one patient, one day; looking never spends, and nothing can be guessed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from xml.etree import ElementTree as ET

import pytest

from app.care.patients import devices, enrolment, magic_links
from app.care.patients.caller import PatientCaller
from app.care.patients.devices import OpenedBrowser
from app.care.patients.magic_links import (
    LinkExpiredError,
    LinkNotKnownError,
    LinkState,
    LinkUsedError,
    TooManyLinksAskedError,
)
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenNotValidError
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import CANARY, assert_problem
from tests.support.service import NOW, Service

ADDRESSES = (f"198.51.100.{number}" for number in count(1))


def make(clinic: ClinicClient, patient_id: str) -> str:
    """Have a link made; gives the token at its end."""
    reply = clinic.http.post(f"/v1/patients/{patient_id}/sign-in-links")
    assert reply.status_code == 201, reply.text
    before, _, token = reply.json()["url"].rpartition("/")
    assert before == "https://afterglow.test/p/link"
    return str(token)


def look_at(service: Service, token: str) -> LinkState:
    return service.run(magic_links.look_at(service.context, token)).state


def spend(service: Service, token: str) -> OpenedBrowser:
    return service.run(magic_links.spend(service.context, token, browser_name="Firefox"))


def caller_of(service: Service, token: str) -> PatientCaller:
    return service.run(devices.caller_of(service.context, token))


def test_a_link_lets_one_browser_in(one_clinic: ClinicClient, service: Service) -> None:
    patient = one_clinic.patient()
    token = make(one_clinic, patient)

    opened = spend(service, token)

    caller = caller_of(service, opened.token)
    assert caller == opened.caller
    assert str(caller.patient_id) == patient
    assert (caller.time_zone, caller.locale, caller.mode) == ("Europe/Berlin", "en-US", "test")
    with pytest.raises(LinkUsedError):
        spend(service, token)
    assert look_at(service, token) is LinkState.USED


def test_a_mail_scanner_that_looks_a_hundred_times_spends_nothing(
    one_clinic: ClinicClient, service: Service
) -> None:
    token = make(one_clinic, one_clinic.patient())
    assert {look_at(service, token) for _ in range(100)} == {LinkState.VALID}
    assert spend(service, token).token


def test_of_ten_who_press_the_button_at_once_one_gets_in(one_clinic: ClinicClient, service: Service) -> None:
    token = make(one_clinic, one_clinic.patient())

    def press(_: int) -> OpenedBrowser | RefusalError:
        try:
            return spend(service, token)
        except RefusalError as error:
            return error

    with ThreadPoolExecutor(10) as threads:
        pressed = list(threads.map(press, range(10)))

    assert sum(isinstance(one, OpenedBrowser) for one in pressed) == 1
    assert sum(isinstance(one, LinkUsedError) for one in pressed) == 9


def test_a_link_lasts_a_day(one_clinic: ClinicClient, service: Service) -> None:
    reply = one_clinic.http.post(f"/v1/patients/{one_clinic.patient()}/sign-in-links").json()
    assert datetime.fromisoformat(reply["expires_at"]) == NOW + timedelta(hours=24)
    early, late = (make(one_clinic, one_clinic.patient()) for _ in range(2))

    service.clock.move_to(NOW + timedelta(hours=23, minutes=59, seconds=59))
    assert spend(service, early).token
    service.clock.move_to(NOW + timedelta(hours=24))
    assert look_at(service, late) is LinkState.EXPIRED
    with pytest.raises(LinkExpiredError):
        spend(service, late)


def test_guessed_truncated_and_foreign_links_are_unknown(one_clinic: ClinicClient, service: Service) -> None:
    token = make(one_clinic, one_clinic.patient())
    other = clinic_client(service)
    prefix, clinic_id, secret = token.split("_", 2)
    elsewhere = f"{prefix}_{other.clinic_id.replace('-', '')}_{secret}"
    other.close()

    for wrong in (
        token[:-1], token[:40], token[:4], token + "x", elsewhere, f"{prefix}_{clinic_id}_{CANARY}", "", "\x00", "💙",
        one_clinic.key, f"{prefix}_{'0' * 32}_{secret}", token.upper(),
    ):  # fmt: skip
        assert look_at(service, wrong) is LinkState.UNKNOWN, wrong
        with pytest.raises(LinkNotKnownError):
            spend(service, wrong)
    assert spend(service, token).token, "none of it has spent the real one"


def test_another_clinic_makes_no_link_for_this_patient(one_clinic: ClinicClient, service: Service) -> None:
    patient = one_clinic.patient()
    other = clinic_client(service)
    assert_problem(other.http.post(f"/v1/patients/{patient}/sign-in-links"), 404, code="not-found")
    other.close()


def test_a_link_names_the_patients_language_to_its_page(one_clinic: ClinicClient, service: Service) -> None:
    reply = one_clinic.http.post(
        "/v1/patients", json={"external_ref": "P-es", "time_zone": "America/New_York", "locale": "es-US"}
    )
    token = make(one_clinic, reply.json()["id"])
    assert service.run(magic_links.look_at(service.context, token)).locale == "es-US"


def test_another_address_ends_the_links_of_the_one_before(one_clinic: ClinicClient, service: Service) -> None:
    patient = one_clinic.patient()
    token = make(one_clinic, patient)
    path = f"/v1/patients/{patient}"
    etag = one_clinic.http.get(path).headers["etag"]

    changed = one_clinic.http.patch(path, json={"email": "new@example.org"}, headers={"if-match": etag})

    assert changed.json()["email"] == "new@example.org"
    assert look_at(service, token) is LinkState.EXPIRED
    same = make(one_clinic, patient)
    etag = changed.headers["etag"]
    one_clinic.http.patch(path, json={"email": "new@example.org"}, headers={"if-match": etag})
    assert look_at(service, same) is LinkState.VALID, "the same address is no other one"


def test_asking_for_a_fresh_link_says_nothing_of_whether_there_is_an_address(
    one_clinic: ClinicClient, service: Service
) -> None:
    without, unknown = make(one_clinic, one_clinic.patient()), "agl_nonsense"
    for token in (without, unknown):
        service.run(magic_links.send_again(service.context, token, address=next(ADDRESSES)))


def test_asking_for_fresh_links_is_limited_by_address(one_clinic: ClinicClient, service: Service) -> None:
    token, here = make(one_clinic, one_clinic.patient()), next(ADDRESSES)
    for _ in range(5):
        service.run(magic_links.send_again(service.context, token, address=here))
    with pytest.raises(TooManyLinksAskedError) as refused:
        service.run(magic_links.send_again(service.context, token, address=here))
    assert refused.value.retry_after_seconds is not None
    assert 1 <= refused.value.retry_after_seconds <= 900


def test_a_code_lets_a_browser_in_as_it_does_a_phone(one_clinic: ClinicClient, service: Service) -> None:
    patient = one_clinic.patient()
    code = one_clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()["code"]

    opened = service.run(
        enrolment.enrol_browser(
            service.context, code_text=code, browser_name="Safari", address=next(ADDRESSES)
        )
    )

    assert str(caller_of(service, opened.token).patient_id) == patient
    with pytest.raises(enrolment.CodeNotValidError):
        service.run(
            enrolment.enrol_browser(
                service.context, code_text=code, browser_name="Safari", address=next(ADDRESSES)
            )
        )


def test_the_code_comes_with_its_link_as_a_picture(one_clinic: ClinicClient) -> None:
    issued = one_clinic.http.post(f"/v1/patients/{one_clinic.patient()}/enrolment-codes").json()
    picture = ET.fromstring(issued["qr_svg"])  # noqa: S314 - our own answer
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(issued["qr_svg"]) < 4000


def test_a_browser_stays_in_for_thirty_days_from_its_last_use(
    one_clinic: ClinicClient, service: Service
) -> None:
    opened = spend(service, make(one_clinic, one_clinic.patient()))

    for day in (29, 58, 87):
        service.clock.move_to(NOW + timedelta(days=day))
        assert caller_of(service, opened.token) == opened.caller
    service.clock.move_to(NOW + timedelta(days=87 + 30))
    with pytest.raises(TokenNotValidError):
        caller_of(service, opened.token)


def test_a_browser_stays_in_for_half_a_year_at_most(one_clinic: ClinicClient, service: Service) -> None:
    opened = spend(service, make(one_clinic, one_clinic.patient()))
    for day in range(20, 180, 20):
        service.clock.move_to(NOW + timedelta(days=day))
        assert caller_of(service, opened.token) == opened.caller
    service.clock.move_to(NOW + timedelta(days=180))
    with pytest.raises(TokenNotValidError):
        caller_of(service, opened.token)


def test_a_browser_that_signs_out_is_out(one_clinic: ClinicClient, service: Service) -> None:
    opened = spend(service, make(one_clinic, one_clinic.patient()))
    for _ in range(2):
        service.run(devices.end(service.context, opened.token))
        with pytest.raises(TokenNotValidError):
            caller_of(service, opened.token)


def test_a_cookie_is_no_access_token_and_an_access_token_is_no_cookie(
    one_clinic: ClinicClient, service: Service
) -> None:
    opened = spend(service, make(one_clinic, one_clinic.patient()))
    phone = one_clinic.enrol(one_clinic.patient(), service.url)

    bearer = {"authorization": f"Bearer {opened.token}"}
    assert_problem(phone.http.get("/v1/me", headers=bearer), 401)
    assert_problem(phone.http.post("/v1/tokens/refresh", json={"refresh_token": opened.token}), 401)
    for token in (phone.access_token, phone.refresh_token, one_clinic.key, opened.token[:-1], "", "\x00"):
        with pytest.raises(TokenNotValidError):
            caller_of(service, token)
