"""Opening a clinic from the command line."""

import asyncio

from app.access.clinics.commands import OpenedClinic, open_clinic
from app.cli.runtime import Runtime
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.settings import Settings


def open_new_clinic(runtime: Runtime, settings: Settings, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode; gives its id and its first key."""

    async def opened() -> OpenedClinic:
        context = runtime.context(settings)
        try:
            async with context.work(new_id(), actor=OPERATOR) as work:
                return await open_clinic(work, name=name)
        finally:
            await context.database.close()

    return asyncio.run(opened())
