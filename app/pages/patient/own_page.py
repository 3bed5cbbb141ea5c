"""What belongs to the signed-in patient: consent, a copy of the own data, erasure; and their clinic's logo."""

from fastapi import APIRouter
from pydantic_core import to_json
from starlette.responses import RedirectResponse, Response

from app.access.clinics.logos import logo_of
from app.care.consent import commands as consent
from app.care.consent import erasure, export
from app.care.consent.commands import ConsentTextChangedError
from app.care.patients.consent_status import ConsentStatus
from app.foundation.errors import NotFoundError
from app.foundation.translations import say
from app.pages.patient.check_in_form import ANSWERS, draft_of
from app.pages.patient.check_in_page import send_trusted
from app.pages.patient.consent_form import ASK_FIRST, consent_page
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.settings_page import SETTINGS
from app.pages.patient.visitor import SignedInVisitor, Visitor, read_own_form
from app.web.pages.answers import PictureAnswer
from app.web.pages.forms import OwnFormOnly

router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)


@router.get("/consent")
async def show_consent(visitor: SignedInVisitor) -> Response:
    """Show what the patient agrees to."""
    return consent_page(visitor)


@router.post("/consent", dependencies=[OwnFormOnly])
async def answer_consent(visitor: SignedInVisitor) -> Response:
    """Keep the patient's answer; then send the answers that waited for it, or show the form."""
    form, caller = await read_own_form(visitor), visitor.signed_in
    if form["answer"] != "yes":
        await _withdraw(visitor)
        return RedirectResponse(ASK_FIRST, 303)
    try:
        await consent.give(visitor.work, caller.patient_id, version=form["version"])
    except ConsentTextChangedError:
        await visitor.work.start_over()
        return consent_page(
            visitor,
            draft=draft_of(form),
            notice=say("The text was changed in the meantime. Please read it again."),
            status=409,
        )
    if any(form[name] for name in ANSWERS):
        # A check-in is kept in its own transaction, and only from who has agreed.
        work = visitor.work
        await work.commit()
        return await send_trusted(visitor, form)
    return RedirectResponse("/p/check-in", 303)


@router.get("/sure")
async def ask_whether_sure(visitor: SignedInVisitor) -> Response:
    """Ask once more before what cannot be taken back by a second tap."""
    about = visitor.request.query_params.get("about", "")
    questions = {
        "consent": (
            say("Do you want to withdraw your consent?"),
            say(
                "You can withdraw your consent at any time, and need to give no reason. From then on no "
                "answers are taken, and nothing is compared. Your treatment goes on as before."
            ),
            "/p/withdraw",
            say("Withdraw consent"),
        ),
        "erasure": (
            say("Do you want to ask for everything to be erased?"),
            say(
                "You can ask for all of it to be erased. Your clinic looks at it first: it may have to "
                "keep its own medical record."
            ),
            "/p/erasure",
            say("Ask for my data to be erased"),
        ),
    }
    if about not in questions:
        raise NotFoundError
    question, lead, action, yes = questions[about]
    return render(visitor, "sure.html", here=SETTINGS, question=question, lead=lead, action=action, yes=yes)


@router.post("/withdraw", dependencies=[OwnFormOnly])
async def withdraw_consent(visitor: SignedInVisitor) -> Response:
    """Take consent back, also in the middle of a signal."""
    await read_own_form(visitor)
    await _withdraw(visitor)
    return RedirectResponse(SETTINGS, 303)


@router.get("/export")
async def get_copy(visitor: SignedInVisitor) -> Response:
    """Give the patient a copy of everything that is kept about them."""
    caller = visitor.signed_in
    document = await export.copy_of(visitor.work, caller.patient_id)
    headers = {"content-disposition": 'attachment; filename="afterglow-export.json"'}
    return Response(to_json(document, indent=2), media_type="application/json", headers=headers)


@router.post("/erasure", dependencies=[OwnFormOnly])
async def ask_for_erasure(visitor: SignedInVisitor) -> Response:
    """Ask the clinic to erase everything; asked twice, it is asked once."""
    await read_own_form(visitor)
    caller = visitor.signed_in
    try:
        await erasure.ask(visitor.work, caller.patient_id)
    except erasure.ErasureAskedBeforeError:
        await visitor.work.start_over()
    return RedirectResponse(SETTINGS, 303)


@router.get("/logo/{digest}")
async def show_logo(digest: str, visitor: SignedInVisitor) -> Response:
    """Give the logo of the patient's clinic; another one has another address."""
    if digest != visitor.signed_in.clinic_logo:
        raise NotFoundError
    return PictureAnswer(await logo_of(visitor.work))


async def _withdraw(visitor: Visitor) -> None:
    """Take consent back; a second time changes nothing."""
    caller = visitor.signed_in
    if caller.consent is not ConsentStatus.WITHDRAWN:
        await consent.withdraw(visitor.work, caller.patient_id, reason=None)
