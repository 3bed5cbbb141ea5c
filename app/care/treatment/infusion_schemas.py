"""Requests and replies about infusions."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.commands import (
    EnteredInfusion,
    GivenInfusion,
)
from app.care.treatment.course_days import REMARKS, Remark
from app.care.treatment.infusion_corrections import CorrectedInfusion, InfusionChange
from app.care.treatment.session_schemas import SessionEntry, SessionNote, TreatmentSessionReply
from app.clinical.course import Infusion, InfusionPhase, Route
from app.foundation.errors import RefusalError
from app.storage.record_versions import RecordStatus
from app.storage.treatment import StoredInfusion
from app.web.correction_schemas import ChangedReply, ExternalId, Reason, Source
from app.web.etags import etag_of
from app.web.schemas import Moment, ReplyBody, RequestBody, choice_of, example

# What is more was never given to anybody: it is another unit, or a slip of the keyboard.
DosePerKg = Annotated[float, Field(strict=True, gt=0, le=15, allow_inf_nan=False)]


DoseMg = Annotated[float, Field(strict=True, gt=0, le=4500, allow_inf_nan=False)]


Confirm = Annotated[
    tuple[Annotated[str, Field(max_length=64)], ...],
    Field(max_length=20, description="Codes of a needs-confirmation problem that are right all the same"),
]


class NeverEmptyError(RefusalError, ValueError):
    """This can be changed, and cannot be taken back."""

    code = "never-empty"


class InfusionEntry(RequestBody):
    """An infusion that was given."""

    model_config = example(
        given_at="2026-09-28T10:00:00+02:00", phase="induction", dose_mg_per_kg=0.5, route="iv"
    )

    given_at: Moment
    phase: Annotated[InfusionPhase, choice_of(InfusionPhase)]
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    session: SessionEntry | None = Field(default=None, description="How the session went")
    note: SessionNote | None = None
    external_id: ExternalId | None = Field(
        default=None,
        description="Your own id for it; sent again with the same content, it is the same infusion",
    )
    source: Source = Field(default="", description="Which of your systems the id is from")
    confirm: Confirm = ()

    def given(self) -> GivenInfusion:
        """Take it as given."""
        session = self.session.documented() if self.session else None
        return GivenInfusion(**(dict(self) | {"session": session}))


class InfusionAmendment(RequestBody):
    """What is different about an infusion; fields left out stay, null takes a value back."""

    model_config = example(phase="booster", reason="Entered as induction by mistake")

    given_at: Moment | None = None
    phase: Annotated[InfusionPhase, choice_of(InfusionPhase)] | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    session: SessionEntry | None = Field(default=None, description="In the place of what was documented")
    note: SessionNote | None = None
    reason: Reason
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_an_infusion(self) -> "InfusionAmendment":
        for name in ("given_at", "phase"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def change(self) -> InfusionChange:
        """Take what was named as the change, and nothing else."""
        named = self.model_fields_set - {"reason", "confirm"}
        changes = {name: getattr(self, name) for name in sorted(named)}
        if self.session is not None:
            changes["session"] = self.session.documented()
        return InfusionChange(changes=changes, reason=self.reason, confirm=self.confirm)


class RemarkReply(ReplyBody):
    """Something unusual about an infusion that was kept all the same."""

    code: Remark
    detail: str


class InfusionReply(ReplyBody):
    """An infusion."""

    id: UUID
    given_at: datetime
    phase: Literal["induction", "booster"]
    dose_mg_per_kg: float | None
    route: str | None

    @classmethod
    def of(cls, infusion: Infusion) -> "InfusionReply":
        """Make the reply."""
        return cls(
            id=UUID(infusion.id),
            given_at=infusion.given_at,
            phase=infusion.phase.value,
            dose_mg_per_kg=infusion.dose_mg_per_kg,
            route=infusion.route.value if infusion.route else None,
        )


class InfusionRecordReply(InfusionReply):
    """An infusion as it is on record, with its version."""

    dose_mg: float | None
    day_only: bool = Field(description="The hour is not known: noon of its day")
    session: TreatmentSessionReply | None = Field(
        description="How the session went; its notes are read one by one"
    )
    external_id: str | None
    source: str
    status: RecordStatus
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of_stored(cls, stored: StoredInfusion, status: RecordStatus, **more: object) -> Self:
        """Make the reply."""
        fields: dict[str, Any] = {
            **dict(InfusionReply.of(stored.infusion)),
            "dose_mg": stored.dose_mg,
            "day_only": stored.day_only,
            "session": stored.session and TreatmentSessionReply.of(stored.session),
            "external_id": stored.external_id,
            "source": stored.source,
            "status": status,
            "version": stored.version,
            "etag": etag_of(stored.version),
            **more,
        }
        return cls.model_validate(fields)


class EnteredInfusionReply(InfusionRecordReply):
    """An infusion as entered, and what is unusual about it."""

    remarks: list[RemarkReply]

    @classmethod
    def of_entered(cls, entered: EnteredInfusion) -> "EnteredInfusionReply":
        """Make the reply."""
        remarks = [RemarkReply(code=one, detail=REMARKS[one]) for one in entered.remarks]
        return cls.of_stored(entered.stored, entered.status, remarks=remarks)


class CorrectedInfusionReply(InfusionRecordReply):
    """An infusion after a correction, and what the correction changed."""

    changed: ChangedReply

    @classmethod
    def of_corrected(cls, corrected: CorrectedInfusion) -> "CorrectedInfusionReply":
        """Make the reply."""
        changed = ChangedReply.of(corrected.effects)
        return cls.of_stored(corrected.stored, corrected.status, changed=changed)


class InfusionList(ReplyBody):
    """Infusions, latest first; the Link header points to the next page."""

    items: list[InfusionRecordReply]
