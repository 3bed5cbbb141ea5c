"""What was done to an alert so far: each step with its words opened."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from app.care.alerts.life_cycle import LifeCycle, open_words
from app.context import Work
from app.foundation.vault import Vault
from app.storage import alert_steps, staff_members
from app.storage.alert_steps import AlertStep
from app.storage.alerts import Alert, AlertT
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStep:
    """A step and the reason or note that came with it."""

    step: AlertStep
    words: str | None


async def read_history(work: Work, kind: LifeCycle[AlertT], alert_id: UUID) -> list[OpenedStep]:
    """Give an alert's steps, oldest first; the audit log says that they were read.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    alert = await kind.existing(work, alert_id)
    work.record_access(f"{kind.noun}_history", patient_id=alert.patient_id, subject_id=alert_id)
    return await history_of(work, alert)


async def history_of(work: Work, alert: Alert) -> list[OpenedStep]:
    """Give the steps of an alert that has been read; whoever reads more besides records it in the audit log."""
    return [
        OpenedStep(step=step, words=open_words(work, alert, step))
        for step in await alert_steps.of_alert(work, alert.id)
    ]


async def names_in(work: UnitOfWork, vault: Vault, ids: Collection[UUID | None]) -> dict[UUID, str]:
    """Give the names of those of these ids who are members of the staff; keys have none."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    sealed = await staff_members.names_of(work, wanted)
    return {
        staff_id: vault.open(
            cell, table="staff_members", column="name", clinic_id=work.clinic_id, row_id=staff_id
        )
        for staff_id, cell in sealed.items()
    }
