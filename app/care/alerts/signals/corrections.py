"""What a corrected record means for a signal: one that an infusion closed in error is open again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from app.care.alerts.signals.life import SIGNAL, episode_of
from app.clinical import episodes as rules
from app.clinical.course import Infusion
from app.clinical.episodes import Disposition
from app.context import Work
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.storage import signals
from app.storage.alert_steps import StepDetails
from app.storage.signals import Signal


async def reopen_if_closed_in_error(
    work: Work,
    patient_id: UUID,
    *,
    given: Sequence[Infusion],
    zone: str,
    supported_at: Callable[[datetime], bool],
) -> UUID | None:
    """Open the latest signal again if only an infusion that was not given closed it; gives it, or None.

    With a new limit, and a step that says so. One that a person closed stays as that person closed it, and so does
    one that the corrected facts would not have raised. The caller holds the patient's turn.
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or not _closed_by_an_infusion(signal):
        return None
    again = rules.opened_again(episode_of(signal))
    closed = (
        rules.closed_by_infusion(again, given_at=one.given_at, given_on=one.day(zone)) != again
        for one in given
    )
    if any(closed) or not supported_at(signal.raised_at):
        return None
    signal = await SIGNAL.open_again(work, signal, details=StepDetails(id=new_id()), disposition=None)
    await SIGNAL.announce(work, EventType.SIGNAL_REOPENED, signal, more={"cause": "correction"})
    return signal.id


async def mark_if_not_supported(
    work: Work, patient_id: UUID, *, supported_at: Callable[[datetime], bool]
) -> UUID | None:
    """Note in the history of an open signal that the corrected facts would not have raised it; nobody closes it.

    The caller holds the patient's turn.
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or signal.state == "closed" or supported_at(signal.raised_at):
        return None
    await SIGNAL.step(work, signal, "not_supported_by_corrected_facts")
    return signal.id


def _closed_by_an_infusion(signal: Signal) -> bool:
    return (
        signal.state == "closed"
        and signal.disposition == Disposition.BOOSTER_GIVEN.value
        and signal.closed_by is None
    )
