"""Requests and replies about consent, the copy of one's data, and erasure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.care.consent.commands import ConsentView
from app.care.consent.erasure import STATES
from app.care.patients.consent_status import ConsentStatus
from app.web.reading import read_as
from app.web.schemas import RecordReply, ReplyBody, RequestBody, example


class ConsentGiving(RequestBody):
    """Agreement to the text that was shown. To say no is to withdraw."""

    model_config = example(version="2026-12", accepted=True)

    version: Annotated[str, Field(min_length=1, max_length=40, examples=["2026-11"])]
    accepted: Literal[True]


class ConsentWithdrawal(RequestBody):
    """A withdrawal; a reason is welcome and never asked for."""

    model_config = example(reason="I would rather talk about it in person.")

    reason: Annotated[str, Field(max_length=2000)] | None = None


class ConsentTextReply(RecordReply):
    """The current text, in the patient's language."""

    version: str
    locale: str
    title: str
    paragraphs: list[str]
    accept: str = Field(description="What to write on the button")


class ConsentAnswerReply(RecordReply):
    """One answer: given, or withdrawn."""

    kind: Literal["given", "withdrawn"]
    version: str | None = Field(description="The text it was given to")
    locale: str
    at: datetime
    actor_kind: str = Field(description="Who noted it", examples=["device", "api_key"])
    actor_id: UUID | None
    reason: str | None


class ConsentReply(ReplyBody):
    """Where a patient stands, the text to ask with, and all answers, oldest first."""

    status: ConsentStatus
    text: ConsentTextReply
    history: list[ConsentAnswerReply]

    @classmethod
    def of(cls, view: ConsentView) -> "ConsentReply":
        """Make the reply."""
        return cls(
            status=view.status,
            text=ConsentTextReply.of(view.text),
            history=[ConsentAnswerReply.of(one) for one in view.history],
        )


class ExportFormat(StrEnum):
    """As one JSON document with everything, or the check-ins alone as CSV."""

    JSON = "json"
    CSV = "csv"


# A field's meaning is in docs/export.md; fields may be added, so each row is open.
Rows = list[dict[str, Any]]


class ExportReply(ReplyBody):
    """Everything that is kept about a patient, in a versioned format."""

    format: Literal["afterglow-export"]
    version: int
    made_at: datetime
    not_included: list[str] = Field(description="What else there is, and why it is not in here")
    patient: dict[str, Any]
    consents: Rows
    devices: Rows
    check_ins: Rows
    assessments: Rows
    courses: Rows
    infusions: Rows
    care_plans: Rows
    references: Rows
    signals: Rows
    safety_events: Rows
    notifications: Rows
    push_subscriptions: Rows
    messages: Rows
    reminder_choices: Rows
    reminders: Rows
    erasure_requests: Rows
    audit_events: Rows


class ErasureFilter(StrEnum):
    """Which requests to list."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    ALL = "all"

    @property
    def states(self) -> list[str]:
        """The stored states that it stands for."""
        return list(STATES) if self is ErasureFilter.ALL else [self.value]


class ErasureRequestReply(RecordReply):
    """A wish to be erased, and what became of it."""

    id: UUID
    patient_id: UUID
    state: Literal["open", "approved", "declined"]
    requested_at: datetime
    decided_at: datetime | None
    reason: str | None = Field(description="Why it was declined; the patient reads it too")
    version: int = Field(description="For If-Match")


class ErasureRequestList(ReplyBody):
    """A page of requests, oldest first; the Link header points to the next."""

    items: list[ErasureRequestReply]


class ErasureDeclining(RequestBody):
    """Why a request is declined, in words for the patient."""

    model_config = example(reason="The law asks us to keep your record until 2031.")

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def read_reason(sent: Mapping[str, object]) -> str | None:
    """Read why consent is withdrawn; None: nobody said.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    return read_as(ConsentWithdrawal, sent).reason
