"""Merging a duplicate: the other patient is named, both are shown, and only then it is confirmed."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.care.merging import commands
from app.care.merging.queries import MergeFacts, find_by_chart_number, merge_facts
from app.care.merging.schemas import MergeRequest, UnmergeRequest
from app.foundation.text import read_chart_number
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import AboutPatient, MayEdit, about, path_of
from app.pages.staff.asked_form import AskedForm, Field, answer_form, show_form
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.problems import InvalidRequestError
from app.web.reading import read_as

router = APIRouter(prefix="/care/patients/{patient_id}", route_class=CarePageRoute, include_in_schema=False)
_REASON = Field(
    name="reason",
    label=say("Why"),
    kind="note",
    hint=say("Kept sealed."),
    wrong=say("Please say why, in at most 1000 characters."),
)


async def _which(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Merge a duplicate"),
        whose=whose.reference,
        lead=say(
            "For one person who was registered twice. The next page shows both before anything is changed."
        ),
        path=f"{whose.path}/merge",
        back=whose.path,
        button=say("Show both"),
        fields=(
            Field(
                name="into",
                label=say("Chart number of the patient who stays"),
                wrong=say("No other patient has this chart number."),
            ),
        ),
    )


async def _both(visitor: StaffVisitor, patient_id: UUID, into_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    goes, stays = [await merge_facts(visitor.work, one) for one in (patient_id, into_id)]
    kept = stays.patient.external_ref
    return AskedForm(
        title=say("Merge {reference} into {kept}?", reference=whose.reference, kept=kept),
        whose=whose.reference,
        lead=say(
            "What is known of {reference} counts for {kept} from now on, and its devices report "
            "for {kept}. This can be taken back.",
            reference=whose.reference,
            kept=kept,
        ),
        path=f"{whose.path}/merge/{into_id}",
        back=whose.path,
        button=say("Merge into {kept}", kept=kept),
        fields=(_REASON,),
        shown=(*_said(whose, goes, say("Goes")), *_said(whose, stays, say("Stays"))),
        serious=True,
    )


def _said(whose: AboutPatient, facts: MergeFacts, what: str) -> tuple[str, ...]:
    """What distinguishes the two, in sentences."""
    patient, clock = facts.patient, whose.clock
    who = joined(
        one
        for one in (facts.name, facts.birth_year and say("born {birth_year}", birth_year=facts.birth_year))
        if one
    )
    last_report = (
        say(", the last on {moment}", moment=clock.moment(facts.last_check_in_at))
        if facts.last_check_in_at
        else ""
    )
    last_infusion = (
        say(", the last on {moment}", moment=clock.moment(facts.last_infusion_at))
        if facts.last_infusion_at
        else ""
    )
    courses = joined(clock.day(day) for day in facts.courses_from) or say("none")
    number, named = patient.external_ref, joined((" (", who, ")"), "") if who else ""
    registered = say(
        "registered {moment}, {time_zone}",
        moment=clock.moment(patient.registered_at),
        time_zone=patient.time_zone,
    )
    known = say(
        "{check_ins} check-ins{last_report}; {infusions} infusions{last_infusion}; courses from "
        "{courses}; {assessments} forms; {devices} devices",
        check_ins=facts.check_ins,
        last_report=last_report,
        infusions=facts.infusions,
        last_infusion=last_infusion,
        courses=courses,
        assessments=facts.assessments,
        devices=facts.devices,
    )
    return (
        joined((what, ": ", number, named, ", ", registered, "."), ""),
        joined((number, ": ", known, "."), ""),
    )


async def _unmerge(visitor: StaffVisitor, patient_id: UUID, other_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Take the merge back?"),
        whose=whose.reference,
        lead=say("Both patients are as they were; what the moved devices sent since goes back with them."),
        path=f"{whose.path}/unmerge/{other_id}",
        back=whose.path,
        button=say("Take the merge back"),
        fields=(_REASON,),
        serious=True,
    )


@router.get("/merge")
async def show_merge_form(patient_id: UUID, visitor: MayEdit) -> Response:
    """Ask which patient stays."""
    return show_form(visitor, await _which(visitor, patient_id))


@router.post("/merge")
async def find_other(patient_id: UUID, visitor: MayEdit) -> Response:
    """Find the patient who stays, and show both."""
    form, work, found = await read_own_form(visitor), visitor.work, [patient_id]

    async def act() -> str:
        other = await find_by_chart_number(work, read_chart_number(form["into"]))
        if other is None or other == patient_id:
            # In the field's own words: the API's speak of ids.
            raise InvalidRequestError("#/into")
        found.append(other)
        return ""

    answer = await answer_form(
        visitor, lambda: _which(visitor, patient_id), form, act, back=path_of(patient_id)
    )
    return answer if len(found) == 1 else RedirectResponse(f"{path_of(patient_id)}/merge/{found[1]}", 303)


@router.get("/merge/{into_id}")
async def show_both(patient_id: UUID, into_id: UUID, visitor: MayEdit) -> Response:
    """Show both before it is confirmed."""
    return show_form(visitor, await _both(visitor, patient_id, into_id))


@router.post("/merge/{into_id}")
async def merge(patient_id: UUID, into_id: UUID, visitor: MayEdit) -> Response:
    """Merge, by the same rules as through the API."""
    form = await read_own_form(visitor)

    async def act() -> str:
        asked = read_as(MergeRequest, {"into": str(into_id), "reason": form["reason"].strip()})
        await commands.merge(visitor.work, patient_id, asked.into, reason=asked.reason)
        return "merged"

    return await answer_form(
        visitor, lambda: _both(visitor, patient_id, into_id), form, act, back=path_of(into_id)
    )


@router.get("/unmerge/{other_id}")
async def show_unmerge_form(patient_id: UUID, other_id: UUID, visitor: MayEdit) -> Response:
    """Ask why the merge of another patient into this one is taken back."""
    return show_form(visitor, await _unmerge(visitor, patient_id, other_id))


@router.post("/unmerge/{other_id}")
async def unmerge(patient_id: UUID, other_id: UUID, visitor: MayEdit) -> Response:
    """Take it back."""
    form = await read_own_form(visitor)

    async def act() -> str:
        asked = read_as(UnmergeRequest, {"reason": form["reason"].strip()})
        await commands.unmerge(visitor.work, other_id, reason=asked.reason)
        return "unmerged"

    return await answer_form(
        visitor, lambda: _unmerge(visitor, patient_id, other_id), form, act, back=path_of(patient_id)
    )
