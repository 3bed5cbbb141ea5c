"""How long a clinic keeps what, its legal holds, and the refusal of what a hold forbids."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.context import Work
from app.storage import retention
from app.storage.retention import LegalHold

REASON_CELL: Final = {"table": "legal_holds", "column": "reason_sealed"}


class Kind(StrEnum):
    """What can be let go of by age."""

    DELIVERIES = "deliveries"
    MESSAGES = "messages"
    ARCHIVED_PATIENTS = "archived_patients"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """For how many months each kind is kept; None: it is kept."""

    deliveries_months: int | None = None
    messages_months: int | None = None
    archived_patients_months: int | None = None

    def months(self, kind: Kind) -> int | None:
        """Give one kind's."""
        return {
            Kind.DELIVERIES: self.deliveries_months,
            Kind.MESSAGES: self.messages_months,
            Kind.ARCHIVED_PATIENTS: self.archived_patients_months,
        }[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold as it is shown."""

    id: UUID
    patient_id: UUID | None
    reason: str = field(repr=False)
    placed_at: datetime
    placed_by: UUID | None
    lifted_at: datetime | None
    lifted_by: UUID | None


async def read_rules(work: Work) -> RetentionRules:
    """Give the clinic's rules."""
    months = await retention.rules(work)
    return RetentionRules(**{f"{kind.value}_months": months.get(kind.value) for kind in Kind})


async def list_holds(work: Work) -> list[Hold]:
    """List the clinic's holds, also the lifted ones, newest first."""
    work.record_access("legal_holds", patient_id=None)
    return [_shown(work, one) for one in await retention.holds(work)]


def _shown(work: Work, one: LegalHold) -> Hold:
    if one.patient_id is None:
        reason = work.vault.open(one.reason_sealed, clinic_id=work.clinic_id, row_id=one.id, **REASON_CELL)
    else:
        own = work.vault.of_patient(one.wrapped_key, clinic_id=work.clinic_id, patient_id=one.patient_id)
        reason = own.open(one.reason_sealed, row_id=one.id, **REASON_CELL)
    return Hold(
        id=one.id,
        patient_id=one.patient_id,
        reason=reason,
        placed_at=one.placed_at,
        placed_by=one.placed_by,
        lifted_at=one.lifted_at,
        lifted_by=one.lifted_by,
    )
