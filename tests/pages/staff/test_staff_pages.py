"""The staff's own pages without scripts: joining, signing in, the account, the staff page, emergencies."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import httpx2
import pyotp
import pytest

from app.access.clinics.permissions import StaffRole
from tests.access.staff.test_signing_in import QUARTERS, at_two_clinics
from tests.support.browser import PlainBrowser, fields_of
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service
from tests.support.staff import PASSWORD, JoinedMember, invited, joined, signed_in, token_of

SIGN_IN = "/care/sign-in"
COOKIE = "__Host-afterglow-staff"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def browser_of(service: Service) -> PlainBrowser:
    return PlainBrowser(service.url)


@pytest.fixture
def initial(service: Service) -> Service:
    """The service at a separate time: guesses from one address are counted together."""
    service.clock.move_to(next(QUARTERS))
    return service


@pytest.fixture
def owner(initial: Service, clinic: ClinicClient) -> JoinedMember:
    made = joined(initial, clinic, StaffRole.OWNER)
    initial.clock.move_to(initial.clock.now() + MINUTE)
    return made


@pytest.fixture
def inside(owner: JoinedMember, browser_of: PlainBrowser) -> PlainBrowser:
    """A browser in which an owner is signed in."""
    browser_of.cookies[COOKIE] = owner.session
    return browser_of


def secret_in(text: str) -> str:
    (secret,) = re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', text)
    return str(secret).replace(" ", "")


def code_now(service: Service, secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(service.clock.now(), counter_offset=steps)


def mistake_in(reply: httpx2.Response) -> str:
    found = re.findall(r'<div class="notice bad" role="alert"><p>(.*?)</p>', reply.text)
    return unescape(found[0]) if found else ""


def sign_in(browser: PlainBrowser, service: Service, member: JoinedMember, **other: str) -> httpx2.Response:
    form = fields_of(browser.get(SIGN_IN).text, SIGN_IN)
    entered = {"email": member.email, "password": PASSWORD, "code": member.code(service)}
    return browser.post(SIGN_IN, form | entered | other)


def test_joining_takes_one_form_and_shows_ten_codes_once(
    initial: Service, clinic: ClinicClient, browser_of: PlainBrowser
) -> None:
    path = f"/care/join/{token_of(invitation := invited(clinic, StaffRole.COORDINATOR))}"
    page = browser_of.get(path)
    secret = secret_in(page.text)
    assert "<svg" in page.text
    assert COOKIE not in browser_of.cookies, "looking spends nothing"
    form = fields_of(page.text)

    for entered, said in (
        ({"password": "short", "code": code_now(initial, secret)}, "at least 12 characters"),
        ({"password": "password12345", "code": code_now(initial, secret)}, "tried first"),
        ({"password": invitation["email"], "code": code_now(initial, secret)}, "your own address"),
        ({"password": PASSWORD, "code": "000000"}, "six digits"),
    ):
        refused = browser_of.post(path, form | entered)
        assert refused.status_code == 422
        assert said in mistake_in(refused)
        assert secret_in(refused.text) == secret, "nobody scans twice"
        form = fields_of(refused.text)
    done = browser_of.post(path, form | {"password": PASSWORD, "code": code_now(initial, secret)})

    codes = re.findall(r"<li><code>([A-Z2-7-]{19})</code>", done.text)
    assert len(set(codes)) == 10
    (file,) = re.findall(r'href="data:text/plain;charset=utf-8,([^"]+)"', done.text)
    assert unquote(file).split() == ["Afterglow", "recovery", "codes", *codes]
    assert browser_of.get("/care/account").status_code == 200
    assert "You have <strong>10</strong> left" in browser_of.get("/care/account").text
    gone = browser_of.get(path)
    assert (gone.status_code, "This link was used" in gone.text) == (410, True)


def test_a_picture_made_for_someone_else_is_not_taken(
    initial: Service, clinic: ClinicClient, browser_of: PlainBrowser
) -> None:
    one, other = (f"/care/join/{token_of(invited(clinic, StaffRole.OWNER))}" for _ in range(2))
    theirs = browser_of.get(other)
    form = fields_of(browser_of.get(one).text) | {"set_up": fields_of(theirs.text)["set_up"]}

    code = code_now(initial, secret_in(theirs.text))
    refused = browser_of.post(one, form | {"password": PASSWORD, "code": code})

    assert refused.status_code == 422
    assert secret_in(refused.text) != secret_in(theirs.text)


def test_a_link_that_does_not_work_says_so(browser_of: PlainBrowser) -> None:
    reply = browser_of.get("/care/join/agi_nothing")

    assert reply.status_code == 404
    assert "it may have been cut off on its way" in reply.text


def test_signing_in_leads_on_and_changes_the_session(
    initial: Service, owner: JoinedMember, inside: PlainBrowser
) -> None:
    before = inside.cookies[COOKIE]
    other = PlainBrowser(initial.url)
    asked = other.get("/care/staff")
    assert asked.headers["location"] == "/care/sign-in?next=/care/staff"
    form = fields_of(other.get(asked.headers["location"]).text, SIGN_IN)
    other.cookies[COOKIE] = before

    entered = {"email": owner.email, "password": PASSWORD, "code": owner.code(initial)}
    reply = other.post(SIGN_IN, form | entered)

    assert (reply.status_code, reply.headers["location"]) == (303, "/care/staff")
    cookie = reply.headers["set-cookie"]
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert other.cookies[COOKIE] != before
    assert inside.get("/care/account").status_code == 303, "the session before has ended"
    assert other.get(SIGN_IN).status_code == 303


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/care/", "//evil.example/care/", "/care//evil.example", "/p/check-in", "/carefully",
        "/care/\\evil.example", "/care/..//evil.example", "javascript:alert(1)", "/care/sign-in",
        "/care/a\r\nx:y", "",
    ],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(
    initial: Service, owner: JoinedMember, browser_of: PlainBrowser, following: str
) -> None:
    reply = sign_in(browser_of, initial, owner, next=following)

    assert (reply.status_code, reply.headers["location"]) == (303, "/care/")


def test_what_is_wrong_is_said_without_saying_what(
    initial: Service, owner: JoinedMember, browser_of: PlainBrowser
) -> None:
    said = set()
    for other in (
        {"email": "nobody@clinic.example"},
        {"password": "wrong"},
        {"code": "000000"},
        {"code": ""},
    ):
        reply = sign_in(browser_of, initial, owner, **other)
        assert reply.status_code == 401
        said.add(mistake_in(reply))
        assert PASSWORD not in reply.text
    assert len(said) == 1
    assert COOKIE not in browser_of.cookies


def test_a_form_from_another_site_or_browser_signs_nobody_in(
    initial: Service, owner: JoinedMember, browser_of: PlainBrowser
) -> None:
    entered = {"email": owner.email, "password": PASSWORD, "code": owner.code(initial)}
    form = fields_of(browser_of.get(SIGN_IN).text, SIGN_IN)

    foreign = browser_of.post(SIGN_IN, form | entered, headers={"sec-fetch-site": "cross-site"})
    forged = PlainBrowser(initial.url).post(SIGN_IN, form | entered)

    assert (foreign.status_code, forged.status_code) == (403, 403)
    assert sign_in(browser_of, initial, owner).status_code == 303


def test_a_recovery_code_lets_in_and_says_how_many_are_left(
    initial: Service, owner: JoinedMember, browser_of: PlainBrowser
) -> None:
    reply = sign_in(browser_of, initial, owner, code=owner.recovery_codes[0], next="/care/staff")
    page = browser_of.get(reply.headers["location"])

    assert "You are signed in with a recovery code" in page.text
    assert "You have <strong>9</strong> left" in page.text
    assert 'href="/care/staff">Go on' in page.text


def test_who_is_right_at_two_clinics_chooses_one(
    service: Service, clinic: ClinicClient, browser_of: PlainBrowser
) -> None:
    member, there = at_two_clinics(service, clinic)
    asked = sign_in(browser_of, service, member)
    form = fields_of(asked.text, "/care/sign-in/clinic")
    assert COOKIE not in browser_of.cookies

    wrong = browser_of.post("/care/sign-in/clinic", form | {"clinic": str(member.id)})
    forged = browser_of.post("/care/sign-in/clinic", form | {"clinic": there, "ticket": "x"})
    right = browser_of.post("/care/sign-in/clinic", form | {"clinic": there})
    again = browser_of.post("/care/sign-in/clinic", form | {"clinic": there})

    assert (wrong.status_code, forged.status_code, right.status_code) == (401, 401, 303)
    assert again.status_code in {401, 403}, "the code was spent"
    assert browser_of.get("/care/account").text.count("<dd>Elsewhere</dd>") == 1


def test_a_choice_waits_two_minutes(service: Service, clinic: ClinicClient, browser_of: PlainBrowser) -> None:
    member, there = at_two_clinics(service, clinic)
    form = fields_of(sign_in(browser_of, service, member).text, "/care/sign-in/clinic")
    service.clock.move_to(service.clock.now() + 2 * MINUTE)

    assert browser_of.post("/care/sign-in/clinic", form | {"clinic": there}).status_code == 401


def test_signing_out_ends_the_session(inside: PlainBrowser, owner: JoinedMember, service: Service) -> None:
    form = fields_of(inside.get("/care/account").text, "/care/sign-out")

    out = inside.post("/care/sign-out", form)

    assert out.headers["location"] == "/care/sign-in?out"
    assert COOKIE not in inside.cookies
    assert "You are signed out" in inside.get("/care/sign-in?out").text
    kept = PlainBrowser(service.url)
    kept.cookies[COOKIE] = owner.session
    assert kept.get("/care/account").status_code == 303


def test_signing_out_everywhere_ends_all(inside: PlainBrowser, owner: JoinedMember, initial: Service) -> None:
    other = PlainBrowser(initial.url)
    assert sign_in(other, initial, owner).status_code == 303
    page = inside.get("/care/account").text
    assert page.count("<li>Since") == 2

    inside.post("/care/sign-out", fields_of(page, "/care/sign-out") | {"everywhere": "yes"})

    assert other.get("/care/account").status_code == 303


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(
    inside: PlainBrowser, owner: JoinedMember, initial: Service
) -> None:
    other, path = PlainBrowser(initial.url), "/care/account/password"
    assert sign_in(other, initial, owner).status_code == 303
    form = fields_of(inside.get("/care/account").text, path)
    new = "nine quiet herons wade"
    for entered, said in (
        ({"current": "wrong", "password": new}, "not your password"),
        ({"current": PASSWORD, "password": "short"}, "at least 12"),
    ):
        reply = inside.post(path, form | entered)
        assert (reply.status_code, said in mistake_in(reply)) == (422, True)

    changed = inside.post(path, form | {"current": PASSWORD, "password": new})

    assert changed.status_code == 303
    assert inside.get("/care/account").status_code == 200
    assert other.get("/care/account").status_code == 303
    initial.clock.move_to(initial.clock.now() + MINUTE)
    assert owner.sign_in(initial).status_code == 401
    assert owner.sign_in(initial, password=new).status_code == 201


def test_an_open_session_is_no_place_to_guess_the_password(
    inside: PlainBrowser, owner: JoinedMember, initial: Service
) -> None:
    path = "/care/account/recovery-codes"
    form = fields_of(inside.get("/care/account").text, path)
    for _ in range(5):
        assert inside.post(path, form | {"current": "wrong"}).status_code == 422

    assert inside.post(path, form | {"current": PASSWORD}).status_code == 422
    assert owner.sign_in(initial).status_code == 401


def test_new_recovery_codes_take_the_place_of_the_old(
    inside: PlainBrowser, owner: JoinedMember, initial: Service
) -> None:
    path = "/care/account/recovery-codes"
    made = inside.post(path, fields_of(inside.get("/care/account").text, path) | {"current": PASSWORD})

    codes = re.findall(r"<li><code>([A-Z2-7-]{19})</code>", made.text)
    assert len(codes) == 10
    assert owner.sign_in(initial, code=owner.recovery_codes[0]).status_code == 401
    assert owner.sign_in(initial, code=codes[0]).status_code == 201


def test_another_phone_takes_the_place_of_the_one_before(
    inside: PlainBrowser, owner: JoinedMember, initial: Service
) -> None:
    path = "/care/account/second-factor"
    page = inside.get(path)
    secret, form = secret_in(page.text), fields_of(page.text, path)
    wrong = inside.post(path, form | {"code": "000000", "current": PASSWORD})
    assert (wrong.status_code, secret_in(wrong.text)) == (422, secret)

    taken = inside.post(path, form | {"code": code_now(initial, secret), "current": PASSWORD})

    assert taken.headers["location"] == "/care/account?phone"
    initial.clock.move_to(initial.clock.now() + MINUTE)
    assert owner.sign_in(initial).status_code == 401
    assert owner.sign_in(initial, code=code_now(initial, secret)).status_code == 201


def test_owners_invite_change_lock_out_and_reset_on_the_staff_page(
    inside: PlainBrowser, clinic: ClinicClient, initial: Service
) -> None:
    form = fields_of(inside.get("/care/staff").text, "/care/staff")
    for entered, said in (
        (
            {"name": "", "email": "a@b.example", "role": "owner"},
            "Name: This field is required.",
        ),
        ({"name": "Sam", "email": "a b", "role": "owner"}, "E-mail: "),
        ({"name": "", "email": "a b", "role": "owner"}, "Name: This field is required. E-mail: "),
        (
            {"name": "Sam", "email": "sam@clinic.example", "role": ""},
            "Role: Please choose one of those offered.",
        ),
    ):
        refused = inside.post("/care/staff", form | entered)
        assert (refused.status_code, said in mistake_in(refused)) == (422, True)
    made = inside.post(
        "/care/staff", form | {"name": "Sam", "email": "sam@clinic.example", "role": "clinician"}
    )
    assert re.search(r"https://afterglow\.test/care/join/agi_\S+</code>", made.text)
    (sam,) = [one for one in clinic.http.get("/v1/staff").json()["items"] if one["name"] == "Sam"]
    member = joined(initial, clinic, StaffRole.CLINICIAN)

    path = f"/care/staff/{member.id}/role"
    role = fields_of(inside.get("/care/staff").text, path)
    assert inside.post(path, role | {"role": "coordinator"}).status_code == 303
    assert inside.post(path, role | {"role": "owner"}).status_code == 412, "someone changed it meanwhile"
    for whom, what in ((member.id, "deactivate"), (member.id, "unlock"), (sam["id"], "invite-again")):
        path = f"/care/staff/{whom}/{what}"
        reply = inside.post(path, fields_of(inside.get("/care/staff").text, path))
        assert reply.status_code in {200, 303}, reply.text
    path = f"/care/staff/{member.id}/reset"
    reset = inside.post(path, fields_of(inside.get("/care/staff").text, path))
    assert "/care/join/agi_" in reset.text
    assert inside.post(f"/care/staff/{member.id}/nonsense", form).status_code == 404


def test_the_last_owner_reads_why_not(inside: PlainBrowser, owner: JoinedMember) -> None:
    page = inside.get("/care/staff").text
    path = f"/care/staff/{owner.id}/deactivate"
    assert path not in page, "nobody is offered to deactivate themselves"

    reply = inside.post(path, fields_of(page, "/care/staff"))

    assert reply.status_code == 409
    assert "last active owner" in mistake_in(reply)


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.OWNER])
def test_the_staff_page_is_for_owners(
    initial: Service, clinic: ClinicClient, browser_of: PlainBrowser, role: StaffRole
) -> None:
    browser_of.cookies[COOKIE] = signed_in(initial, clinic.clinic_id, role)

    assert browser_of.get("/care/staff").status_code == 403
    assert 'href="/care/staff"' not in browser_of.get("/care/account").text


def test_an_emergency_is_opened_with_a_reason_and_the_owners_read_it(
    inside: PlainBrowser, initial: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient(reference="P-77")
    nurse = PlainBrowser(initial.url)
    nurse.cookies[COOKIE] = signed_in(initial, clinic.clinic_id, StaffRole.COORDINATOR, name="Nurse Kim")
    path = f"/care/patients/{patient}/emergency"
    form = fields_of(nurse.get(path).text, path)
    assert nurse.post(path, form | {"reason": "  short   "}).status_code == 422

    opened = nurse.post(path, form | {"reason": "Nobody else is on shift <b>tonight</b>."})

    assert opened.headers["location"] == path
    assert "P-77 is open to you" in nurse.get(path).text
    shown = inside.get("/care/staff").text
    assert "Nurse Kim" in shown
    assert "Nobody else is on shift &lt;b&gt;tonight&lt;/b&gt;." in shown
    initial.clock.move_to(initial.clock.now() + timedelta(minutes=25))
    nurse.get(path)
    initial.clock.move_to(initial.clock.now() + timedelta(minutes=25))
    nurse.get(path)
    initial.clock.move_to(initial.clock.now() + timedelta(minutes=10))
    assert "Why it cannot wait" in nurse.get(path).text


@pytest.mark.parametrize("role", [StaffRole.OWNER, StaffRole.CLINICIAN])
def test_who_may_anyway_needs_no_emergency(
    initial: Service, clinic: ClinicClient, browser_of: PlainBrowser, role: StaffRole
) -> None:
    browser_of.cookies[COOKIE] = signed_in(initial, clinic.clinic_id, role)

    assert browser_of.get(f"/care/patients/{clinic.patient()}/emergency").status_code == 403


def test_another_clinics_patient_is_nobody(
    initial: Service, clinic: ClinicClient, browser_of: PlainBrowser
) -> None:
    theirs = clinic_client(initial, "Theirs").patient()
    browser_of.cookies[COOKIE] = signed_in(initial, clinic.clinic_id, StaffRole.COORDINATOR)

    assert browser_of.get(f"/care/patients/{theirs}/emergency").status_code == 404


def test_every_page_has_its_headers(inside: PlainBrowser, clinic: ClinicClient) -> None:
    paths = ("/care/account", "/care/account/second-factor", "/care/staff", "/care/join/x", "/care/nothing")
    for path in paths:
        reply = inside.get(path)
        policy = reply.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert reply.headers["cache-control"] == "no-store"
        assert not re.search(r"<[^>]+\s(style|on\w+)=", reply.text)
        assert not re.search(r"<script(?! src=\"/care/static/[^\"]+\" defer></script>)", reply.text), (
            "none of them inline"
        )
        assert clinic.key not in reply.text


def test_switching_the_language_stays_on_the_page_with_its_query(inside: PlainBrowser) -> None:
    page = inside.get("/care/?lane=decide&show=closed&lang=es")
    assert 'href="/care/?lane=decide&amp;show=closed&amp;lang=en"' in page.text
    assert '<html lang="es"' in page.text
    outside = PlainBrowser(str(inside.http.base_url))
    asked = outside.get("/care/patients?lang=es")
    assert asked.headers["location"] == f"{SIGN_IN}?next=/care/patients"
    assert '<html lang="es"' in outside.get(asked.headers["location"]).text
    assert inside.get("/care/no-such-page/at-all?lang=en").status_code == 404


def test_nothing_typed_and_no_secret_is_lost_by_switching_the_language_of_an_answer(
    inside: PlainBrowser,
) -> None:
    path = "/care/settings/keys"
    page = inside.get(path).text
    assert f'href="{path}?lang=es"' in page
    form = fields_of(page, path)
    wrong = inside.post(path, form | {"name": "Our EHR"})
    made = inside.post(path, form | {"name": "Our EHR", "scope_patients": "1"})
    for answer, kept in ((wrong, 'value="Our EHR"'), (made, "agk_")):
        assert kept in answer.text
        assert "hreflang" not in answer.text
