"""Opening a clinic from the command line."""

import asyncio

from app.access.clinics.queries import OpenedClinic, open_clinic
from app.cli.runtime import Ground
from app.settings import Settings


def open_new_clinic(ground: Ground, settings: Settings, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode; gives its id and its first key."""

    async def opened() -> OpenedClinic:
        context = ground.context(settings)
        try:
            return await open_clinic(context, name=name)
        finally:
            await context.database.close()

    return asyncio.run(opened())
