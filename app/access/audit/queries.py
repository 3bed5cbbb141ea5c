"""Looking through the audit log: who, what, when; and whom its ids stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.audit import ActorKind
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.foundation.vault import Vault
from app.storage import api_keys, audit_log, emergency_accesses, staff_members
from app.storage.audit_log import AuditFilter
from app.storage.emergency_accesses import EmergencyAccess
from app.storage.engine.audit import StoredEvent
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_members import StaffMember

# These bound what one search may read of a log that only grows; one patient's lines are few.
MOST: Final = timedelta(days=366)
USUALLY: Final = timedelta(days=31)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class SearchTimeRefusedError(RefusalError):
    """A search covers at most 366 days, and begins before it ends; that of one patient's lines any time."""

    code = "search-time-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    """An event with the place of its seal; None: the worker has not sealed it yet."""

    event: StoredEvent
    seal: int | None


async def search(
    work: Work,
    *,
    patient_id: UUID | None,
    actor_id: UUID | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[FoundEvent]:
    """Give events, newest first; the last 31 days where no beginning is given. That someone looked is recorded too.

    Raises:
        SearchTimeRefusedError: it ends before it begins, or covers more than a year of everybody's.
    """
    until = until or _just_past(work.real_now)
    since = since or (until - USUALLY if patient_id is None else _EVER)
    if since > until or (patient_id is None and until - since > MOST):
        raise SearchTimeRefusedError("query/from")
    wanted = AuditFilter(since=since, until=until, patient_id=patient_id, actor_id=actor_id, action=action)
    found = await audit_log.page(work, wanted, before=before, limit=limit)
    work.record_access("audit_events", patient_id=patient_id)
    return [FoundEvent(event=event, seal=seal) for event, seal in found]


async def done_to_patient(
    work: UnitOfWork, patient_id: UUID, *, now: datetime, limit: int
) -> list[StoredEvent]:
    """Give what was done about a patient, newest first, within a transaction; without who looked."""
    wanted = AuditFilter(since=_EVER, until=_just_past(now), patient_id=patient_id, changes_only=True)
    return [event for event, _ in await audit_log.page(work, wanted, before=None, limit=limit)]


def _just_past(now: datetime) -> datetime:
    """So that what happened at this very moment is among it."""
    return now + timedelta(microseconds=1)


# Actors that have no name.
_KINDS: Final = {
    ActorKind.DEVICE: say("A patient's device"),
    ActorKind.OPERATOR: say("Whoever runs Afterglow"),
    ActorKind.SYSTEM: say("Afterglow itself"),
    ActorKind.STAFF: say("A member of the staff"),
    ActorKind.API_KEY: say("A key"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNames:
    """What is needed to read a page of the audit log.

    Attributes:
        staff: the members' names, also of those deactivated.
        keys: the keys' names, also of the revoked ones.
        emergencies: the accesses by which someone could who otherwise may not.
        actions: all that stand on this clinic's audit log.
    """

    staff: Mapping[UUID, str]
    keys: Mapping[UUID, str]
    emergencies: Mapping[UUID, EmergencyAccess]
    actions: Sequence[str]

    def actor(self, kind: str, actor_id: UUID | None) -> str:
        """Say who it was."""
        named = None if actor_id is None else self.staff.get(actor_id) or self.keys.get(actor_id)
        known = ActorKind(kind)
        if named is None:
            return _KINDS[known]
        return say("{named} (key)", named=named) if known is ActorKind.API_KEY else named


async def names_for(work: Work, events: Sequence[StoredEvent]) -> AuditNames:
    """Find the names of all whom a clinic's audit log can name, and the emergencies of these lines."""
    wanted = [one.emergency_id for one in events if one.emergency_id is not None]
    members = await staff_members.all_of_clinic(work)
    keys = await api_keys.all_of_clinic(work)
    emergencies = await emergency_accesses.find_many(work, wanted) if wanted else {}
    actions = await audit_log.actions(work)
    return AuditNames(
        staff={one.id: _name(work.vault, work.clinic_id, one) for one in members},
        keys={one.id: one.name for one in keys},
        emergencies=emergencies,
        actions=actions,
    )


def _name(vault: Vault, clinic_id: UUID, member: StaffMember) -> str:
    return vault.open(
        member.name_sealed, table="staff_members", column="name", clinic_id=clinic_id, row_id=member.id
    )
