"""Signing in elsewhere: the way to the clinic's own service, or out of its EHR, and back."""

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.foundation.errors import RefusalError
from app.interop.smart import single_sign_on
from app.interop.smart.linked_patients import patient_in_launch
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.sign_in_form import Onward, own_path, sign_in_form
from app.pages.staff.sign_in_page import device_of, signed_in_answer
from app.pages.staff.visitor import HANDED_OVER, AnyStaff, is_framed, keep_frames
from app.web.dependencies import address_of
from app.web.pages.cookies import Cookies

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)


@router.get("/sign-in/with/{clinic_id}")
async def sign_in_elsewhere(clinic_id: UUID, visitor: AnyStaff) -> Response:
    """Lead to the service where the clinic's staff sign in."""
    onward = own_path(visitor.request.query_params.get("next", ""))
    try:
        started = await single_sign_on.start(
            visitor.context,
            clinic_id,
            kind=single_sign_on.SIGN_IN,
            anchor=visitor.anchor,
            onward=onward,
            ask_again=bool(Cookies(visitor.context.public_url).read(visitor.request, HANDED_OVER)),
        )
    except RefusalError as error:
        return sign_in_form(visitor, Onward(path=onward), error=error)
    answer = RedirectResponse(started.url, 303)
    visitor.keep_cookies(answer)
    return answer


@router.get("/launch/{clinic_id}")
async def launch(clinic_id: UUID, visitor: AnyStaff) -> Response:
    """Take a launch out of the clinic's EHR; without one, the EHR asks for the patient (standalone)."""
    try:
        started = await single_sign_on.start(
            visitor.context,
            clinic_id,
            kind=single_sign_on.EHR,
            anchor=visitor.anchor,
            onward=own_path(""),
            issuer=visitor.request.query_params["iss"][:2000]
            if "iss" in visitor.request.query_params
            else None,
            launch=visitor.request.query_params.get("launch"),
        )
    except RefusalError as error:
        return sign_in_form(visitor, Onward(), error=error)
    answer = RedirectResponse(started.url, 303)
    if started.frames and is_framed(visitor.request):
        visitor = replace(visitor, frames=started.frames)
        keep_frames(visitor.context, answer, clinic_id, started.frames)
    visitor.keep_cookies(answer)
    return answer


@router.get("/sign-in/callback")
async def come_back(visitor: AnyStaff) -> Response:
    """Sign in who comes back, or say in one sentence why not."""
    try:
        arrived = await single_sign_on.finish(
            visitor.context,
            dict(visitor.request.query_params),
            anchor=visitor.anchor,
            address=address_of(visitor.request),
            device_token=device_of(visitor.request, visitor.context),
        )
    except RefusalError as error:
        return sign_in_form(visitor, Onward(), error=error)
    onward = Onward(path=arrived.onward)
    if arrived.patient is not None:
        try:
            patient_id = await patient_in_launch(visitor.context, arrived)
        except RefusalError as error:
            return sign_in_form(visitor, Onward(), error=error)
        onward = Onward(path=f"/care/patients/{patient_id}")
    return await signed_in_answer(visitor, arrived.signed_in, onward)
