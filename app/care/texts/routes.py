"""Text messages that come in by the gateway, and what staff read of them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.texts import commands, queries
from app.care.texts.schemas import IncomingTextEntry, IncomingTextReply, ReceivedTextList, ReceivedTextReply
from app.context import Work
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/v1", tags=["patients"], route_class=ClinicRoute)
gateway_router = APIRouter(prefix="/v1", tags=["patient's own"])
ReadsRecord = Annotated[Work, work_for(Permission.TREATMENT_READ)]


@gateway_router.post("/text-messages/{clinic_id}", summary="Take a text message that came in")
async def take_text_message(
    clinic_id: UUID, body: IncomingTextEntry, request: Request, context: ContextNeeded
) -> IncomingTextReply:
    """Take what someone texted to the gateway's number, and give what to answer. Who may: the operator's gateway.

    Signed as webhooks are, with the gateway's secret. The same id again is the same message, and answered the same.
    """
    commands.check_signature(context, dict(request.headers), await request.body())
    return IncomingTextReply(reply=await commands.receive(context, clinic_id, body.incoming()))


@router.get("/patients/{patient_id}/text-messages", summary="Read what a patient texted")
async def list_text_messages(patient_id: UUID, work: ReadsRecord) -> ReceivedTextList:
    """List a patient's text messages, the latest 100."""
    found = await queries.list_texts(work, patient_id)
    return ReceivedTextList(
        items=[ReceivedTextReply.model_validate(one, from_attributes=True) for one in found]
    )
