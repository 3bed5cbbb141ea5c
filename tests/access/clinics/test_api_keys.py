"""API keys: made with no more than one's own scopes, shown once, revoked for good."""

from typing import Any

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from tests.support.people import NO_TLS, ClinicClient, key_with
from tests.support.problems import assert_problem
from tests.support.service import Service

NARROW = {"name": "EHR", "scopes": ["patients", "signals"]}


def make(clinic: ClinicClient, **body: object) -> dict[str, Any]:
    reply = clinic.http.post("/v1/api-keys", json=NARROW | body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def asking(service: Service, path: str, secret: str, method: str = "GET", **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx2's own arguments
    headers = {"authorization": f"Bearer {secret}"}
    return httpx2.request(method, service.url + path, headers=headers, **more, verify=NO_TLS)


def test_a_new_key_does_what_its_scopes_say_and_no_more(service: Service, clinic: ClinicClient) -> None:
    made = make(clinic)

    assert (made["name"], made["scopes"], made["revoked_at"]) == ("EHR", ["patients", "signals"], None)
    assert asking(service, "/v1/signals", made["secret"]).status_code == 200
    assert_problem(asking(service, "/v1/safety-events", made["secret"]), 403, code="scope-missing")
    assert_problem(asking(service, "/v1/api-keys", made["secret"]), 403, code="scope-missing")


def test_a_secret_is_shown_once_and_never_listed(clinic: ClinicClient) -> None:
    made = make(clinic)

    listed = clinic.http.get("/v1/api-keys")

    assert [key["name"] for key in listed.json()["items"]] == ["first key", "EHR"]
    assert made["secret"] not in listed.text
    assert made["secret"].rpartition("_")[2] not in listed.text


def test_nobody_gives_away_more_than_they_have(service: Service, clinic: ClinicClient) -> None:
    own = key_with(service, clinic.clinic_id, Scope.API_KEYS, Scope.PATIENTS)

    for scopes, status in (
        (["patients"], 201),
        (["patients", "api_keys"], 201),
        (["patients", "safety"], 403),
    ):
        body = {"name": "x", "scopes": scopes}
        assert asking(service, "/v1/api-keys", own, "POST", json=body).status_code == status
    wide = asking(service, "/v1/api-keys", own, "POST", json={"name": "x", "scopes": [str(s) for s in Scope]})
    assert_problem(wide, 403, pointer="#/scopes", code="scope-not-yours")


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"name": "\x00"}, {"id": "x"}]
)
def test_a_key_without_a_name_or_with_unknown_scopes_is_refused(
    one_clinic: ClinicClient, wrong: dict[str, object]
) -> None:
    assert_problem(one_clinic.http.post("/v1/api-keys", json=NARROW | wrong), 422)


def test_a_revoked_key_opens_nothing_any_more(service: Service, clinic: ClinicClient) -> None:
    made = make(clinic)

    for _ in range(2):
        assert clinic.http.delete(f"/v1/api-keys/{made['id']}").status_code == 204

    assert_problem(asking(service, "/v1/signals", made["secret"]), 401, code="token-not-valid")
    assert clinic.http.get("/v1/api-keys").json()["items"][1]["revoked_at"]


def test_the_last_key_that_can_make_keys_stays(service: Service, clinic: ClinicClient) -> None:
    (first,) = clinic.http.get("/v1/api-keys").json()["items"]
    make(clinic)
    assert_problem(clinic.http.delete(f"/v1/api-keys/{first['id']}"), 409, code="last-key")

    another = make(clinic, scopes=["api_keys"])

    assert clinic.http.delete(f"/v1/api-keys/{first['id']}").status_code == 204
    assert asking(service, "/v1/api-keys", another["secret"]).status_code == 200
    assert clinic.http.get("/v1/api-keys").status_code == 401


def test_a_key_of_another_clinic_is_not_found(clinic: ClinicClient, one_clinic: ClinicClient) -> None:
    theirs = make(one_clinic)

    assert_problem(clinic.http.delete(f"/v1/api-keys/{theirs['id']}"), 404)
