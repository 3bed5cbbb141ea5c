"""Health: the process answers, the database answers, and what a patient says reaches somebody."""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.context import AppContext
from app.storage import safety_pathway
from app.storage.engine.binaries import LocalDatabaseError
from app.storage.engine.failures import failures_named
from app.storage.engine.health import DatabaseDoesNotAnswerError, database_answers
from app.storage.heartbeats import LIVES_FOR
from app.storage.safety_pathway import SafetyPathway
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/health", tags=["health"])
_ANSWERS_WITHIN_SECONDS: Final = 2
# A safety event is sent within seconds; one that waits this long for us is stuck.
_WAITS_AT_MOST: Final = timedelta(seconds=60)


class Health(BaseModel):
    """How the service is."""

    status: str


class Readiness(Health):
    """Whether it can work; without a mail server it can, but mail waits."""

    mail: Literal["set up", "not set up"]


class Broken(StrEnum):
    """What keeps a safety event from reaching somebody."""

    DATABASE_AWAY = "database-away"
    NO_WORKER = "no-worker"
    SAFETY_EVENT_WAITS = "safety-event-waits"
    MAIL_NOT_SET_UP = "mail-not-set-up"
    MAIL_NOT_TAKEN = "mail-not-taken"
    ENDPOINTS_NOT_ABLE = "endpoints-not-able"


class SafetyHealth(Health):
    """Whether a safety event reaches somebody now, and what keeps it from doing so."""

    reasons: list[Broken] = Field(description="Empty while the whole pathway works")
    mail: Literal["set up", "not set up"]
    worker_looked_seconds_ago: float | None = Field(
        description="When a worker last looked at what is due; null: none does"
    )
    unsent_since: datetime | None = Field(description="Since when the oldest due safety event waits for us")
    live_clinics: int
    live_clinics_unreachable: int = Field(
        description="Live clinics without an endpoint at which anything got through last"
    )


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Say that the process answers; looks at nothing else."""
    return Health(status="alive")


@router.get("/ready", summary="Can it work?", responses={503: {"model": Readiness}})
async def ready(context: ContextNeeded, response: Response) -> Readiness:
    """Say whether the database answers within two seconds, and whether mail is set up."""
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
            await database_answers(context.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        response.status_code = 503
        return Readiness(status="database does not answer", mail=_mail(context))
    return Readiness(status="ready", mail=_mail(context))


@router.get(
    "/safety", summary="Does a safety event reach somebody?", responses={503: {"model": SafetyHealth}}
)
async def safety(context: ContextNeeded, response: Response) -> SafetyHealth:
    """Look at the whole pathway: a worker looks, nothing is stuck, mail and endpoints are able.

    It is an alarm and nothing to route requests by: a service that fails here still answers with crisis help.
    """
    found = await _look(context)
    reasons = [Broken.DATABASE_AWAY] if found is None else _reasons(context, found, now=context.clock.now())
    if reasons:
        response.status_code = 503
    ago = found.looked_ago if found else None
    return SafetyHealth(
        status="not able" if reasons else "able",
        reasons=reasons,
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
                return await safety_pathway.look(work, now=work.now)
    except (TimeoutError, LocalDatabaseError, OSError):
        return None


def _reasons(context: AppContext, found: SafetyPathway, *, now: datetime) -> list[Broken]:
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


def _mail(context: AppContext) -> Literal["set up", "not set up"]:
    return "set up" if context.mail else "not set up"
