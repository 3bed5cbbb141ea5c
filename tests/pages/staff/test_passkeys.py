"""Passkeys: set up on the account page, and then enough to sign in; only for this site, this member, and once."""

import re
from datetime import timedelta

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.authenticator import Authenticator
from tests.support.browser import PlainBrowser, fields_of
from tests.support.passkeys import PASSKEYS, SESSION_COOKIE, options_in, set_up_passkey
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service
from tests.support.staff import JoinedMember, joined

SIGN_IN, BY_PASSKEY = "/care/sign-in", "/care/sign-in/passkey"
ORIGIN = "https://afterglow.test"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def member(service: Service, clinic: ClinicClient) -> JoinedMember:
    made = joined(service, clinic, StaffRole.CLINICIAN)
    service.clock.move_to(NOW + MINUTE)
    return made


def signed_in_browser(service: Service, member: JoinedMember) -> PlainBrowser:
    browser = PlainBrowser(service.url)
    browser.cookies[SESSION_COOKIE] = member.session
    return browser


def set_up(service: Service, browser: PlainBrowser, device: Authenticator, **other: str) -> httpx2.Response:
    reply = set_up_passkey(browser, device, **other)
    service.clock.move_to(service.clock.now() + timedelta(seconds=5))
    return reply


def sign_in_by(browser: PlainBrowser, device: Authenticator, **other: str) -> httpx2.Response:
    page = browser.get(SIGN_IN).text
    form = fields_of(page, BY_PASSKEY) | {"answer": device.get(options_in(page))} | other
    return browser.post(BY_PASSKEY, form)


def test_a_passkey_signs_in_without_password_or_code(service: Service, member: JoinedMember) -> None:
    device, browser = Authenticator(ORIGIN), PlainBrowser(service.url)
    done = set_up(service, signed_in_browser(service, member), device)
    assert (done.status_code, done.headers["location"]) == (303, "/care/account?passkey")

    reply = sign_in_by(browser, device)

    assert (reply.status_code, reply.headers["location"]) == (303, "/care/")
    page = browser.get("/care/account").text
    assert "1 set up" in page
    assert member.email in page
    assert "Last used" in browser.get(PASSKEYS).text


def test_wrong_attempts_do_not_lock_a_passkey(service: Service, member: JoinedMember) -> None:
    device = Authenticator(ORIGIN)
    set_up(service, signed_in_browser(service, member), device)
    for _ in range(5):
        assert member.sign_in(service, code="000000").status_code == 401
    assert member.sign_in(service).status_code == 401

    assert sign_in_by(PlainBrowser(service.url), device).status_code == 303


def test_an_answer_signs_in_once(service: Service, member: JoinedMember) -> None:
    device, browser = Authenticator(ORIGIN), PlainBrowser(service.url)
    set_up(service, signed_in_browser(service, member), device)
    page = browser.get(SIGN_IN).text
    form = fields_of(page, BY_PASSKEY) | {"answer": device.get(options_in(page))}

    first = browser.post(BY_PASSKEY, form)
    other = PlainBrowser(service.url)
    token = fields_of(other.get(SIGN_IN).text, BY_PASSKEY)["form_token"]
    again = other.post(BY_PASSKEY, form | {"form_token": token})

    assert (first.status_code, again.status_code) == (303, 401)


def test_a_challenge_waits_five_minutes(service: Service, member: JoinedMember) -> None:
    device, browser = Authenticator(ORIGIN), PlainBrowser(service.url)
    set_up(service, signed_in_browser(service, member), device)
    page = browser.get(SIGN_IN).text
    form = fields_of(page, BY_PASSKEY) | {"answer": device.get(options_in(page))}
    service.clock.move_to(service.clock.now() + 5 * MINUTE)

    assert browser.post(BY_PASSKEY, form).status_code == 401


def test_another_sites_answer_opens_nothing(service: Service, member: JoinedMember) -> None:
    device = Authenticator(ORIGIN)
    set_up(service, signed_in_browser(service, member), device)
    device.origin = "https://afterglow.test.evil.example"

    assert sign_in_by(PlainBrowser(service.url), device).status_code == 401


def test_a_device_that_did_not_verify_the_person_opens_nothing(
    service: Service, member: JoinedMember
) -> None:
    browser, careless, device = (
        signed_in_browser(service, member),
        Authenticator(ORIGIN),
        Authenticator(ORIGIN),
    )
    careless.verifies = False
    assert set_up(service, browser, careless).status_code == 422
    set_up(service, browser, device)
    device.verifies = False

    assert sign_in_by(PlainBrowser(service.url), device).status_code == 401


def test_setting_up_needs_the_password_and_an_answer_to_our_own_question(
    service: Service, member: JoinedMember, clinic: ClinicClient
) -> None:
    other = joined(service, clinic, StaffRole.OWNER)
    browser, theirs = signed_in_browser(service, member), signed_in_browser(service, other)
    foreign = fields_of(theirs.get(PASSKEYS).text, PASSKEYS)["challenge"]

    for wrong in ({"current": "wrong"}, {"challenge": foreign}, {"answer": "{}"}, {"answer": "💙"}):
        assert set_up(service, browser, Authenticator(ORIGIN), **wrong).status_code == 422

    assert "Set up a passkey" in browser.get("/care/account").text


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", "💙", "x" * 30_000, '{"rawId": 5, "response": 5}']
)
def test_what_is_no_answer_is_refused_like_all_else(service: Service, answer: str) -> None:
    browser = PlainBrowser(service.url)
    form = fields_of(browser.get(SIGN_IN).text, BY_PASSKEY)

    assert browser.post(BY_PASSKEY, form | {"answer": answer}).status_code == 401


def test_a_removed_passkey_and_one_of_a_deactivated_member_open_nothing(
    service: Service, member: JoinedMember, clinic: ClinicClient
) -> None:
    browser, removed, kept = signed_in_browser(service, member), Authenticator(ORIGIN), Authenticator(ORIGIN)
    set_up(service, browser, removed)
    page = browser.get(PASSKEYS).text
    (action,) = re.findall(r'action="(/care/account/passkeys/[^"]+/remove)"', page)
    assert browser.post(action, fields_of(page, action)).status_code == 303
    service.clock.move_to(service.clock.now() + MINUTE)
    set_up(service, browser, kept)

    assert sign_in_by(PlainBrowser(service.url), removed).status_code == 401
    assert clinic.http.post(f"/v1/staff/{member.id}/disable").status_code == 200
    assert sign_in_by(PlainBrowser(service.url), kept).status_code == 401


def test_nobody_removes_another_members_passkey(
    service: Service, member: JoinedMember, clinic: ClinicClient
) -> None:
    other, device = joined(service, clinic, StaffRole.OWNER), Authenticator(ORIGIN)
    browser = signed_in_browser(service, member)
    set_up(service, browser, device)
    (action,) = re.findall(r'action="(/care/account/passkeys/[^"]+/remove)"', browser.get(PASSKEYS).text)
    theirs = signed_in_browser(service, other)

    assert theirs.post(action, fields_of(theirs.get(PASSKEYS).text, PASSKEYS)).status_code == 404
    assert sign_in_by(PlainBrowser(service.url), device).status_code == 303
