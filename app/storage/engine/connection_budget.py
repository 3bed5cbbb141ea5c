"""How many connections one patient and one clinic may have at once, so that nobody's requests stand behind theirs.

Whoever waits, waits behind their own: a connection that comes free goes to the next clinic, and in it to the next
patient, that may have one. Background jobs have their own slots (`notifications/dispatcher.py`), and are not
counted by clinic here.
"""

import asyncio
from collections import Counter, deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Key = TypeVar("Key")
FOR_SAFETY: Final = 2
"""Connections that only a safety event takes; of one clinic one of them."""
OF_A_PATIENT: Final = 2
_WAIT_SECONDS: Final = 10.0


@dataclass(slots=True)
class Spender:
    """One request, and how many connections it holds. ``patient``: what names the patient's device, if it is one."""

    patient: bytes | None = None
    holds: int = 0


SPENDER: Final[ContextVar[Spender | None]] = ContextVar("spender", default=None)
"""The request that is being answered; None in background jobs."""


@dataclass(slots=True)
class Ticket:
    """Leave to take one connection, until it is given back."""

    clinic_id: UUID | None
    spender: Spender | None
    counted: bool = False
    reserved: bool = False


@dataclass(slots=True)
class _Waiting:
    ticket: Ticket
    safety: bool
    ready: asyncio.Future[None]


@dataclass(slots=True)
class ConnectionBudget:
    """Counts what is taken out of the pool."""

    size: int
    _taken: int = 0
    _reserve_taken: int = 0
    _of_clinic: Counter[UUID | None] = field(default_factory=Counter)
    _of_patient: Counter[bytes] = field(default_factory=Counter)
    _reserve_of_clinic: Counter[UUID | None] = field(default_factory=Counter)
    # By clinic and patient, so that a look at who is next does not grow with how many wait behind one of them.
    _waiting: dict[tuple[UUID | None, bytes | None, bool], deque[_Waiting]] = field(default_factory=dict)

    @property
    def in_use(self) -> int:
        """How many connections are taken, those that are kept for safety among them."""
        return self._taken + self._reserve_taken

    @property
    def waiting(self) -> int:
        """How many requests wait for one."""
        return sum(map(len, self._waiting.values()))

    @property
    def of_a_clinic(self) -> int:
        """The most that one clinic's requests have at once: of ten six."""
        return max(1, self.size * 3 // 5)

    async def take(self, clinic_id: UUID | None, *, safety: bool) -> Ticket:
        """Wait for leave to take a connection.

        A request that holds one already gets the next at once: it must not wait for what only it gives back.

        Raises:
            TimeoutError: SQLAlchemy's, as from its pool: too many wait.
        """
        ticket = Ticket(clinic_id=clinic_id, spender=SPENDER.get())
        if (ticket.spender and ticket.spender.holds) or self._may(ticket, safety=safety):
            self._count(ticket)
            return ticket
        key = (clinic_id, ticket.spender.patient if ticket.spender else None, safety)
        one = _Waiting(ticket, safety, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(key, deque()).append(one)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await one.ready
        except BaseException as error:
            self._forget(key, one)
            if isinstance(error, TimeoutError):
                raise PoolTimeoutError("no connection came free in time") from None
            raise
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """Give it back, to whoever is next."""
        self._uncount(ticket)
        for key, line in list(self._waiting.items()):
            # Who has given up, and has not come round yet to say so.
            while line and line[0].ready.done():
                line.popleft()
            if not line:
                del self._waiting[key]
                continue
            if not self._may(line[0].ticket, safety=line[0].safety):
                continue
            one = line.popleft()
            self._count(one.ticket)
            one.ready.set_result(None)
            # Who was served goes to the end: the next connection is the next one's.
            del self._waiting[key]
            if line:
                self._waiting[key] = line
            return

    def _may(self, ticket: Ticket, *, safety: bool) -> bool:
        ticket.reserved = False
        if self._within(ticket):
            return True
        ticket.reserved = (
            safety and self._reserve_taken < FOR_SAFETY and not self._reserve_of_clinic[ticket.clinic_id]
        )
        return ticket.reserved

    def _within(self, ticket: Ticket) -> bool:
        if self._taken >= self.size:
            return False
        spender = ticket.spender
        if spender is None:
            return True
        if self._of_clinic[ticket.clinic_id] >= self.of_a_clinic:
            return False
        return spender.patient is None or self._of_patient[spender.patient] < OF_A_PATIENT

    def _count(self, ticket: Ticket, by: int = 1) -> None:
        ticket.counted = by > 0
        if ticket.spender is not None:
            ticket.spender.holds += by
        if ticket.reserved:
            self._reserve_taken += by
            _add(self._reserve_of_clinic, ticket.clinic_id, by)
            return
        self._taken += by
        if ticket.spender is not None:
            _add(self._of_clinic, ticket.clinic_id, by)
            if ticket.spender.patient is not None:
                _add(self._of_patient, ticket.spender.patient, by)

    def _uncount(self, ticket: Ticket) -> None:
        if ticket.counted:
            self._count(ticket, -1)

    def _forget(self, key: tuple[UUID | None, bytes | None, bool], one: _Waiting) -> None:
        line = self._waiting.get(key)
        if line is not None and one in line:
            line.remove(one)
            if not line:
                del self._waiting[key]
        if one.ticket.counted:
            self.give_back(one.ticket)


def _add(counter: Counter[Key], key: Key, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]
