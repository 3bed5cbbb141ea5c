"""The clinic about itself."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from app.clinics import policy, service
from app.clinics.access import ClinicKey
from app.clinics.schemas import ClinicChange, ClinicReply, PolicyEntry, PolicyReply
from app.web.dependencies import EquipmentNeeded
from app.web.etags import etag_of, version_in

router = APIRouter(prefix="/v1/clinic", tags=["clinic"])


@router.get("", summary="Read the clinic")
async def read_clinic(equipment: EquipmentNeeded, caller: ClinicKey, response: Response) -> ClinicReply:
    """Give the clinic's own settings, with an ETag for changing them."""
    clinic = await service.read_clinic(equipment, caller.clinic_id)
    response.headers["etag"] = etag_of(clinic.version)
    return ClinicReply.of(clinic)


@router.patch("", summary="Change the clinic")
async def change_clinic(
    body: ClinicChange,
    equipment: EquipmentNeeded,
    caller: ClinicKey,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> ClinicReply:
    """Change the settings that are given; needs If-Match."""
    clinic = await service.change_clinic(
        equipment,
        caller.clinic_id,
        name=body.name,
        crisis_phone=body.crisis_phone,
        version=version_in(if_match),
        actor=caller.actor,
    )
    response.headers["etag"] = etag_of(clinic.version)
    return ClinicReply.of(clinic)


@router.get("/policy", summary="Read the clinic's numbers")
async def read_policy(equipment: EquipmentNeeded, caller: ClinicKey, response: Response) -> PolicyReply:
    """Give every number that decides now, and all versions of the clinic's own."""
    view = await policy.read_policy(equipment, caller.clinic_id)
    response.headers["etag"] = etag_of(view.latest)
    return PolicyReply.of(view)


@router.put("/policy", summary="Set the clinic's numbers")
async def write_policy(
    body: PolicyEntry,
    equipment: EquipmentNeeded,
    caller: ClinicKey,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> PolicyReply:
    """Put numbers in force from a time on, within the safe bounds; needs If-Match. Versions are kept for ever."""
    view = await policy.write_policy(
        equipment,
        caller.clinic_id,
        numbers=body.numbers,
        effective_from=body.effective_from,
        version=version_in(if_match),
        actor=caller.actor,
    )
    response.headers["etag"] = etag_of(view.latest)
    return PolicyReply.of(view)
