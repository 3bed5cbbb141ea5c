"""A year of reminders, by two workers, over many zones: each that is due exactly once, none that is not.

In `make test` it is seven weeks of the year, with a night in which clocks change and a holiday, and with as much
happening in them as in a year.

The clock goes from one due moment to a random time after the next, as sweeps do: so every hour in which
anything can happen is lived, and none in which nothing can. Both workers look at once each time, and race
for every message; what counts is what arrived at a real mail server.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import psycopg
import pytest

from app.care.check_ins.commands import record
from app.care.check_ins.sources import FromClinic
from app.care.check_ins.validation import CheckInDraft
from app.care.consent.commands import withdraw
from app.care.patients.commands import DetailsChange, Registration, change_patient, register
from app.care.patients.reminder_choices import ReminderChoices
from app.care.reminders.commands import write_days
from app.care.reminders.due_reminders import StillDue, remind_due
from app.care.treatment.commands import GivenInfusion, enter_infusion
from app.care.treatment.course_corrections import change_course
from app.care.treatment.course_entry import PlannedCourse, enter_course
from app.care.treatment.queries import read_course
from app.clinical.check_ins import CheckIn, check_in_day
from app.clinical.course import InfusionPhase
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.notifications.messages.sending import Post, send_message
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.outbox import Wording
from app.storage.engine.database import Database
from tests.support.budget import budget
from tests.support.clock import SettableClock
from tests.support.databases import DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.service import KEY, opened_clinic

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return ("asyncio", {"use_uvloop": True})


START: Final = datetime(2027, budget(3, long=1), budget(18, long=4), 12, tzinfo=UTC)
WHOLE_YEAR: Final = 366
# With a night in it in which clocks change, and the first two of the holidays.
DAYS: Final = budget(48, long=WHOLE_YEAR)
ANSWERS: Final = budget(5, long=15)
# Days: rule gain-lost 2.0, section 3.
DAILY_AFTER_INDUCTION: Final = 15
DAILY_AFTER_BOOSTER: Final = 7
QUIET: Final = (time(21), time(8))
# Zones with whole, half and quarter hours, with clocks that change in both hemispheres, by half an hour, and never.
# What they chose falls into few hours of the world's day, so that a look has several people and a year is short.
ZONES: Final = {
    "America/New_York": time(12),
    "America/St_Johns": time(13, 30),
    "America/Sao_Paulo": time(14),
    "Europe/London": time(17),
    "Africa/Cairo": time(18, 15),
    "Europe/Berlin": time(18),
    "Asia/Kolkata": time(10),
    "Asia/Kathmandu": time(10, 15),
    "Australia/Lord_Howe": time(16),
    "Australia/Adelaide": time(15),
    "Pacific/Chatham": time(18),
    "Pacific/Kiritimati": time(18),
}
# In Berlin clocks skip 02:30 in spring, and pass it twice in autumn.
CLOCKS_CHANGE: Final = {
    day for day in (date(2027, 3, 28), date(2027, 10, 31)) if day < (START + timedelta(days=DAYS)).date()
}
NIGHT_WORKER: Final = ("Europe/Berlin", time(2, 30), (time(9), time(20)))
JOURNEY: Final = (
    (20, "America/New_York"),
    (27, "Europe/Berlin"),
    (60, "Asia/Tokyo"),
    (75, "Pacific/Kiritimati"),
    (90, "Pacific/Honolulu"),
    (140, "Asia/Kolkata"),
    (230, "America/St_Johns"),
    (300, "Australia/Lord_Howe"),
)
MOST_LATE: Final = timedelta(minutes=150)
SENT_SHARE: Final = 0.2
# By chance a worker was down for so long; what fell into quiet hours by then is not asked any more.
DOWN: Final = timedelta(hours=11)
DOWN_SHARE: Final = 0.01
# The first is Easter Monday, on which most would be asked.
HOLIDAYS: Final = {date(2027, 3, 29), date(2027, 5, 1), date(2027, 12, 25)}


Happening = Callable[[datetime], Awaitable[None]]


@dataclass
class Person:
    """A patient, and what an onlooker knows of them: no plan and no clock of the service's is asked."""

    id: UUID
    email: str
    zone: str
    ask_at: time
    quiet: tuple[time, time]
    last_infusion: date
    daily_for: int = DAILY_AFTER_INDUCTION
    over_from: date | None = None
    withdrawn: bool = False
    paused_until: date | None = None
    answered_on: date = date.min
    asked_on: set[date] = field(default_factory=set)
    moved: bool = False

    def local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.zone))

    def today(self, now: datetime) -> date:
        return check_in_day(now, self.zone)

    def due_at(self, day: date) -> datetime:
        """When a day's reminder is due: before four in the morning it is still the day before."""
        on = day if self.ask_at.hour >= 4 else day + timedelta(days=1)
        return datetime.combine(on, self.ask_at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def is_due_on(self, day: date) -> bool:
        """Daily after an infusion, then three times a week: nobody answers so often as to be known as steady."""
        days = (day - self.last_infusion).days
        return days <= self.daily_for or days % 7 in {0, 2, 4}

    def to_be_asked(self, before: datetime, now: datetime, holidays: set[date]) -> bool:
        """Whether today's moment has come since the last look, or a journey ended, and nothing forbids it."""
        day, at = self.today(now), self.local(now).time()
        if not (self.moved or before < self.due_at(day)) or self.due_at(day) > now:
            return False
        start, end = self.quiet
        quiet = start <= at < end if start <= end else at >= start or at < end
        return (
            self.is_due_on(day)
            and not quiet
            and day > self.answered_on
            and day not in self.asked_on
            and day not in holidays
            and not self.withdrawn
            and not (self.over_from and day >= self.over_from)
            and not (self.paused_until and day < self.paused_until)
        )


@dataclass
class Year:
    """A clinic, its people, two workers with their own context, one clock and one mail server."""

    clinic_id: UUID
    clock: SettableClock
    workers: list[AppContext]
    onlooker: psycopg.AsyncConnection
    client: httpx2.AsyncClient
    mail_server: MailServer
    people: list[Person]
    chance: random.Random
    holidays: set[date]
    looked_at: datetime = START
    looks: int = 0
    sent: int = 0
    spared: int = 0

    @property
    def context(self) -> AppContext:
        return self.workers[0]

    async def next_look(self) -> datetime:
        found = await self.onlooker.execute("SELECT min(next_look_at) FROM care.reminder_plans")
        (at,) = await found.fetchone() or (None,)
        assert isinstance(at, datetime)
        return at

    async def look(self, now: datetime) -> None:
        """Let both workers look at once; compare whom they asked, and at times what arrived, with the onlooker."""
        self.clock.move_to(now)
        expected = [one for one in self.people if one.to_be_asked(self.looked_at, now, self.holidays)]
        on_any_day = [one for one in self.people if one.to_be_asked(self.looked_at, now, set())]
        self.spared += len(on_any_day) - len(expected)
        await asyncio.gather(*(remind_due(worker, self.clinic_id) for worker in self.workers))
        asked = await self._asked_at(now)
        wanted = [(one.id, one.today(now)) for one in expected]
        assert sorted((patient, day) for _, patient, day in asked) == sorted(wanted), now
        if self.chance.random() < SENT_SHARE:
            await self._race_for([message_id for message_id, *_ in asked])
            assert Counter(letter.to for letter in self.mail_server.letters) == Counter(
                one.email for one in expected
            ), now
            self.sent += len(expected)
            self.mail_server.letters.clear()
        for one in expected:
            one.asked_on.add(one.today(now))
        for one in self.people:
            one.moved = False
        self.looked_at, self.looks = now, self.looks + 1

    async def _asked_at(self, now: datetime) -> list[tuple[UUID, UUID, date]]:
        """Every message that was queued just now, with whom it asks for which day."""
        found = await self.onlooker.execute(
            "SELECT m.id, r.patient_id, r.check_in_day FROM care.outgoing_messages m"
            " LEFT JOIN care.reminders r ON r.id = m.subject_id WHERE m.queued_at = %s",
            [now],
        )
        return list(await found.fetchall())

    async def _race_for(self, message_ids: list[UUID]) -> None:
        """Let both workers send every message."""
        still_wanted = {Wording.CHECK_IN_DUE: StillDue(self.workers[0])}
        posts = [Post(context=one, client=self.client, still_wanted=still_wanted) for one in self.workers]
        await asyncio.gather(
            *(send_message(post, self.clinic_id, one) for one in message_ids for post in posts)
        )

    async def answer(self, person: Person, now: datetime) -> None:
        """A check-in, as the clinic enters it."""
        if person.withdrawn:
            return
        self.clock.move_to(now)
        check_in = CheckIn(id=str(new_id()), recorded_at=now, time_zone=person.zone, mood=5)
        draft = CheckInDraft(check_in=check_in, input_mode="radio", note=None, supersedes=None, canonical=b"")
        source = FromClinic(clinic_id=self.clinic_id, patient_id=person.id, by=OPERATOR)
        await record(self.context, source, [draft])
        person.answered_on = max(person.answered_on, person.today(now))

    async def infuse(self, person: Person, now: datetime, phase: InfusionPhase) -> None:
        self.clock.move_to(now)
        async with self.context.work(self.clinic_id, actor=OPERATOR) as work:
            await enter_infusion(work, person.id, GivenInfusion(given_at=now, phase=phase))
        person.last_infusion = person.today(now)
        person.daily_for = DAILY_AFTER_BOOSTER if phase is InfusionPhase.BOOSTER else DAILY_AFTER_INDUCTION

    async def travel(self, person: Person, zone: str, now: datetime) -> None:
        self.clock.move_to(now)
        async with self.context.work(self.clinic_id, actor=OPERATOR) as work:
            await change_patient(work, person.id, DetailsChange(time_zone=zone), version=None)
        person.zone, person.moved = zone, True

    async def pause(self, person: Person, now: datetime) -> None:
        self.clock.move_to(now)
        until = person.today(now) + timedelta(days=15)
        await self._change(person, lambda choices: replace(choices, paused_until=until))
        person.paused_until = until

    async def stop(self, person: Person, now: datetime) -> None:
        self.clock.move_to(now)
        async with self.context.work(self.clinic_id, actor=OPERATOR) as work:
            version = (await read_course(work, person.id)).stored.version
            await change_course(work, person.id, {"stopped_on": person.today(now)}, version=version)
        person.over_from = person.today(now)

    async def withdraw(self, person: Person, now: datetime) -> None:
        self.clock.move_to(now)
        async with self.context.work(self.clinic_id, actor=OPERATOR) as work:
            await withdraw(work, person.id, reason=None)
        person.withdrawn = True

    async def _change(self, person: Person, change: Callable[[ReminderChoices], ReminderChoices]) -> None:
        async with self.context.work(self.clinic_id, actor=OPERATOR) as work:
            await change_patient(work, person.id, DetailsChange(reminders=change), version=None)


async def a_person(
    context: AppContext, clinic_id: UUID, number: int, zone: str, ask_at: time, quiet: tuple[time, time]
) -> Person:
    """Register a patient whose induction has just ended."""
    email, now = f"person-{number}@example.org", context.clock.now()
    async with context.work(clinic_id, actor=OPERATOR) as work:
        patient = await register(
            work, Registration(external_ref=f"P-{number}", time_zone=zone, locale="en-US", email=email)
        )
        chosen = DetailsChange(
            reminders=lambda choices: replace(
                choices, ask_at=ask_at, quiet_from=quiet[0], quiet_until=quiet[1]
            )
        )
        await change_patient(work, patient.id, chosen, version=None)
    first = now - timedelta(days=14)
    planned = PlannedCourse(
        protocol="standard", planned_infusions=1, started_on=first.date() - timedelta(days=1)
    )
    async with context.work(clinic_id, actor=OPERATOR) as work:
        await enter_course(work, patient.id, planned)
    return Person(patient.id, email, zone, ask_at, quiet, last_infusion=first.date())


@asynccontextmanager
async def a_year(own_database: DatabaseUrls, mail_server: MailServer) -> AsyncIterator[Year]:
    clock = SettableClock(START)
    both = [
        AppContext(
            database=Database(own_database.application_url, pool_size=6),
            vault=Vault(KEY),
            clock=clock,
            public_url="https://afterglow.test",
            mail=mail_server.relay(),
        )
        for _ in range(2)
    ]
    clinic_id = (await opened_clinic(both[0])).clinic_id
    people = [(zone, at, QUIET) for zone, at in islice(ZONES.items(), 0, None, budget(3, long=1))]
    people += [NIGHT_WORKER, ("Europe/Berlin", time(18), QUIET)]
    year = Year(
        clinic_id=clinic_id,
        clock=clock,
        workers=both,
        onlooker=await psycopg.AsyncConnection.connect(own_database.superuser_url, autocommit=True),
        client=guarded_client(allowed=AllowedNetworks(), http_allowed=False),
        mail_server=mail_server,
        people=[await a_person(both[0], clinic_id, n, *one) for n, one in enumerate(people)],
        chance=random.Random(20270104),  # noqa: S311 - not a secret
        holidays=HOLIDAYS,
    )
    for person in year.people:
        await year.infuse(person, START - timedelta(days=14), InfusionPhase.INDUCTION)
    async with both[0].work(clinic_id, actor=OPERATOR) as work:
        await write_days(work, HOLIDAYS)
    try:
        yield year
    finally:
        await year.onlooker.close()
        await year.client.aclose()
        for context in both:
            await context.database.close()


def what_happens(year: Year) -> list[tuple[datetime, Happening]]:
    """A year of answers at any hour and boosters, one long journey, a pause, and two people for whom it ends."""
    chance, happens = year.chance, list[tuple[datetime, Happening]]()

    def on_day(day: int, happening: Happening) -> None:
        happens.append((START + timedelta(days=day, minutes=chance.randrange(1440)), happening))

    def of_the_year(day: int) -> int:
        return day * DAYS // WHOLE_YEAR

    for person in year.people:
        for _ in range(ANSWERS):
            on_day(chance.randrange(DAYS), partial(year.answer, person))
        on_day(
            of_the_year(chance.randrange(100, 250)), partial(year.infuse, person, phase=InfusionPhase.BOOSTER)
        )
    stopping, withdrawing, pausing, *_, night_worker, traveller = year.people
    # Days before the clocks change, so that the night worker is asked daily then.
    for changes in CLOCKS_CHANGE:
        before = (changes - START.date()).days - 3
        on_day(before, partial(year.infuse, night_worker, phase=InfusionPhase.BOOSTER))
    for day, zone in JOURNEY:
        on_day(of_the_year(day), partial(year.travel, traveller, zone))
    on_day(of_the_year(320), partial(year.stop, stopping))
    on_day(of_the_year(280), partial(year.withdraw, withdrawing))
    on_day(of_the_year(110), partial(year.pause, pausing))
    return sorted(happens, key=lambda one: one[0])


async def live_through(year: Year) -> None:
    """Look whenever something may be due, a little late each time, and at times much too late."""
    events = what_happens(year)
    while (due := await year.next_look()) < START + timedelta(days=DAYS):
        late = DOWN if year.chance.random() < DOWN_SHARE else MOST_LATE * year.chance.random()
        now = due if due.date() in CLOCKS_CHANGE else due + late
        while events and events[0][0] < now:
            at, happen = events.pop(0)
            await happen(at)
        await year.look(now)
    assert events == []


async def test_each_due_reminder_is_sent_exactly_once_for_a_year(own_database: DatabaseUrls) -> None:
    with running_mail_server() as mail_server:
        async with a_year(own_database, mail_server) as year:
            await live_through(year)
    assert year.sent > DAYS // 4
    assert year.spared, "a holiday is one on which a person would be asked"
    assert min(len(one.asked_on) for one in year.people) > DAYS // 5
    *_, night_worker, traveller = year.people
    # The night of each change: half past two that never was, and in autumn the one that came twice.
    assert CLOCKS_CHANGE
    assert {day - timedelta(days=1) for day in CLOCKS_CHANGE} <= night_worker.asked_on
    assert len(traveller.asked_on) > DAYS // 4
