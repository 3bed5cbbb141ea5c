"""A completed form of a validated scale as it is typed in: its items, or its total alone."""

from collections.abc import Sequence
from typing import Final

from app.care.assessments.questionnaires import WORDINGS
from app.clinical.english_formats import SCALE_NAMES
from app.clinical.scales import Scale
from app.pages.staff.about_patient import AboutPatient, number_in, whole_in
from app.pages.staff.asked_form import AskedForm, Choices, Field
from app.web.pages.forms import Form

_NOT_ANSWERED: Final = ("", "Skipped")


def asked_about(whose: AboutPatient, scale: Scale) -> AskedForm:
    """Ask for a scale's form."""
    wording = WORDINGS[scale.key]["en"] if scale.key in WORDINGS else None
    about = f" by the patient's clock ({whose.patient.time_zone})"
    return AskedForm(
        title=f"Enter {said(scale)}",
        whose=whose.reference,
        lead=_lead(scale),
        path=f"{whose.path}/assessment/{scale.key}",
        back=whose.path,
        button="Keep this form",
        fields=(
            Field(
                name="on",
                label="Day it was completed",
                kind="date",
                hint=f"As the days go{about}.",
                api_names=("taken_at",),
                wrong="Please give a day and a time.",
            ),
            Field(name="at", label="Time", kind="time", hint="About is enough, such as 14:30."),
            *_items(scale, wording.items if wording else (), wording.answers if wording else ()),
            Field(
                name="total",
                label="Total",
                kind="number",
                hint="If the items are given too, it is compared with what they add up to."
                if scale.items
                else f"From {scale.minimum:g} to {scale.maximum:g}.",
                wrong="The total is a number.",
            ),
        ),
        values={"on": whose.clock.today.isoformat(), "at": whose.clock.time(whose.clock.now)},
        small_print=wording.copyright if wording else "",
    )


def said(scale: Scale) -> str:
    """Name a scale as it is said; a clinic's own by the clinic's name for it."""
    return SCALE_NAMES.get(scale.key, scale.name)


def entry_in(form: Form, scale: Scale, taken_at: str) -> dict[str, object]:
    """Take a form as the API takes it; items that nobody answered are left out together."""
    items = {str(number): whole_in(form[f"item_{number}"]) for number in scale.items}
    answered = any(answer is not None for answer in items.values())
    return {
        "scale": scale.key,
        "taken_at": taken_at,
        "items": items if answered else None,
        "total": number_in(form["total"]),
    }


def _lead(scale: Scale) -> str:
    rated = "Rated by a clinician. " if scale.clinician_rated else ""
    if not scale.items:
        return f"{rated}This scale is known by its total."
    return f"{rated}Give the items, or the total alone. An answer about self-harm is acted upon at once."


def _items(scale: Scale, texts: Sequence[str], answers: Sequence[str]) -> list[Field]:
    choices: Choices = [
        (str(score), f"{score} {answers[score]}" if answers else str(score))
        for score in range(scale.highest_answer + 1)
    ]
    return [
        Field(
            name=f"item_{number}",
            label=f"{number}. {texts[number - 1]}" if texts else f"Item {number}",
            kind="radios" if texts else "numbers",
            choices=(*choices, _NOT_ANSWERED),
        )
        for number in scale.items
    ]
