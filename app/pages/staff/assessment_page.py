"""Entering a completed form of a validated scale: its items or its total; one about self-harm is always heard."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.care.assessments import commands, queries
from app.care.assessments.questionnaires import WORDINGS, worded
from app.care.assessments.schemas import AssessmentEntry
from app.care.intake.hearing import report_disclosures
from app.clinical.long_exposure import KNOWN_FORMS, scale_name
from app.clinical.scales import Scale
from app.foundation.errors import NotFoundError
from app.foundation.translations import Words, joined, say
from app.pages.staff.about_patient import (
    AboutPatient,
    MayRecord,
    about,
    moment_in,
    number_in,
    path_of,
    whole_in,
)
from app.pages.staff.asked_form import AskedForm, Choices, Field, answer_form, confirmed_in, show_form
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.pages.forms import Form
from app.web.reading import read_as

_NOT_ANSWERED: Final = ("", say("Skipped"))


def asked_about(whose: AboutPatient, scale: Scale) -> AskedForm:
    """Ask for a scale's form."""
    about = say(" by the patient's clock ({time_zone})", time_zone=whose.patient.time_zone)
    return AskedForm(
        title=say("Enter {said}", said=said(scale)),
        whose=whose.reference,
        lead=_lead(scale),
        path=f"{whose.path}/assessment/{scale.key}",
        back=whose.path,
        button=say("Save the form"),
        fields=(
            Field(
                name="on",
                label=say("Day it was completed"),
                kind="date",
                hint=say("As the days go{about}.", about=about),
                api_names=("taken_at",),
                wrong=say("Please give a day and a time."),
            ),
            Field(name="at", label=say("Time"), kind="time", hint=say("An approximate time is enough.")),
            *_items(scale),
            Field(
                name="total",
                label=say("Total"),
                kind="number",
                hint=say("If the items are given too, it is compared with what they add up to.")
                if scale.items
                else say("From {minimum:g} to {maximum:g}.", minimum=scale.minimum, maximum=scale.maximum),
                wrong=say("The total is a number."),
            ),
        ),
        values={"on": whose.clock.wall_date.isoformat(), "at": whose.clock.time(whose.clock.now)},
        small_print=worded(scale.key, lambda one: one.copyright) if scale.key in WORDINGS else "",
    )


def said(scale: Scale) -> str:
    """Name a scale as it is said; a clinic's own by the clinic's name for it."""
    return scale_name(scale.key) if scale.key in KNOWN_FORMS else scale.name


def entry_in(form: Form, scale: Scale, taken_at: str) -> dict[str, object]:
    """Take a form as the API takes it; items that nobody answered are left out together."""
    items = {str(number): whole_in(form[f"item_{number}"]) for number in scale.items}
    answered = any(answer is not None for answer in items.values())
    return {
        "scale": scale.key,
        "taken_at": taken_at,
        "items": items if answered else None,
        "total": number_in(form["total"]),
        "confirm": confirmed_in(form),
    }


def _lead(scale: Scale) -> str:
    rated = say("Rated by a clinician. ") if scale.clinician_rated else ""
    if not scale.items:
        return say("{rated}This scale is known by its total.", rated=rated)
    return say(
        "{rated}Give the items, or the total alone. An answer about self-harm is acted upon at once.",
        rated=rated,
    )


def _items(scale: Scale) -> list[Field]:
    has_words = scale.key in WORDINGS
    scores = range(scale.highest_answer + 1)
    choices: Choices = [
        (str(score), joined((str(score), _answer(scale.key, score)), " ") if has_words else str(score))
        for score in scores
    ]
    return [
        Field(
            name=f"item_{number}",
            label=joined((str(number), _item(scale.key, number)), ". ")
            if has_words
            else say("Item {number}", number=number),
            kind="radios" if has_words else "numbers",
            choices=(*choices, _NOT_ANSWERED),
        )
        for number in scale.items
    ]


def _item(key: str, number: int) -> Words:
    return worded(key, lambda one: one.items[number - 1])


def _answer(key: str, score: int) -> Words:
    return worded(key, lambda one: one.answers[score])


router = APIRouter(
    prefix="/care/patients/{patient_id}/assessment", route_class=CarePageRoute, include_in_schema=False
)


@router.get("")
async def choose_scale(patient_id: UUID, visitor: MayRecord) -> Response:
    """Show which scales there are."""
    whose = await about(visitor, patient_id)
    scales = await queries.list_scales(visitor.work)
    named = [(one, said(one)) for one in scales]
    return render(visitor, "patient_scale_choice.html", here="/care/patients", whose=whose, scales=named)


@router.get("/{scale_key}")
async def show_assessment_form(patient_id: UUID, scale_key: str, visitor: MayRecord) -> Response:
    """Show a scale's form."""
    scale = await _scale(visitor, scale_key)
    return show_form(visitor, await _asked(visitor, patient_id, scale))


@router.post("/{scale_key}")
async def enter_assessment(patient_id: UUID, scale_key: str, visitor: MayRecord) -> Response:
    """Keep a form, by the same rules as through the API."""
    form = await read_own_form(visitor)
    scale = await _scale(visitor, scale_key)

    async def act() -> str:
        whose = await about(visitor, patient_id)
        taken_at: datetime = moment_in(form, whose.patient.time_zone, pointer="#/taken_at")
        entry = read_as(AssessmentEntry, entry_in(form, scale, taken_at.isoformat()))
        kept = await commands.enter(visitor.work, patient_id, entry.form())
        if kept.safety_event_id is not None:
            return "assessment-safety"
        return "assessment" if kept.created else "assessment-before"

    async def hear() -> str:
        return str(next(iter((await report_disclosures(form)).event_ids), ""))

    return await answer_form(
        visitor, lambda: _asked(visitor, patient_id, scale), form, act, back=path_of(patient_id), hear=hear
    )


async def _asked(visitor: StaffVisitor, patient_id: UUID, scale: Scale) -> AskedForm:
    return asked_about(await about(visitor, patient_id), scale)


async def _scale(visitor: StaffVisitor, key: str) -> Scale:
    scales = await queries.list_scales(visitor.work)
    found = next((one for one in scales if one.key == key), None)
    if found is None:
        raise NotFoundError
    return found
