"""Sealing again what an older key sealed, a few cells at a time, until that key seals nothing and can be retired.

Each batch is a separate transaction and looks for what is left: a job that was killed goes on where it was.
The application may only add to some tables, patients' wrapped keys among them; those cells are left to the schema's
owner (`afterglow keys reseal`), so that nothing that reaches the application can take a patient's key away.
"""

from collections import Counter
from typing import Final
from uuid import UUID

from app.context import AppContext, Work
from app.foundation.keyset import KEY_ID_BYTES
from app.foundation.vault import FORMAT
from app.storage import sealed_cells
from app.storage.inspection import every_clinic

RESEAL: Final = "reseal_clinic"
_AT_ONCE: Final = 200


async def queue_resealing(context: AppContext) -> int:
    """Queue the job for every clinic; gives how many."""
    # Also the closed ones: their data stays, and nothing opens it without the key that sealed it.
    every = await every_clinic(context.database)
    for clinic_id in every:
        async with context.work(clinic_id) as work:
            work.queue(RESEAL, lock=f"reseal {clinic_id}", clinic_id=clinic_id)
    return len(every)


async def reseal_all(context: AppContext) -> int:
    """Do `reseal_clinic` for every clinic; gives how many cells."""
    return sum(
        [await reseal_clinic(context, clinic_id) for clinic_id in await every_clinic(context.database)]
    )


async def reseal_clinic(context: AppContext, clinic_id: UUID) -> int:
    """Seal everything of a clinic that this role may change with the active key; gives how many cells.

    Raises:
        CannotOpenError: a cell was sealed by a key that this process does not have.
    """
    count = 0
    while True:
        async with context.work(clinic_id) as work:
            done = await _reseal_some(work)
            if done:
                work.audit("encryption.resealed", "clinic", clinic_id)
        count += done
        if not done:
            return count


async def sealed_by(context: AppContext) -> Counter[bytes]:
    """Count the cells of all clinics by the id of the key that sealed them."""
    counted: Counter[bytes] = Counter()
    for clinic_id in await every_clinic(context.database):
        async with context.work(clinic_id, snapshot=True) as work:
            found = await sealed_cells.count_by_key(work, kind=FORMAT, head_length=len(FORMAT) + KEY_ID_BYTES)
        counted.update({head[len(FORMAT) :]: cells for head, cells in found.items()})
    return counted


async def _reseal_some(work: Work) -> int:
    head, vault = FORMAT + work.vault.active_key, work.vault
    for where in sealed_cells.sealed_columns():
        if not await sealed_cells.may_replace(work, where):
            continue
        found = await sealed_cells.sealed_otherwise(work, where, head=head, kind=FORMAT, limit=_AT_ONCE)
        for cell in found:
            again = vault.resealed(
                cell.sealed,
                table=where.table.name,
                column=where.name,
                clinic_id=work.clinic_id,
                row_id=cell.row_id,
            )
            await sealed_cells.replace(work, where, cell, again)
        if found:
            return len(found)
    return 0
