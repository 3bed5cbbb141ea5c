"""What a patient's chart number is found by: blind indexes, since the number itself is sealed."""

from typing import Final
from uuid import UUID

from app.care.patients.own_vault import vault_of
from app.care.patients.service import open_reference
from app.foundation.text import chart_number_key
from app.foundation.vault import Vault
from app.storage import patients
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import IndexedReference

_AT_ONCE: Final = 500


def index_of(vault: Vault, clinic_id: UUID, number: str) -> IndexedReference:
    """Give what a chart number is found by, however it is typed."""
    return IndexedReference(
        exactly=vault.blind_index(number, purpose="external_ref", clinic_id=clinic_id),
        key=_key(vault, clinic_id, number),
    )


async def compute_keys(work: UnitOfWork, vault: Vault) -> int:
    """Compute the keys of patients who were registered before there were any; gives how many.

    Of two whose numbers only a computer could distinguish, the first keeps the key; the other is found by
    exactly its own number, as before, until someone changes it.
    """
    waiting = await patients.without_key(work, limit=_AT_ONCE)
    for one in waiting:
        own = vault_of(vault, work.clinic_id, one)
        number = open_reference(own, one.id, one.external_ref_sealed)
        index = index_of(vault, work.clinic_id, number)
        holder = await patients.holder_of_key(work, index.key)
        await patients.set_key(work, one.id, index.key if holder is None else index.exactly)
    return len(waiting)


def _key(vault: Vault, clinic_id: UUID, number: str) -> bytes:
    return vault.blind_index(chart_number_key(number), purpose="external_ref_key", clinic_id=clinic_id)
