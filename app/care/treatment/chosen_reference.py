"""A clinician takes other check-in days as the reference, with a reason, on the audit trail."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.care.monitoring import service as monitoring
from app.care.monitoring.history import history_now
from app.care.patients.own_vault import vault_of
from app.care.patients.service import existing
from app.clinical.check_ins import check_in_day
from app.clinical.history import ChosenReference
from app.clinical.reference import Reference
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import chosen_references, patient_states


class ReferenceWindowError(RefusalError):
    """A window ends on or after its first day, and before today."""

    code = "reference-window"


class ReferenceNotMadeError(RefusalError):
    """No reference can be made of these days: too few check-ins, before the end of induction, or it is running."""

    kind = RefusalKind.CONFLICT
    code = "reference-not-made"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDays:
    """The days to take as the reference, first and last included, and why."""

    from_day: date
    to_day: date
    reason: str


async def choose_reference(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    chosen: ChosenDays,
    *,
    actor: Actor,
) -> Reference:
    """Take the check-in days of a window as the new reference; from its end on nothing has been lost yet.

    Raises:
        NotFoundError: the clinic has no such patient.
        ReferenceWindowError: the window is none, or not over yet.
        ReferenceNotMadeError: its days make no reference.
    """
    now, choice_id = context.clock.now(), new_id()
    audit = AuditEvent(
        at=now,
        actor=actor,
        action="reference.chosen",
        subject_kind="chosen_reference",
        subject_id=choice_id,
        patient_id=patient_id,
    )
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        if not chosen.from_day <= chosen.to_day < check_in_day(now, patient.time_zone):
            raise ReferenceWindowError("#/to")
        sealed = vault_of(context.vault, clinic_id, patient).seal(
            chosen.reason, table="chosen_references", column="reason_sealed", row_id=choice_id
        )
        await patient_states.lock(work, patient_id)
        choice = ChosenReference(from_day=chosen.from_day, to_day=chosen.to_day, set_at=now)
        await chosen_references.add(
            work, choice_id, patient_id, choice, reason_sealed=sealed, set_by=actor.id, audit=audit
        )
        _, evaluation = await history_now(work, context, patient_id, now=now)
        reference = evaluation.reference
        if not isinstance(reference, Reference) or not _made_of(reference, choice):
            raise ReferenceNotMadeError("#/from")
        await monitoring.evaluate_anew(work, context, patient_id, now=now)
        await work.commit()
    return reference


def _made_of(reference: Reference, choice: ChosenReference) -> bool:
    return reference.chosen and choice.from_day <= reference.from_day <= reference.to_day <= choice.to_day
