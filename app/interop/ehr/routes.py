"""CDS Hooks over HTTP. Its description is its discovery, so it is not in the OpenAPI document."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.access.clinics.access import ClinicRoute
from app.interop.ehr.cds_hooks import SERVICE, HookCall, cards_for, discovery
from app.web.dependencies import ContextNeeded, bearer_token

router = APIRouter(prefix="/cds/{clinic_id}/{system_id}", route_class=ClinicRoute, include_in_schema=False)


@router.get("/cds-services")
async def list_hook_services(clinic_id: UUID, system_id: UUID) -> Response:  # noqa: ARG001 - the same at each clinic
    """Say which services there are. Who may: everybody."""
    return JSONResponse(discovery())


@router.post(f"/cds-services/{SERVICE}")
async def show_cards(
    clinic_id: UUID, system_id: UUID, body: HookCall, request: Request, context: ContextNeeded
) -> Response:
    """Give the cards of the patient who is open in the EHR. Who may: the EHR, by a token of a registered key."""
    token = bearer_token(request)
    return JSONResponse(await cards_for(context, clinic_id, system_id, token=token, call=body))
