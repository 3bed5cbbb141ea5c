"""A patient's care team, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.patients import care_teams
from app.context import Work
from app.storage.care_teams import Assigned, CareTeam, Duty
from app.web.dependencies import IfMatch
from app.web.headers import version_in, with_etag
from app.web.schemas import ReplyBody, RequestBody, choice_of, example

router = APIRouter(prefix="/v1/patients/{patient_id}/care-team", tags=["patients"])


class AssignedEntry(RequestBody):
    """A member of the staff and what the member is in the care team."""

    member_id: UUID
    duty: Annotated[Duty, choice_of(Duty)] = Duty.MEMBER


class CareTeamEntry(RequestBody):
    """Everybody who is assigned, in the place of whoever was."""

    model_config = example(members=[{"member_id": "0199a0b0-0000-7000-8000-000000000000", "duty": "first"}])

    members: Annotated[list[AssignedEntry], Field(max_length=20)]


class AssignedReply(ReplyBody):
    """A member of the staff in the care team."""

    member_id: UUID
    duty: Duty


class CareTeamReply(ReplyBody):
    """A patient's care team. Who is assigned is notified first; nobody is notified less for it."""

    members: list[AssignedReply]
    version: int

    @classmethod
    def of(cls, team: CareTeam) -> "CareTeamReply":
        """Make the reply."""
        return cls(
            members=[AssignedReply(member_id=one.member_id, duty=one.duty) for one in team.members],
            version=team.version,
        )


@router.get("", summary="Read a patient's care team")
async def read_care_team(
    patient_id: UUID, work: Annotated[Work, work_for(Permission.PATIENTS_READ)], response: Response
) -> CareTeamReply:
    """Give who is assigned to a patient, with an ETag for changing it."""
    team = await care_teams.read_care_team(work, patient_id)
    return with_etag(response, team.version, CareTeamReply.of(team))


@router.put("", summary="Write a patient's care team")
async def write_care_team(
    patient_id: UUID,
    body: CareTeamEntry,
    work: Annotated[Work, work_for(Permission.PATIENTS_EDIT)],
    response: Response,
    if_match: IfMatch = None,
) -> CareTeamReply:
    """Replace who is assigned; needs If-Match. They are notified of safety events before the clinic's contacts."""
    members = [Assigned(member_id=one.member_id, duty=one.duty) for one in body.members]
    team = await care_teams.write_care_team(work, patient_id, members, version=version_in(if_match))
    return with_etag(response, team.version, CareTeamReply.of(team))
