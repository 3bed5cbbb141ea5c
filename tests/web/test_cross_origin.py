"""Browser apps from elsewhere: scripts of a clinic's own origins read that clinic's answers, and nobody else's."""

from collections.abc import Iterator

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.ids import new_id
from app.pages.staff.visitor import SESSION
from tests.support.browser import PlainBrowser, fields_of
from tests.support.clinics import gone_live
from tests.support.people import ClinicClient, PatientClient, clinic_client, entry
from tests.support.problems import assert_problem
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service
from tests.support.staff import signed_in, staff_client

OURS, THEIRS = "https://app.riverside.example", "https://app.hillside.example:8443"
PATH = "/v1/clinic/browser-origins"
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def owner(shared_service: Service, one_clinic: ClinicClient) -> httpx2.Client:
    return staff_client(shared_service, one_clinic.clinic_id, StaffRole.OWNER)


@pytest.fixture(scope="module")
def other(shared_service: Service) -> Iterator[ClinicClient]:
    """Another clinic, which allows another origin."""
    client = clinic_client(shared_service)
    set_origins(staff_client(shared_service, client.clinic_id, StaffRole.OWNER), THEIRS)
    yield client
    client.close()


def set_origins(owner: httpx2.Client, *origins: str) -> None:
    reply = owner.put(PATH, json={"origins": list(origins)})
    assert (reply.status_code, reply.json()) == (200, {"origins": sorted(set(origins))}), reply.text
    assert owner.get(PATH).json() == reply.json()


def preflight(
    service: Service, origin: str, path: str = "/v1/check-ins", method: str = "GET"
) -> httpx2.Response:
    asked = {"origin": origin, "access-control-request-method": method}
    asked["access-control-request-headers"] = "authorization,content-type"
    return httpx2.request("OPTIONS", service.url + path, headers=asked)


def read(phone: PatientClient, origin: str, path: str = "/v1/me") -> httpx2.Response:
    reply = phone.http.get(path, headers={"origin": origin})
    assert reply.status_code == 200
    assert "origin" in reply.headers["vary"].lower()
    return reply


def test_a_clinics_origin_reads_its_own_patients_answers_and_the_neighbors_does_not(
    service: Service, owner: httpx2.Client, other: ClinicClient, phone: PatientClient
) -> None:
    set_origins(owner, OURS, OURS)
    theirs = other.enrol(other.patient(), service.url)
    assert read(phone, OURS).headers[ALLOWED] == OURS
    assert "access-control-allow-credentials" not in read(phone, OURS).headers
    assert read(theirs, THEIRS).headers[ALLOWED] == THEIRS
    for of, origin in (
        (phone, THEIRS),
        (theirs, OURS),
        (phone, "https://elsewhere.example"),
        (phone, "null"),
    ):
        assert ALLOWED not in read(of, origin).headers, origin
    set_origins(owner)
    assert ALLOWED not in read(phone, OURS).headers, "taken back, it counts at once"


def test_a_preflight_is_answered_to_any_clinics_origin_and_for_the_patient_api_alone(
    service: Service,
    owner: httpx2.Client,
    other: ClinicClient,  # noqa: ARG001 - has an origin
) -> None:
    set_origins(owner, OURS)
    for origin in (OURS, THEIRS):
        reply = preflight(service, origin, f"/v1/check-ins/{new_id()}", "PUT")
        assert (reply.status_code, reply.headers[ALLOWED]) == (204, origin)
        assert reply.headers["access-control-allow-methods"] == "PUT"
        assert "authorization" in reply.headers["access-control-allow-headers"]
    for origin in ("https://elsewhere.example", f"{OURS}:8443", OURS.upper(), f"{OURS}.evil.example", "null"):
        assert ALLOWED not in preflight(service, origin).headers, origin
    for path, method in (("/v1/patients", "GET"), ("/v1/clinic", "PATCH"), ("/v1/check-ins", "POST")):
        assert ALLOWED not in preflight(service, OURS, path, method).headers, path
    for path in ("/care/", "/p/check-in", "/fhir/metadata", "/docs"):
        assert ALLOWED not in preflight(service, OURS, path).headers, path


