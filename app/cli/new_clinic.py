"""Opening a clinic from the command line."""

import asyncio

from app.cli.ground import Ground
from app.clinics.service import OpenedClinic, open_clinic
from app.settings import Settings


def open_new_clinic(ground: Ground, settings: Settings, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode; gives its id and its first key."""

    async def opened() -> OpenedClinic:
        equipment = ground.equipment(settings)
        try:
            return await open_clinic(equipment, name=name)
        finally:
            await equipment.database.close()

    return asyncio.run(opened())
