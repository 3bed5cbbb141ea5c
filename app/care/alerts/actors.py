"""Who did something, as the care team's pages name them: a member by name, a key as a key."""

from collections.abc import Collection
from uuid import UUID

from app.foundation.vault import Vault
from app.storage import staff_members
from app.storage.engine.unit_of_work import UnitOfWork


async def names_in(work: UnitOfWork, vault: Vault, ids: Collection[UUID | None]) -> dict[UUID, str]:
    """Give the names of those of these ids who are members of the staff; keys have none."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    sealed = await staff_members.names_of(work, wanted)
    return {
        staff_id: vault.open(
            cell, table="staff_members", column="name", clinic_id=work.clinic_id, row_id=staff_id
        )
        for staff_id, cell in sealed.items()
    }
