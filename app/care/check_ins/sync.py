"""How far a sync has come: a place in one patient's counter, and the database whose counter it is.

After a restore the counter may stand where it stood before, with other reports behind it. So a place names
the database that it belongs to; in another one it means nothing, and the phone starts again.
"""

from dataclasses import dataclass

from app.foundation.errors import RefusalError, RefusalKind


class SyncStartsAgainError(RefusalError):
    """This cursor belongs to an earlier state of our data, which was restored since.

    Please sync from the beginning, and send what is not among it again.
    """

    kind = RefusalKind.GONE
    code = "sync-starts-again"


@dataclass(frozen=True, slots=True)
class SyncPlace:
    """Up to this number, in this state of the database."""

    epoch: str
    sequence: int


def start_of(asked: SyncPlace | None, latest: SyncPlace) -> int:
    """Where to go on from, in the database as it is.

    Raises:
        SyncStartsAgainError: the cursor is from another database, or from ahead of this one.
    """
    if asked is None:
        return 0
    if asked.epoch != latest.epoch or asked.sequence > latest.sequence:
        raise SyncStartsAgainError("query/after")
    return asked.sequence
