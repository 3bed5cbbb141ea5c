"""The clinic's staff: invited, changed, deactivated, unlocked; a link works once, and an owner always stays."""

import threading
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from app.access.clinics.permissions import Scope, StaffRole
from app.access.staff import joining
from app.access.staff.joining import InvitationExpiredError, InvitationNotKnownError, InvitationUsedError
from app.foundation.errors import RefusalError
from tests.support.databases import DatabaseUrls
from tests.support.people import NO_TLS, ClinicClient, clinic_client, key_with, made
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import PASSWORD, invited, joined, joins, signed_in, staff_client, token_of


def read(clinic: ClinicClient, staff_id: str) -> dict[str, Any]:
    (found,) = [one for one in clinic.http.get("/v1/staff").json()["items"] if one["id"] == staff_id]
    return dict(found)


def patch(http: httpx2.Client, staff_id: str, etag: str | None = None, **change: str) -> httpx2.Response:
    if etag is None:
        etag = http.get(f"/v1/staff/{staff_id}").headers["etag"]
    return http.patch(f"/v1/staff/{staff_id}", json=change, headers={"if-match": etag})


def test_an_invitation_gives_its_link_once_and_names_no_secret_afterwards(clinic: ClinicClient) -> None:
    one = invited(clinic, StaffRole.CLINICIAN, email="R.Ortega@Clinic.example")

    assert one["invite_url"].startswith("https://afterglow.test/care/join/agi_")
    assert (one["state"], one["role"], one["sent"]) == ("invited", "clinician", False)
    listed = clinic.http.get("/v1/staff").text
    assert token_of(one) not in listed
    assert "R.Ortega@clinic.example" in listed


def test_an_address_is_one_members_however_it_is_written(clinic: ClinicClient, service: Service) -> None:
    invited(clinic, StaffRole.CLINICIAN, email="same@clinic.example")

    body = {"name": "Other", "email": "SAME@Clinic.Example", "role": "owner"}
    assert_problem(clinic.http.post("/v1/staff", json=body), 409, code="address-taken")
    elsewhere = clinic_client(service, "Elsewhere")
    assert elsewhere.http.post("/v1/staff", json=body).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"), ("email", "a@b"), ("email", "a@b.c\r\nbcc: d@e.f"), ("email", None),
        ("name", ""), ("name", "a\x00b"), ("role", "admin"), ("role", None), ("more", "x"),
    ],
)  # fmt: skip
def test_a_bad_invitation_is_refused_by_name(clinic: ClinicClient, field: str, value: object) -> None:
    body = {"name": "Robin", "email": "robin@clinic.example", "role": "owner"} | {field: value}

    reply = clinic.http.post("/v1/staff", json=body)

    assert_problem(reply, 422)
    assert reply.json()["errors"][0]["pointer"] == f"#/{field}"


def test_nothing_of_a_member_is_readable_in_the_database(
    shared_database: DatabaseUrls, service: Service, clinic: ClinicClient
) -> None:
    email = "very.recognisable@clinic.example"
    member = joined(service, clinic, StaffRole.OWNER, email=email)
    with psycopg.connect(shared_database.superuser_url) as connection:
        text = "".join(
            str(row)
            for table in ("care.staff_members", "front_desk.staff_addresses", "care.staff_invitations",
                          "care.staff_sessions", "care.staff_recovery_codes", "care.audit_events")
            for row in connection.execute(f"SELECT t::text FROM {table} t")  # noqa: S608 - our own names
        )  # fmt: skip
    for secret in (email, "Robin", member.secret, PASSWORD, member.session, *member.recovery_codes):
        assert secret not in text
        assert secret.encode().hex() not in text
    assert "$argon2id$" in text


def refused_to_join(service: Service, clinic: ClinicClient, invitation: dict[str, Any]) -> type[Exception]:
    with pytest.raises(RefusalError) as refusal:
        joins(service, clinic, invitation)
    return refusal.type


def test_a_link_works_once(service: Service, clinic: ClinicClient) -> None:
    invitation = invited(clinic, StaffRole.CLINICIAN)
    for _ in range(3):
        service.run(joining.look_at(service.context, token_of(invitation)))

    joins(service, clinic, invitation)

    assert read(clinic, invitation["id"])["state"] == "active"
    assert refused_to_join(service, clinic, invitation) is InvitationUsedError


def run_all(threads: list[threading.Thread]) -> None:
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def test_of_two_who_follow_a_link_at_once_one_joins(service: Service, clinic: ClinicClient) -> None:
    invitation, outcomes = invited(clinic, StaffRole.CLINICIAN), []

    def follow() -> None:
        try:
            joins(service, clinic, invitation)
            outcomes.append("in")
        except InvitationUsedError:
            outcomes.append("used")

    threads = [threading.Thread(target=follow) for _ in range(4)]
    run_all(threads)
    assert sorted(outcomes) == ["in", "used", "used", "used"]


