"""Members of a clinic's staff, signed in."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2
import pyotp

from app.access.clinics.permissions import StaffRole
from app.access.clinics.staff_sessions import open_session
from app.access.staff import joining, second_factor
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.storage import staff_members
from app.storage.staff_members import StaffMember
from tests.support.people import NO_TLS, ClinicClient, made
from tests.support.service import Service


def active_member(service: Service, role: StaffRole) -> StaffMember:
    """Describe a member who has joined; nobody knows the password, so only ``signed_in`` opens a session."""
    staff_id, now = new_id(), service.clock.now()
    return StaffMember(
        id=staff_id,
        role=role.value,
        state="active",
        name_sealed=b"",
        email_sealed=b"",
        address_digest=staff_id.bytes,
        password_hash=None,
        totp_secret_sealed=None,
        totp_last_step=None,
        sso_subject_digest=None,
        failed_tries=0,
        locked_until=None,
        invited_at=now,
        joined_at=now,
        version=1,
    )


async def _join(service: Service, clinic_id: UUID, member: StaffMember, name: str) -> str:
    vault = service.context.vault
    cells = [
        vault.seal(text, table="staff_members", column=column, clinic_id=clinic_id, row_id=member.id)
        for column, text in (("name", name), ("email", f"{member.id}@example.org"))
    ]
    member = replace(member, name_sealed=cells[0], email_sealed=cells[1])
    async with service.context.work(clinic_id, actor=OPERATOR) as work:
        await staff_members.add(work, member)
        work.audit("staff.joined", "staff", member.id)
        return await open_session(work, member.id)


def signed_in(service: Service, clinic_id: str, role: StaffRole, *, name: str = "Kim Example") -> str:
    """Give a session's token of a new member with this role."""
    member = active_member(service, role)
    return service.run(_join(service, UUID(clinic_id), member, name))


def staff_client(service: Service, clinic_id: str, role: StaffRole) -> httpx2.Client:
    """Give a client of the clinic API that a member with this role is signed in to."""
    token = signed_in(service, clinic_id, role)
    return made(
        httpx2.Client(
            base_url=service.url,
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
            verify=NO_TLS,
        )
    )


PASSWORD = "seven calm otters hum"  # noqa: S105 - made-up people's


@dataclass
class JoinedMember:
    """Someone who has joined as people do: by the link, with a password and a phone."""

    id: str
    email: str
    secret: str
    recovery_codes: tuple[str, ...]
    session: str

    def code(self, service: Service, *, steps: int = 0) -> str:
        """What the phone shows now, or some steps of 30 seconds from now."""
        return pyotp.TOTP(self.secret).at(service.clock.now(), counter_offset=steps)

    def sign_in(self, service: Service, **other: str) -> httpx2.Response:
        """Sign in with everything right, or with something else of it."""
        body = {"email": self.email, "password": PASSWORD, "code": self.code(service)} | other
        return httpx2.post(f"{service.url}/v1/staff-sessions", json=body, timeout=60, verify=NO_TLS)


def invited(clinic: ClinicClient, role: StaffRole, *, email: str | None = None) -> dict[str, Any]:
    """Have the clinic's engineer invite someone."""
    body = {"name": "Robin Example", "email": email or f"{new_id()}@clinic.example", "role": role.value}
    reply = clinic.http.post("/v1/staff", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def joined(
    service: Service, clinic: ClinicClient, role: StaffRole, *, email: str | None = None
) -> JoinedMember:
    """Have someone invited, who joins."""
    return joins(service, clinic, invited(clinic, role, email=email))


def joins(service: Service, clinic: ClinicClient, invitation: dict[str, Any]) -> JoinedMember:
    """Let someone who is invited join."""
    secret = second_factor.new_secret()
    set_up = second_factor.seal_pending(
        service.context.vault,
        secret,
        clinic_id=UUID(clinic.clinic_id),
        staff_id=UUID(invitation["id"]),
    )
    made = service.run(
        joining.join(
            service.context,
            token_of(invitation),
            password=PASSWORD,
            set_up=set_up,
            code=pyotp.TOTP(secret).at(service.clock.now()),
        )
    )
    return JoinedMember(
        id=invitation["id"],
        email=invitation["email"],
        secret=secret,
        recovery_codes=made.recovery_codes,
        session=made.session,
    )


def token_of(invitation: dict[str, Any]) -> str:
    """What an invitation's link ends in."""
    return str(invitation["invite_url"]).rpartition("/")[2]
