"""Health: the process answers, the database answers, and what a patient says reaches someone."""

import asyncio
import time
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Gauge
from pydantic import BaseModel, Field

from app.context import AppContext
from app.storage import operation_figures
from app.storage.engine.binaries import LocalDatabaseError
from app.storage.engine.database import Database
from app.storage.engine.health import (
    DatabaseDoesNotAnswerError,
    database_answers,
    database_takes_writes,
    failures_named,
)
from app.storage.operation_figures import SafetyPathway
from app.web.dependencies import ContextNeeded
from app.web.pathway import Broken, PutBy, broken, broken_of_spool

TAKES_WRITES: Final = Gauge(
    "afterglow_database_takes_writes", "1 when the database took the last write probe, 0 when not"
)
# Neither until this process has tried: a worker never does.
TAKES_WRITES.set(float("nan"))
_TRY_AGAIN_AFTER_SECONDS: Final = 10.0
_WRITES_WITHIN_SECONDS: Final = 5.0

router = APIRouter(prefix="/health", tags=["health"])
_ANSWERS_WITHIN_SECONDS: Final = 2


class Health(BaseModel):
    """How the service is."""

    status: str


class Readiness(Health):
    """Whether it can work; without a mail server it can, but mail waits."""

    mail: Literal["set up", "not set up"]


class SafetyHealth(Health):
    """Whether a safety event reaches someone now, and what keeps it from doing so."""

    reasons: list[Broken] = Field(description="Empty while the whole pathway works")
    database_takes_writes: bool = Field(description="False when, for example, its disk is full")
    mail: Literal["set up", "not set up"]
    worker_looked_seconds_ago: float | None = Field(
        description="When a worker last looked at what is due; null: none does"
    )
    unsent_since: datetime | None = Field(description="Since when the oldest due safety event waits for us")
    live_clinics: int
    live_clinics_unreachable: int = Field(
        description="Live clinics without an endpoint at which anything got through last"
    )


async def _put_by(request: Request) -> PutBy | None:
    spool: PutBy | None = request.app.state.spool
    return spool


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Say that the process answers; looks at nothing else."""
    return Health(status="alive")


@router.get("/ready", summary="Can it answer?")
async def ready(context: ContextNeeded) -> Readiness:
    """Say whether it works; succeeds as long as this process can answer with crisis help.

    A balancer must not take a process away that still helps: without a database, a disclosure is answered with
    help, and put by. ``status`` says whether the database answers within two seconds.
    """
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
            await database_answers(context.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        return Readiness(status="database does not answer", mail=_mail(context))
    return Readiness(status="ready", mail=_mail(context))


@router.get("/safety", summary="Does a safety event reach someone?", responses={503: {"model": SafetyHealth}})
async def safety(
    context: ContextNeeded, response: Response, spool: Annotated[PutBy | None, Depends(_put_by)]
) -> SafetyHealth:
    """Look at the whole pathway: a worker looks, nothing is stuck, mail and endpoints are able.

    It is an alarm and nothing to route requests by: a service that fails here still answers with crisis help.
    """
    found, takes_writes = await _look(context), await WRITES.look(context.database)
    reasons = [Broken.DATABASE_AWAY] if found is None else broken(context, found, now=context.clock.now())
    if not takes_writes:
        reasons.insert(0, Broken.DATABASE_TAKES_NO_WRITES)
    # Beside the event loop: after a flood there are very many files.
    reasons += await asyncio.to_thread(broken_of_spool, spool)
    if reasons:
        response.status_code = 503
    ago = found.looked_ago if found else None
    return SafetyHealth(
        status="not safe" if reasons else "safe",
        reasons=reasons,
        database_takes_writes=takes_writes,
        mail=_mail(context),
        worker_looked_seconds_ago=None if ago is None else round(ago.total_seconds(), 1),
        unsent_since=found.unsent_since if found else None,
        live_clinics=found.live if found else 0,
        live_clinics_unreachable=found.live_unreachable if found else 0,
    )


async def _look(context: AppContext) -> SafetyPathway | None:
    try:
        with failures_named():
            async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS), context.work(None) as work:
                return await operation_figures.safety_pathway(work, now=work.now)
    except (TimeoutError, LocalDatabaseError, OSError):
        return None


def _mail(context: AppContext) -> Literal["set up", "not set up"]:
    return "set up" if context.mail else "not set up"


class WriteProbe:
    """Tries to write, at most once in a while whoever asks, and shows it in the metrics."""

    def __init__(self) -> None:
        # When each database was tried last, and whether it took it; a process has one, a test process several.
        self._tried: dict[str, tuple[float, bool]] = {}
        self._turn = asyncio.Lock()

    async def look(self, database: Database) -> bool:
        """Say whether the database took what was written last."""
        async with self._turn:
            tried_at, took_it = self._tried.get(database.url, (float("-inf"), False))
            if time.monotonic() >= tried_at + _TRY_AGAIN_AFTER_SECONDS:
                took_it = await self._try(database)
                self._tried[database.url] = (time.monotonic(), took_it)
                TAKES_WRITES.set(took_it)
        return took_it

    async def _try(self, database: Database) -> bool:
        try:
            async with asyncio.timeout(_WRITES_WITHIN_SECONDS):
                await database_takes_writes(database)
        except (TimeoutError, DatabaseDoesNotAnswerError):
            return False
        return True


WRITES: Final = WriteProbe()
