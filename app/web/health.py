"""Health: alive means the process answers; ready means that the database does too."""

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.storage.health import DatabaseDoesNotAnswerError, database_answers
from app.web.dependencies import EquipmentNeeded

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """How the service is."""

    status: str


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Say that the process answers; looks at nothing else."""
    return Health(status="alive")


@router.get("/ready", summary="Can it work?", responses={503: {"model": Health}})
async def ready(equipment: EquipmentNeeded, response: Response) -> Health:
    """Say whether the database answers within two seconds."""
    try:
        async with asyncio.timeout(2):
            await database_answers(equipment.database)
    except (TimeoutError, DatabaseDoesNotAnswerError):
        response.status_code = 503
        return Health(status="database does not answer")
    return Health(status="ready")
