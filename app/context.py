"""What a process has, and the one transaction in which a cause does all that follows from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.clinical.protocol import STANDARD, Protocol
from app.foundation.audit import SYSTEM, Actor, ActorKind
from app.foundation.clock import ClinicClocks, Clock
from app.foundation.relays import GatewayRelay, MailRelay
from app.foundation.vault import Vault
from app.storage.engine.database import Database
from app.storage.engine.unit_of_work import UnitOfWork

REPLICA_BEHIND: Final = timedelta(minutes=1)
"""A replica that is further behind is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What a process has: made once, in ``asgi.py`` or ``worker.py``; never the settings themselves."""

    database: Database
    vault: Vault
    clock: Clock
    public_url: str
    # Networks that a webhook may reach besides public ones, as the operator wrote them.
    webhook_allow: str = ""
    # The operator's mail server and gateway; without one, what would go there waits.
    mail: MailRelay | None = None
    gateway: GatewayRelay | None = None
    protocol: Protocol = STANDARD
    # Clinics in test mode may be ahead of the clock.
    clinic_clocks: ClinicClocks = field(default_factory=ClinicClocks)

    def now(self, clinic_id: UUID | None) -> datetime:
        """Give the present moment as a clinic lives it; without one, the real one."""
        return self.clock.now() + self.clinic_clocks.ahead(clinic_id)

    @asynccontextmanager
    async def work(
        self,
        clinic_id: UUID | None,
        *,
        actor: Actor = SYSTEM,
        snapshot: bool = False,
        safety: bool = False,
        as_of_at_least: datetime | None = None,
    ) -> AsyncIterator["Work"]:
        """Give one request's or one job's transaction; what raises undoes it, else it commits at the end.

        It begins with its first statement, so a page that needs no database takes no connection.

        Args:
            clinic_id: the tenant; None: without one, where row-level security shows no patient's row.
            actor: who acts, as the audit log says it; for jobs, the system.
            snapshot: all reads are of one moment, as a page needs them.
            safety: it makes or escalates a safety event, and may take a connection that is kept for these.
            as_of_at_least: it only reads, and a replica that has come as far as this moment will do.
        """
        work = Work(
            self,
            clinic_id,
            actor=actor,
            now=self.clock.now(),
            snapshot=snapshot,
            safety=safety,
            as_of_at_least=as_of_at_least,
        )
        try:
            yield work
            await work.commit()
        finally:
            await work.end()


class Work(UnitOfWork):
    """One cause: its clinic, who acts, when, and the transaction that holds all that follows from it.

    A route gets one as a dependency and hands it down; commands and queries take it and open nothing
    themselves. Only jobs, and the check-in path which may have to try again, open their own.
    """

    def __init__(
        self,
        context: AppContext,
        clinic_id: UUID | None,
        *,
        actor: Actor,
        now: datetime,
        snapshot: bool = False,
        safety: bool = False,
        as_of_at_least: datetime | None = None,
    ) -> None:
        database = context.database
        super().__init__(
            database.server,
            clinic_id,
            replica=None if as_of_at_least is None else database.replica(at_least=as_of_at_least),
            actor=actor,
            now=now,
            ahead=context.clinic_clocks.ahead(clinic_id),
            snapshot=snapshot,
            safety=safety,
        )
        self.context = context

    @property
    def vault(self) -> Vault:
        """What seals and opens contact data and free text."""
        return self.context.vault

    @property
    def public_url(self) -> str:
        """Where links lead to."""
        return self.context.public_url

    def record_access(self, what: str, *, patient_id: UUID | None, subject_id: UUID | None = None) -> None:
        """Note in the audit log that someone read this; it commits before the reader gets it.

        Nothing is noted of patients who read what is their own: there is nobody to be held to account, and a
        phone reads often. A list of many patients' is one line about the clinic, as the question was put, not a
        line for each patient in it; asked for one patient, the line names the patient.

        Args:
            what: the noun of what was read; the action is ``<what>.read``.
            patient_id: about whom; None: a list over all patients.
            subject_id: of what was read, where that has an id; else it is the patient (or the clinic).
        """
        if self.actor.kind is ActorKind.DEVICE:
            return
        kind, whose = ("clinic", self.clinic_id) if patient_id is None else ("patient", patient_id)
        if subject_id is not None:
            kind, whose = what, subject_id
        self.audit(f"{what}.read", kind, whose, patient_id=patient_id)
