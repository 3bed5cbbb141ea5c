"""What every correction of the record asks for and gives back."""

from datetime import datetime
from typing import Annotated, Literal, Protocol
from uuid import UUID

from fastapi import Query
from pydantic import Field

from app.foundation.errors import RefusalError
from app.web.schemas import RecordReply, ReplyBody, RequestBody, example

Reason = Annotated[
    str,
    Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*\S[^\x00-\x08\x0b-\x1f\x7f]*$"),
]
ExternalId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Source = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Confirm = Annotated[
    tuple[Annotated[str, Field(max_length=64)], ...],
    Field(max_length=20, description="Codes of a needs-confirmation problem that are right all the same"),
]
Include = Annotated[Literal["entered_in_error"] | None, Query(description="Also what was entered in error")]


class NeverEmptyError(RefusalError, ValueError):
    """This can be changed, and cannot be taken back."""

    code = "never-empty"


class Void(RequestBody):
    """Why something counts as entered in error."""

    model_config = example(reason="Entered for the wrong patient")

    reason: Reason


class Restoration(RequestBody):
    """Why something counts again."""

    model_config = example(reason="It was right after all")

    reason: Reason | None = None


class Effects(Protocol):
    """What a correction changed, as whoever corrected knows it."""

    @property
    def level_changed(self) -> bool:
        """Whether the level is another one."""

    @property
    def reference_changed(self) -> bool:
        """Whether the reference is another one."""

    @property
    def signal_ids(self) -> tuple[UUID, ...]:
        """The signals that changed with it."""

    @property
    def in_background(self) -> bool:
        """Whether the evaluation is still to be made."""


class ChangedReply(ReplyBody):
    """What a correction changed of what is believed about the patient."""

    level: bool
    reference: bool
    signal_ids: list[UUID] = Field(
        description="Signals that were reopened, raised, closed, or are no longer supported by the facts"
    )
    evaluated: Literal["now", "in_background"] = Field(
        description="In the background: a worker evaluates the patient; read the evaluation a little later"
    )

    @classmethod
    def of(cls, effects: Effects) -> "ChangedReply":
        """Make the reply."""
        return cls(
            level=effects.level_changed,
            reference=effects.reference_changed,
            signal_ids=list(effects.signal_ids),
            evaluated="in_background" if effects.in_background else "now",
        )


class CorrectionReply(RecordReply):
    """That a version of something was replaced: which, how, when, by whom and why."""

    kind: Literal["infusion", "assessment", "course", "check_in", "chosen_reference", "circumstance"]
    record_id: UUID
    version: int = Field(description="The version that was replaced")
    correction: Literal["amended", "voided", "restored"]
    at: datetime
    by_kind: str
    by_id: UUID | None
    reason: str | None


class CorrectionList(ReplyBody):
    """Corrections of one patient's record, latest first."""

    items: list[CorrectionReply]
