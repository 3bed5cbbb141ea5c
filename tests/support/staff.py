"""Members of a clinic's staff, signed in."""

from dataclasses import replace
from uuid import UUID

import httpx2

from app.clinics.permissions import StaffRole
from app.clinics.staff_sessions import open_session
from app.foundation.audit import OPERATOR, AuditEvent
from app.foundation.ids import new_id
from app.storage import staff_members
from app.storage.staff_members import StaffMember
from tests.support.people import made
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
    vault, now = service.equipment.vault, service.clock.now()
    cells = [
        vault.seal(text, table="staff_members", column=column, clinic_id=clinic_id, row_id=member.id)
        for column, text in (("name", name), ("email", f"{member.id}@example.org"))
    ]
    member = replace(member, name_sealed=cells[0], email_sealed=cells[1])
    audit = AuditEvent(
        at=now, actor=OPERATOR, action="staff.joined", subject_kind="staff", subject_id=member.id
    )
    async with service.equipment.database.work(clinic_id) as work:
        await staff_members.add(work, member, audit=audit)
        token = await open_session(work, member.id, now=now)
        await work.commit()
    return token


def signed_in(service: Service, clinic_id: str, role: StaffRole, *, name: str = "Kim Example") -> str:
    """Give a session's token of a new member with this role."""
    member = active_member(service, role)
    return service.run(_join(service, UUID(clinic_id), member, name))


def staff_client(service: Service, clinic_id: str, role: StaffRole) -> httpx2.Client:
    """Give a client of the clinic API that a member with this role is signed in to."""
    token = signed_in(service, clinic_id, role)
    return made(httpx2.Client(base_url=service.url, headers={"authorization": f"Bearer {token}"}, timeout=30))
