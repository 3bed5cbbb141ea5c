"""Health: alive means the process answers; ready means that it can answer a person with crisis help."""

import asyncio
import time
from typing import Final, Literal

from fastapi import APIRouter, Response
from prometheus_client import Gauge
from pydantic import BaseModel

from app.storage.engine.database import Database
from app.storage.engine.health import DatabaseDoesNotAnswerError, database_answers, database_takes_writes
from app.web.dependencies import ContextNeeded

TAKES_WRITES: Final = Gauge(
    "afterglow_database_takes_writes", "1 when the database took the last write probe, 0 when not"
)
_TRY_AGAIN_AFTER_SECONDS: Final = 10.0
_WRITES_WITHIN_SECONDS: Final = 5.0

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """How the service is."""

    status: str


class SafetyHealth(Health):
    """Whether a disclosure can be stored."""

    database_takes_writes: bool


class Readiness(Health):
    """Whether it can work; without a mail server it can, but mail waits."""

    mail: Literal["set up", "not set up"]


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
    mail: Literal["set up", "not set up"] = "set up" if context.mail else "not set up"
    try:
        async with asyncio.timeout(2):
            await database_answers(context.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        return Readiness(status="database does not answer", mail=mail)
    return Readiness(status="ready", mail=mail)


@router.get("/safety", summary="Can a disclosure be stored?", responses={503: {"model": SafetyHealth}})
async def safety(context: ContextNeeded, response: Response) -> SafetyHealth:
    """Say whether the database takes what is written, so that a full disk is seen.

    For watching, not for routing: a process whose database is away still answers with help, and a balancer must
    not take it away.
    """
    takes_writes = await WRITES.look(context.database)
    if not takes_writes:
        response.status_code = 503
    return SafetyHealth(status="safe" if takes_writes else "not safe", database_takes_writes=takes_writes)


class WriteProbe:
    """Tries to write, at most once in a while whoever asks, and shows it in the metrics."""

    def __init__(self) -> None:
        self._tried_at = float("-inf")
        self._took_it = False
        self._turn = asyncio.Lock()

    async def look(self, database: Database) -> bool:
        """Say whether the database took what was written last."""
        async with self._turn:
            if time.monotonic() >= self._tried_at + _TRY_AGAIN_AFTER_SECONDS:
                self._took_it = await self._try(database)
                self._tried_at = time.monotonic()
                TAKES_WRITES.set(self._took_it)
        return self._took_it

    async def _try(self, database: Database) -> bool:
        try:
            async with asyncio.timeout(_WRITES_WITHIN_SECONDS):
                await database_takes_writes(database)
        except (TimeoutError, DatabaseDoesNotAnswerError):
            return False
        return True


WRITES: Final = WriteProbe()
