"""The one source of "now", read once at the edge and passed down."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Something that knows the time. Core and storage never see it; they get ``now`` as a value."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the machine's time, aware, in UTC."""
        return datetime.now(UTC)


class ClinicClocks:
    """How far the test clock of each clinic is ahead of the real one; nearly always no clinic has moved it."""

    def __init__(self) -> None:
        self._ahead: Mapping[UUID, timedelta] = {}

    def ahead(self, clinic_id: UUID | None) -> timedelta:
        """Give how far a clinic is ahead."""
        return self._ahead.get(clinic_id, timedelta()) if clinic_id else timedelta()

    def learn(self, ahead: Mapping[UUID, timedelta]) -> None:
        """Take in how far all clinics are ahead that are so at all."""
        self._ahead = ahead
