"""The audit event: who did what to what, when. It holds ids only, so erasure never has to rewrite it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """The kinds of someone who acts."""

    DEVICE = "device"
    API_KEY = "api_key"
    STAFF = "staff"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a patient's device, a clinic's key, a member of its staff, the operator's command line, our worker.

    ``emergency_id`` is why someone could who otherwise may not: the emergency access that was opened for it.
    """

    kind: ActorKind
    id: UUID | None = None
    emergency_id: UUID | None = None


SYSTEM = Actor(kind=ActorKind.SYSTEM)
OPERATOR = Actor(kind=ActorKind.OPERATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One line of the audit log: ``action`` is a dotted verb such as ``signal.acknowledged``."""

    at: datetime
    actor: Actor
    action: str
    subject_kind: str
    subject_id: UUID
    patient_id: UUID | None = None
