"""A patient's care team: who of the staff is assigned, and is notified of a safety event before anybody else.

It never takes a safety event out of anybody's sight: the clinic's contacts and every endpoint are notified at the
same moment, whoever is assigned.
"""

from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import clinic_in
from app.access.staff.members import ACTIVE, MemberNotActiveError, shown
from app.care.patients.queries import existing
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError
from app.foundation.logs import where
from app.notifications.messages.wording import staff_page, worklist_link
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import care_teams, staff_members
from app.storage.care_teams import Assigned, CareTeam, Duty
from app.storage.staff_members import StaffMember
from app.web.headers import ChangedMeanwhileError

# The order in which they are written to.
_ORDER: Final = {Duty.FIRST: 0, Duty.ON_CALL: 1, Duty.MEMBER: 2}


class AssignedTwiceError(RefusalError):
    """This member is assigned already; everybody is in a care team once."""

    code = "assigned-twice"


class DutyTakenError(RefusalError):
    """A care team has one first contact and one on call."""

    code = "duty-taken"


async def read_care_team(work: Work, patient_id: UUID) -> CareTeam:
    """Give a patient's care team.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    work.record_access("care_team", patient_id=patient_id)
    return await care_teams.find(work, patient_id)


async def write_care_team(
    work: Work, patient_id: UUID, members: Sequence[Assigned], *, version: int
) -> CareTeam:
    """Replace a patient's care team.

    Raises:
        NotFoundError: the clinic has no such patient.
        MemberNotActiveError, AssignedTwiceError, DutyTakenError: it cannot be so.
        ChangedMeanwhileError: the version is not the current one.
    """
    await existing(work, patient_id)
    active = {one.id for one in await staff_members.all_of_clinic(work) if one.state == ACTIVE}
    for place, one in enumerate(members):
        before = members[:place]
        if one.member_id not in active:
            raise MemberNotActiveError(f"#/members/{place}/member_id")
        if any(other.member_id == one.member_id for other in before):
            raise AssignedTwiceError(f"#/members/{place}/member_id")
        if one.duty is not Duty.MEMBER and any(other.duty is one.duty for other in before):
            raise DutyTakenError(f"#/members/{place}/duty")
    if not await care_teams.write(work, patient_id, members, version=version):
        raise ChangedMeanwhileError("header/if-match")
    work.audit("care_team.changed", "patient", patient_id)
    return await care_teams.find(work, patient_id)


async def notify_care_team(
    work: Work, patient_id: UUID, wording: Wording, *, link: str, mode: str, now: datetime
) -> int:
    """Write to a patient's care team as ``_write_to_team`` does; if that fails, nothing else fails with it."""
    return await _unless_it_fails(
        work, _write_to_team(work, patient_id, wording, link=link, mode=mode, now=now)
    )


async def notify_front_desk(work: Work, *, mode: str, now: datetime) -> int:
    """Write to the clinic's coordinators, who are at the front desk: a patient there needs someone now.

    Nobody's name is in it. Gives how many are written to; if that fails, nothing else fails with it.
    """
    return await _unless_it_fails(work, _write_to_front_desk(work, mode=mode, now=now))


async def _unless_it_fails(work: Work, written: Coroutine[Any, Any, int]) -> int:
    try:
        async with work.attempt():
            return await written
    except Exception as error:  # noqa: BLE001 - whatever it is, the clinic's contacts are written to next
        structlog.get_logger().error(
            "care_team.not_notified", error_type=type(error).__name__, error_at=where(error)
        )
        return 0


async def _write_to_front_desk(work: Work, *, mode: str, now: datetime) -> int:
    today, written = (await clinic_in(work)).today(now), 0
    for member in await staff_members.all_of_clinic(work):
        here = member.state == ACTIVE and not member.is_away(today) and member.unreachable_since is None
        if here and member.role == StaffRole.COORDINATOR:
            await _write_to(work, member, Wording.LOOK_NOW, link=worklist_link(work.public_url), mode=mode)
            work.audit("front_desk.notified", "staff", member.id, actor=SYSTEM)
            written += 1
    return written


async def _write_to(work: Work, member: StaffMember, wording: Wording, *, link: str, mode: str) -> None:
    message = NewMessage(
        channel=Channel.EMAIL,
        to=shown(work, member).email,
        wording=wording,
        locale=DEFAULT_LANGUAGE,
        link=link,
        mode=mode,
    )
    await queue_message(work, message, now=work.real_now)


async def _write_to_team(
    work: Work, patient_id: UUID, wording: Wording, *, link: str, mode: str, now: datetime
) -> int:
    """Write to everybody who is assigned and can be reached: the first contact first, then who is on call.

    Gives how many are written to. Nobody, or only members who were deactivated, are away or unreachable, leaves it to
    the clinic's own contacts, who are written to in any case.
    """
    team, written = await care_teams.find(work, patient_id), 0
    present = await care_teams.present(work, patient_id, on=(await clinic_in(work)).today(now))
    for one in sorted(team.members, key=lambda assigned: _ORDER[assigned.duty]):
        member = await staff_members.find(work, one.member_id)
        if member is None or member.id not in present:
            continue
        await _write_to(work, member, wording, link=staff_page(link), mode=mode)
        work.audit(f"care_team.notified_{wording.value}", "staff", member.id, actor=SYSTEM)
        written += 1
    return written
