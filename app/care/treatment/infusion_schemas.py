"""Requests and replies about infusions and the treatment sessions in which they were given."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.commands import EnteredInfusion, GivenInfusion
from app.care.treatment.infusion_corrections import CorrectedInfusion, InfusionChange
from app.care.treatment.plausibility import REMARKS, Remark
from app.clinical.course import Infusion, InfusionPhase, Route
from app.storage.infusions import StoredInfusion
from app.storage.record_versions import RecordStatus
from app.storage.treatment_sessions import Dissociation, ScaleTotal, Session, SideEffect, Site, Vitals
from app.web.correction_schemas import ChangedReply, Confirm, ExternalId, NeverEmptyError, Reason, Source
from app.web.headers import etag_of
from app.web.schemas import Moment, RecordReply, ReplyBody, RequestBody, choice_of, example

# Beyond these nobody lives, or the number is another one's.
Systolic = Annotated[int, Field(strict=True, ge=40, le=300, description="mmHg")]
Diastolic = Annotated[int, Field(strict=True, ge=20, le=200, description="mmHg")]
Pulse = Annotated[int, Field(strict=True, ge=20, le=300, description="Beats a minute")]
SessionNote = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$",
        description="Notes of the session, for the care team; kept sealed",
    ),
]


class VitalsEntry(RequestBody):
    """What was measured at one moment of the session."""

    systolic: Systolic | None = None
    diastolic: Diastolic | None = None
    pulse: Pulse | None = None


class ScoreEntry(RequestBody):
    """A validated scale's total about four hours after the start."""

    scale: Annotated[str, Field(max_length=64, examples=["madrs"])]
    total: Annotated[float, Field(strict=True, ge=0, le=1000, allow_inf_nan=False)]


class SessionEntry(RequestBody):
    """How a session went, as it was documented; what is left out was not documented."""

    model_config = example(
        ended_at="2026-09-28T11:30:00+02:00",
        site="left_arm",
        before={"systolic": 122, "diastolic": 78, "pulse": 70},
        peak={"systolic": 141, "diastolic": 88, "pulse": 84},
        dissociation="mild",
        side_effects=["nausea"],
    )

    ended_at: Moment | None = None
    site: Annotated[Site, choice_of(Site)] | None = None
    before: VitalsEntry | None = None
    peak: VitalsEntry | None = None
    after: VitalsEntry | None = None
    dissociation: Annotated[Dissociation, choice_of(Dissociation)] | None = None
    side_effects: Annotated[
        tuple[Annotated[SideEffect, choice_of(SideEffect)], ...], Field(max_length=len(SideEffect))
    ] = ()
    four_hour_score: ScoreEntry | None = None

    def documented(self) -> Session:
        """Take it as documented; each side effect once."""
        fields: dict[str, Any] = dict(self)
        for name in ("before", "peak", "after"):
            fields[name] = fields[name] and Vitals(**dict(fields[name]))
        fields["side_effects"] = tuple(dict.fromkeys(self.side_effects))
        fields["four_hour_score"] = self.four_hour_score and ScaleTotal(**dict(self.four_hour_score))
        return Session(**fields)


class VitalsReply(ReplyBody):
    """What was measured at one moment of the session: mmHg, and beats a minute."""

    systolic: int | None
    diastolic: int | None
    pulse: int | None


class ScoreReply(ReplyBody):
    """A validated scale's total about four hours after the start."""

    scale: str
    total: float


class TreatmentSessionReply(RecordReply):
    """How a session went. It decides nothing."""

    ended_at: datetime | None
    site: Site | None
    before: VitalsReply | None
    peak: VitalsReply | None
    after: VitalsReply | None
    dissociation: Dissociation | None
    side_effects: list[SideEffect]
    four_hour_score: ScoreReply | None


class SessionNotesReply(ReplyBody):
    """A session with its notes, opened."""

    infusion_id: UUID
    session: TreatmentSessionReply | None
    note: str | None


# What is more was never given to anybody: it is another unit, or a slip of the keyboard.
DosePerKg = Annotated[float, Field(strict=True, gt=0, le=15, allow_inf_nan=False)]


DoseMg = Annotated[float, Field(strict=True, gt=0, le=4500, allow_inf_nan=False)]


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
