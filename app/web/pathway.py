"""What keeps a safety event from reaching someone, as the health of a service and `afterglow status` name it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from app.context import AppContext
from app.storage.heartbeats import LIVES_FOR
from app.storage.operation_figures import SafetyPathway

# A safety event is sent within seconds, and so is stored what was put by; one that waits this long for us is stuck.
_WAITS_AT_MOST: Final = timedelta(seconds=60)


class Broken(StrEnum):
    """What keeps a safety event from reaching someone."""

    DATABASE_AWAY = "database-away"
    DATABASE_TAKES_NO_WRITES = "database-takes-no-writes"
    NO_WORKER = "no-worker"
    SAFETY_EVENT_WAITS = "safety-event-waits"
    MAIL_NOT_SET_UP = "mail-not-set-up"
    MAIL_NOT_TAKEN = "mail-not-taken"
    ENDPOINTS_NOT_ABLE = "endpoints-not-able"
    DISCLOSURE_WAITS = "disclosure-waits"
    LITTLE_ROOM = "little-room-for-disclosures"


class PutBy(Protocol):
    """What was disclosed and could not be stored."""

    def oldest_seconds(self) -> float:
        """Give for how long the oldest has waited; 0: none does."""

    def has_little_room(self) -> bool:
        """Say whether what is left of the room for more would not last."""


def broken(context: AppContext, found: SafetyPathway, *, now: datetime) -> list[Broken]:
    """Name what is broken. Mail and endpoints matter as soon as a clinic is live."""
    holds = {
        Broken.NO_WORKER: found.looked_ago is None or found.looked_ago > LIVES_FOR,
        Broken.SAFETY_EVENT_WAITS: found.unsent_since is not None
        and now - found.unsent_since > _WAITS_AT_MOST,
        Broken.MAIL_NOT_SET_UP: found.live > 0 and context.mail is None,
        Broken.MAIL_NOT_TAKEN: found.mail_refused_since is not None
        and now - found.mail_refused_since > _WAITS_AT_MOST,
        Broken.ENDPOINTS_NOT_ABLE: found.live_unreachable > 0,
    }
    return [one for one in Broken if holds.get(one)]


def broken_of_spool(spool: PutBy | None) -> list[Broken]:
    """Name what is broken where disclosures are put by.

    One is still not stored, such as because nobody is found for it; or there is little room left for more.
    """
    if spool is None:
        return []
    found = [Broken.DISCLOSURE_WAITS] if spool.oldest_seconds() > _WAITS_AT_MOST.total_seconds() else []
    return [*found, Broken.LITTLE_ROOM] if spool.has_little_room() else found
