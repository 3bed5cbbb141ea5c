"""What the pages of alerts share: whom one is about, the version in a form, its fields, a refusal shown."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app.care.patients.sealed_fields import open_chart_number
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.storage import patients
from app.web.headers import ChangedMeanwhileError
from app.web.pages.forms import Form
from app.web.reading import field_of
from app.web.schemas import read_counter

# What leads to a separate page: nothing on this one could be corrected.
_ELSEWHERE: Final = frozenset(
    {RefusalKind.NOT_FOUND, RefusalKind.GONE, RefusalKind.FORBIDDEN, RefusalKind.UNAUTHENTICATED}
)


class PlainStep(Protocol):
    """A step that needs nothing but the version that is known: acknowledge, end a snooze."""

    async def __call__(self, work: Work, alert_id: UUID, /, *, version: int) -> object:
        """Take it."""


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


def refusal_said(refusal: RefusalError | None, words: Mapping[str, str]) -> str:
    """Say what was refused: by the field it points at, or in its own words."""
    if refusal is None:
        return ""
    for finding in refusal.findings:
        field = field_of(str(finding["pointer"]))
        if field in words:
            return words[field]
    return refusal.message()


class ShowAlert(Protocol):
    """An alert's page, as it is now."""

    async def __call__(
        self, visitor: StaffVisitor, alert_id: UUID, /, *, refusal: RefusalError | None, form: Form
    ) -> Response:
        """Show it, with what was refused and what was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSteps:
    """What the forms of an alert's page do: a step is taken, or the page says why not."""

    path: str
    show: ShowAlert

    async def plain(self, visitor: StaffVisitor, alert_id: UUID, what: str, step: PlainStep) -> Response:
        """Take a step that needs nothing but the version that the page showed."""
        form = await read_own_form(visitor)

        async def change() -> None:
            await step(visitor.work, alert_id, version=version_of(form))

        return await self.done(visitor, alert_id, what, form, change)

    async def done(
        self,
        visitor: StaffVisitor,
        alert_id: UUID,
        what: str,
        form: Form,
        change: Callable[[], Awaitable[object]],
    ) -> Response:
        """Make a change and go on, or show the page as it is now with what was refused and what was typed."""
        try:
            await change()
        except RefusalError as error:
            if error.kind in _ELSEWHERE:
                raise
            await visitor.work.start_over(snapshot=True)
            return await self.show(visitor, alert_id, refusal=error, form=form)
        return RedirectResponse(f"{self.path}/{alert_id}?done={what}", 303)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPatient:
    """Whom it is about."""

    id: UUID
    reference: str
    time_zone: str
    mode: str
    withdrawn: bool


async def alert_patient(work: Work, patient_id: UUID) -> AlertPatient:
    """Find whom an alert is about.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await patients.find(work, patient_id)
    if patient is None:
        raise NotFoundError
    own = work.vault.of_patient(patient.wrapped_key, clinic_id=work.clinic_id, patient_id=patient_id)
    return AlertPatient(
        id=patient_id,
        reference=open_chart_number(own, patient_id, patient.external_ref_sealed),
        time_zone=patient.time_zone,
        mode=patient.mode,
        withdrawn=patient.consent_withdrawn_at is not None,
    )