def test_a_link_lasts_seven_days(service: Service, clinic: ClinicClient) -> None:
    late, in_time = invited(clinic, StaffRole.CLINICIAN), invited(clinic, StaffRole.CLINICIAN)

    service.clock.move_to(NOW + timedelta(days=7) - timedelta(seconds=1))
    joins(service, clinic, in_time)
    service.clock.move_to(NOW + timedelta(days=7))
    assert refused_to_join(service, clinic, late) is InvitationExpiredError


def test_a_newer_link_takes_the_place_of_the_one_before(service: Service, clinic: ClinicClient) -> None:
    first = invited(clinic, StaffRole.CLINICIAN)
    again = clinic.http.post(f"/v1/staff/{first['id']}/invite-again")
    assert again.status_code == 200, again.text

    assert refused_to_join(service, clinic, first) is InvitationUsedError
    joins(service, clinic, again.json())
    assert_problem(clinic.http.post(f"/v1/staff/{first['id']}/invite-again"), 409, code="joined-already")


@pytest.mark.parametrize("cut", ["", "agi_", "agl_00_x", "nothing"])
def test_a_link_that_was_cut_off_is_not_known(service: Service, clinic: ClinicClient, cut: str) -> None:
    invitation = invited(clinic, StaffRole.CLINICIAN)
    for url in (cut, invitation["invite_url"][:-3]):
        assert refused_to_join(service, clinic, invitation | {"invite_url": url}) is InvitationNotKnownError


def test_who_is_locked_out_is_out_at_once_and_comes_in_again_when_let(
    service: Service, clinic: ClinicClient
) -> None:
    joined(service, clinic, StaffRole.OWNER)
    member = joined(service, clinic, StaffRole.CLINICIAN)
    session = {"authorization": f"Bearer {member.session}"}
    with httpx2.Client(base_url=service.url, headers=session, timeout=30, verify=NO_TLS) as http:
        assert http.get("/v1/clinic").status_code == 200

        assert clinic.http.post(f"/v1/staff/{member.id}/disable").json()["state"] == "disabled"

        assert_problem(http.get("/v1/clinic"), 401, code="token-not-valid")
        service.clock.move_to(NOW + timedelta(minutes=1))
        assert_problem(member.sign_in(service), 401, code="sign-in-refused")
        assert clinic.http.post(f"/v1/staff/{member.id}/disable").status_code == 200
        assert_problem(clinic.http.post(f"/v1/staff/{member.id}/invite-again"), 409, code="member-disabled")
        assert clinic.http.post(f"/v1/staff/{member.id}/enable").json()["state"] == "active"
        assert_problem(http.get("/v1/clinic"), 401, code="token-not-valid")
        service.clock.move_to(NOW + timedelta(minutes=2))
        assert member.sign_in(service).status_code == 201


def test_an_invitation_ends_with_the_locking_out(service: Service, clinic: ClinicClient) -> None:
    invitation = invited(clinic, StaffRole.CLINICIAN)

    clinic.http.post(f"/v1/staff/{invitation['id']}/disable")

    assert refused_to_join(service, clinic, invitation) is InvitationUsedError
    assert clinic.http.post(f"/v1/staff/{invitation['id']}/enable").json()["state"] == "invited"
    assert refused_to_join(service, clinic, invitation) is InvitationUsedError


def test_a_reset_takes_password_phone_codes_and_sessions(service: Service, clinic: ClinicClient) -> None:
    joined(service, clinic, StaffRole.OWNER)
    member = joined(service, clinic, StaffRole.CLINICIAN)

    reset = clinic.http.post(f"/v1/staff/{member.id}/reset-second-factor")

    assert reset.json()["state"] == "invited"
    service.clock.move_to(NOW + timedelta(minutes=1))
    assert_problem(member.sign_in(service), 401, code="sign-in-refused")
    assert_problem(member.sign_in(service, code=member.recovery_codes[0]), 401, code="sign-in-refused")
    with made(httpx2.Client(base_url=service.url, timeout=30, verify=NO_TLS)) as http:
        reply = http.get("/v1/clinic", headers={"authorization": f"Bearer {member.session}"})
        assert_problem(reply, 401, code="token-not-valid")
    back = joins(service, clinic, reset.json())
    service.clock.move_to(NOW + timedelta(minutes=2))
    assert back.sign_in(service).status_code == 201


