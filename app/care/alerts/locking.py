"""Taking a turn at a signal: reports and people come one after the other, and a stale reader changes nothing."""

from uuid import UUID

from app.care.alerts.views import existing
from app.storage import patient_states
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signals import Signal
from app.web.etags import ChangedMeanwhileError


async def lock_for_update(work: UnitOfWork, signal_id: UUID, *, version: int | None) -> Signal:
    """Lock the patient, then read the signal afresh.

    ``version``: the one that the change is based on; None: whatever it is now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
    """
    seen = await existing(work, signal_id)
    await patient_states.lock(work, seen.patient_id)
    signal = await existing(work, signal_id)
    require_version(signal.version, version)
    return signal


def require_version(current: int, wanted: int | None) -> None:
    """Refuse a change that is based on something else than what is now.

    Raises:
        ChangedMeanwhileError: somebody was faster.
    """
    if wanted is not None and current != wanted:
        raise ChangedMeanwhileError("header/if-match")
