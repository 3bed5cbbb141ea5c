"""Where check-ins come from: a patient's device, or a clinic that brings history along."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.erased import no_such_patient, refuse_merged
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError
from app.foundation.tokens import TokenNotValidError, TokenReference
from app.storage import check_in_path
from app.storage.check_in_path import PatientSnapshot
from app.storage.engine.unit_of_work import UnitOfWork

# Further back the phone's memory is not to be trusted; a clinic's import has no such limit.
MOST_DAYS_BACK: Final = timedelta(days=30)
_AHEAD: Final = timedelta(minutes=10)


class CheckInInFutureError(RefusalError):
    """This check-in's time lies more than 10 minutes in the future; please look at the phone's clock."""

    code = "check-in-in-future"


class CheckInTooOldError(RefusalError):
    """This check-in is more than 30 days old; the clinic can import older ones."""

    code = "check-in-too-old"


@dataclass(frozen=True, slots=True, kw_only=True)
class FromDevice:
    """Reports that a patient's device sends: whose it is, the token says; ``client_time`` is its own clock's."""

    token: TokenReference
    client_time: datetime | None = None

    @property
    def clinic_id(self) -> UUID:
        """The tenant."""
        return self.token.clinic_id

    async def snapshot(self, work: UnitOfWork, ids: Sequence[UUID], now: datetime) -> PatientSnapshot:
        """Find who this is and where they stand, in one read."""
        found = await check_in_path.snapshot_by_token(work, self.token.digest, ids=ids, now=now)
        if found is None:
            raise TokenNotValidError
        return found

    def actor(self, snapshot: PatientSnapshot) -> Actor:
        """Who the audit log says it was."""
        return Actor(kind=ActorKind.DEVICE, id=snapshot.device_id)

    @property
    def is_history(self) -> bool:
        """Whether this is imported from elsewhere."""
        return False

    def clock_skew_seconds(self, now: datetime) -> int | None:
        """How far the device's clock is ahead of ours; negative when it is behind, None when it was not said."""
        return None if self.client_time is None else round((self.client_time - now).total_seconds())

    def refuse_time(self, recorded_at: datetime, now: datetime) -> None:
        """Refuse a time that a phone cannot mean, and say ours: its clock may be a year off."""
        if recorded_at > now + _AHEAD:
            raise CheckInInFutureError("#/recorded_at").with_extensions(server_time=now.isoformat())
        if recorded_at < now - MOST_DAYS_BACK:
            raise CheckInTooOldError("#/recorded_at").with_extensions(server_time=now.isoformat())


@dataclass(frozen=True, slots=True, kw_only=True)
class FromClinic:
    """Past reports that a clinic brings along for one of its patients."""

    clinic_id: UUID
    patient_id: UUID
    by: Actor

    async def snapshot(self, work: UnitOfWork, ids: Sequence[UUID], now: datetime) -> PatientSnapshot:
        """Find where the patient stands."""
        found = await check_in_path.snapshot_of_patient(work, self.patient_id, ids=ids, now=now)
        if found is None:
            raise await no_such_patient(work, self.patient_id)
        if found.archived_at is not None:
            await refuse_merged(work, self.patient_id)
        return found

    def actor(self, _snapshot: PatientSnapshot) -> Actor:
        """Who the audit log says it was."""
        return self.by

    @property
    def is_history(self) -> bool:
        """Whether this is imported from elsewhere."""
        return True

    def clock_skew_seconds(self, _now: datetime) -> int | None:
        """Nobody's clock ran while history was copied."""
        return None

    def refuse_time(self, recorded_at: datetime, now: datetime) -> None:
        """Refuse the future; the past has no limit."""
        if recorded_at > now + _AHEAD:
            raise CheckInInFutureError("#/recorded_at").with_extensions(server_time=now.isoformat())


Source = FromDevice | FromClinic
