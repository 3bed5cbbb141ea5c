"""Handing the tablet over to a patient: whoever does it is signed out of it first."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.staff_sessions import end_session
from app.care.assessments.questionnaires import WORDINGS
from app.care.patients.tablets import CHECK_IN, COOKIE, LASTS_AT_MOST, hand_over, write_handover
from app.foundation.errors import NotFoundError
from app.pages.patient.check_in_page import OPEN_FORM, SENT_FORM
from app.pages.patient.tablet_page import TABLET
from app.pages.patient.visitor import PLACE
from app.pages.patient.visitor import SESSION as PATIENT_SESSION
from app.pages.staff.about_patient import MayRecord
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import ANCHOR, FRAMES, HANDED_OVER, HANDED_OVER_LASTS, SESSION, read_own_form
from app.web.pages.cookies import Cookies

router = APIRouter(
    prefix="/care/patients/{patient_id}/tablet", route_class=CarePageRoute, include_in_schema=False
)
_FORGOTTEN = (SESSION, ANCHOR, FRAMES, PATIENT_SESSION, OPEN_FORM, SENT_FORM, PLACE)


@router.post("")
async def hand_tablet_over(patient_id: UUID, visitor: MayRecord) -> Response:
    """Sign out here, and open one form of this patient's in its place."""
    form = await read_own_form(visitor)
    if form["form"] not in {CHECK_IN, *WORDINGS}:
        raise NotFoundError
    handover = await hand_over(visitor.work, patient_id, form["form"])
    await end_session(visitor.work, visitor.member)
    answer, cookies = RedirectResponse(TABLET, 303), Cookies(visitor.context.public_url)
    for name in _FORGOTTEN:
        cookies.forget(answer, name)
    cookies.write(answer, COOKIE, write_handover(visitor.context.vault, handover), lasts=LASTS_AT_MOST)
    cookies.write(answer, HANDED_OVER, "1", lasts=HANDED_OVER_LASTS)
    return answer
