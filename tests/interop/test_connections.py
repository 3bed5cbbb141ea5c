"""Staff sign in elsewhere and out of the EHR, and programs read by their own keys: everything else is refused."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, fields_of
from tests.support.fake_ehr import CLIENT_ID, SECRET, FakeEhr, running_fake_ehr, stamp
from tests.support.fhir import checked, every_page, issue_of
from tests.support.passkeys import SESSION_COOKIE
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

HERE = "/care/settings/connections"
PUBLIC = "https://afterglow.test"


@pytest.fixture
def ehr(service: Service) -> Iterator[FakeEhr]:
    with running_fake_ehr(service.clock) as running:
        yield running


@pytest.fixture
def owner(service: Service, clinic: ClinicClient) -> PlainBrowser:
    return owner_of(service, clinic)


def owner_of(service: Service, clinic: ClinicClient) -> PlainBrowser:
    browser = PlainBrowser(service.url)
    browser.cookies[SESSION_COOKIE] = signed_in(service, clinic.clinic_id, StaffRole.OWNER, name="Olga Owner")
    return browser


def send(browser: PlainBrowser, path: str, **fields: str) -> httpx2.Response:
    return browser.post(path, fields_of(browser.get(HERE).text, path) | fields)


def connect(owner: PlainBrowser, ehr: FakeEhr, **other: str) -> None:
    fields = {
        "kind": "sign_in",
        "name": "Clinic sign-in",
        "issuer": ehr.url,
        "client_id": CLIENT_ID,
        "secret": SECRET,
    }
    reply = send(owner, f"{HERE}/systems", **(fields | other))
    assert (reply.status_code, reply.headers.get("location")) == (303, f"{HERE}?done=connected"), reply.text


def test_the_field_for_a_programs_keys_begins_empty_and_keeps_what_was_refused(owner: PlainBrowser) -> None:
    field = '<textarea name="keys" rows="6">'
    assert f"{field}</textarea>" in owner.get(HERE).text
    refused = send(
        owner, f"{HERE}/programs", program="Reader", scopes="system/Observation.rs", keys="no keys"
    )
    assert refused.status_code == 422
    assert f"{field}no keys</textarea>" in refused.text


def come(
    service: Service,
    clinic: ClinicClient,
    *,
    browser: PlainBrowser | None = None,
    start: str = "/care/sign-in/with/{}",
    back: Callable[[str], str] = lambda path: path,
) -> tuple[PlainBrowser, httpx2.Response]:
    """Go to the other system, sign in there, and come back."""
    browser = browser or PlainBrowser(service.url)
    away = browser.get(start.format(clinic.clinic_id))
    assert away.status_code == 303, away.text
    there = httpx2.get(away.headers["location"])
    assert there.status_code == 302
    return browser, browser.get(back(there.headers["location"].removeprefix(PUBLIC)))


def link(owner: PlainBrowser, name: str = "Olga Owner") -> None:
    """Say who of the staff the last person is whom the system named."""
    page = owner.get(HERE).text
    path = re.findall(rf'action="({HERE}/people/[0-9a-f-]+)"', page)[-1]
    member = re.findall(rf'<option value="([0-9a-f-]+)"[^>]*>{name}<', page)[-1]
    assert send(owner, path, member=member).status_code == 303


def test_a_person_whom_an_owner_linked_signs_in_elsewhere(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    connect(owner, ehr)
    # Nobody is known by their address: not before an owner says who it is.
    _, refused = come(service, clinic)
    assert refused.status_code == 403
    assert "an owner of your clinic links you" in refused.text
    assert "Robin from elsewhere" in owner.get(HERE).text
    link(owner)
    browser, arrived = come(service, clinic)
    assert arrived.status_code == 303
    assert browser.get("/care/account").status_code == 200
    # Once the system is removed, nobody comes by it.
    (path,) = re.findall(rf'action="({HERE}/systems/[0-9a-f-]+/remove)"', owner.get(HERE).text)
    assert send(owner, path).status_code == 303
    assert PlainBrowser(service.url).get(f"/care/sign-in/with/{clinic.clinic_id}").status_code == 404


def test_groups_have_roles_and_without_one_nobody_comes_in(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    signed_in(service, clinic.clinic_id, StaffRole.READ_ONLY, name="Rita Reader")
    connect(owner, ehr, group_clinician="doctors, nurses", role_claim="groups")
    come(service, clinic)
    link(owner, "Rita Reader")
    _, refused = come(service, clinic)
    assert (refused.status_code, "None of your groups" in refused.text) == (403, True)
    ehr.claims = {"groups": ["others", "nurses"]}
    browser, arrived = come(service, clinic)
    assert arrived.status_code == 303
    assert browser.get("/care/account").status_code == 200
    roles = {one["name"]: one["role"] for one in clinic.http.get("/v1/staff").json()["items"]}
    assert roles["Rita Reader"] == "clinician"


def test_at_another_clinic_the_same_person_is_nobody(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    other = clinic_client(service, "Second")
    second = owner_of(service, other)
    connect(owner, ehr)
    connect(second, ehr)
    come(service, clinic)
    link(owner)
    assert come(service, clinic)[1].status_code == 303
    assert come(service, other)[1].status_code == 403


CLAIMS: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another"},
    {"aud": [CLIENT_ID, "another"]},
    {"iss": "https://another.example"},
    {"exp": stamp(NOW - timedelta(minutes=10))},
    {"exp": None},
    {"iat": stamp(NOW + timedelta(hours=1))},
    {"sub": None},
]


@pytest.mark.parametrize("claims", CLAIMS, ids=str)
def test_what_the_other_system_says_wrongly_is_not_believed(
    service: Service, one_clinic: ClinicClient, claims: dict[str, Any]
) -> None:
    with running_fake_ehr(service.clock) as ehr:
        ehr.claims = claims
        _, refused = come_by(service, one_clinic, ehr)
    assert refused.status_code == 403
    assert "did not let you in" in refused.text


def come_by(service: Service, clinic: ClinicClient, ehr: FakeEhr) -> tuple[PlainBrowser, httpx2.Response]:
    owner = owner_of(service, clinic)
    connect(owner, ehr, kind="ehr", name="EHR")
    return come(service, clinic, start=f"/care/launch/{{}}?iss={ehr.url}&launch=abc")


def test_a_sign_in_is_finished_once_and_where_it_was_begun(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    connect(owner, ehr)
    come(service, clinic)
    link(owner)
    ways: list[str] = []

    def noted(path: str) -> str:
        ways.append(path)
        return path

    def elsewhere(path: str) -> str:
        ways.append(path)
        return "/care/sign-in"

    browser, arrived = come(service, clinic, back=noted)
    assert arrived.status_code == 303
    again = browser.get(ways[0])
    assert (again.status_code, "not begun in this browser" in again.text) == (403, True)
    foreign = PlainBrowser(service.url)
    foreign.get("/care/sign-in")
    came = come(service, clinic, back=elsewhere)
    assert came[1].status_code == 200
    assert foreign.get(ways[1]).status_code == 403
    assert browser.get("/care/sign-in/callback?code=x&state=made-up").status_code == 403
    late, _ = come(service, clinic, back=elsewhere)
    service.clock.move_to(NOW + timedelta(minutes=11))
    assert late.get(ways[2]).status_code == 403


def test_a_system_that_is_away_or_names_other_hosts_lets_nobody_in(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    connect(owner, ehr)
    start = f"/care/sign-in/with/{clinic.clinic_id}"
    ehr.away = True
    reply = PlainBrowser(service.url).get(start)
    assert (reply.status_code, "does not answer" in reply.text) == (503, True)
    ehr.away = False
    for names in (
        {"authorization_endpoint": "https://another.example/a"},
        {"issuer": "https://another.example"},
    ):
        ehr.names = names
        assert PlainBrowser(service.url).get(start).status_code in {403, 503}
    ehr.names = {"token_endpoint": "http://169.254.169.254/token"}
    assert come(service, clinic)[1].status_code == 403
    ehr.names, ehr.signs_with = {}, ECKey.generate_key("P-256", {"kid": "ehr-1"})
    assert come(service, clinic)[1].status_code == 403
    assert PlainBrowser(service.url).get(f"/care/sign-in/with/{uuid4()}").status_code == 404


def test_an_ehr_that_the_clinic_has_not_connected_launches_nothing(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    launch = f"/care/launch/{clinic.clinic_id}?iss={ehr.url}&launch=abc"
    assert PlainBrowser(service.url).get(launch).status_code == 404
    assert ehr.asked == []
    _, refused = come_by(service, clinic, ehr)
    assert "an owner of your clinic links you" in refused.text
    link(owner)
    browser, arrived = come(service, clinic, start=f"/care/launch/{{}}?iss={ehr.url}&launch=abc")
    assert arrived.status_code == 303
    assert browser.get("/care/account").status_code == 200


def test_opened_by_itself_it_asks_the_ehr_for_the_patient(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    connect(owner, ehr, kind="ehr", name="EHR")
    asked = urlsplit(
        PlainBrowser(service.url).get(f"/care/launch/{clinic.clinic_id}").headers["location"]
    ).query
    assert parse_qs(asked)["scope"] == ["launch/patient openid fhirUser"]
    assert "launch" not in parse_qs(asked)
    come(service, clinic, start="/care/launch/{}")
    link(owner)
    browser, arrived = come(service, clinic, start="/care/launch/{}")
    assert arrived.status_code == 303
    assert browser.get("/care/account").status_code == 200
    # A clinic without an EHR launches nothing.
    other = clinic_client(service, "Without")
    assert PlainBrowser(service.url).get(f"/care/launch/{other.clinic_id}").status_code == 404


def test_pages_are_shown_within_the_pages_of_the_ehr_that_launched_them_and_no_others(
    service: Service, clinic: ClinicClient, owner: PlainBrowser, ehr: FakeEhr
) -> None:
    connect(owner, ehr, kind="ehr", name="EHR", frames="https://ehr.example https://portal.example:8443")
    start = f"/care/launch/{{}}?iss={ehr.url}&launch=abc"
    come(service, clinic, start=start)
    link(owner)
    framed, made_up, elsewhere = (PlainBrowser(service.url) for _ in range(3))
    for browser in (framed, made_up, elsewhere):
        browser.http.headers["sec-fetch-dest"] = "iframe"
    away = framed.get(start.format(clinic.clinic_id))
    kept = away.headers.get_list("set-cookie")
    assert kept
    assert all("SameSite=none" in one and one.endswith("; Partitioned") for one in kept)
    _, arrived = come(service, clinic, browser=framed, start=start)
    assert all("Partitioned" in one for one in arrived.headers.get_list("set-cookie"))
    page = framed.get("/care/account")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://ehr.example https://portal.example:8443")
    # Nothing else is: a launch in a tab, what a browser made up, and another clinic's pages.
    tab, _ = come(service, clinic, start=start)
    made_up.cookies["__Host-afterglow-staff-frames"] = "aHR0cHM6Ly9ldmlsLmV4YW1wbGU="
    other = clinic_client(service, "Other")
    connect(owner_of(service, other), ehr, kind="ehr", name="EHR")
    elsewhere.get(start.format(other.clinic_id))
    for browser in (tab, made_up, elsewhere, owner):
        policy = browser.get("/care/sign-in").headers["content-security-policy"]
        assert policy.endswith("frame-ancestors 'none'")
    # Whoever signs in there at another clinic is shown its pages, and nobody else is.
    framed.cookies[SESSION_COOKIE] = signed_in(service, other.clinic_id, StaffRole.OWNER)
    theirs = framed.get("/care/account")
    assert theirs.status_code == 200
    assert theirs.headers["content-security-policy"].endswith("frame-ancestors 'none'")


def test_an_owner_alone_connects_and_only_what_can_be_reached(
    service: Service, clinic: ClinicClient, owner: PlainBrowser
) -> None:
    clinician = PlainBrowser(service.url)
    clinician.cookies[SESSION_COOKIE] = signed_in(service, clinic.clinic_id, StaffRole.CLINICIAN)
    assert clinician.get(HERE).status_code == 403
    fields = {"kind": "sign_in", "name": "x", "client_id": "x", "secret": "kept secret"}
    for issuer in ("", "ftp://x.example", "https://10.0.0.1/", "not an address"):
        reply = send(owner, f"{HERE}/systems", issuer=issuer, **fields)
        assert reply.status_code == 422
        assert "kept secret" not in reply.text


# Programs.

PROGRAM_KEY = ECKey.generate_key("P-384", {"kid": "program-1"})


def register(
    owner: PlainBrowser,
    scopes: str = "system/Patient.rs system/Observation.read",
    key: ECKey | RSAKey = PROGRAM_KEY,
) -> str:
    keys = json.dumps({"keys": [key.as_dict(private=False)]})
    reply = send(owner, f"{HERE}/programs", program="Warehouse", scopes=scopes, keys=keys)
    assert reply.status_code == 303, reply.text
    return str(re.findall(r"agc_[0-9a-f]{32}_[0-9a-f]{32}", owner.get(HERE).text)[-1])


def assertion(
    client_id: str, *, key: ECKey | RSAKey = PROGRAM_KEY, alg: str = "ES384", **claims: object
) -> str:
    said = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{PUBLIC}/fhir/token",
        "exp": stamp(NOW + timedelta(minutes=4)),
        "jti": uuid4().hex,
    } | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "program-1"}, said, key, algorithms=[alg])


def ask(service: Service, signed: str, scope: str = "system/Patient.rs", **other: str) -> httpx2.Response:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        "scope": scope,
    } | other
    return httpx2.post(f"{service.url}/fhir/token", data=form)


def test_a_program_reads_what_its_scopes_allow_for_five_minutes(
    service: Service, clinic: ClinicClient, owner: PlainBrowser
) -> None:
    patient = clinic.patient()
    known = httpx2.get(f"{service.url}/fhir/.well-known/smart-configuration").json()
    assert known["token_endpoint"] == f"{PUBLIC}/fhir/token"
    client_id = register(owner)
    given = ask(service, assertion(client_id), "system/Patient.rs system/Procedure.rs").json()
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("bearer", 300, "system/Patient.rs")
    with httpx2.Client(
        base_url=service.url, headers={"authorization": f"Bearer {given['access_token']}"}
    ) as http:
        assert [one["id"] for one in every_page(http, "Patient")] == [patient]
        assert issue_of(http.get("/fhir/Observation"), 403) == ("forbidden", "")
        assert issue_of(http.get(f"/fhir/Patient/{patient}/$everything"), 403) == ("forbidden", "")
        asking = {"prefer": "respond-async"}
        assert issue_of(http.get("/fhir/$export", headers=asking), 403) == ("forbidden", "")
        # Nowhere but there.
        assert http.get("/v1/patients").status_code == 401
        service.clock.move_to(NOW + timedelta(minutes=5))
        assert issue_of(http.get("/fhir/Patient"), 401) == ("login", "")


def test_a_program_signs_in_by_the_real_time_where_the_clinics_clock_was_moved(
    service: Service, clinic: ClinicClient, owner: PlainBrowser
) -> None:
    client_id = register(owner)
    moved = clinic.http.post("/v1/test-clock/advance", json={"seconds": 30 * 86_400})
    assert moved.status_code == 200, moved.text
    once = assertion(client_id)
    given = ask(service, once)
    assert given.status_code == 200, given.text
    bearer = {"authorization": f"Bearer {given.json()['access_token']}"}
    assert httpx2.get(f"{service.url}/fhir/Patient", headers=bearer).status_code == 200
    assert ask(service, once).status_code == 401, "believed once"


def test_a_program_that_is_revoked_reads_nothing_more(
    service: Service, clinic: ClinicClient, owner: PlainBrowser
) -> None:
    client_id = register(owner)
    token = ask(service, assertion(client_id)).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert checked(clinic.http.get("/fhir/Patient", headers=bearer))
    (path,) = re.findall(rf'action="({HERE}/programs/[0-9a-f-]+/revoke)"', owner.get(HERE).text)
    assert send(owner, path).status_code == 303
    assert issue_of(clinic.http.get("/fhir/Patient", headers=bearer), 401) == ("login", "")
    assert ask(service, assertion(client_id)).status_code == 401


def test_what_a_program_writes_takes_the_safety_pathway(
    service: Service, clinic: ClinicClient, owner: PlainBrowser
) -> None:
    patient = clinic.patient()
    client_id = register(owner, "system/QuestionnaireResponse.c")
    token = ask(service, assertion(client_id), "system/QuestionnaireResponse.c").json()["access_token"]
    broken = {
        "resourceType": "QuestionnaireResponse",
        "subject": {"reference": f"Patient/{patient}"},
        "item": [{"linkId": "/44260-8", "answer": [{"valueInteger": 3}]}],
    }
    bearer = {"authorization": f"Bearer {token}"}
    reply = httpx2.post(f"{service.url}/fhir/QuestionnaireResponse", json=broken, headers=bearer)
    assert reply.status_code == 422
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    assert event["patient_id"] == patient


def test_an_assertion_that_is_not_right_gets_nothing(service: Service, one_clinic: ClinicClient) -> None:
    client_id = register(owner_of(service, one_clinic))
    once = assertion(client_id)
    assert ask(service, once).status_code == 200
    other = ECKey.generate_key("P-384", {"kid": "program-1"})
    refused = {
        "replayed": once,
        "another key": assertion(client_id, key=other),
        "another audience": assertion(client_id, aud="https://another.example/token"),
        "expired": assertion(client_id, exp=stamp(NOW - timedelta(minutes=5))),
        "without an end": assertion(client_id, exp=None),
        "for too long": assertion(client_id, exp=stamp(NOW + timedelta(hours=1))),
        "without an id": assertion(client_id, jti=None),
        "about another": assertion(client_id, sub="another"),
        "from nobody": assertion("agc_x_y"),
        "unknown": assertion(f"agc_{uuid4().hex}_{uuid4().hex}"),
        "nonsense": "made-up",
        # Its head says that nothing signs it.
        "without a signature": f"eyJhbGciOiJub25lIn0.{assertion(client_id).split('.')[1]}.",
    }
    for why, signed in refused.items():
        reply = ask(service, signed)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client"), why
        assert "made-up" not in reply.text
    reply = ask(service, assertion(client_id), "system/Procedure.rs")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_scope")
    assert ask(service, once, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert ask(service, once, client_assertion_type="x").json()["error"] == "invalid_request"


def test_keys_and_scopes_are_looked_at_when_a_program_is_registered(
    service: Service, one_clinic: ClinicClient
) -> None:
    owner = owner_of(service, one_clinic)
    good = json.dumps({"keys": [PROGRAM_KEY.as_dict(private=False)]})
    bad = [
        ("system/Patient.rs", json.dumps({"keys": [PROGRAM_KEY.as_dict(private=True)]})),
        ("system/Patient.rs", json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]})),
        ("system/Patient.rs", json.dumps({"keys": []})),
        ("system/Patient.rs", "no keys"),
        ("", good),
        ("patient/Patient.rs", good),
        ("treatment", good),
    ]
    for scopes, keys in bad:
        reply = send(owner, f"{HERE}/programs", program="x", scopes=scopes, keys=keys)
        assert (reply.status_code, "Not done." in reply.text) == (422, True)
    register(owner, "fhir:export system/*.rs", RSAKey.generate_key(2048, {"kid": "program-1"}))
