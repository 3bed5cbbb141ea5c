"""Health: alive means the process answers; ready means that the database does too."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.storage.engine.health import DatabaseDoesNotAnswerError, database_answers
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """How the service is."""

    status: str


class Readiness(Health):
    """Whether it can work; without a mail server it can, but mail waits."""

    mail: Literal["set up", "not set up"]


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Say that the process answers; looks at nothing else."""
    return Health(status="alive")


@router.get("/ready", summary="Can it work?", responses={503: {"model": Readiness}})
async def ready(context: ContextNeeded, response: Response) -> Readiness:
    """Say whether the database answers within two seconds, and whether mail is set up."""
    mail: Literal["set up", "not set up"] = "set up" if context.mail else "not set up"
    try:
        async with asyncio.timeout(2):
            await database_answers(context.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        response.status_code = 503
        return Readiness(status="database does not answer", mail=mail)
    return Readiness(status="ready", mail=mail)