def test_the_last_active_owner_stays(service: Service, clinic: ClinicClient) -> None:
    owner = joined(service, clinic, StaffRole.OWNER)
    invited(clinic, StaffRole.OWNER)
    session = staff_http(service, owner.session)

    assert_problem(session.post(f"/v1/staff/{owner.id}/disable"), 409, code="last-owner")
    assert_problem(patch(session, owner.id, role="clinician"), 409, code="last-owner")
    assert_problem(session.post(f"/v1/staff/{owner.id}/reset-second-factor"), 409, code="last-owner")
    assert patch(session, owner.id, name="Another Name").json()["name"] == "Another Name"
    second = joined(service, clinic, StaffRole.OWNER)
    assert patch(session, owner.id, role="clinician").json()["role"] == "clinician"
    assert_problem(clinic.http.post(f"/v1/staff/{second.id}/disable"), 409, code="last-owner")
    assert_problem(session.get("/v1/staff"), 403, code="role-may-not")


def staff_http(service: Service, token: str) -> httpx2.Client:
    return made(
        httpx2.Client(
            base_url=service.url, headers={"authorization": f"Bearer {token}"}, timeout=30, verify=NO_TLS
        )
    )


def test_two_owners_who_lock_each_other_out_at_once_leave_one(service: Service, clinic: ClinicClient) -> None:
    for _ in range(5):
        both = [joined(service, clinic, StaffRole.OWNER) for _ in range(2)]
        for other in clinic.http.get("/v1/staff").json()["items"]:
            if other["id"] not in {one.id for one in both}:
                clinic.http.post(f"/v1/staff/{other['id']}/disable")
        statuses: list[int] = []

        def lock_out(by: str, whom: str, said: list[int] = statuses) -> None:
            said.append(staff_http(service, by).post(f"/v1/staff/{whom}/disable").status_code)

        threads = [
            threading.Thread(target=lock_out, args=(one.session, other.id))
            for one, other in (both, reversed(both))
        ]
        run_all(threads)
        # The slower one is out already (401), or finds that nobody else is left (409).
        assert min(statuses) == 200
        assert max(statuses) in {401, 409}
        active = [one for one in clinic.http.get("/v1/staff").json()["items"] if one["state"] == "active"]
        assert len([one for one in active if one["role"] == "owner"]) == 1


def test_a_change_needs_the_version_it_rests_on(clinic: ClinicClient) -> None:
    one = invited(clinic, StaffRole.CLINICIAN)
    etag = clinic.http.get(f"/v1/staff/{one['id']}").headers["etag"]

    assert patch(clinic.http, one["id"], etag, role="coordinator").status_code == 200
    assert_problem(patch(clinic.http, one["id"], etag, role="owner"), 412, code="changed-meanwhile")
    assert_problem(clinic.http.patch(f"/v1/staff/{one['id']}", json={}), 428, code="if-match-missing")


def test_another_clinics_member_is_nobody(service: Service, clinic: ClinicClient) -> None:
    theirs = invited(clinic_client(service, "Theirs"), StaffRole.CLINICIAN)["id"]

    for call in ("disable", "enable", "invite-again", "reset-second-factor"):
        assert_problem(clinic.http.post(f"/v1/staff/{theirs}/{call}"), 404, code="not-found")
    assert_problem(patch(clinic.http, theirs, '"1"', role="owner"), 404, code="not-found")


def test_a_key_lets_in_nobody_who_may_more_than_itself(service: Service, clinic: ClinicClient) -> None:
    owner = joined(service, clinic, StaffRole.OWNER)
    reader = invited(clinic, StaffRole.READ_ONLY)
    reading = (Scope.CLINIC, Scope.PATIENTS, Scope.TREATMENT, Scope.SIGNALS, Scope.SAFETY, Scope.INSIGHTS)
    narrow = staff_http(service, key_with(service, clinic.clinic_id, Scope.STAFF, *reading))
    body = {"name": "Robin", "email": "robin@clinic.example"}

    assert_problem(narrow.post("/v1/staff", json=body | {"role": "owner"}), 403, code="role-not-yours")
    assert_problem(narrow.post(f"/v1/staff/{owner.id}/reset-second-factor"), 403, code="role-not-yours")
    assert_problem(patch(narrow, reader["id"], role="owner"), 403, code="role-not-yours")
    assert narrow.post("/v1/staff", json=body | {"role": "read_only"}).status_code == 201


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.OWNER])
def test_only_owners_manage_staff(service: Service, clinic: ClinicClient, role: StaffRole) -> None:
    assert_problem(staff_client(service, clinic.clinic_id, role).get("/v1/staff"), 403, code="role-may-not")
    owner = staff_http(service, signed_in(service, clinic.clinic_id, StaffRole.OWNER))
    assert owner.get("/v1/staff").status_code == 200
