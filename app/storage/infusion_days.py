"""The days on which several patients had infusions."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import (
    select,
)

from app.clinical.check_ins import check_in_day
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.treatment import InfusionRow


async def of_patients(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[date]]:
    """Give the days on which several patients had infusions, each in the zone in which it was entered."""
    found = await work.execute(
        select(InfusionRow.patient_id, InfusionRow.given_at, InfusionRow.time_zone).where(
            InfusionRow.clinic_id == work.clinic_id, InfusionRow.patient_id.in_(patient_ids)
        )
    )
    days = defaultdict[UUID, list[date]](list)
    for row in found:
        days[row.patient_id].append(check_in_day(row.given_at, row.time_zone))
    return days
