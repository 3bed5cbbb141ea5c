"""Telling the trail that staff read something about a patient, in the transaction of the reading itself."""

from datetime import datetime
from uuid import UUID

from app.foundation.audit import Actor, ActorKind, AuditEvent
from app.storage.engine.unit_of_work import UnitOfWork


async def record_access(
    work: UnitOfWork,
    what: str,
    *,
    now: datetime,
    actor: Actor,
    patient_id: UUID | None,
    subject_id: UUID | None = None,
) -> None:
    """Note that somebody read this, and commit: the reader gets it only once that is kept.

    Nothing is noted of patients who read what is their own: there is nobody to be held to account, and a phone
    reads often. A list of many patients' is one line about the clinic, as the question was put, not a line for
    each patient in it; asked for one patient, the line names the patient.

    Args:
        work: the transaction that read; nothing may follow in it.
        what: the noun of what was read; the action is ``<what>.read``.
        now: when.
        actor: who.
        patient_id: about whom; None: a list over all patients.
        subject_id: of what was read, where that has an id of its own; else it is the patient (or the clinic).
    """
    if actor.kind is ActorKind.DEVICE:
        return
    whole = ("clinic", work.clinic_id) if patient_id is None else ("patient", patient_id)
    subject = whole if subject_id is None else (what, subject_id)
    work.add_audit_event(
        AuditEvent(
            at=now,
            actor=actor,
            action=f"{what}.read",
            subject_kind=subject[0],
            subject_id=subject[1],
            patient_id=patient_id,
        )
    )
    await work.commit()
