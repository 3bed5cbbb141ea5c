"""What staff typed is never lost: not when the session ended, nor in a stale tab, nor to someone who was quicker."""

from datetime import timedelta
from html import unescape

import pytest

from app.access.clinics.permissions import StaffRole
from tests.access.staff.test_signing_in import QUARTERS
from tests.pages.staff.test_staff_pages import COOKIE, SIGN_IN, sign_in
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient
from tests.support.service import Service
from tests.support.staff import PASSWORD, JoinedMember, joined

TYPED = "crying, and “5 < 6” & so on\nsecond line, ñandú"


@pytest.fixture
def later(service: Service) -> Service:
    service.clock.move_to(next(QUARTERS))
    return service


@pytest.fixture
def member(later: Service, clinic: ClinicClient) -> JoinedMember:
    made = joined(later, clinic, StaffRole.CLINICIAN)
    later.clock.move_to(later.clock.now() + timedelta(minutes=1))
    return made


@pytest.fixture
def browser_of(member: JoinedMember, service: Service) -> PlainBrowser:
    browser = PlainBrowser(service.url)
    browser.cookies[COOKIE] = member.session
    return browser


@pytest.fixture
def contact(clinic: ClinicClient) -> str:
    made = clinic.http.post(
        "/v1/patients", json={"external_ref": "K-1", "time_zone": "Europe/Berlin", "locale": "en"}
    )
    assert made.status_code == 201, made.text
    return f"/care/patients/{made.json()['id']}/contact"


def typed(browser: PlainBrowser, path: str) -> dict[str, str]:
    return fields_of(browser.get(path).text, path) | {
        "name": TYPED.partition("\n")[0],
        "telephone": "+1 555 0100",
    }


def sign_in_again(service: Service, member: JoinedMember, page: str) -> dict[str, str]:
    """The sign-in form of a page, filled in."""
    return fields_of(page, SIGN_IN) | {
        "email": member.email,
        "password": PASSWORD,
        "code": member.code(service),
    }


def test_a_session_that_ended_mid_form_signs_in_again_and_goes_on_with_what_was_typed(
    browser_of: PlainBrowser, later: Service, member: JoinedMember, contact: str
) -> None:
    form = typed(browser_of, contact)
    later.clock.move_to(later.clock.now() + timedelta(minutes=31))

    asked = browser_of.post(contact, form)
    assert asked.status_code == 401
    assert "What you wrote is kept on this page" in asked.text
    assert "ñandú" not in asked.text
    assert "+1 555 0100" not in asked.text, "sealed: the next person at this screen reads none of it"
    wrong = browser_of.post(SIGN_IN, sign_in_again(later, member, asked.text) | {"password": "no"})
    assert wrong.status_code == 401
    kept = browser_of.post(SIGN_IN, sign_in_again(later, member, wrong.text))

    assert kept.status_code == 200
    assert "You are signed in again" in kept.text
    assert form["name"] in unescape(kept.text)
    saved = browser_of.post(contact, fields_of(kept.text, contact))
    assert saved.status_code == 303, saved.text
    assert form["name"] in unescape(browser_of.get(contact).text)


def test_a_password_that_was_typed_is_not_kept(
    browser_of: PlainBrowser, later: Service, member: JoinedMember, contact: str
) -> None:
    form = typed(browser_of, contact) | {"current": "a-secret-4711", "passphrase": "a-secret-4712"}
    later.clock.move_to(later.clock.now() + timedelta(minutes=31))
    asked = browser_of.post(contact, form)
    kept = browser_of.post(SIGN_IN, sign_in_again(later, member, asked.text))
    assert form["name"] in unescape(kept.text)
    assert "a-secret-471" not in kept.text


def test_what_was_kept_goes_to_nobody_else_and_not_after_half_an_hour(
    browser_of: PlainBrowser, later: Service, clinic: ClinicClient, member: JoinedMember, contact: str
) -> None:
    other = joined(later, clinic, StaffRole.CLINICIAN)
    form = typed(browser_of, contact)
    later.clock.move_to(later.clock.now() + timedelta(minutes=31))
    asked = browser_of.post(contact, form)

    stranger = browser_of.post(SIGN_IN, sign_in_again(later, other, asked.text))
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/care/")
    later.clock.move_to(later.clock.now() + timedelta(minutes=31))
    browser_of.cookies.pop(COOKIE)
    fresh = browser_of.get(SIGN_IN).text
    draft = fields_of(asked.text, SIGN_IN)["draft"]
    late = browser_of.post(SIGN_IN, sign_in_again(later, member, fresh) | {"draft": draft})
    assert (late.status_code, late.headers["location"]) == (303, "/care/")
    for nonsense in ("x", "AAAA", draft[:-9]):
        browser_of.cookies.pop(COOKIE)
        later.clock.move_to(later.clock.now() + timedelta(minutes=1))
        fresh = browser_of.get(SIGN_IN).text
        form = sign_in_again(later, member, fresh) | {"draft": nonsense}
        assert browser_of.post(SIGN_IN, form).status_code == 303


def test_a_form_without_its_own_session_is_not_kept(
    browser_of: PlainBrowser, later: Service, contact: str
) -> None:
    form = typed(browser_of, contact)
    later.clock.move_to(later.clock.now() + timedelta(minutes=31))

    forged = browser_of.post(contact, form | {"form_token": "x"})
    browser_of.cookies.pop(COOKIE)
    nobodys = browser_of.post(contact, form)

    for one in (forged, nobodys):
        assert (one.status_code, one.headers["location"]) == (303, "/care/sign-in?next=/care/")


def test_a_stale_tab_keeps_what_was_written_and_one_button_saves_it(
    browser_of: PlainBrowser, later: Service, member: JoinedMember, contact: str
) -> None:
    form = typed(browser_of, contact)
    browser_of.cookies.pop(COOKIE)
    assert sign_in(browser_of, later, member).status_code == 303

    stale = browser_of.post(contact, form | {"current": "a-secret-4711"})
    assert stale.status_code == 403
    assert form["name"] in unescape(stale.text)
    assert "a-secret-4711" not in stale.text, "no password is shown"
    assert browser_of.post(contact, fields_of(stale.text, contact)).status_code == 303
    assert form["name"] in unescape(browser_of.get(contact).text)


def test_a_refusal_that_has_no_form_shows_what_was_written(browser_of: PlainBrowser, contact: str) -> None:
    gone = contact.replace(contact.split("/")[3], "0198a0a0-0000-7000-8000-000000000000")

    refused = browser_of.post(gone, typed(browser_of, contact))

    assert refused.status_code == 404
    assert "What you wrote" in refused.text
    assert "+1 555 0100" in refused.text
