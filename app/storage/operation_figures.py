"""What an operator watches: how much waits where, in one look over all clinics; counts and times only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from app.storage import heartbeats
from app.storage.engine.unit_of_work import UnitOfWork

_FIGURES: Final = text("SELECT * FROM care.operation_figures(:now)")
# Without the role pg_monitor (or its own replicas) the application is not shown how far they are.
_SERVER: Final = text(
    "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS replica,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,"
    " current_setting('max_connections')::int AS most_connections,"
    " pg_database_size(current_database()) AS bytes,"
    " (SELECT max(replay_lag) FROM pg_stat_replication) AS replication_lag,"
    " (SELECT version_num FROM public.schema_version) AS schema"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How many of a kind are in a state, and since when the oldest of them is.

    Such as 3 deliveries, of the kind safety, pending, the oldest since 12:04.
    """

    figure: str
    kind: str
    state: str
    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFigures:
    """How the database server is. ``replication_lag``: None without a replica, or without the right to see it."""

    version: str
    replica: bool
    connections: int
    most_connections: int
    bytes: int
    replication_lag: timedelta | None
    schema: str | None


async def waiting(work: UnitOfWork, *, now: datetime) -> list[Figure]:
    """Count what waits."""
    return [Figure(**row._mapping) for row in await work.execute(_FIGURES, {"now": now})]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def server(work: UnitOfWork) -> ServerFigures:
    """Look at the server."""
    return ServerFigures(**(await work.execute(_SERVER)).one()._mapping)  # noqa: SLF001 - same


_LOOK: Final = text("SELECT * FROM care.safety_pathway(:now)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPathway:
    """Whether what a patient says would reach someone now.

    Attributes:
        looked_ago: how long ago a worker last looked at what is due; None: none ever did, or all have ended.
        unsent_since: since when the oldest safety event that is due has been waiting for us to send it.
        mail_refused_since: since when the mail server has not taken urgent mail.
        live: how many clinics are live.
        live_unreachable: how many of them have no endpoint at which anything got through last.
    """

    looked_ago: timedelta | None
    unsent_since: datetime | None
    mail_refused_since: datetime | None
    live: int
    live_unreachable: int


async def safety_pathway(work: UnitOfWork, *, now: datetime) -> SafetyPathway:
    """Look at the whole safety pathway, over all clinics."""
    row = (await work.execute(_LOOK, {"now": now})).one()
    return SafetyPathway(looked_ago=await heartbeats.last_look(work), **row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
