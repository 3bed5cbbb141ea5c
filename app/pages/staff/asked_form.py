"""One form about a patient as it is asked: its fields, what is wrong, and what was typed: none of it is lost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.care.patients.plausibility import NeedsConfirmationError, Unlikely
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import path_of
from app.pages.staff.field_names import field_name
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.headers import ChangedMeanwhileError
from app.web.pages.forms import Form
from app.web.pages.page_route import status_of
from app.web.problems import InvalidRequestError, validation_errors
from app.web.reading import field_of
from app.web.schemas import NotAChoiceError, read_counter

Choices = Sequence[tuple[str, str]]
_USER_CORRECTABLE: Final = frozenset(
    {RefusalKind.INVALID, RefusalKind.CONFLICT, RefusalKind.PRECONDITION_FAILED, RefusalKind.TOO_LARGE}
)
_CHECK: Final = say("Please check this.")
_CHOOSE: Final = say("Please choose one of those offered.")
_MALFORMED: Final = (
    "bool_type", "bool_parsing", "list_type", "dict_type", "model_type", "model_attributes_type",
    "extra_forbidden", "string_type", "uuid_type", "uuid_parsing", "uuid_version", "json_invalid",
)  # fmt: skip
# What the API says of these is for who writes a request; a person reads what to do.
_TO_DO: Final[Mapping[str, str]] = {
    NotAChoiceError.code: _CHOOSE,
    "enum": _CHOOSE,
    "literal_error": _CHOOSE,
    **dict.fromkeys(_MALFORMED, _CHECK),
}
CHANGED_MEANWHILE: Final = say(
    "Someone else changed this in the meantime, so nothing was saved. Please open the page again, look at how "
    "it is now, and enter your change once more."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question.

    Attributes:
        kind: text, number, date, time, email, note, zone, file, choice (a list), radios, numbers (short ones), ticks.
        wrong: what to say when the value cannot be taken; it names the field, never the value.
        api_names: the names that the API has for it, in errors; its own where empty.
        choices: values with their words.
    """

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    wrong: str = _CHECK
    api_names: tuple[str, ...] = ()
    choices: Choices = ()

    @property
    def first_id(self) -> str:
        """Where a link to the mistake leads."""
        return f"{self.name}_{self.choices[0][0]}" if self.is_group else self.name

    @property
    def is_group(self) -> bool:
        """Whether it is several things to tick or choose from, under one heading."""
        return self.kind in {"radios", "numbers", "ticks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedForm:
    """A form with what stands in it when it is opened.

    Attributes:
        path: where it is sent.
        back: where one goes without sending it, and afterwards.
        within: where in what the API reads the fields stand, such as ``taken_on/``.
        version: of what is changed; None where nothing can conflict.
        calls: whom to call, in words, with the number as it is written and as it is dialed.
        shown: what is to be seen before one answers, in sentences.
        present: what is the case now, in sentences, for someone whose entries came too late.
    """

    title: str
    whose: str
    path: str
    back: str
    button: str
    fields: Sequence[Field]
    lead: str = ""
    within: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    calls: Sequence[tuple[str, str, str]] = ()
    shown: Sequence[str] = ()
    present: Sequence[str] = ()
    small_print: str = ""
    serious: bool = False

    @property
    def has_file(self) -> bool:
        """Whether a file goes with it, which takes another encoding."""
        return any(one.kind == "file" for one in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong: a sentence for each field, and others; ``conflict``: someone else changed it meanwhile."""

    by_field: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[str] = ()
    conflict: bool = False
    status: int = 422


def show_form(
    visitor: StaffVisitor,
    asked: AskedForm,
    *,
    form: Form | None = None,
    wrong: Wrong | None = None,
    event_id: str = "",
) -> Response:
    """Show a form: as it is opened, or again with what was typed and what is wrong with it."""
    typed = form is not None
    version = asked.version
    if form is not None and wrong is not None and not wrong.conflict and version is not None:
        # What was opened stays what the change is based on.
        version = read_counter(form["version"])
    return render(
        visitor,
        "patient_form.html",
        here="/care/patients",
        status=wrong.status if wrong else 200,
        asked=asked,
        values=form if form is not None else Form(asked.values),
        typed=typed,
        version=version,
        wrong=wrong,
        event_id=event_id,
    )


async def answer_form(
    visitor: StaffVisitor,
    ask: Callable[[], Awaitable[AskedForm]],
    form: Form,
    act: Callable[[], Awaitable[str]],
    *,
    back: str,
    hear: Callable[[], Awaitable[str]] | None = None,
) -> Response:
    """Do what a form asks for and go back, or show it again; ``act`` gives what to say of what was done.

    ``back``: where to go then. ``hear``: for a form that is not kept, gives the safety event that its answers made.
    """
    try:
        notice = await act()
    except RefusalError as error:
        if error.kind not in _USER_CORRECTABLE:
            raise
        await visitor.work.start_over(snapshot=True)
        asked, event_id = await ask(), await hear() if hear else ""
        if isinstance(error, NeedsConfirmationError):
            asked = replace(asked, fields=(*asked.fields, _confirmation(error)))
        wrong = wrong_with(asked, error)
        return show_form(visitor, asked, form=form, wrong=wrong, event_id=event_id)
    return RedirectResponse(f"{back}?notice={notice}", 303)


def confirmed_in(form: Form) -> list[str]:
    """Take the unlikely values that someone has confirmed."""
    return [one.value for one in Unlikely if form[f"confirm_{one}"]]


Ask = Callable[[StaffVisitor, UUID], Awaitable[AskedForm]]
Act = Callable[[StaffVisitor, UUID, Form], Awaitable[str]]


def form_page(router: APIRouter, path: str, permission: Permission, ask: Ask) -> Callable[[Act], Act]:
    """Make the page of a form about a patient of what it does: opened it asks, sent it acts and goes to the patient.

    What is decorated gives the notice for the patient's page.
    """
    may = staff_may(permission)

    def page(act: Act) -> Act:
        async def show(patient_id: UUID, visitor: Annotated[StaffVisitor, may]) -> Response:
            return show_form(visitor, await ask(visitor, patient_id))

        async def answer(patient_id: UUID, visitor: Annotated[StaffVisitor, may]) -> Response:
            form = await read_own_form(visitor)
            return await answer_form(
                visitor,
                lambda: ask(visitor, patient_id),
                form,
                lambda: act(visitor, patient_id, form),
                back=path_of(patient_id),
            )

        router.get(path, name=f"show_{act.__name__}")(show)
        router.post(path, name=act.__name__)(answer)
        return act

    return page


def _confirmation(error: NeedsConfirmationError) -> Field:
    """Ask whether what is unlikely is right all the same, a tick for each."""
    return Field(
        name="confirm",
        label=say("Is this right?"),
        kind="ticks",
        hint=say("Tick what is right all the same, and send the form again."),
        choices=tuple(
            (str(one["code"]), say("Yes. {value1}", value1=one["detail"])) for one in error.findings
        ),
    )


def wrong_with(asked: AskedForm, error: RefusalError) -> Wrong:
    """Put what was found to the fields that it is about; what cannot be read is said in each field's own words."""
    if isinstance(error, ChangedMeanwhileError):
        return Wrong(conflict=True, status=status_of(error))
    found: list[tuple[str, str]] = []
    if isinstance(error, InvalidRequestError):
        places = [str(one["pointer"]) for one in error.findings] or [error.pointer or ""]
        found = [(_place(asked, one), "") for one in places]
    elif error.findings:
        found = [(_place(asked, str(one["pointer"])), one["detail"]) for one in error.findings]
        found += [(f"item_{number}", _CHECK) for one in error.findings for number in one.get("items", ())]
    else:
        found = [(_place(asked, error.pointer or ""), error.message())]
    by_field: dict[str, str] = {}
    others: list[str] = []
    for place, sentence in found:
        at = next((one for one in asked.fields if place in (one.api_names or (one.name,))), None)
        if at is None:
            others.append(sentence or _CHECK)
        else:
            by_field.setdefault(at.name, sentence or at.wrong)
    return Wrong(by_field=by_field, others=tuple(dict.fromkeys(others)), status=status_of(error))


def _place(asked: AskedForm, pointer: str) -> str:
    """Name the field that a pointer leads to, from where the form's fields stand."""
    return field_of(pointer.replace(f"#/{asked.within}", "#/", 1))


Entry = TypeVar("Entry", bound=BaseModel)


def entered_as(schema: type[Entry], form: Mapping[str, str], *fields: str) -> Entry:
    """Read some fields of a form as the body of the call that does the same; blanks around them are dropped.

    Raises:
        InvalidRequestError: the API would refuse it; the findings point at the fields.
    """
    return entry_of(schema, {name: form[name].strip() for name in fields})


def entry_of(schema: type[Entry], values: Mapping[str, object]) -> Entry:
    """Read values as the body of a call.

    Raises:
        InvalidRequestError: the API would refuse it; the findings point at the fields.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise InvalidRequestError().finding(validation_errors(error.errors(), skip=0)) from None


def mistakes_of(error: RefusalError | None) -> dict[str, str]:
    """Give the sentence for each field that was refused, by the field's name."""
    if error is None:
        return {}
    found = {
        str(one["pointer"]).removeprefix("#/"): _TO_DO.get(one["code"], one["detail"])
        for one in reversed(error.findings)
    }
    if error.pointer:
        found[error.pointer.removeprefix("#/")] = _TO_DO.get(error.code) or error.message()
    return found


def sentence_of(error: RefusalError | None) -> str:
    """Say what was refused, for the head of the page: what is wrong in each field, or the one sentence for all."""
    if error is None:
        return ""
    if isinstance(error, ChangedMeanwhileError):
        return CHANGED_MEANWHILE
    if not isinstance(error, InvalidRequestError):
        # What programs are told to see in `errors` a person reads here.
        said = dict.fromkeys(one["detail"] for one in error.findings)
        return joined(said, " ") if said else error.message()
    mistakes = mistakes_of(error)
    if not any(mistakes):
        return _CHECK
    return joined(
        (
            joined((field_name(field), sentence), ": ") if field else sentence
            for field, sentence in reversed(mistakes.items())
        ),
        " ",
    )


def version_of(form: Form) -> int:
    """Read which version the page showed whose form this is.

    Raises:
        ChangedMeanwhileError: it does not say, so it cannot be the current one.
    """
    version = read_counter(form["version"])
    if version is None:
        raise ChangedMeanwhileError("version")
    return version


def filled_in(form: Form, *fields: str) -> dict[str, str]:
    """Give these fields as a request's body: what was left empty was not sent, and what was cut stays too long."""
    sent = {name: form[name].strip() for name in fields}
    return {name: text for name, text in sent.items() if text}
