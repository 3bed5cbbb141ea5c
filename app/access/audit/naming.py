"""Who the audit log's ids stand for: members of the staff, keys, and the emergencies by which someone could."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.context import Work
from app.foundation.audit import ActorKind
from app.foundation.vault import Vault
from app.storage import api_keys, audit_search, emergency_accesses, staff_members
from app.storage.emergency_accesses import EmergencyAccess
from app.storage.engine.audit import StoredEvent
from app.storage.staff_members import StaffMember

# Actors that have no name.
_KINDS: Final = {
    ActorKind.DEVICE: "A patient's device",
    ActorKind.OPERATOR: "Whoever runs Afterglow",
    ActorKind.SYSTEM: "Afterglow itself",
    ActorKind.STAFF: "A member of the staff",
    ActorKind.API_KEY: "A key",
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
        return f"{named} (key)" if known is ActorKind.API_KEY else named


async def names_for(work: Work, events: Sequence[StoredEvent]) -> AuditNames:
    """Find the names of all whom a clinic's audit log can name, and the emergencies of these lines."""
    wanted = [one.emergency_id for one in events if one.emergency_id is not None]
    members = await staff_members.all_of_clinic(work)
    keys = await api_keys.all_of_clinic(work)
    emergencies = await emergency_accesses.find_many(work, wanted) if wanted else {}
    actions = await audit_search.actions(work)
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
