"""Merging a duplicate into the right patient, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.merging import commands
from app.care.merging.schemas import MergeReply, MergeRequest, UnmergeRequest
from app.context import Work
from app.web.problems import Problem

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["patients"], route_class=ClinicRoute)

MayEdit = Annotated[Work, work_for(Permission.PATIENTS_EDIT)]


@router.post("/merge", summary="Merge a duplicate", responses={409: {"model": Problem}})
async def merge_patient(patient_id: UUID, body: MergeRequest, work: MayEdit) -> MergeReply:
    """Let the reports, forms, courses, infusions and devices of a duplicate count for the other patient.

    From then on the duplicate's id answers 410 with `merged_into`.
    """
    return MergeReply.of(await commands.merge(work, patient_id, body.into, reason=body.reason), "merged")


@router.post("/unmerge", summary="Take a merge back", responses={409: {"model": Problem}})
async def unmerge_patient(patient_id: UUID, body: UnmergeRequest, work: MayEdit) -> MergeReply:
    """Take a merge back: both patients are as they were."""
    return MergeReply.of(await commands.unmerge(work, patient_id, reason=body.reason), "unmerged")