def test_a_browser_app_enrolls_renews_and_reads_why_it_is_refused(
    service: Service,
    one_clinic: ClinicClient,
    owner: httpx2.Client,
    other: ClinicClient,  # noqa: ARG001 - same
) -> None:
    set_origins(owner, OURS)
    for origin, readable in ((OURS, True), (THEIRS, False)):
        code = one_clinic.http.post(f"/v1/patients/{one_clinic.patient()}/enrolment-codes").json()["code"]
        sent = {"code": code, "device_name": "Web app"}
        enrolled = httpx2.post(f"{service.url}/v1/enrolments", json=sent, headers={"origin": origin})
        assert (enrolled.status_code, ALLOWED in enrolled.headers) == (201, readable)
        body = {"refresh_token": enrolled.json()["refresh_token"]}
        renewed = httpx2.post(f"{service.url}/v1/tokens/refresh", json=body, headers={"origin": origin})
        assert (renewed.status_code, ALLOWED in renewed.headers) == (200, readable)
    wrong = {"code": "0000-0000-0000", "device_name": "Web app"}
    refused = httpx2.post(f"{service.url}/v1/enrolments", json=wrong, headers={"origin": OURS})
    assert (refused.is_error, refused.headers[ALLOWED]) == (True, OURS)
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    bad = phone.http.put(f"/v1/check-ins/{new_id()}", json=entry(NOW, (11, 5, 5)), headers={"origin": OURS})
    assert (bad.status_code, bad.headers[ALLOWED]) == (422, OURS)


def test_help_is_read_also_where_the_edge_refuses(phone: PatientClient, owner: httpx2.Client) -> None:
    set_origins(owner, OURS)
    body = entry(NOW, (2, 5, 5)) | {"self_harm_thoughts": True}
    headers = {"origin": OURS, "content-encoding": "gzip"}
    refused = phone.http.put(f"/v1/check-ins/{new_id()}", json=body, headers=headers)
    assert (refused.status_code, refused.headers[ALLOWED]) == (415, OURS)
    assert refused.headers["cross-origin-resource-policy"] == "cross-origin"
    assert refused.json()["crisis_help"]


def test_a_clinics_key_is_of_no_use_in_a_browser(one_clinic: ClinicClient, owner: httpx2.Client) -> None:
    set_origins(owner, OURS)
    assert ALLOWED not in one_clinic.http.get("/v1/patients", headers={"origin": OURS}).headers


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.example.org",
        "https://app.example.org/",
        "https://app.example.org/path",
        "https://App.example.org",
        "https://app.example.org:443",
        "https://app.example.org:0",
        "https://app.example.org:70000",
        "https://user@app.example.org",
        "https://app.example.org?x",
        "https://app..example.org",
        "https://app",
        "https://münchen.example",
        "http://app.example.org",
        "https://app.example.org https://b.example.org",
        "https://app.example.org\n",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_origin_that_is_not_exact_is_refused(owner: httpx2.Client, origin: str) -> None:
    reply = owner.put(PATH, json={"origins": [OURS, origin]})
    assert_problem(reply, 422, code="origin-not-exact", pointer="#/origins/1")


def test_this_computers_own_address_is_for_clinics_in_test_mode(
    service: Service, one_clinic: ClinicClient, owner: httpx2.Client
) -> None:
    local = "http://localhost:3000"
    set_origins(owner, local, "http://127.0.0.1:8080")
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    assert read(phone, local).headers[ALLOWED] == local
    live = clinic_client(service)
    its_owner = staff_client(service, live.clinic_id, StaffRole.OWNER)
    set_origins(its_owner, local, OURS)
    with running_receiver() as receiver:
        gone_live(service, live, receiver)
    assert its_owner.get(PATH).json() == {"origins": [OURS]}, "going live, it is no longer allowed"
    reply = its_owner.put(PATH, json={"origins": [local]})
    assert_problem(reply, 422, code="origin-is-local", pointer="#/origins/0")
    live.close()


def test_only_an_owner_sets_origins(service: Service, one_clinic: ClinicClient) -> None:
    assert one_clinic.http.put(PATH, json={"origins": [OURS]}).status_code in {401, 403}
    for role in set(StaffRole) - {StaffRole.OWNER}:
        member = staff_client(service, one_clinic.clinic_id, role)
        assert (member.put(PATH, json={"origins": [OURS]}).status_code, member.get(PATH).status_code) == (
            403,
            403,
        )


def test_an_owner_names_them_on_a_page_which_keeps_what_was_typed_wrongly(
    service: Service, one_clinic: ClinicClient, owner: httpx2.Client
) -> None:
    here = "/care/settings/connections"
    browser = PlainBrowser(service.url)
    browser.cookies[f"__Host-{SESSION}"] = signed_in(service, one_clinic.clinic_id, StaffRole.OWNER)
    form = fields_of(browser.get(here).text, f"{here}/browser-apps")
    wrong = browser.post(f"{here}/browser-apps", form | {"origins": f"{OURS}\nhttps://*.example.org"})
    assert wrong.status_code == 422
    assert "https://*.example.org</textarea>" in wrong.text
    right = fields_of(wrong.text, f"{here}/browser-apps") | {"origins": f"{THEIRS}\r\n{OURS}"}
    assert browser.post(f"{here}/browser-apps", right).status_code == 303
    assert owner.get(PATH).json() == {"origins": [THEIRS, OURS]}
    assert f"{THEIRS}\n{OURS}</textarea>" in browser.get(here).text
