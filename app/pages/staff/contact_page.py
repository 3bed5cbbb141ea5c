"""How staff reach a person: name, telephone, whom to call. Opening the page is a look; the audit log has each."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.patients import corrections
from app.care.patients.schemas import ContactFacts
from app.foundation.translations import say
from app.pages.staff.about_patient import about, whole_in
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/contact", route_class=CarePageRoute, include_in_schema=False
)
_NUMBER: Final = say("Digits, blanks and + ( ) . / - only, please.")
_FIELDS: Final = (
    Field(name="name", label=say("Name"), wrong=say("Please write the name in one line.")),
    Field(name="telephone", label=say("Telephone"), wrong=_NUMBER),
    Field(name="birth_year", label=say("Year of birth"), kind="number", wrong=say("A year from 1900 on.")),
    Field(name="emergency_contact_name", label=say("Emergency contact"), wrong=say("One line, please.")),
    Field(name="emergency_contact_telephone", label=say("Their telephone"), wrong=_NUMBER),
    Field(
        name="preferred_way",
        label=say("Preferred way"),
        kind="choice",
        choices=(
            ("", say("Not stated")),
            ("telephone", say("Telephone")),
            ("sms", say("Text message")),
            ("email", say("E-mail")),
            ("letter", say("Letter")),
        ),
    ),
)


def _calls(facts: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Give whom to call with one tap."""
    for name, label in (
        ("telephone", say("Call the patient")),
        ("emergency_contact_telephone", say("Call the emergency contact")),
    ):
        number = str(facts.get(name) or "")
        if number:
            yield label, number, re.sub(r"[^\d+]", "", number)


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    facts = await corrections.read_contact_facts(visitor.work, patient_id)
    return AskedForm(
        title=say("How to reach the patient"),
        whose=whose.reference,
        lead=say("All of it is optional, sealed, and for staff alone. Each look is in the audit log."),
        path=f"{whose.path}/contact",
        back=whose.path,
        button=say("Save"),
        fields=_FIELDS,
        calls=list(_calls(facts)),
        values={name: str(value) for name, value in facts.items()},
    )


@form_page(router, "", Permission.PATIENTS_CONTACT, _asked)
async def keep_contact(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Keep what is known, in the place of what was there."""
    said: dict[str, object] = {one.name: form[one.name].strip() or None for one in _FIELDS}
    body = read_as(ContactFacts, said | {"birth_year": whole_in(form["birth_year"])})
    facts = body.model_dump(exclude_none=True)
    await corrections.keep_contact_facts(visitor.work, patient_id, facts)
    return "contact"
