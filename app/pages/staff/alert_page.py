"""The page of a signal or a safety event: shown as it is now, and what its forms do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.patients.sealed_fields import open_chart_number
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.pages.staff.alert_words import notification_rows
from app.pages.staff.asked_form import sentence_of, version_of
from app.pages.staff.patient_page import values_of
from app.pages.staff.patient_view import PatientView, patient_view
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.pages.staff.wall_clock import WallClock
from app.pages.staff.worklist_page import step_taken_here
from app.storage import patients
from app.storage.notices import SentNotification
from app.web.headers import ChangedMeanwhileError
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.page_route import status_of
from app.web.reading import field_of

# What leads to a separate page: nothing on this one could be corrected.
_ELSEWHERE: Final = frozenset(
    {RefusalKind.NOT_FOUND, RefusalKind.GONE, RefusalKind.FORBIDDEN, RefusalKind.UNAUTHENTICATED}
)


class PlainStep(Protocol):
    """A step that needs nothing but the version that is known: acknowledge, end a snooze."""

    async def __call__(self, work: Work, alert_id: UUID, /, *, version: int) -> object:
        """Take it."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What is known of an alert: whom it is about, all that was sent, and who acted."""

    whose: AlertPatient
    notifications: tuple[SentNotification, ...]
    names: dict[UUID, str]


DossierT = TypeVar("DossierT", bound=Dossier)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage(Generic[DossierT]):
    """The page of a kind of alert.

    Attributes:
        done: what to say after each step.
        refused: what to say of a field that was refused.
        read: reads all of an alert in one snapshot; that it was read is in the audit log.
        values: what the template shows of it.
    """

    path: str
    template: str
    done: Mapping[str, str]
    refused: Mapping[str, str]
    read: Callable[[Work, UUID], Awaitable[DossierT]]
    values: Callable[[DossierT, PatientView, StaffVisitor, WallClock], dict[str, Any]]

    async def show(
        self,
        visitor: StaffVisitor,
        alert_id: UUID,
        *,
        error: RefusalError | None = None,
        form: Form = NOTHING_FILLED_IN,
    ) -> Response:
        """Show an alert; what was typed stays, and a refusal says why it was not done."""
        if error is not None and error.kind in _ELSEWHERE:
            raise error
        found = await self.read(visitor.work, alert_id)
        view = await patient_view(
            visitor.work,
            found.whose.id,
            days=None,
            with_audit_log=visitor.signed_in.may(Permission.AUDIT),
            language=visitor.locale,
        )
        values, sent = values_of(view, visitor, days=None), visitor.request.query_params
        step = step_taken_here(sent)
        clock: WallClock = values["clock"]
        values |= {
            "back": f"{self.path}/{alert_id}",
            "step_notice": step,
            "notice": "",
            "done_notice": "" if step else self.done.get(sent.get("done", ""), ""),
            "conflict": isinstance(error, ChangedMeanwhileError),
            "refused": self._refusal_said(error),
            "form": form,
            "whose": found.whose,
            "notifications": notification_rows(found.notifications, clock),
            **self.values(found, view, visitor, clock),
        }
        status = 200 if error is None else status_of(error)
        return render(visitor, self.template, here="/care/patients", status=status, **values)

    async def step(self, visitor: StaffVisitor, alert_id: UUID, what: str, step: PlainStep) -> Response:
        """Take a step that needs nothing but the version that the page showed."""
        form = await read_own_form(visitor)
        return await self.change(
            visitor,
            alert_id,
            what,
            form,
            lambda: step(visitor.work, alert_id, version=version_of(form)),
        )

    async def change(
        self,
        visitor: StaffVisitor,
        alert_id: UUID,
        what: str,
        form: Form,
        change: Callable[[], Awaitable[object]],
    ) -> Response:
        """Make a change and go on, or show the page as it is now with what was refused and what was typed."""
        to = f"{self.path}/{alert_id}?done={what}"
        return await visitor.go_on(change, to=to, again=self.show, alert_id=alert_id, form=form)

    def _refusal_said(self, error: RefusalError | None) -> str:
        """Say what was refused: by the field it points at, or in its own words."""
        if error is None:
            return ""
        fields = (field_of(str(finding["pointer"])) for finding in error.findings)
        return next((self.refused[field] for field in fields if field in self.refused), sentence_of(error))
