"""What was done to a signal so far: each step with its words opened."""

from dataclasses import dataclass
from uuid import UUID

from app.care.alerts.notes import open_words
from app.care.alerts.views import existing
from app.context import AppContext
from app.foundation.audit import Actor
from app.storage import signal_steps
from app.storage.access_records import record_access
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signal_steps import SignalStep
from app.storage.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStep:
    """A step and the reason or note that came with it."""

    step: SignalStep
    words: str | None


async def read_history(
    context: AppContext, clinic_id: UUID, signal_id: UUID, *, actor: Actor
) -> list[ToldStep]:
    """Give a signal's steps, oldest first.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await existing(work, signal_id)
        steps = await history_in(work, context, signal)
        await record_access(
            work,
            "signal_history",
            now=now,
            actor=actor,
            patient_id=signal.patient_id,
            subject_id=signal_id,
        )
    return steps


async def history_in(work: UnitOfWork, context: AppContext, signal: Signal) -> list[ToldStep]:
    """Give the steps of a signal that has been read; whoever reads more besides tells the trail of it."""
    return [
        ToldStep(step=step, words=open_words(context.vault, work.clinic_id, signal, step))
        for step in await signal_steps.of_signal(work, signal.id)
    ]
