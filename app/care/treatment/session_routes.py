"""One treatment session with its notes, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.treatment import queries
from app.care.treatment.session_schemas import SessionNotesReply, TreatmentSessionReply
from app.context import Work
from app.web.etags import etag_of

router = APIRouter(prefix="/v1/patients/{patient_id}/infusions/{infusion_id}/session", tags=["treatment"])


@router.get("", summary="Read a session's notes")
async def read_session(
    patient_id: UUID,
    infusion_id: UUID,
    work: Annotated[Work, work_for(Permission.TREATMENT_READ)],
    response: Response,
) -> SessionNotesReply:
    """Give how a session went, with its notes; a change of either is a PATCH of the infusion."""
    stored, note = await queries.read_session(work, patient_id, infusion_id)
    response.headers["etag"] = etag_of(stored.version)
    session = TreatmentSessionReply.of(stored.session) if stored.session else None
    return SessionNotesReply(infusion_id=stored.id, session=session, note=note)
